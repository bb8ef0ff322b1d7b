#!/usr/bin/env bash
# Benchmarks. usage: run.sh [NAME [ARGUMENT...]]; without a name, every one. Each is the script bench/NAME.sh, which prints
# a table and fails when it misses a bar.
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
missed=()
for name in "${names[@]}"; do
    "$here/$name.sh" || missed+=("$name")
done
((${#missed[@]} == 0)) || { echo "run.sh: missed: ${missed[*]}" >&2; exit 1; }
