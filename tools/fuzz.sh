# shellcheck shell=bash
# The fuzz targets (tests/fuzz), for tools/test, which sources this: their first inputs in the test
# build, and libFuzzer let loose on each for ROUSE_FUZZ_SECONDS. Expects $logs, as tools/step.sh does.

fuzz_targets=(frame documents http outside tar)
fuzz_programs=("${fuzz_targets[@]/#/tests/fuzz/rouse-fuzz-}")
fuzz_seconds=${ROUSE_FUZZ_SECONDS:-60}

configure_fuzz() {
    # Clang's own warnings are the business of the style suite.
    CXX=clang++-16 configure build-fuzz -Db_sanitize=address,undefined -Dbuildtype=debugoptimized \
        -Db_lto=false -Db_ndebug=false -Db_lundef=false -Dwerror=false -Dunity=on -Dunity_size=6
}

# Makes the first inputs of the fuzz targets anew, from what proto/README.md shows.
make_seeds() { rm -rf build/fuzz/seeds && tests/fuzz/seeds build/fuzz/seeds; }

# Runs one target on inputs that there are, each by its name, so that the log ends with the one that
# it did not survive.
replay() { # BINARY FILE…
    local file
    for file in "${@:2}"; do
        [ -f "$file" ] || continue
        echo "$file"
        timeout -k 10 20 "$1" "$file" 2>&1 || return 1
    done
}

# The unit suite's part of fuzzing: the first inputs, in the test build, without libFuzzer.
replay_seeds() {
    local target
    make_seeds || return 1
    for target in "${fuzz_targets[@]}"; do
        replay "build-asan/tests/fuzz/rouse-fuzz-$target" build/fuzz/seeds/"$target"/* || return 1
    done
}

run_replay() {
    if step replay-seeds 120 replay_seeds; then
        count seeds 1 0 0
    else
        echo "seeds: the last file that $logs/replay-seeds.log names is not survived" |
            tee -a "$logs/failures.log" | sed 's/^/        /'
        count seeds 0 1 0
    fi
}

# Fuzzes one target; takes the place of the shell that runs it. The corpus grows from run to run.
fuzz_target() { # TARGET
    local place=build/fuzz/$1
    mkdir -p "$place/corpus" "$place/finds"
    # Fuzzing needs no leak check at every input: what leaks is found by the other suites.
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 exec timeout -k 10 $((fuzz_seconds + 60)) \
        "build-fuzz/tests/fuzz/rouse-fuzz-$1" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$place/finds/" \
        "$place/corpus" "build/fuzz/seeds/$1" >"$logs/fuzz-$1.log" 2>&1
}

# All targets, two at a time.
fuzz_all() {
    local target status=0 left=2
    trap 'kill -TERM $(jobs -p) 2>/dev/null; wait; exit 143' TERM
    for target in "${fuzz_targets[@]}"; do
        if [ "$left" -gt 0 ]; then left=$((left - 1)); else wait -n || status=$?; fi
        fuzz_target "$target" &
    done
    wait -n || status=$?
    wait -n || status=$?
    return $status
}

# What became of one target: an input that it does not survive is a failure, for as long as that is
# so, also in later runs.
count_fuzzed() { # TARGET
    local inputs find why=
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/fuzz-$1.log")
    for find in build/fuzz/"$1"/finds/*; do
        [ -f "$find" ] || continue
        replay "build-fuzz/tests/fuzz/rouse-fuzz-$1" "$find" >"$logs/find-$1.log" || why+=" $find"
    done
    if [ -n "$inputs" ] && [ -z "$why" ] && ! grep -q '^SUMMARY: ' "$logs/fuzz-$1.log"; then
        printf '        fuzz: %s survived %d inputs\n' "$1" "$inputs"
        count fuzz 1 0 0
    else
        echo "fuzz: $1 does not survive${why:- what $logs/fuzz-$1.log ends with}" |
            tee -a "$logs/failures.log" | sed 's/^/        /'
        count fuzz 0 1 0
    fi
}

run_fuzz() {
    local target
    if ! make_seeds; then
        cannot_run fuzz "its seeds cannot be made"
        return
    fi
    # The targets tell what they found; a step that failed says no more.
    step fuzz $((fuzz_seconds * 2 + 120)) fuzz_all || true
    for target in "${fuzz_targets[@]}"; do count_fuzzed "$target"; done
}
