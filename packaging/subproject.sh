#!/bin/sh
# subproject.sh OUT [DIST]: for CMake and Meson projects that build the library from source as a
# part of theirs: puts the libraries into OUT, as make installs them. DIST is where
# packaging/build.sh has built them already.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
dist=${2-}
cd "$(dirname "$0")/.."
if [ -z "$dist" ]; then
    # What ninja and make tell their programs is not for cargo's.
    env -u MAKEFLAGS -u MFLAGS CARGO_TARGET_DIR="$out/cargo" sh packaging/build.sh
    dist=$out/cargo/dist
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
sh packaging/localize.sh "$dist/libwmlb.a" "$out/libwmlb.a"
cp "$dist/libwmlb.so.$version" "$out/libwmlb.so.$version"
ln -sf "libwmlb.so.$version" "$out/libwmlb.so.${version%%.*}"
ln -sf "libwmlb.so.${version%%.*}" "$out/libwmlb.so"
