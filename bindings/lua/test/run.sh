#!/bin/bash
# Runs the tests of wmlb.lua, and the README's example, with the library that packaging/build.sh has
# built. The last line counts them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../../..")
target=$(cd "$root" && realpath "${CARGO_TARGET_DIR:-target}")
export WMLB_LIBRARY=${WMLB_LIBRARY:-$target/dist/libwmlb.so.1}
export LUA_PATH="$here/../?.lua;;"

work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-lua.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/store" "$work/tests"
echo license >"$work/store/license"
sed -n '/^```lua$/,/^```$/p' "$here/../README.md" | grep -v '^```' >"$work/example.lua"
timeout 60 luajit "$work/example.lua" "$work/store" "$work/backups" >"$work/said"
grep -qx "1 licenses are in $work/backups/licenses.wmlb" "$work/said"
timeout 60 luajit "$work/example.lua" "$work/store" "$work/backups" 1 >"$work/said"
grep -qx "the operation was canceled" "$work/said"
timeout 120 luajit "$here/test.lua" "$work/tests"
