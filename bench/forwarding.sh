#!/usr/bin/env bash
# CPU a request in the gateway process with an identity token on a warm access token, against the same request without: two
# routes of one gateway to one nginx, which costs the same for both, taken in turns, from /proc. Release build of the local stack.
# usage: forwarding.sh [ROUNDS] [SECONDS]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=${1:-9} seconds=${2:-5}
bar=1.03 warm_up=15
port=${BENCH_PORT_BASE:-18700}
run="$here/../deploy/local/.run/$port"

route() { # NAME IDENTITY: the same path and policy, chosen by host
    echo --env "ReverseProxy__Routes__bench-$1__ClusterId=sample-backend" --env "ReverseProxy__Routes__bench-$1__AuthorizationPolicy=default" \
        --env "ReverseProxy__Routes__bench-$1__Match__Path=/public/ping" --env "ReverseProxy__Routes__bench-$1__Match__Hosts__0=$1.test" \
        --env "ReverseProxy__Routes__bench-$1__Metadata__Gateway.IdentityHeaders=$2"
}
backend=$((port + 50))
work=$(mktemp -d)
cat >"$work/nginx.conf" <<TEXT
daemon off; pid $work/pid; error_log $work/error.log; worker_processes 1;
events {}
http {
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
    server { listen 127.0.0.1:$backend; location / { return 200 pong; } }
}
TEXT
/usr/sbin/nginx -c "$work/nginx.conf" -p "$work" 2>/dev/null &
nginx=$!
trap 'kill $nginx; "$here/../deploy/local/down.sh" --port-base "$port" >/dev/null; rm -rf "$work"' EXIT
# shellcheck disable=SC2046 # words without blanks
"$here/../deploy/local/up.sh" --detach --port-base "$port" $(route headers headers) $(route token both) \
    --env "ReverseProxy__Clusters__sample-backend__Destinations__1__Address=http://127.0.0.1:$backend" >/dev/null

gateway="http://127.0.0.1:$port"
answer=$(curl -sS --fail -H 'Content-Type: application/json' -d '{"username":"alice","password":"alice-password-1"}' "$gateway/api/token/")
access=${answer#*\"access\":\"}
access=${access%%\"*}
read -r pid _ <"$run/gateway-0.pid"
# User and system time of the process, in µs.
cpu() { local fields; read -ra fields <<<"$(sed 's/.*) //' "/proc/$pid/stat")"; echo $(((fields[11] + fields[12]) * 1000000 / $(getconf CLK_TCK))); }

# measure HOST SECONDS: sets each, the CPU a request in ns.
measure() {
    local before output requests
    before=$(cpu)
    output=$(wrk -t1 -c16 -d"${2}s" -H "Host: $1.test" -H "Authorization: Bearer $access" "$gateway/public/ping")
    ! grep -q 'Non-2xx\|Socket errors' <<<"$output" || { echo "forwarding: $output" >&2; exit 1; }
    requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' <<<"$output")
    each=$((($(cpu) - before) * 1000 / requests))
}

measure headers "$warm_up"
measure token "$warm_up"
without=() with=() ratios=()
for ((i = 0; i < rounds; i++)); do
    # Taken in turns, so that whatever else the machine does falls on both.
    if ((i % 2)); then measure token "$seconds"; with+=("$each"); measure headers "$seconds"; without+=("$each")
    else measure headers "$seconds"; without+=("$each"); measure token "$seconds"; with+=("$each"); fi
    ratios+=("$(awk "BEGIN { print ${with[i]} / ${without[i]} }")")
done
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

ratio=$(median "${ratios[@]}")
printf '%-58s %10s %10s\n' forwarding value bar
printf '%-58s %10.2f\n' 'CPU a request with identity headers, µs' "$(awk "BEGIN { print $(median "${without[@]}") / 1000 }")" \
    'CPU a request with headers and identity token, µs' "$(awk "BEGIN { print $(median "${with[@]}") / 1000 }")"
if awk "BEGIN { exit !($ratio <= $bar) }"; then judgement=ok; else judgement=missed; fi
printf '%-58s %10.3f %10s %s\n' "ratio, median of $rounds" "$ratio" "$bar" "$judgement"
[[ $judgement == ok ]]
