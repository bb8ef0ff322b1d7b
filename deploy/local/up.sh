#!/usr/bin/env bash
# Builds and starts the whole stack on this machine: Redis, auth-service, sample-backend, gateways.
# Everything it makes (PID and log files, keys, certificate, databases) is under deploy/local/.run/<port base>/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=deploy/local/packages.sh
source "$here/packages.sh"
# shellcheck source=deploy/local/processes.sh
source "$here/processes.sh"
# shellcheck source=deploy/local/database.sh
source "$here/database.sh"

usage() {
    cat <<'TEXT'
usage: up.sh [options]
  --detach             return when ready; stop with down.sh
  --gateways N         number of gateways (1)
  --auth-services N    number of replicas of the auth-service (1) on one database: replica i at P+1+100*i, management +10
  --port-base P        first port (8080): gateway i at P+100*i, its management +10, HTTP/2 +20, TLS +30;
                       auth-service P+1, management P+11; sample-backend P+2; Redis P+3
  --redis HOST:PORT    use that Redis instead of starting one; of a Redis Cluster several nodes, HOST:PORT,HOST:PORT
  --no-build           start what is already built
  --database URL       PostgreSQL for the users instead of SQLite: postgres://user:password@host:port/name or Host=...;...
  --env KEY=VALUE      environment of every process; may be repeated
TEXT
}

gateways=1 auth_services=1 port_base=8080 redis='' build=1 database='' detach=0 supervised=0 extra_env=()
arguments=("$@")
while (($# > 0)); do
    case $1 in
        --detach) detach=1; shift; continue ;;
        --supervised) supervised=1; shift; continue ;; # by --detach only, see detach_and_wait
        --no-build) build=0; shift; continue ;;
        -h | --help) usage; exit 0 ;;
        --gateways | --auth-services | --port-base | --redis | --database | --env) (($# > 1)) || die "$1 needs a value" ;;
        *) die "unknown option $1; see --help" ;;
    esac
    case $1 in
        --gateways) [[ $2 =~ ^[1-9][0-9]{0,2}$ ]] || die "--gateways takes a number from 1"; gateways=$2 ;;
        --auth-services) [[ $2 =~ ^[1-9][0-9]?$ ]] || die "--auth-services takes a number from 1 to 99"; auth_services=$2 ;;
        --port-base) [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || die "--port-base takes a port number"; port_base=$2 ;;
        --redis) [[ $2 =~ ^[^:,=]+:[1-9][0-9]{0,4}(,[^:,=]+:[1-9][0-9]{0,4})*$ ]] || die "--redis takes HOST:PORT, or several with commas between"; redis=$2 ;;
        --database) database=$2 ;;
        --env) [[ $2 =~ ^[^=]+=.* ]] || die "--env takes KEY=VALUE"; extra_env+=("$2") ;;
    esac
    shift 2
done
replicas=$((gateways > auth_services ? gateways : auth_services))
((port_base + 100 * (replicas - 1) + 30 <= 65535)) || die "the ports of $replicas replicas from $port_base end above 65535"

run=$here/.run/$port_base
address=http://127.0.0.1
public=$address:$port_base
started=() # names in order of start

# The stack of a shell that closes must live on, so --detach runs this script again in a session of its own. If this one is
# killed before the stack is ready, SIGUSR1 tells the other to take everything down; from then on it ignores that signal.
detach_and_wait() {
    local line output supervisor ready=0
    exec {output}< <(exec setsid setpriv --pdeathsig USR1 "$here/up.sh" "${arguments[@]}" --supervised </dev/null)
    supervisor=$!
    trap 'kill -TERM "$supervisor" 2>/dev/null; wait "$supervisor"; exit 1' INT TERM HUP
    while read -r line <&"$output"; do
        [[ $line == ready:* ]] && ready=1
        printf '%s\n' "$line"
    done
    ((ready)) && exit 0
    wait "$supervisor" || true
    exit 1
}

build_services() {
    local log=$run/build.log
    exec {build_lock}>"$here/.run/build.lock"
    flock "$build_lock" # two stacks of one work tree build one after the other
    setsid env DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 dotnet build "$here/services.slnf" -c Release \
        --disable-build-servers -v quiet </dev/null >"$log" 2>&1 &
    build_group=$!
    if ! wait "$build_group"; then
        local first
        first=$(grep -m 1 -E ': (error|MSBUILD : error)|error [A-Z]+[0-9]+:' "$log" || tail -n 1 "$log")
        die "the build failed: ${first#"${first%%[![:space:]]*}"} (see $log)"
    fi
    build_group=''
    exec {build_lock}>&-
}

