#!/bin/bash
# run.sh TARGET ZIG NAME FLAGS: tests what packaging/cross.sh built for a target, in
# target/TARGET/dist: the C programs of tests/c, the wmlb command, and the tests beside the source.
# What this machine's processor does not run, qemu does. ZIG is the target's name for the C
# compiler, NAME the one for cargo-zigbuild, FLAGS are rustc's besides those of all. Each thing is
# run as it is shipped, and with musl linked statically too. One line for each step.
#
# WMLB_CROSS names the parts that are run (is_wanted has all). WMLB_CROSS_SHORT=1 has the programs
# that call at random call a tenth as often: under qemu they take an hour otherwise.
set -euo pipefail
target=$1 zig=$2 name_of_target=${3-$1} rust_flags=${4-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
DIST=${CARGO_TARGET_DIR:-target}/$target/dist
# shellcheck source=../../packaging/toolchains.sh
source packaging/toolchains.sh
# shellcheck source=../c/steps.sh
source tests/c/steps.sh

# Debian's names for the machine, and qemu's.
case ${target%%-*} in
armv7) machine=armhf qemu=arm room=arm-linux-gnueabihf loader=ld-linux-armhf.so.3 ;;
aarch64) machine=arm64 qemu=aarch64 room=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
i686) machine=i386 qemu=i386 room=i686-linux-gnu loader=ld-linux.so.2 ;;
riscv64gc) machine=riscv64 qemu=riscv64 room=riscv64-linux-gnu loader=ld-linux-riscv64-lp64d.so.1 ;;
s390x) machine=s390x qemu=s390x room=s390x-linux-gnu loader=ld64.so.1 ;;
x86_64) machine=amd64 qemu=x86_64 room=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
*) echo "nothing is known here of $target" >&2 && exit 2 ;;
esac
debian=$toolchains/debian
# An x86-64 runs what is for i686, too.
is_native=
case ${target%%-*}:$(uname -m) in
i686:x86_64) is_native=1 ;;
*) [ "${target%%-*}" != "$(uname -m)" ] || is_native=1 ;;
esac
# What a program is run by: one that is linked to the library, and one that is static.
shared_by=() static_by=()
if [ ! "$is_native" ]; then
    need_package qemu-user-static
    static_by=("$debian/usr/bin/qemu-$qemu-static")
fi
case $target in
*-musl)
    need_package musl "$machine"
    shared_by=("${static_by[@]}" "$debian/lib/ld-musl-${target%%-*}.so.1" --library-path "$dist")
    ;;
*)
    if [ ! "$is_native" ]; then
        need_package "libc6-$machine-cross"
        # By qemu's -L the folder / would be that of the C library.
        shared_by=("${static_by[@]}" "$debian/usr/$room/lib/$loader" --library-path
            "$debian/usr/$room/lib:$dist")
    elif [ "$machine" = i386 ]; then
        need_package libc6-i386
        shared_by=("$debian/lib32/ld-linux.so.2" --library-path "$debian/lib32:$dist")
    fi
    ;;
esac
# The library path is for what these run, not for qemu and the compilers.
[ ${#shared_by[@]} -eq 0 ] || unset LD_LIBRARY_PATH

# is_wanted PART
is_wanted() {
    case " ${WMLB_CROSS-contract programs command conformance secrets unit} " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
}

export ZIG_GLOBAL_CACHE_DIR=$toolchains/zig-cache ZIG_LOCAL_CACHE_DIR=$toolchains/zig-cache
# The programs may use what came into the C library later, which the library does without.
compile=("$toolchains/zig/ziglang/zig" cc -target "${zig%%.*}" -std=c11 -O1 -D_FILE_OFFSET_BITS=64
    "${warnings[@]}" "-I$root/include")
static=("$dist/libwmlb.a" -static -lunwind)
# qemu 7.2 does not tell of two signals that they are blocked, and ends when threads fork.
others=(^forking)
[ "$is_native" ] || others=(^forking ^the_callbacks_thread) limit=1800
if [ "$machine" = s390x ]; then
    # The header promises nothing of errno, which only the C library sets: here, the crate that
    # makes the system calls goes through it.
    others+=(^errno_stays)
    if [ ! "$is_native" ]; then
        "$toolchains/zig/ziglang/zig" cc -target "${zig%%.*}" -O1 -shared -fPIC \
            tests/cross/fstat.c -o "$work/fstat.so"
        shared_by=("$static_by" -E "LD_PRELOAD=$work/fstat.so" "${shared_by[@]:1}")
    fi
fi
declare -A short=()
[ ! "${WMLB_CROSS_SHORT-}" ] || short=([rounds]=100 [queue]=20000 [stress]=300)

# program NAME WAY BY LINK...: compiles and runs one.
program() {
    local name=$1 way=$2 by=$3
    shift 3
    local -n run_by=$by
    step "compile $name, $way" "${compile[@]}" "tests/c/$name.c" -o "$work/$name" "$@"
    case $name in
    contract)
        step "contract, $way" "${run_by[@]}" "$work/contract" "${others[@]}"
        [ ! "$is_native" ] || step "forking, $way" "${run_by[@]}" "$work/contract" forking
        ;;
    dlopen) step "dlopen, $way" "${run_by[@]}" "$work/dlopen" "$dist/libwmlb.so.1" ;;
    *)
        # shellcheck disable=SC2086
        step "$name, $way" "${run_by[@]}" "$work/$name" ${short[$name]-}
        ;;
    esac
}

