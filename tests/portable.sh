#!/bin/sh
# portable.sh [MODULE...]: builds the library as it is on systems that are no Linux, without the
# calls that only Linux has, and runs tests of the main operations with it. Those that are about
# Linux's own calls, or about what other systems lack (docs/platforms.md), fail with it.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- backup.test_file restore.test_success.RoundTrip store.test_changes

# The crates are optimized less than as they are shipped: they are not what is tested.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/portable"
mkdir -p "$CARGO_TARGET_DIR"
CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
export RUSTFLAGS="${RUSTFLAGS-} --cfg wmlb_portable" CARGO_PROFILE_RELEASE_LTO=off
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
cargo rustc --quiet --locked --release --lib --features capi --crate-type cdylib -- -D warnings
export WMLB_LIBRARY="$CARGO_TARGET_DIR/release/libwmlb.so"
cd tests/python
exec python3 -m unittest "$@"
