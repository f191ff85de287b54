#!/bin/sh
# build-remote.sh [OUT]: builds libwmlb-remote as it is shipped: the shared library with its links,
# the static library. They go into OUT, else beside the library that packaging/build.sh has put into
# target/dist, which they need. WMLB_PROFILE=dev builds them without optimization, for their tests.
set -eu
made=${1:+$(mkdir -p "$1" && cd "$1" && pwd)}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
out=${CARGO_TARGET_DIR:-target}
profile=${WMLB_PROFILE-release}
dist=$(cd "$out/dist" && pwd)
made=${made:-$dist}
built=$out/$profile
[ "$profile" != dev ] || built=$out/debug

. packaging/flags.sh

WMLB_LIB_DIR=$dist "${CARGO:-cargo}" rustc --quiet --locked --profile "$profile" -p wmlb-remote --lib \
    --crate-type cdylib,staticlib
cp "$built/libwmlb_remote.a" "$made/libwmlb-remote.a"
# Under another name first: a program that runs with the old one keeps it.
cp "$built/libwmlb_remote.so" "$made/libwmlb-remote.so.new"
mv "$made/libwmlb-remote.so.new" "$made/libwmlb-remote.so.$version"
ln -sf "libwmlb-remote.so.$version" "$made/libwmlb-remote.so.${version%%.*}"
ln -sf "libwmlb-remote.so.${version%%.*}" "$made/libwmlb-remote.so"
