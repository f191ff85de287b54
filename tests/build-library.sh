#!/bin/sh
# Builds the library as it is shipped, into target/dist: the shared library with its links,
# the static library. Each is built as the only crate type, because link-time optimisation
# is silently off when an rlib is built along with it. The feature is what Rust programs, which
# use the rlib, must not have: the library's own answer to a lack of memory.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
dist=${CARGO_TARGET_DIR:-target}/dist
built=${CARGO_TARGET_DIR:-target}/release
mkdir -p "$dist"

# The folders that it is built in are nobody's business, and two builds are the same.
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
export RUSTFLAGS="${RUSTFLAGS-} --remap-path-prefix=$crates=crates --remap-path-prefix=$PWD=wmlb"
# The parts that are written in C end the process when their stack or a buffer is overrun.
export CFLAGS="${CFLAGS-} -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
CFLAGS="$CFLAGS -ffile-prefix-map=$crates=crates -ffile-prefix-map=$PWD=wmlb"

for kind in staticlib cdylib; do
    cargo rustc --quiet --locked --release --lib --features capi --crate-type "$kind"
    case $kind in
    staticlib) cp "$built/libwmlb.a" "$dist/libwmlb.a" ;;
    cdylib)
        # Under another name first: a program that runs with the old one keeps it.
        cp "$built/libwmlb.so" "$dist/libwmlb.so.new"
        mv "$dist/libwmlb.so.new" "$dist/libwmlb.so.$version"
        ln -sf "libwmlb.so.$version" "$dist/libwmlb.so.${version%%.*}"
        ln -sf "libwmlb.so.${version%%.*}" "$dist/libwmlb.so"
        ;;
    esac
done
