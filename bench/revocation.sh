#!/usr/bin/env bash
# Revocations: memory and checks at a million live ones, and how soon three gateways refuse what was logged out while 200 a
# second are. Release build of the local stack. usage: revocation.sh [SESSIONS]; each session is a sign-in of some 100 ms of
# processor time beforehand.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sessions=${1:-2000}
port=${BENCH_PORT_BASE:-18800}

"$here/../deploy/local/up.sh" --detach --gateways 3 --port-base "$port" \
    --env AuthService__AccessTokenLifetime=00:30:00 --env AuthService__SignInLimit__HashesAtOnce=2 >/dev/null
trap '"$here/../deploy/local/down.sh" --port-base "$port" >/dev/null' EXIT
DOTNET_NOLOGO=1 dotnet build "$here/Revocation" -c Release --disable-build-servers -v quiet >&2

printf 'load of the machine before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
dotnet "$here/Revocation/bin/Release/net10.0/RevocationBench.dll" "$port" "$sessions"
printf 'load of the machine after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
