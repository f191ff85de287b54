#!/bin/sh
# portable.sh [MODULE...]: builds the library as it is on systems that are no Linux, without the
# calls that only Linux has, and runs tests of the main operations with it.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- backup.test_commit backup.test_file restore.test_success \
    restore.test_kill store.test_changes store.test_entries target.test_descriptor \
    target.test_host sqlite.test_snapshots verify.test_damage lists.test_enumerate

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
