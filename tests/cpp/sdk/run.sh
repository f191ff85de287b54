#!/bin/bash
# Tests the SDK's side of the library in target/dist: wmlb_wmsdk.hpp, the headers in include/wmsdk,
# libwmvcore.so, programs written for the SDK, and all of these beside the headers of others. Those
# that are neither installed nor in target/other-headers (fetch_headers.sh) are left out, and
# named. With names of others as arguments, only what stands beside these is tested.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$(dirname "$here")")")
# shellcheck source=../../c/steps.sh
source "$root/tests/c/steps.sh"

skipped=0
include=$root/include
strict=("${warnings[@]}" -Wconversion -Wshadow)
# What pkg-config --cflags wmlb-wmsdk gives.
sdk=(-I"$include/wmsdk/beside" -I"$include/wmsdk" -I"$include")
made=$work/made/package
export CPPFLAGS='' CXXFLAGS='-O1 -g -Werror' LDFLAGS=''
make=(make -s -C "$root" "CARGO_TARGET_DIR=$work/made" "DIST=$dist")
step "build libwmvcore" "${make[@]}" wmvcore
ln -s libwmvcore.so "$made/libwmvcore.so.1"
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$made
wmvcore=(-L"$made" -lwmvcore "${shared[@]}")

store=$work/restricted
step "a store with restricted licenses" python3 "$root/tests/make_store.py" \
    --out "$store" --count 60 --restricted-percent 40

# shellcheck source=parts/object.sh
[ $# -gt 0 ] || source "$here/parts/object.sh"
# shellcheck source=parts/programs.sh
[ $# -gt 0 ] || source "$here/parts/programs.sh"
# shellcheck source=parts/beside.sh
source "$here/parts/beside.sh" "$@"

printf 'SDK tests: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
