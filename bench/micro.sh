#!/usr/bin/env bash
# Single steps under BenchmarkDotNet: validation, revocation check by size, header rules, identity tokens, refresh tokens.
# usage: micro.sh [BenchmarkDotNet's arguments, such as --filter '*Warm*']
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DOTNET_NOLOGO=1 dotnet build "$here/Micro" -c Release --disable-build-servers -v quiet >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && dotnet "$here/Micro/bin/Release/net10.0/MicroBench.dll" "$@")
