#!/bin/bash -eu
# ClusterFuzzLite runs this in its builder; the targets are built as anywhere else.
cd "$SRC/safer_ring"
fuzz/build.sh
