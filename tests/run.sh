#!/usr/bin/env bash
# Everything the tests need, and every test. The last line is the sum: "N passed, N failed[, N skipped]".
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/local/packages.sh
source "$root/deploy/local/packages.sh"
cd "$root"

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

# counter FILE NAME: a number in the summary of a test run; 0 when the run left none.
counter() {
    local value
    value=$(grep -o -m 1 "<Counters [^>]*" "$1" 2>/dev/null | grep -o " $2=\"[0-9]*\"" | tr -cd '0-9') || true
    echo "${value:-0}"
}

passed=0 failed=0 skipped=0
for project in tests/*.Tests; do
    name=${project##*/}
    echo "== $name"
    code=0
    dotnet test "$project" -c Release --no-build --logger "trx;LogFileName=$results/$name.trx" --logger 'console;verbosity=minimal' \
        </dev/null || code=$?
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

echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
((failed == 0 && passed > 0))
