#!/bin/sh
# portable.sh [MODULE...]: builds the library as it is on systems that are no Linux, without the
# calls that only Linux has, and runs tests of the main operations with it. What differs there is in
# portable.txt, with the reason: those tests have to fail, and all others to pass.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- backup.test_file backup.test_kill backup.test_commit backup.test_failures \
    backup.test_same_bytes restore.test_success restore.test_failures restore.test_recovery \
    restore.test_chosen restore.test_kill store.test_changes lists.test_compare \
    lists.test_compare_rows lists.test_enumerate process.test_descriptors process.test_fork \
    process.test_sandboxes process.test_old_kernels

# The crates are optimized less than as they are shipped: they are not what is tested.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/portable"
mkdir -p "$CARGO_TARGET_DIR"
CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
export RUSTFLAGS="${RUSTFLAGS-} --cfg wmlb_portable" CARGO_PROFILE_RELEASE_LTO=off
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
cargo rustc --quiet --locked --release --lib --features capi --crate-type cdylib -- -D warnings
export WMLB_LIBRARY="$CARGO_TARGET_DIR/release/libwmlb.so"
cd tests/python
exec python3 ../portable.py "$@"
