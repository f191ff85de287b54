#!/bin/sh
# cross.sh TARGET...: builds the library and the wmlb command for another system, into
# target/TARGET/dist, and tests what can be run here (tests/cross/run.sh). A target is one of
# Rust's for Linux; with glibc the library needs no newer one than 2.17, of 2012, or the first that
# the processor had.
#
#     packaging/cross.sh x86_64-unknown-linux-musl aarch64-unknown-linux-gnu
set -eu
cd "$(dirname "$0")/.."
. packaging/toolchains.sh

# The name that Zig has for a target of Rust's.
zig_name() {
    case $1 in
    *-musl*) printf '%s\n' "$1" | sed 's/-unknown//; s/^armv7/arm/; s/^i686/x86/; s/^riscv64gc/riscv64/' ;;
    *) printf '%s.%s\n' "$1" "$glibc" | sed 's/-unknown//; s/^armv7/arm/; s/^i686/x86/; s/^riscv64gc/riscv64/' ;;
    esac
}

build_command() {
    static=$1 out=$2
    # shellcheck disable=SC2086
    "$CARGO_ZIGBUILD_ZIG_PATH" cc -target "$zig" -std=c11 -O2 -pthread -Wall -Wextra -Wpedantic \
        -D_FILE_OFFSET_BITS=64 -fPIE -fstack-protector-strong -Iinclude cli/*.c $static -ldl \
        -o "$out"
}

need_zig
need_rust "$@"
for target in "$@"; do
    echo "== $target"
    case $target in
    riscv64gc-*) glibc=2.27 ;;
    *) glibc=2.17 ;;
    esac
    zig=$(zig_name "$target")
    dist=${CARGO_TARGET_DIR:-target}/$target/dist
    # Also with musl the library is one that is shared.
    case $target in
    *-musl*) flags="-C target-feature=-crt-static" name=$target ;;
    *) flags='' name=$target.$glibc ;;
    esac
    RUSTFLAGS="${RUSTFLAGS-}${flags:+ $flags}" CARGO=cargo-zigbuild sh packaging/build.sh "$name"
    # shellcheck disable=SC2016
    build_command "-L$dist -lwmlb "'-Wl,-rpath,$ORIGIN:$ORIGIN/../lib' "$dist/wmlb"
    case $target in
    *-musl*) build_command "$dist/libwmlb.a -static -lunwind" "$dist/wmlb-static" ;;
    esac
    bash tests/cross/run.sh "$target" "$zig" "$name" "$flags"
done
