#!/usr/bin/env bash
# Refreshes a second, and CPU a refresh in the auth-service process, from /proc: what counts is the service, not the load
# or the Redis beside it. Release build of the local stack, sessions refreshed straight at the auth-service, each token
# once. usage: refresh.sh [SESSIONS] [SECONDS] [DATABASE]; a postgres:// URL as DATABASE for a report without a bar.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sessions=${1:-8} seconds=${2:-20} database=${3:-}
bar=300 aim=150 warm_up=20 kind=SQLite
[[ -z $database ]] || kind=PostgreSQL
port=${BENCH_PORT_BASE:-18600}
run="$here/../deploy/local/.run/$port"

# The limits are on, but out of reach.
"$here/../deploy/local/up.sh" --detach --port-base "$port" ${database:+--database "$database"} \
    --env AuthService__SignInLimit__RefreshesPerAddress=1000000000 --env AuthService__SignInLimit__RefreshesPerUser=1000000000 >/dev/null
trap '"$here/../deploy/local/down.sh" --port-base "$port" >/dev/null' EXIT

service="http://127.0.0.1:$((port + 1))"
tokens=()
for ((i = 0; i < sessions; i++)); do
    answer=$(curl -sS --fail -H 'Content-Type: application/json' -d '{"username":"alice","password":"alice-password-1"}' "$service/api/token/")
    answer=${answer##*\"refresh\":\"}
    tokens+=("${answer%%\"*}")
done

read -r pid _ <"$run/auth-service.pid"
# User and system time of the process, in µs.
cpu() { local fields; read -ra fields <<<"$(sed 's/.*) //' "/proc/$pid/stat")"; echo $(((fields[11] + fields[12]) * 1000000 / $(getconf CLK_TCK))); }

# refresh SECONDS: sets refreshed, failed, p50, p99 and the next tokens.
refresh() {
    local line
    while read -r line; do
        case $line in
            result*) read -r _ refreshed failed p50 p99 <<<"$line" ;;
            tokens*) read -ra tokens <<<"${line#tokens }" ;;
        esac
    done < <(wrk -t"$sessions" -c"$sessions" -d"${1}s" -s "$here/refresh.lua" "$service" -- "${tokens[@]}")
}

# MiB of memory that the process has.
working_set() { awk '/^VmRSS:/ {printf "%d", $2 / 1024}' "/proc/$pid/status"; }

refresh "$warm_up"
before=$(cpu)
refresh "$seconds"
used=$(($(cpu) - before))
((refreshed > 0 && failed == 0)) || { echo "refresh: $failed of $((refreshed + failed)) refreshes failed" >&2; exit 1; }

each=$((used / refreshed))
printf '%-44s %10s %10s %10s\n' "refresh ($kind)" value bar aim
[[ -z $database ]] || bar=- aim=-
judgement=''
[[ $bar == - ]] || if ((each <= bar)); then judgement=ok; else judgement=missed; fi
printf '%-44s %10s %10s %10s %s\n' "CPU a refresh in the auth-service, µs" "$each" "$bar" "$aim" "$judgement"
printf '%-44s %10s\n' "refreshes a second, $sessions sessions" "$((refreshed / seconds))" "answer, median, µs" "$p50" "answer, p99, µs" "$p99" \
    "working set of the auth-service after it, MiB" "$(working_set)"
[[ $judgement != missed ]]
