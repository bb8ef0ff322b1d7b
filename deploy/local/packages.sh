# shellcheck shell=bash
# Sourced by the scripts that start servers: finds what they need, or installs it from the distribution.

die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# require COMMAND PACKAGE [COMMAND PACKAGE]...: root installs the packages of the missing commands, others are told.
require() {
    local missing=()
    while (($# > 0)); do
        if [[ ! -x $1 ]] && ! command -v "$1" >/dev/null; then missing+=("$2"); fi
        shift 2
    done
    ((${#missing[@]} > 0)) || return 0

    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        die "missing: ${missing[*]}; install with: sudo apt-get install ${missing[*]}"
    fi
    local log
    log=$(mktemp)
    if ! install_packages "${missing[@]}" >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        die "could not install ${missing[*]} from the distribution"
    fi
    rm -f "$log"
}

install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120)
    "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"
}

# require_dotnet ROOT: the .NET SDK that global.json in ROOT asks for.
require_dotnet() {
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: install it and put dotnet on the PATH"
    (cd "$1" && dotnet --version >/dev/null 2>&1) || die "the .NET SDK that global.json asks for (10.0.100 or a later 10.0) is missing"
}
