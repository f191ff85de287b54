#!/bin/sh
# ci.sh [--toolchain]: what every run of the tests does for another system than this machine's: the
# library for musl, optimized less than as it is shipped, its contract and the command's cycle. With
# --toolchain it only gets compilers, and fails where they cannot be had.
set -eu
cd "$(dirname "$0")/../.."
target=$(uname -m)-unknown-linux-musl
. packaging/toolchains.sh
if [ "${1-}" = --toolchain ]; then
    export WMLB_TOOLCHAINS="$toolchains"
    exec timeout 300 sh -euc '. packaging/toolchains.sh
        need_zig
        need_rust "$1"
        need_package musl' sh "$target" >/dev/null 2>&1
fi

# The crates are not what is tested.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 WMLB_CROSS="contract command" WMLB_TOOLCHAINS="$toolchains"
built=${CARGO_TARGET_DIR:-target}
mkdir -p "$built/musl"
built=$(cd "$built" && pwd)
ln -sfn "$built/dist" "$built/musl/dist"
CARGO_TARGET_DIR=$built/musl exec sh packaging/cross.sh "$target"
