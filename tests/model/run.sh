#!/bin/bash
# The models of what threads do with a restorer and with a queue: all orders that loom finds, and so
# many random ones of each scenario (10,000). Prints rows of a table: what | scenarios | that fail;
# and, where messages go, how many pass.
#
#     tests/model/run.sh [SCHEDULES]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-target}/model
export WMLB_SCHEDULES=${1:-10000}
code=0
all_passed=0
all_failed=0
for model in loom shuttle; do
    said=$(RUSTFLAGS="${RUSTFLAGS-} --cfg wmlb_$model" cargo test --quiet --locked --lib \
        --manifest-path tests/model/Cargo.toml --target-dir "$target/$model" -- \
        model:: 2>&1) || code=1
    counts=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed.*/\1 \2/p' <<<"$said")
    read -r passed failed <<<"${counts:-0 1}"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || { code=1 && echo "$said" >&2; }
    what="every order of three switches"
    [ "$model" = loom ] || what="$WMLB_SCHEDULES random orders each"
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    echo "| threads on one restorer or queue, $what ($model) | $((passed + failed)) | $failed |"
done
echo "models: $all_passed passed, $all_failed failed" >&2
exit $code
