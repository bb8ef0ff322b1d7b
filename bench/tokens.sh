#!/usr/bin/env bash
# Tokens a second at the token endpoint, and CPU a token in the auth-service process, from /proc, beside what one ES256
# signature costs on this machine: a token cannot cost less. Release build of the local stack; straight at the auth-service.
# usage: tokens.sh [CONNECTIONS] [SECONDS]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
connections=${1:-4} seconds=${2:-10}
warm_up=15
port=${BENCH_PORT_BASE:-18700}
run="$here/../deploy/local/.run/$port"
jar=$(mktemp)

# The limits are on, but out of reach.
"$here/../deploy/local/up.sh" --detach --port-base "$port" \
    --env AuthService__SignInLimit__RefreshesPerAddress=1000000000 --env AuthService__SignInLimit__RefreshesPerUser=1000000000 >/dev/null
trap '"$here/../deploy/local/down.sh" --port-base "$port" >/dev/null; rm -f "$jar"' EXIT

gateway="http://127.0.0.1:$port" service="http://127.0.0.1:$((port + 1))"
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# Signs a browser in by the page, as a person would.
redirect="http://127.0.0.1:4711/callback"
verifier=$(printf 'v%.0s' {1..64})
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=')
query="client_id=demo-spa&redirect_uri=$redirect&response_type=code&scope=openid%20profile&code_challenge=$challenge&code_challenge_method=S256"
redeem="grant_type=authorization_code&client_id=demo-spa&redirect_uri=$redirect&code_verifier=$verifier"
page=$(curl -sS -b "$jar" -c "$jar" -o /dev/null -w '%{redirect_url}' "$gateway/connect/authorize?$query")
form_token=$(curl -sS --fail -b "$jar" -c "$jar" "$page" | sed -n 's/.*name="form_token"[^>]*value="\([^"]*\)".*/\1/p')
curl -sS --fail -b "$jar" -c "$jar" -o /dev/null --data-urlencode username=alice --data-urlencode password=alice-password-1 --data-urlencode "form_token=$form_token" "$page"
cookie=$(awk '$6 == "gwid_signin" { print $6 "=" $7 }' "$jar")
[[ -n $cookie ]] || { echo "tokens: the sign-in page signed nobody in" >&2; exit 1; }

code() { curl -sS -H "Cookie: $cookie" -o /dev/null -w '%{redirect_url}' "$service/connect/authorize?$query" | sed 's/.*[?&]code=\([^&]*\).*/\1/'; }
refreshes=()
for ((i = 0; i < connections; i++)); do refreshes+=("$(curl -sS --fail -d "$redeem&code=$(code)" "$service/connect/token" | member refresh_token)"); done
# A token of the API's, with the whole of its life before it.
access=$(curl -sS --fail -d username=alice -d password=alice-password-1 "$service/api/token/" | member access)

read -r pid _ <"$run/auth-service.pid"
# User and system time of the process, in µs.
cpu() { local fields; read -ra fields <<<"$(sed 's/.*) //' "/proc/$pid/stat")"; echo $(((fields[11] + fields[12]) * 1000000 / $(getconf CLK_TCK))); }

# load SECONDS ARGUMENT...: sets issued, failed, p50, p99; refreshes goes on.
load() {
    local line tokens
    while read -r line; do
        case $line in
            result*) read -r _ issued failed p50 p99 <<<"$line" ;;
            tokens*) read -ra tokens <<<"${line#tokens}" ;;
        esac
    done < <(wrk -t"$connections" -c"$connections" -d"${1}s" -s "$here/tokens.lua" "$service" -- "${@:2}")
    if [[ $2 == refresh ]]; then refreshes=("${tokens[@]}"); fi
}

# By OpenSSL, which .NET signs with too.
signature=$(openssl speed -seconds 3 ecdsap256 2>/dev/null | awk '/nistp256/ { printf "%.0f", 1000000 / $(NF - 1) }')

printf '%-44s %10s %10s %10s %10s %10s\n' "tokens, $connections connections" "a second" "CPU, µs" "signatures" "p50, µs" "p99, µs"
printf '%-44s %10s %10s %10s\n' "one ES256 signature (OpenSSL)" "$((1000000 / signature))" "$signature" 1.0
missed=0
# measure NAME ARGUMENT...
measure() {
    local before used each
    if [[ $2 == refresh ]]; then load "$warm_up" refresh "${refreshes[@]}"; else load "$warm_up" "${@:2}"; fi
    before=$(cpu)
    if [[ $2 == refresh ]]; then load "$seconds" refresh "${refreshes[@]}"; else load "$seconds" "${@:2}"; fi
    used=$(($(cpu) - before))
    if ((issued == 0 || failed > 0)); then
        echo "tokens: $1: $failed of $((issued + failed)) failed" >&2
        missed=1
        return
    fi
    each=$((used / issued))
    printf '%-44s %10s %10s %10s %10s %10s\n' "$1" "$((issued / seconds))" "$each" "$(awk "BEGIN { printf \"%.1f\", $each / $signature }")" "$p50" "$p99"
}

orders="Basic $(printf 'orders-service:orders-secret-1' | base64)"
measure "client_credentials" post "grant_type=client_credentials" "$orders"
measure "refresh_token (access and ID token)" refresh
measure "token exchange" post "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token=$access" "$orders"
measure "authorization_code (with /connect/authorize)" code "$cookie" "$query" "$redeem"
exit "$missed"
