# What scripts share that compile and run programs on the library in target/dist, or $DIST: they set
# $root, the top. One line for each step; a step that fails shows what it said.

# A relative one counts from the top.
dist=$(cd "$root" && cd "${DIST:-${CARGO_TARGET_DIR:-target}/dist}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-c-tests.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
export TMPDIR=$work/tmp
export LD_LIBRARY_PATH=$dist

warnings=(-Wall -Wextra -Wpedantic -Werror)
shared=(-L"$dist" -lwmlb -pthread -ldl)

passed=0
failed=0

# step NAME COMMAND...: a hang counts as a failure.
step() {
    local name=$1
    shift
    if timeout --kill-after=10 "${limit:-600}" "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        printf 'ok    %-42s %s\n' "$name" "$(grep . "$work/output" | tail -n 1 | cut -c 1-110)"
    else
        printf 'FAIL  %s: exit code %d of %s\n' "$name" $? "$*"
        # Calls that valgrind does not know are answered by it as an old kernel would.
        grep -v '^--[0-9]*-- ' "$work/output" | head -n 200 | sed 's/^/      /' || true
        failed=$((failed + 1))
    fi
}
