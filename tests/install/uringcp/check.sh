#!/bin/sh
# Purpose: a program that copies does so.
# Usage:   check.sh COMMAND...    which is given a file and the name of its copy
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
seq 1 20000 > "$folder/from"
"$@" "$folder/from" "$folder/to"
cmp "$folder/from" "$folder/to"
