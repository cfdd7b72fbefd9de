#!/usr/bin/env bash
# Purpose: build the fuzz targets as OSS-Fuzz and ClusterFuzzLite ask for it: into $OUT, each with its seed corpus, dictionary
#          and options.
# Usage:   CC=... CFLAGS=... LIB_FUZZING_ENGINE=... OUT=... fuzz/build.sh [TARGET...]
# Environment: WORK   where to build (default: a folder below build)
# Exit:    0 built, 1 not, 2 OUT is not set.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${OUT:?names the folder the targets go to}"
: "${WORK:=$PWD/build/oss-fuzz}"
: "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
export LIB_FUZZING_ENGINE

cmake -S . -B "$WORK" -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=None -DBUILD_SHARED_LIBS=OFF -DSAFER_RING_FUZZ=ON \
    -DSAFER_RING_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" > /dev/null
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/*.c; do
        name=$(basename "$file" .c)
        [ "$name" = replay_main ] || targets+=("$name")
    done
fi
cmake --build "$WORK" --target "${targets[@]/#/fuzz_}"

mkdir -p "$OUT"
for name in "${targets[@]}"; do
    cp "$WORK/bin/fuzz_$name" "$OUT/"
    printf '[libfuzzer]\nmax_len = %s\n' "$([ "$name" = campaign ] && echo 2048 || echo 512)" > "$OUT/fuzz_$name.options"
    if [ -d "fuzz/corpus/$name" ]; then
        python3 - "$OUT/fuzz_${name}_seed_corpus.zip" "fuzz/corpus/$name" << 'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for file in sorted(os.listdir(sys.argv[2])):
        archive.write(os.path.join(sys.argv[2], file), file)
PYTHON
    fi
    [ ! -f "fuzz/$name.dict" ] || cp "fuzz/$name.dict" "$OUT/fuzz_$name.dict"
done
