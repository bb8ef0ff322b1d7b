#!/usr/bin/env bash
# What the first sight of a token costs, against one bare check of its signature. usage: first-sight.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DOTNET_NOLOGO=1 dotnet build "$here/Micro" -c Release --disable-build-servers -v quiet >&2
dotnet "$here/Micro/bin/Release/net10.0/MicroBench.dll" first-sight
