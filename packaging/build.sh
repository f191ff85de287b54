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

# The folders that it is built in are nobody's business, and two builds are the same. Their names
# may have spaces in them: cargo takes flags that this character parts, the crates that build C
# such as a shell would take.
part=$(printf '\037')
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
given=${CARGO_ENCODED_RUSTFLAGS-$(set -f && set -- ${RUSTFLAGS-} && IFS=$part && echo "$*")}
CARGO_ENCODED_RUSTFLAGS="${given:+$given$part}--remap-path-prefix=$crates=crates"
export CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$part--remap-path-prefix=$PWD=wmlb"
quoted() {
    printf '%s' "$1" | sed 's|[^A-Za-z0-9_./-]|\\&|g'
}
# The parts that are written in C end the process when their stack or a buffer is overrun.
export CC_SHELL_ESCAPED_FLAGS=1
export CFLAGS="${CFLAGS-} -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
CFLAGS="$CFLAGS -ffile-prefix-map=$(quoted "$crates")=crates"
CFLAGS="$CFLAGS -ffile-prefix-map=$(quoted "$PWD")=wmlb"

"${CARGO:-cargo}" rustc --quiet --locked --release --lib --features capi \
    --crate-type cdylib,staticlib ${target:+--target "$target"}
cp "$built/libwmlb.a" "$dist/libwmlb.a"
# Under another name first: a program that runs with the old one keeps it.
cp "$built/libwmlb.so" "$dist/libwmlb.so.new"
mv "$dist/libwmlb.so.new" "$dist/libwmlb.so.$version"
ln -sf "libwmlb.so.$version" "$dist/libwmlb.so.${version%%.*}"
ln -sf "libwmlb.so.${version%%.*}" "$dist/libwmlb.so"
