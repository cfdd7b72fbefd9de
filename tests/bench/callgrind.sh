#!/usr/bin/env bash
# Purpose: instructions per operation in user space, raw liburing against the library, counted by valgrind: repeatable to the
#          instruction where times are not. Each number is the difference between N and 2 N operations, so that opening and
#          closing count for nothing.
# Usage:   tests/bench/callgrind.sh [--json FILE] [BENCH[:DEPTH]...]      default nop:1 nop:128 read:32
#          BENCH_PROGRAM names the program, default build/release/bin/safer-ring-bench
# Exit:    0 counted, 2 something is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=${BENCH_PROGRAM:-build/release/bin/safer-ring-bench}
operations=12800
json=/dev/null
case "${1:-}" in
    --json) json=${2:?--json wants a file}; : > "$json"; shift 2 ;;
    -*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- nop:1 nop:128 read:32
[ -x "$program" ] || { echo "callgrind.sh: no $program: build the preset release first" >&2; exit 2; }
command -v valgrind > /dev/null || { echo "callgrind.sh: valgrind is not installed" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count ARM BENCH DEPTH OPERATIONS: instructions of the whole run.
count() {
    if ! valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" --instructions "$2" --arm "$1" --depth "$3" \
        "$4" > "$work/log" 2>&1; then
        cat "$work/log" >&2
        exit 2
    fi
    sed -n 's/^summary: //p; s/^totals: //p' "$work/out" | head -n 1
}

per_operation() {
    local once twice
    once=$(count "$1" "$2" "$3" "$operations")
    twice=$(count "$1" "$2" "$3" $((2 * operations)))
    awk -v a="$once" -v b="$twice" -v n="$operations" 'BEGIN { printf "%.1f", (b - a) / n }'
}

printf '%-10s %9s %8s %8s %10s\n' benchmark 'in flight' raw library difference
for what in "$@"; do
    bench=${what%%:*}
    depth=1
    case "$what" in *:*) depth=${what#*:} ;; esac
    raw=$(per_operation raw "$bench" "$depth")
    library=$(per_operation library "$bench" "$depth")
    difference=$(awk -v a="$raw" -v b="$library" 'BEGIN { printf "%+.1f", b - a }')
    printf '%-10s %9s %8s %8s %10s\n' "$bench" "$depth" "$raw" "$library" "$difference"
    printf '{"bench":"%s","depth":%s,"instructions_raw":%s,"instructions_library":%s}\n' \
        "$bench" "$depth" "$raw" "$library" >> "$json"
done
