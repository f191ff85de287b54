#!/bin/bash
# Compiles the binding, its tests and the README's example with mono's compiler, and runs the tests
# against the library that packaging/build.sh has built. The last line counts them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../../..")
target=$(cd "$root" && realpath "${CARGO_TARGET_DIR:-target}")
library=${WMLB_LIBRARY:-$target/dist/libwmlb.so.1}

work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-csharp.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/stores"
ln -s "$(realpath "$library")" "$work/libwmlb.so"

compile=(mcs -langversion:7.2 -warn:4 -warnaserror)
"${compile[@]}" -target:library -doc:"$work/Wmlb.xml" -nowarn:1591 -out:"$work/Wmlb.dll" \
    "$here"/../src/*.cs
"${compile[@]}" -reference:"$work/Wmlb.dll" -out:"$work/Tests.exe" "$here"/*.cs
sed -n '/^```csharp$/,/^```$/p' "$here/../README.md" | grep -v '^```' >"$work/Example.cs"
"${compile[@]}" -reference:"$work/Wmlb.dll" -out:"$work/Example.exe" "$work/Example.cs"

export LD_LIBRARY_PATH=$work
mkdir "$work/store" && echo license >"$work/store/license"
timeout --kill-after=10 60 mono "$work/Example.exe" "$work/store" "$work/backups" >"$work/said"
grep -qx "1 licenses are in $work/backups/licenses.wmlb" "$work/said"
timeout --kill-after=10 240 mono "$work/Tests.exe" "$root/tests/abi/1.0.txt" "$work/stores"
