# Sourced by tools/test and tools/demo: runs one step, shows that it moves, keeps its log.
# Expects $logs, the folder of the logs.

step_pid=
# A step runs in a process group of its own (timeout makes it), so that nothing outlives Ctrl-C.
trap '[ -n "$step_pid" ] && kill -TERM "$step_pid" 2>/dev/null && wait "$step_pid"; echo; exit 130' INT TERM

seconds_since() { # START, in nanoseconds since the epoch
    local tenths=$((($(date +%s%N) - $1) / 100000000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# The newest "[12/80]" of ninja, or the newest line of anything else, cut to fit.
newest_line() { # LOG
    tail -c 4096 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c 1-60
}

# Runs COMMAND for at most LIMIT seconds with its output in $logs/NAME.log, prints one line with
# its time, and the end of the log when it failed. Returns the status of COMMAND (124: timed out).
step() { # NAME LIMIT COMMAND…
    local name=$1 limit=$2 log=$logs/$1.log start status=0 ticks=0
    shift 2
    start=$(date +%s%N)
    : >"$log"
    if [ "$(type -t "$1")" = function ]; then
        "$@" >"$log" 2>&1 </dev/null &
    else
        timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null &
    fi
    step_pid=$!
    while kill -0 "$step_pid" 2>/dev/null; do
        sleep 0.2
        ticks=$((ticks + 1))
        if [ -t 1 ] && [ $((ticks % 5)) -eq 0 ]; then
            printf '\r\033[K  ...   %-16s %s s  %s' "$name" "$(seconds_since "$start")" "$(newest_line "$log")"
        elif [ ! -t 1 ] && [ $((ticks % 75)) -eq 0 ]; then
            printf '  ...   %-16s %s s  %s\n' "$name" "$(seconds_since "$start")" "$(newest_line "$log")"
        fi
    done
    wait "$step_pid" || status=$?
    step_pid=
    [ -t 1 ] && printf '\r\033[K'
    if [ $status -eq 0 ]; then
        printf '  ok    %-16s %s s\n' "$name" "$(seconds_since "$start")"
    else
        printf '  FAIL  %-16s %s s' "$name" "$(seconds_since "$start")"
        [ $status -eq 124 ] && printf ', stopped after its limit of %s s' "$limit"
        printf '; the end of %s:\n' "$log"
        # What only showed that it moved says nothing any more.
        grep -v '^\.\.\. ' "$log" | tail -n 60 | sed 's/^/        | /'
    fi
    return $status
}
