#!/bin/bash
# Builds the library in two folders, from what is committed, and compares. Prints a row of a table:
# what | tried | that differ.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-builds.XXXXXX")
trap 'rm -rf "$work"' EXIT

for folder in one "another/and deeper"; do
    git clone --quiet "$root" "$work/$folder"
    CARGO_TARGET_DIR="$work/$folder/target" sh "$work/$folder/packaging/build.sh"
done
differ=0
cmp "$work/one/target/dist/libwmlb.so" "$work/another/and deeper/target/dist/libwmlb.so" >&2 ||
    differ=1
echo "| builds in two folders | 2 | $differ |"
exit $differ
