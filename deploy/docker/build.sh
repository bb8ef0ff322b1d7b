#!/usr/bin/env bash
# Builds the three images: build.sh [--tag TAG] [--prefix REGISTRY/PATH/]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tag=0.0.0-dev prefix=''
while (($# > 0)); do
    case $1 in
        --tag) tag=${2:?--tag needs a value}; shift 2 ;;
        --prefix) prefix=${2:?--prefix needs a value}; shift 2 ;;
        *) echo "usage: build.sh [--tag TAG] [--prefix REGISTRY/PATH/]" >&2; exit 2 ;;
    esac
done
engine=$(command -v docker || command -v podman) || { echo "build.sh: neither docker nor podman is installed" >&2; exit 1; }
for service in gateway auth-service sample-backend; do
    "$engine" build -f "$root/deploy/docker/$service.Dockerfile" -t "$prefix$service:$tag" "$root"
done
