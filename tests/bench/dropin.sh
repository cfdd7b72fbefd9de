#!/usr/bin/env bash
# Purpose: what a plain liburing program pays for the engine: no-ops one by one and sixteen 4 KiB reads at a time, on the kernel,
#          on the drop-in, and under `safer-ring run` with its watcher. The arms take turns; medians, and the kernel against
#          itself.
# Usage:   tests/bench/dropin.sh [ROUNDS [NOPS READS]]      default 15 rounds of 200000 and 200000
# Exit:    0 measured, 2 something is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-15} nops=${2:-200000} reads=${3:-200000}
bin=build/release/bin load=build/release/bin/program_load dropin=build/release/lib/libsafer_ring_uring.so
for file in "$bin/safer-ring" "$load" "$dropin"; do
    [ -e "$file" ] || { echo "dropin.sh: no $file: build the preset release first" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# measure ARM COMMAND...
measure() {
    local arm=$1
    shift
    "$@" "$load" "$nops" "$reads" "$work/file" 2> "$work/err" | sed "s/^/$arm /" >> "$work/times" ||
        { cat "$work/err" >&2; exit 2; }
}

for ((round = 0; round < rounds; round++)); do
    measure kernel env
    measure dropin env LD_PRELOAD="$PWD/$dropin"
    measure run "$bin/safer-ring" run --quiet --
    measure again env
done

python3 - "$work/times" << 'PYTHON'
import statistics, sys
times = {}
for line in open(sys.argv[1], encoding="ascii"):
    arm, nop, of_nop, read, of_read = line.split()
    for name, ns in ((nop, of_nop), (read, of_read)):
        times.setdefault((name, arm), []).append(float(ns))
print(f"{'load':6} {'in flight':>9} {'kernel ns':>10} {'drop-in ns':>10} {'run ns':>10} {'drop-in':>8} {'run':>8} {'kernel':>8}   of the kernel's")
for name, depth in (("nop", 1), ("read", 16)):
    arms = {arm: times[name, arm] for arm in ("kernel", "dropin", "run", "again")}
    middle = {arm: statistics.median(ns) for arm, ns in arms.items()}
    ratio = {arm: statistics.median(a / b for a, b in zip(ns, arms["kernel"])) for arm, ns in arms.items()}
    print(f"{name:6} {depth:9} {middle['kernel']:10.1f} {middle['dropin']:10.1f} {middle['run']:10.1f} "
          f"{ratio['dropin']:8.3f} {ratio['run']:8.3f} {ratio['again']:8.3f}")
PYTHON