prepare_files() {
    local name
    for name in key-encryption-key identity-key-encryption-key; do
        if [[ ! -s $run/$name ]]; then openssl rand -base64 32 >"$run/$name"; fi
    done
    if ! openssl x509 -checkend 86400 -noout -in "$run/tls.crt" >/dev/null 2>&1; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$run/tls.key" -out "$run/tls.crt" 2>/dev/null
    fi
}

require_free_port() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        die "port $1 ($2) is in use; choose another --port-base"
    fi
}

require_free_ports() {
    local i base
    for ((i = 0; i < gateways; i++)); do
        base=$((port_base + 100 * i))
        require_free_port $base "gateway $i"
        require_free_port $((base + 10)) "gateway $i, management"
        require_free_port $((base + 20)) "gateway $i, HTTP/2"
        require_free_port $((base + 30)) "gateway $i, TLS"
    done
    for ((i = 0; i < auth_services; i++)); do
        require_free_port $((port_base + 100 * i + 1)) "auth-service $i"
        require_free_port $((port_base + 100 * i + 11)) "auth-service $i, management"
    done
    require_free_port $((port_base + 2)) sample-backend
    [[ -n $redis ]] || require_free_port $((port_base + 3)) Redis
}

# start NAME DIRECTORY COMMAND...: in a session of its own, out of the terminal's Ctrl-C; it gets SIGTERM if this script dies.
start() {
    local name=$1 directory=$2
    shift 2
    (cd "$directory" && exec setsid setpriv --pdeathsig TERM "$@" </dev/null >"$run/$name.log" 2>&1 {lock}>&-) &
    write_pid "$run/$name.pid" $!
    pid_of[$name]=$!
    started+=("$name")
}

# start_service NAME PROJECT_DIRECTORY ASSEMBLY KEY=VALUE...
start_service() {
    local name=$1 project=$root/$2 dll=$root/$2/bin/Release/net10.0/$3.dll
    shift 3
    [[ -f $dll ]] || die "$dll is not built; run without --no-build"
    start "$name" "$project" env DOTNET_ENVIRONMENT=Development ASPNETCORE_ENVIRONMENT=Development \
        "Redis__ConnectionString=$redis" "$@" "${extra_env[@]}" dotnet "$dll"
}

# auth_service_name NUMBER: the first has no number, as it has always been called.
auth_service_name() {
    if (($1 == 0)); then printf auth-service; else printf 'auth-service-%s' "$1"; fi
}

start_auth_service() {
    local base=$((port_base + 100 * $1))
    start_service "$(auth_service_name "$1")" auth-service AuthService \
        "Kestrel__Endpoints__Http__Url=$address:$((base + 1))" "Management__Url=$address:$((base + 11))" \
        "AuthService__Issuer=$public" "ConnectionStrings__Users=${database:-Data Source=$run/users.db}" \
        "AuthService__KeyEncryptionKeys__0=$(<"$run/key-encryption-key")"
}

start_gateway() {
    local i=$1 base=$((port_base + 100 * $1)) replica auth_service_addresses=()
    for ((replica = 0; replica < auth_services; replica++)); do
        auth_service_addresses+=("ReverseProxy__Clusters__auth-service__Destinations__$((replica + 1))__Address=$address:$((port_base + 100 * replica + 1))")
    done
    start_service "gateway-$i" gateway Gateway \
        "Kestrel__Endpoints__Http__Url=$address:$base" \
        "Kestrel__Endpoints__Http2__Url=$address:$((base + 20))" Kestrel__Endpoints__Http2__Protocols=Http2 \
        "Kestrel__Endpoints__Https__Url=https://127.0.0.1:$((base + 30))" \
        "Kestrel__Endpoints__Https__Certificate__Path=$run/tls.crt" \
        "Kestrel__Endpoints__Https__Certificate__KeyPath=$run/tls.key" \
        "Management__Url=$address:$((base + 10))" \
        "Gateway__Issuers__0__Issuer=$public" "Gateway__Issuers__0__Authority=$address:$((port_base + 1))" \
        "Gateway__Identity__KeyEncryptionKeys__0=$(<"$run/identity-key-encryption-key")" \
        "${auth_service_addresses[@]}" \
        "ReverseProxy__Clusters__sample-backend__Destinations__1__Address=$address:$((port_base + 2))"
}

start_stack() {
    local i
    if [[ -z $redis ]]; then
        redis=127.0.0.1:$((port_base + 3))
        mkdir -p "$run/redis"
        start redis "$run/redis" redis-server --bind 127.0.0.1 --port $((port_base + 3)) --dir "$run/redis" \
            --appendonly yes --save '' --maxmemory-policy noeviction
    fi
    for ((i = 0; i < auth_services; i++)); do start_auth_service "$i"; done
    start_service sample-backend sample-backend SampleBackend "Kestrel__Endpoints__Http__Url=$address:$((port_base + 2))" \
        "ForwardedIdentity__Gateway=$public" ForwardedIdentity__ClientSecret=sample-backend-secret-1
    for ((i = 0; i < gateways; i++)); do start_gateway "$i"; done
}

