#!/bin/sh
# wheel.sh TARGET OUT: a wheel for Python with the library that packaging/cross.sh built for a
# target, or that is in WMLB_DIST, into OUT. Its name says which systems it is for: by glibc, from
# the newest symbol that the library needs. PYTHON has hatchling and pip; for musl there is
# patchelf.
set -eu
target=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
cd "$(dirname "$0")/.."
dist=${WMLB_DIST:-${CARGO_TARGET_DIR:-target}/$target/dist}
WMLB_LIBRARY=$(cd "$dist" && pwd)/libwmlb.so.1
# Loaded when a bucket is asked for; where packaging/build-remote.sh has built it.
WMLB_REMOTE_LIBRARY=$(cd "$dist" && pwd)/libwmlb-remote.so.1
[ -e "$WMLB_REMOTE_LIBRARY" ] || WMLB_REMOTE_LIBRARY=
machine=$(printf '%s' "$target" | sed 's/-.*//; s/^armv7$/armv7l/; s/^riscv64gc$/riscv64/')

# What manylinux and musllinux say of each; the name of 2014 is for installers that are old.
case $target in
*-musl*) platform=musllinux_1_2_$machine ;;
*)
    newest=$(readelf --wide --version-info "$WMLB_LIBRARY" ${WMLB_REMOTE_LIBRARY:+"$WMLB_REMOTE_LIBRARY"} |
        sed -n 's/.*Name: GLIBC_\([0-9.]*\).*/\1/p' | sort -V | tail -n 1)
    platform=manylinux_$(printf '%s' "$newest" | cut -d. -f1,2 | tr . _)_$machine
    oldest=$(printf '%s\n2.17\n' "$newest" | sort -V | tail -n 1)
    [ "$oldest" != 2.17 ] || platform=manylinux_2_17_$machine.manylinux2014_$machine
    ;;
esac
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-wheel.XXXXXX")
trap 'rm -rf "$work"' EXIT
case $target in
*-musl*)
    # By this name musl's own systems have the C library, and auditwheel knows it; musl's loader
    # takes each that begins so for itself.
    cp "$WMLB_LIBRARY" "$work/libwmlb.so.1"
    WMLB_LIBRARY=$work/libwmlb.so.1
    if [ -n "$WMLB_REMOTE_LIBRARY" ]; then
        cp "$WMLB_REMOTE_LIBRARY" "$work/libwmlb-remote.so.1"
        WMLB_REMOTE_LIBRARY=$work/libwmlb-remote.so.1
    fi
    patchelf --replace-needed libc.so "libc.musl-$machine.so.1" "$WMLB_LIBRARY" \
        ${WMLB_REMOTE_LIBRARY:+"$WMLB_REMOTE_LIBRARY"}
    ;;
esac
WMLB_WITH_REMOTE=1 python3 packaging/crates.py notices "$target" >"$work/THIRD-PARTY.txt"
export WMLB_LIBRARY WMLB_REMOTE_LIBRARY WMLB_NOTICES="$work/THIRD-PARTY.txt" WMLB_WHEEL_PLATFORM="$platform"
"${PYTHON:-python3}" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" \
    ./bindings/python
mv "$work"/*.whl "$out/"
