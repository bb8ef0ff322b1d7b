#!/usr/bin/env bash
# From the start of gateway and auth-service to readiness and first answer, and their working sets. usage: startup.sh [ROUNDS]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for project in gateway auth-service bench/Load; do
    DOTNET_NOLOGO=1 dotnet build "$here/../$project" -c Release --disable-build-servers -v quiet >&2
done
dotnet "$here/Load/bin/Release/net10.0/LoadBench.dll" startup "$@"
