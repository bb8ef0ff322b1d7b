#!/usr/bin/env bash
# Sign-ins a second with the right password, and CPU a sign-in in the auth-service process: nearly all of it is the password
# hash, which is slow on purpose and runs on half the processors at most (AuthService:SignInLimit:HashesAtOnce). Release build
# of the local stack. usage: signin.sh [CONNECTIONS] [SECONDS] [DATABASE]; DATABASE as in refresh.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
connections=${1:-4} seconds=${2:-20} database=${3:-}
kind=SQLite
[[ -z $database ]] || kind=PostgreSQL
port=${BENCH_PORT_BASE:-18650}
run="$here/../deploy/local/.run/$port"
iterations=$(sed -n 's/.*const int Iterations = \([0-9_]*\);.*/\1/p' "$here/../auth-service/Users/PasswordHashing.cs")

# The limits are on, but out of reach.
"$here/../deploy/local/up.sh" --detach --port-base "$port" ${database:+--database "$database"} \
    --env AuthService__SignInLimit__FailuresPerAddress=1000000 --env AuthService__SignInLimit__FailuresPerAddressAndAccount=1000000 \
    --env AuthService__SignInLimit__FailuresPerAccount=1000000 --env AuthService__SignInLimit__HashesWaiting=1000 >/dev/null
trap '"$here/../deploy/local/down.sh" --port-base "$port" >/dev/null' EXIT

service="http://127.0.0.1:$((port + 1))"
read -r pid _ <"$run/auth-service.pid"
# User and system time of the process, in µs.
cpu() { local fields; read -ra fields <<<"$(sed 's/.*) //' "/proc/$pid/stat")"; echo $(((fields[11] + fields[12]) * 1000000 / $(getconf CLK_TCK))); }

# sign_in SECONDS: sets signed, failed, p50, p99.
sign_in() {
    local line
    while read -r line; do
        case $line in result*) read -r _ signed failed p50 p99 <<<"$line" ;; esac
    done < <(wrk -t1 -c"$connections" -d"${1}s" -s "$here/signin.lua" "$service")
}

sign_in 5
before=$(cpu)
sign_in "$seconds"
used=$(($(cpu) - before))
((signed > 0 && failed == 0)) || { echo "signin: $failed of $((signed + failed)) sign-ins failed" >&2; exit 1; }

printf '%-44s %10s\n' "sign-in ($kind, PBKDF2-HMAC-SHA512, $iterations)" value
printf '%-44s %10s\n' "sign-ins a second, $connections at a time" "$(awk "BEGIN { printf \"%.1f\", $signed / $seconds }")" \
    "CPU a sign-in in the auth-service, ms" "$(awk "BEGIN { printf \"%.1f\", $used / $signed / 1000 }")" \
    "answer, median, ms" "$((p50 / 1000))" "answer, p99, ms" "$((p99 / 1000))"
