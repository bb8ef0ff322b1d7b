# shellcheck shell=bash
# Sourced by up.sh and down.sh: PID files and how to stop what they name.

# A service is given this long to finish what it has in hand (30 s of drain and a margin), then it is killed.
stop_deadline_seconds=35

# The time a process started, in clock ticks since boot: with the PID it names one process for ever.
start_time() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] && printf '%s' "${fields[19]}"
}

# write_pid FILE PID
write_pid() {
    printf '%s %s\n' "$2" "$(start_time "$2")" >"$1" 2>/dev/null || true
}

# running_pid FILE: prints the PID in FILE while that very process lives; a PID that went to another process is not ours.
running_pid() {
    local pid started
    [[ -f $1 ]] && read -r pid started <"$1" && [[ -n $started && $(start_time "$pid") == "$started" ]] && printf '%s' "$pid"
}

# stop_processes FILE...: SIGTERM to all, SIGKILL to those that outlive the deadline.
stop_processes() {
    local file pid deadline=$((SECONDS + stop_deadline_seconds)) pending=1
    for file in "$@"; do
        # A stopped process takes the signal only when it is continued.
        if pid=$(running_pid "$file"); then kill -TERM "$pid" && kill -CONT "$pid"; fi 2>/dev/null || true
    done
    while ((pending)); do
        pending=0
        for file in "$@"; do
            pid=$(running_pid "$file") || continue
            pending=1
            if ((SECONDS >= deadline)); then kill -KILL "$pid" 2>/dev/null || true; fi
        done
        ((pending == 0)) || sleep 0.05
    done
    rm -f "$@"
}

# stop_services DIRECTORY: the reverse of the order of start, so that nobody loses a server it still needs.
stop_services() {
    stop_processes "$1"/gateway-*.pid
    stop_processes "$1/sample-backend.pid"
    stop_processes "$1"/auth-service*.pid
    stop_processes "$1/redis.pid"
}
