#!/usr/bin/env bash
# The gateway under load beside other proxies, and by how much it holds: CPU a request from /proc, requests a second,
# latency, bytes allocated. usage: load.sh [peers|sizes|hosting] [ROUNDS] [SECONDS] [--only NAME;...]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
comparisons=(peers sizes)
if [[ ${1:-} =~ ^(peers|sizes|hosting)$ ]]; then comparisons=("$1"); shift; fi
for project in gateway bench/Load; do
    DOTNET_NOLOGO=1 dotnet build "$here/../$project" -c Release --disable-build-servers -v quiet >&2
done
missed=0
for comparison in "${comparisons[@]}"; do
    printf 'load of the machine before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
    dotnet "$here/Load/bin/Release/net10.0/LoadBench.dll" "$comparison" "$@" || missed=1
done
exit "$missed"
