#!/bin/bash
# Installs the package, with the library that packaging/build.sh has built, into an
# environment of its own, and runs its tests there. The last line counts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

target=$(realpath "${CARGO_TARGET_DIR:-target}")
export WMLB_LIBRARY=${WMLB_LIBRARY:-$target/dist/libwmlb.so.1}
environment=$target/python-package
python=$environment/bin/python

[ -x "$python" ] || python3 -m venv "$environment"
# One of the same version, from before, would stay.
"$python" -m pip uninstall --quiet --yes wmlb
"$python" -m pip install --quiet "./bindings/python[test]"

output=$(mktemp "${TMPDIR:-/tmp}/wmlb-pytest.XXXXXX")
trap 'rm -f "$output"' EXIT
code=0
"$python" -m pytest --quiet -c bindings/python/pyproject.toml bindings/python/tests 2>&1 |
    tee "$output" || code=$?
count() {
    tail -n 1 "$output" | grep -oE "[0-9]+ $1" | awk '{ sum += $1 } END { print sum + 0 }' || true
}
echo "python package: $(count passed) passed, $(count '(failed|error)') failed"
exit "$code"
