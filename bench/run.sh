#!/usr/bin/env bash
# Benchmarks. usage: run.sh [NAME [ARGUMENT...]]; without a name, every one, and at the end one table of all that has a bar.
# Each is the script bench/NAME.sh, which prints a table and fails when it misses a bar.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
names=()
for script in "$here"/*.sh; do
    name=$(basename "$script" .sh)
    [[ $name == run ]] || names+=("$name")
done
if (($# > 0)); then
    [[ " ${names[*]} " == *" $1 "* ]] || { echo "run.sh: no benchmark '$1'; there are: ${names[*]}" >&2; exit 2; }
    exec "$here/$1.sh" "${@:2}"
fi
missed=() rows=() times=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in "${names[@]}"; do
    began=$SECONDS
    "$here/$name.sh" | tee "$work/output" || missed+=("$name")
    times+=("$name $((SECONDS - began)) s")
    # A row with a bar ends in the judgement.
    while IFS= read -r row; do rows+=("$(printf '%-12s %s' "$name" "$row")"); done < <(grep -E ' (ok|missed)$' "$work/output")
done
printf '\n%-12s %s\n' benchmark 'what, value, bar'
printf '%s\n' "${rows[@]}"
printf 'took: %s\n' "$(IFS=,; echo "${times[*]}")"
((${#missed[@]} == 0)) || { echo "run.sh: missed or failed: ${missed[*]}" >&2; exit 1; }
