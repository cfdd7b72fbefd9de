# What the scripts of this folder share. Sourced by them from the repository's root; not a command.
# shellcheck shell=bash

# Ninja and ctest take as many jobs as the machine has processors, unless told otherwise.
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$CMAKE_BUILD_PARALLEL_LEVEL}"

# What a script leaves behind, for whoever reads a failure and for docs/record.md: SCRIPT.parts, a line per part with its
# outcome, its seconds and the commit it ran at; and of each part SCRIPT.PART.log and, if it ran ctest, SCRIPT.PART.xml.
record=build/record
script=$(basename "$0")
keep_going=

# usage: the header of the calling script, as help.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

begin_parts() {
    mkdir -p "$record"
    rm -rf "$record/$script".*
    : > "$record/$script.parts"
}

# begin_some_parts PART...: forgets what these left behind, and keeps what others did.
begin_some_parts() {
    local name
    mkdir -p "$record"
    touch "$record/$script.parts"
    for name in "$@"; do
        rm -rf "$record/$script.$name".*
        sed -i "/^$name\t/d" "$record/$script.parts"
    done
}

# The commit that is checked out; "+" behind it: with changes that are not committed.
commit() {
    local hash
    hash=$(git rev-parse --short=12 HEAD 2> /dev/null) || hash=-
    git diff --quiet HEAD -- . ':!docs/record.md' ':!docs/strength.md' 2> /dev/null || hash+=+
    echo "$hash"
}

# part NAME COMMAND...: runs it with its output in a log, of which the end is shown when it fails. Exit code 77 of the command
# means skipped, for the reason in its last line; any other than 0 ends the script through finish, unless keep_going is set.
part() {
    local name=$1 log="$record/$script.$1.log" start=$SECONDS rc=0 outcome=passed
    shift
    printf '%-14s ' "$name"
    # A shell of its own, outside any condition: bash forgets errexit inside one, and a function would run on after an error.
    set +e
    (set -e; part_name=$name; "$@") > "$log" 2>&1
    rc=$?
    set -e
    case $rc in
        0) ;;
        77) outcome=skipped ;;
        *) outcome=failed ;;
    esac
    printf '%-8s %5d s\n' "$outcome" $((SECONDS - start))
    printf '%s\t%s\t%d\t%s\n' "$name" "$outcome" $((SECONDS - start)) "$(commit)" >> "$record/$script.parts"
    case $outcome in
        skipped) tail -n 1 "$log" | sed 's/^/    /' ;;
        failed)
            printf -- '--- the end of %s\n' "$log"
            tail -n 80 "$log"
            printf -- '--- ci/%s: the part "%s" failed with exit code %d; all it said is in %s\n' "$script" "$name" "$rc" "$log"
            [ -n "$keep_going" ] || finish
            ;;
    esac
}

# The end of a script of parts: the table, and an exit code.
finish() {
    end_parts
    ! grep -q "$(printf '\tfailed\t')" "$record/$script.parts" || exit 1
    exit 0
}

# valgrind_campaign SEEDS: a campaign on the simulated kernel under memcheck. Its workers are processes of their own: each
# has its log, and none may say anything.
valgrind_campaign() {
    local logs="$record/$script.memcheck" rc=0
    ci/build release safer_ring_cli
    rm -rf "$logs"
    mkdir -p "$logs"
    timeout -k 10 900 valgrind -q --log-file="$logs/%p" --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite \
        build/release/bin/safer-ring check --backend sim --seeds "$1" --tape-dir "$record" || rc=$?
    find "$logs" -type f -size +0 -print0 | xargs -0 -r tail -n 60
    [ -z "$(find "$logs" -type f -size +0)" ] || rc=1
    return "$rc"
}

# run_ctest PRESET [ARGUMENT...]: ctest, with its results beside the part's log.
run_ctest() {
    local preset=$1
    shift
    ctest --preset "$preset" --output-junit "$PWD/$record/$script.$part_name.xml" "$@"
}

# The table of parts with their times, then the tests of all ctest runs, summed.
end_parts() {
    printf '\n%-14s %-8s %7s\n' part outcome seconds
    awk -F '\t' '{ printf "%-14s %-8s %7d\n", $1, $2, $3; all += $3 } END { printf "%-14s %-8s %7d\n", "all", "", all }' \
        "$record/$script.parts"

    local results passed=0 failed=0 skipped=0 tests failures disabled skips
    for results in "$record/$script".*.xml; do
        [ -e "$results" ] || continue
        tests=$(junit_count tests "$results")
        failures=$(junit_count failures "$results")
        disabled=$(junit_count disabled "$results")
        skips=$(junit_count skipped "$results")
        passed=$((passed + tests - failures - disabled - skips))
        failed=$((failed + failures))
        skipped=$((skipped + disabled + skips))
    done
    # A part that is no ctest run failed: that is one failure too.
    if [ "$failed" -eq 0 ] && grep -q "$(printf '\tfailed\t')" "$record/$script.parts"; then
        failed=1
    fi
    printf '\n%d passed, %d failed' "$passed" "$failed"
    [ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
    printf '\n'
}

junit_count() {
    sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p;/<testcase/q" "$2" | head -n 1
}

# has_io_uring: may this process set up a ring? io_uring_setup(2) is system call 425; a null argument is EFAULT or EINVAL
# where it is allowed.
has_io_uring() {
    python3 - << 'PYTHON'
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 1, None)
sys.exit(ctypes.get_errno() in (errno.ENOSYS, errno.EPERM, errno.EACCES))
PYTHON
}

# json FILE KEY: one value of a JSON object.
json() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}
