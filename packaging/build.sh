#!/bin/sh
# build.sh [TARGET]: builds the library as it is shipped, into target/dist, or target/TARGET/dist:
# the shared library with its links, the static library. Each is built as the only crate type,
# because link-time optimization is silently off when an rlib is built along with it. The feature is
# what Rust programs, which use the rlib, must not have: the library's own answer to a lack of
# memory.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
target=${1-}
# The version of a C library that cross.sh may have put behind it is no part of the folder's name.
out=${CARGO_TARGET_DIR:-target}${target:+/${target%%.*}}
dist=$out/dist
built=$out/release
mkdir -p "$dist"

. packaging/flags.sh

"${CARGO:-cargo}" rustc --quiet --locked --release --lib --features capi \
    --crate-type cdylib,staticlib ${target:+--target "$target"}
cp "$built/libwmlb.a" "$dist/libwmlb.a"
# Under another name first: a program that runs with the old one keeps it.
cp "$built/libwmlb.so" "$dist/libwmlb.so.new"
mv "$dist/libwmlb.so.new" "$dist/libwmlb.so.$version"
ln -sf "libwmlb.so.$version" "$dist/libwmlb.so.${version%%.*}"
ln -sf "libwmlb.so.${version%%.*}" "$dist/libwmlb.so"
