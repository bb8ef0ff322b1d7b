#!/usr/bin/env bash
# Stops the stack that up.sh started on a port base; does nothing when there is none.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/local/packages.sh
source "$here/packages.sh"
# shellcheck source=deploy/local/processes.sh
source "$here/processes.sh"

port_base=8080
while (($# > 0)); do
    case $1 in
        --port-base) [[ ${2-} =~ ^[1-9][0-9]{0,4}$ ]] || die "--port-base takes a port number"; port_base=$2; shift 2 ;;
        -h | --help) echo "usage: down.sh [--port-base P]"; exit 0 ;;
        *) die "unknown option $1 (usage: down.sh [--port-base P])" ;;
    esac
done

run=$here/.run/$port_base
# The supervisor stops its services itself, in order; what is left after it, if it was killed, is stopped here.
stop_processes "$run/up.pid"
stop_services "$run"