# exchange NAME COMMAND...: with what packaging/build.sh made for this machine, where it did.
exchange() {
    local name=$1 own=${CARGO_TARGET_DIR:-target}/dist
    shift
    if [ ! -e "$own/libwmlb.so" ]; then
        echo "left out: $name and this machine's, which packaging/build.sh has not built"
        return
    fi
    own=$(cd "$own" && pwd)
    cc -std=c11 -O1 -pthread -D_FILE_OFFSET_BITS=64 -Iinclude cli/*.c -L"$own" -lwmlb \
        -Wl,-rpath,"$own" -o "$work/own-wmlb"
    rm -rf "$work/exchange"
    step "$name and this machine's" python3 tests/cross/exchange.py "$work/exchange" \
        "$work/own-wmlb" "$@"
}

# programs WAY BY LINK...: all of them, but faults where they are static: it puts its own
# pthread_create before the C library's, which only a loader can do.
programs() {
    local way=$1 name
    ! is_wanted contract || program contract "$@"
    is_wanted programs || return 0
    for name in rounds queue stress faults; do
        [ "$name-$way" = faults-static ] || program "$name" "$@"
    done
}

command_shared() {
    step "the command" python3 tests/cross/cycle.py "$work/cycle" "${shared_by[@]}" "$dist/wmlb"
    exchange "the command" "${shared_by[@]}" "$dist/wmlb"
    case $target in
    aarch64-*)
        [ "$is_native" ] || step "the command, pages of 64 KiB" python3 tests/cross/cycle.py \
            "$work/pages" "$static_by" -p 65536 "${shared_by[@]:1}" "$dist/wmlb"
        ;;
    esac
}

command_static() {
    step "the command, static" python3 tests/cross/cycle.py "$work/static" \
        "${static_by[@]}" "$dist/wmlb-static"
    exchange "the command, static" "${static_by[@]}" "$dist/wmlb-static"
}

conformance() {
    step "compile the C host" "${compile[@]}" tests/conformance/drivers/driver.c -o "$work/driver" \
        -dynamic "${shared[@]}"
    limit=1200 step "conformance, C host" tests/conformance/run.py \
        --command "${shared_by[*]} $work/driver"
}

# The tests beside the source, with the crates that the library was built from. For musl Zig links
# a program statically, and its loader would load that as if it were shared.
unit() {
    local runner run_by=("${shared_by[@]}")
    [[ $target != *-musl ]] || run_by=("${static_by[@]}")
    runner=CARGO_TARGET_$(printf '%s' "$target" | tr a-z- A-Z_)_RUNNER
    [ ${#run_by[@]} -eq 0 ] || export "$runner=${run_by[*]}"
    export CARGO_ZIGBUILD_ZIG_PATH=$toolchains/zig/ziglang/zig PATH=$toolchains/zig/bin:$PATH
    export CARGO_ZIGBUILD_CACHE_DIR=$toolchains/zigbuild
    RUSTFLAGS="${RUSTFLAGS-}${rust_flags:+ $rust_flags}"
    # shellcheck source=../../packaging/flags.sh
    source packaging/flags.sh
    limit=3600 step "the tests beside the source" cargo-zigbuild test --quiet --locked --release \
        --lib --features capi --target "$name_of_target"
}

step "what it exports" python3 tests/cross/exports.py "$dist" "$target"
programs shared shared_by -dynamic "${shared[@]}"
if is_wanted programs && [ "$is_native" ]; then
    program dlopen shared shared_by -dynamic -ldl -rdynamic
fi
! is_wanted command || command_shared
! is_wanted conformance || conformance
if [[ $target == *-musl ]]; then
    programs static static_by "${static[@]}"
    ! is_wanted command || command_static
fi
! is_wanted secrets || limit=3600 program secrets shared shared_by -dynamic "${shared[@]}" -Wl,-z,now
! is_wanted unit || unit

printf 'Tests for %s: %d passed, %d failed\n' "$target" "$passed" "$failed"
[ "$failed" -eq 0 ]