# What a process that died said: plain lines on stderr, else the end of its structured log.
reasons() {
    grep -v '^[{[:space:]]*$\|^{' "$run/$1.log" | tail -n 20 | grep . || tail -n 5 "$run/$1.log"
}

require_all_running() {
    local name code
    for name in "${started[@]}"; do
        if ! running_pid "$run/$name.pid" >/dev/null; then
            code=0
            wait "${pid_of[$name]}" || code=$?
            reasons "$name" >&2
            die "$name stopped at start with exit code $code (see $run/$name.log)"
        fi
    done
}

# await NAME URL: polls until the answer is 200.
await() {
    local deadline=$((SECONDS + 60))
    until [[ $(curl -s -o "$run/answer" -w '%{http_code}' --max-time 2 "$2") == 200 ]]; do
        require_all_running
        if ((SECONDS >= deadline)); then
            die "$1 is not ready after 60 s: $2 answers: $(head -c 2000 "$run/answer" 2>/dev/null | tr -d '\n') (see $run/$1.log)"
        fi
        sleep 0.05
    done
    rm -f "$run/answer"
}

# Each process says it is ready; then each gateway must reach both services: the keys' route and the backend's.
await_ready() {
    local i
    for ((i = 0; i < auth_services; i++)); do await "$(auth_service_name "$i")" "$address:$((port_base + 100 * i + 11))/healthz/ready"; done
    await sample-backend "$address:$((port_base + 2))/public/ping"
    for ((i = 0; i < gateways; i++)); do
        await "gateway-$i" "$address:$((port_base + 100 * i + 10))/healthz/ready"
        await "gateway-$i" "$address:$((port_base + 100 * i))/.well-known/jwks.json"
        await "gateway-$i" "$address:$((port_base + 100 * i))/public/ping"
    done
    require_all_running
}

print_ready() {
    cat <<TEXT
ready: $public
access=\$(curl -s -d username=alice -d password=alice-password-1 $public/api/token/ | sed 's/.*"access":"\([^"]*\)".*/\1/'); echo "\$access"
curl -i -H "Authorization: Bearer \$access" $public/hello/
curl -i -X POST -H "Authorization: Bearer \$access" $public/api/logout
TEXT
}

# A process that ends later is reported; the others go on, as they would in production.
supervise() {
    local name
    while ((${#started[@]} > 0)); do
        wait -n 2>/dev/null || true
        local alive=()
        for name in "${started[@]}"; do
            if running_pid "$run/$name.pid" >/dev/null; then
                alive+=("$name")
            elif [[ -f $run/$name.pid ]]; then
                echo "up.sh: $name stopped (see $run/$name.log)" >&2
                rm -f "$run/$name.pid"
            fi
        done
        started=("${alive[@]}")
    done
}

clean_up() {
    trap '' INT TERM HUP USR1
    [[ -z $build_group ]] || kill -TERM -- "-$build_group" 2>/dev/null || true
    stop_services "$run"
    rm -f "$run/up.pid" "$run/answer"
}

if ((detach && !supervised)); then detach_and_wait; fi

declare -A pid_of=()
build_group=''
unset ASPNETCORE_URLS ASPNETCORE_HTTP_PORTS ASPNETCORE_HTTPS_PORTS DOTNET_URLS # Kestrel's endpoints are set here
export NO_PROXY=127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY} no_proxy=127.0.0.1,localhost${no_proxy:+,$no_proxy}
umask 077
mkdir -p "$run"
exec {lock}>"$run/lock"
flock -n "$lock" || die "a stack on port base $port_base is running; stop it with deploy/local/down.sh --port-base $port_base"

require_dotnet "$root"
require curl curl openssl openssl
if [[ -z $redis ]]; then
    require redis-server redis-server
elif first=${redis%%,*} && ! (exec 3<>"/dev/tcp/${first/://}") 2>/dev/null; then
    die "no Redis answers at $first"
fi
if [[ $database == postgres* ]]; then database=$(connection_string "$database"); fi
require_free_ports

trap clean_up EXIT
trap 'die "stopped before the stack was ready"' INT TERM HUP USR1
write_pid "$run/up.pid" $$
prepare_files
if ((build)); then build_services; fi
start_stack
await_ready
trap '' USR1
trap 'exit 0' INT TERM HUP
print_ready
if ((supervised)); then exec >>"$run/up.log" 2>&1; fi
supervise
