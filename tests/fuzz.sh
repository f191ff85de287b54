#!/bin/bash
# Runs each fuzz target (fuzz/fuzz_targets) for a while, from the seeds in fuzz/seeds.
#
#     tests/fuzz.sh [--seconds N] [TARGET...]
#
# Needs a nightly toolchain of rustup's, and does nothing without one. cargo-fuzz is not needed:
# what it would pass to the compiler is here, since to install it takes longer than the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=20
if [ "${1-}" = --seconds ]; then
    seconds=$2
    shift 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for target in fuzz/fuzz_targets/*.rs; do
        targets+=("$(basename "$target" .rs)")
    done
fi

# rustup must not install one for this.
export RUSTUP_AUTO_INSTALL=0
if ! host=$(rustc +nightly -vV 2>/dev/null | sed -n 's/^host: //p') || [ -z "$host" ]; then
    echo "fuzz: not run: there is no nightly toolchain"
    exit 0
fi

# As cargo-fuzz 0.13 does: coverage for libFuzzer, the address sanitizer, overflow checks.
flags=(
    --cfg fuzzing -Zsanitizer=address -Cdebug-assertions -Ccodegen-units=1
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-sanitizer-coverage-stack-depth
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
)
# With --target, build scripts go without them. The two copies of a global variable that the
# sanitizer would find in them are one's own.
export ASAN_OPTIONS=detect_odr_violation=0
RUSTFLAGS=${flags[*]} cargo +nightly build --quiet --locked --release --bins \
    --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host"

logs=fuzz/target/logs
corpora=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-fuzz.XXXXXX")
trap 'rm -rf "$corpora"' EXIT
mkdir -p "$logs"

run() {
    local target=$1 code=0 options=()
    local artifacts=fuzz/artifacts/$target dictionary=fuzz/dictionaries/$target.dict
    mkdir -p "$artifacts" "$corpora/$target"
    [ ! -e "$dictionary" ] || options+=("-dict=$dictionary")
    # What is new goes to the first folder.
    "fuzz/target/$host/release/$target" "${options[@]}" -max_total_time="$seconds" \
        -max_len=16384 -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$artifacts/" \
        "$corpora/$target" "fuzz/seeds/$target" >"$logs/$target.log" 2>&1 || code=$?
    echo "$code" >"$corpora/$target.code"
}

for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    run "$target" &
done
wait

passed=0
failed=0
for target in "${targets[@]}"; do
    code=$(cat "$corpora/$target.code")
    if [ "$code" -eq 0 ]; then
        passed=$((passed + 1))
        continue
    fi
    failed=$((failed + 1))
    echo "fuzz: $target ended with $code; all that it said is in $logs/$target.log:"
    grep --no-group-separator -E '^thread .* panicked|^SUMMARY|Test unit written|^Base64' -A 2 \
        "$logs/$target.log" || tail -n 20 "$logs/$target.log"
    echo "fuzz: again: fuzz/target/$host/release/$target FILE"
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
