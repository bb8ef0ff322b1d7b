#!/usr/bin/env bash
# Everything the tests need, and every test. The last line is the sum: "N passed, N failed[, N skipped]".
#   tests/run.sh                  every test
#   tests/run.sh faults           what the system answers while something fails, as a table
#   tests/run.sh soak [MINUTES]   memory under churn, 10 minutes unless said
#   tests/run.sh replicas         the walks end to end with 3 gateways, 2 auth-services, a Redis Cluster and PostgreSQL
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/local/packages.sh
source "$root/deploy/local/packages.sh"
cd "$root"

projects=(tests/*.Tests) filter=() only=${1:-}
case $only in
    '') ;;
    faults) projects=(tests/EndToEnd.Tests) filter=(--filter FullyQualifiedName~EndToEnd.Tests.Faults) ;;
    soak)
        projects=(tests/EndToEnd.Tests) filter=(--filter FullyQualifiedName~EndToEnd.Tests.Soak)
        export SOAK_MINUTES=${2:-10}
        ;;
    replicas)
        projects=(tests/EndToEnd.Tests)
        filter=(--filter 'FullyQualifiedName~WalkTests|FullyQualifiedName~IdentityChain|FullyQualifiedName~Explain|FullyQualifiedName~LongRequest|FullyQualifiedName~Browser|FullyQualifiedName~Administration|FullyQualifiedName~Replica')
        export REPLICAS=3
        ;;
    *)
        sed -n '3,6s/^#   //p' "$0" >&2
        exit 64
        ;;
esac

require_dotnet "$root"
postgres=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | tail -n 1) || postgres=postgres
python=/usr/lib/python3/dist-packages
require redis-server redis-server "$postgres" postgresql curl curl openssl openssl /usr/sbin/nginx nginx-light /usr/bin/caddy caddy \
    "$python/jwt" python3-jwt "$python/cryptography" python3-cryptography node nodejs npm npm kubectl kubernetes-client \
    /usr/bin/chromium chromium
npm ci --prefix tests/clients --silent </dev/null
npm ci --prefix tests/manifests --silent </dev/null

# No build server outlives this script, holding its output open.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
dotnet build Gateway.sln -c Release -v quiet

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export FAULT_TABLE=$results/faults SOAK_TABLE=$results/soak

# counter FILE NAME: a number in the summary of a test run; 0 when the run left none.
counter() {
    local value
    value=$(grep -o -m 1 "<Counters [^>]*" "$1" 2>/dev/null | grep -o " $2=\"[0-9]*\"" | tr -cd '0-9') || true
    echo "${value:-0}"
}

passed=0 failed=0 skipped=0
for project in "${projects[@]}"; do
    name=${project##*/}
    echo "== $name"
    code=0
    dotnet test "$project" -c Release --no-build --logger "trx;LogFileName=$results/$name.trx" --logger 'console;verbosity=minimal' \
        "${filter[@]}" </dev/null || code=$?
    total=$(counter "$results/$name.trx" total)
    of_this=$(($(counter "$results/$name.trx" executed) - $(counter "$results/$name.trx" passed)))
    if ((code != 0 && of_this == 0)); then
        echo "$name: the test run itself failed (exit code $code)" >&2
        of_this=1
    fi
    passed=$((passed + $(counter "$results/$name.trx" passed)))
    failed=$((failed + of_this))
    skipped=$((skipped + total - $(counter "$results/$name.trx" executed)))
done

if [[ -s $FAULT_TABLE ]]; then
    echo "== what was answered while something failed"
    printf '%-45s %8s %7s %9s %7s %7s %7s %6s %7s\n' fault requests 'not now' 'accepted' refused '401 for' other lost not '' '' 'told 503' revoked live 503 wrong state mended
    sort "$FAULT_TABLE" | while IFS=$'\t' read -r name row; do
        # shellcheck disable=SC2086
        printf '%-45s %8s %7s %9s %7s %7s %7s %6s %7s\n' "$name" $row
    done
fi
if [[ -s $SOAK_TABLE && $only == soak ]]; then
    echo "== memory of the processes' own under churn"
    cat "$SOAK_TABLE"
fi
echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
((failed == 0 && passed > 0))
