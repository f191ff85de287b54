#!/bin/bash
# Builds the library and runs all of its tests, from a fresh clone on a Debian machine that
# has cargo, a C compiler and Python. What else the tests need is installed, as root; anybody
# else is told what is missing. The last line counts the tests.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Command (or file, or ensurepip, which makes Python's environments) and the package it is in.
needs=(
    cc:gcc gcc:gcc g++:g++ clang:clang clang++:clang make:make python3:python3 ensurepip:python3-venv
    mandoc:mandoc zsh:zsh fish:fish
    /usr/include/stdio.h:libc6-dev nm:binutils readelf:binutils valgrind:valgrind
    zstd:zstd tar:tar bsdtar:libarchive-tools
    /usr/lib/python3/dist-packages/zstandard:python3-zstandard
    age:age strace:strace mount:mount unshare:util-linux
    fusermount3:fuse3 /usr/include/fuse3/fuse.h:libfuse3-dev pkg-config:pkg-config mkfs.ext4:e2fsprogs
    mount.exfat-fuse:exfat-fuse mkfs.exfat:exfatprogs ntfs-3g:ntfs-3g mergerfs:mergerfs bindfs:bindfs
    sshfs:sshfs /usr/lib/openssh/sftp-server:openssh-sftp-server
    mcs:mono-mcs mono:mono-runtime /usr/lib/mono/4.5/System.Core.dll:libmono-system-core4.0-cil
    luajit:luajit ruby:ruby mpv:mpv /usr/include/mpv/client.h:libmpv-dev
    codespell:codespell cmake:cmake meson:meson ninja:ninja-build
    /usr/include/sqlite3.h:libsqlite3-dev /usr/include/zstd.h:libzstd-dev
    /usr/include/X11/Xlib.h:libx11-dev /usr/include/sqlext.h:unixodbc-dev
    /usr/include/PCSC/winscard.h:libpcsclite-dev /usr/include/wsl/winadapter.h:directx-headers-dev
    chromium:chromium chromedriver:chromium-driver firefox-esr:firefox-esr
)

is_there() {
    case $1 in
    ensurepip) python3 -c 'import ensurepip' 2>/dev/null ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

install_what_is_missing() {
    local need packages=()
    for need in "${needs[@]}"; do
        is_there "${need%%:*}" || packages+=("${need#*:}")
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "The tests need these packages, and only root can install them: ${packages[*]}" >&2
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet
    apt-get install --quiet --yes --no-install-recommends "${packages[@]}"
    for need in "${needs[@]}"; do
        is_there "${need%%:*}" || { echo "There is still no ${need%%:*}" >&2; return 1; }
    done
}

# Headers of Wine and others, beside which the SDK's are tested. They are unpacked, not installed.
fetch_other_headers() {
    [ ! -e "${CARGO_TARGET_DIR:-target}/other-headers/usr" ] || return 0
    [ "$(id -u)" -ne 0 ] || apt-get update --quiet || true
    tests/cpp/sdk/fetch_headers.sh ||
        echo "The headers of others are not there: what needs them is left out." >&2
}

passed=0
failed=0
skipped=0
logs=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-tests.XXXXXX")
log=$logs/log
trap 'rm -rf "$logs"' EXIT

# The sum of the numbers that PATTERN captures in the log.
sum() {
    sed -nE "s/$1/\\1/p" "$log" | awk '{ sum += $1 } END { print sum + 0 }'
}

declare -A begun

# begin NAME COMMAND...: runs the command beside the parts that follow, on a processor that these
# leave idle; `part NAME PASSED FAILED` waits for its end and shows what it said.
begin() {
    local name=$1
    shift
    "$@" >"$logs/$name" 2>&1 &
    begun[$name]=$!
}

# what_was_said NAME CODE
what_was_said() {
    cat "$logs/$1"
    return "$2"
}

# part NAME PASSED FAILED [COMMAND...]: runs the command, or ends what has begun under this name,
# and counts by the two patterns.
part() {
    local name=$1 good=$2 bad=$3 code=0 part_passed part_failed
    shift 3
    echo "== $name"
    SECONDS=0
    if [ $# -eq 0 ]; then
        wait "${begun[$name]}" || code=$?
        set -- what_was_said "$name" "$code"
        code=0
    fi
    "$@" 2>&1 | tee "$log" || code=$?
    part_passed=$(sum "$good")
    part_failed=$(sum "$bad")
    # A runner that failed, or ran nothing, has failed even if it counted no failure.
    if [ "$part_failed" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$part_passed" -eq 0 ]; }; then
        part_failed=1
    fi
    passed=$((passed + part_passed))
    failed=$((failed + part_failed))
    echo "== $name: $part_passed passed, $part_failed failed, $SECONDS s"
}

# python_room OUTPUT ROOM: runs the tests of a folder, and shows them when all are done; one that
# hangs is ended.
python_room() {
    local code=0
    timeout 1800 python3 -m unittest discover -s "tests/python/$2" -t tests/python -v >"$1/$2" 2>&1 || code=$?
    echo "ended with $code" >>"$1/$2"
    echo "-- $2"
    cat "$1/$2"
}

# One room more at once than there are processors, since many tests wait for the disk; the longest
# first. unittest counts what it ran; this turns that into what has passed. A room that says nothing
# at its end has failed.
python_tests() {
    local output room rooms ran bad left_out good
    output=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-python.XXXXXX")
    rooms=$(cd tests/python && ls -d */ | tr -d / | grep -v __pycache__)
    export -f python_room
    printf '%s\n' trust restore sqlite $rooms | awk '!seen[$0]++' |
        xargs -P "$(($(nproc) + 1))" -I{} bash -c 'python_room "$@"' room "$output" {}
    ran=$(sum_of '^Ran ([0-9]+) tests?.*' "$output")
    bad=$(cat "$output"/* | grep '^FAILED' |
        grep -oE '(failures|errors|unexpected successes)=[0-9]+' |
        awk -F= '{ sum += $2 } END { print sum + 0 }' || true)
    left_out=$(sum_of '^(OK|FAILED) .*skipped=([0-9]+).*' "$output" 2)
    for room in $rooms; do
        if ! grep -qE '^(OK|FAILED)' "$output/$room"; then
            echo "$room did not come to its end"
            bad=$((bad + 1))
        fi
    done
    # Several failures of one test's parts count each.
    good=$((ran - bad - left_out))
    echo "python: $((good > 0 ? good : 0)) passed, $bad failed, $left_out skipped"
    room=$(grep -LxF 'ended with 0' "$output"/* | wc -l || true)
    rm -rf "$output"
    [ "$room" -eq 0 ]
}

# sum_of PATTERN FOLDER [GROUP]: the sum of the numbers that it captures in the files there.
sum_of() {
    cat "$2"/* | sed -nE "s/$1/\\${3:-1}/p" | awk '{ sum += $1 } END { print sum + 0 }'
}

smoke_test() {
    make -C examples-c smoke-test WMLB=tree && echo "examples: 1 passed, 0 failed"
}

install_what_is_missing
fetch_other_headers

echo "== build the library as it is shipped"
if ! sh packaging/build.sh; then
    echo "The library does not build." >&2
    echo "0 passed, 1 failed"
    exit 1
fi

result='^test result: .* ([0-9]+) passed; .*'
part "cargo test" "$result" '^test result: .* ([0-9]+) failed; .*' \
    cargo test --locked --no-fail-fast
begin "SDK" tests/cpp/sdk/run.sh
part "C and C++" '^C tests: ([0-9]+) passed, .*' '^C tests: .* ([0-9]+) failed$' tests/c/run.sh
part "SDK" '^SDK tests: ([0-9]+) passed, .*' '^SDK tests: .* ([0-9]+) failed, .*'
beside=$(sum '^SDK tests: .* ([0-9]+) skipped$')
if tests/cross/ci.sh --toolchain; then
    part "musl" '^Tests for .*: ([0-9]+) passed, .*' '^Tests for .* ([0-9]+) failed$' \
        tests/cross/ci.sh
else
    echo "musl: left out, since its compilers cannot be had (packaging/toolchains.sh)"
    beside=$((beside + 1))
fi
begin "models" tests/model/run.sh 300
part "Python package" '^python package: ([0-9]+) passed, .*' '^python package: .* ([0-9]+) failed$' \
    bindings/python/tests/run.sh
part "conformance" '^conformance: ([0-9]+) passed, .*' '^conformance: .* ([0-9]+) failed, .*' \
    tests/conformance/run.py --install
part "LuaJIT" '^LuaJIT: ([0-9]+) passed, .*' '^LuaJIT: .* ([0-9]+) failed$' bindings/lua/test/run.sh
part "Kodi" '^Kodi: ([0-9]+) passed, .*' '^Kodi: .* ([0-9]+) failed$' \
    python3 bindings/kodi/test/test_addon.py
part "C#" '^C#: ([0-9]+) passed, .*' '^C#: .* ([0-9]+) failed$' bindings/csharp/tests/run.sh
part "examples" '^examples: ([0-9]+) passed, .*' '^examples: .* ([0-9]+) failed$' smoke_test
part "remote" '^remote: ([0-9]+) passed, .*' '^remote: .* ([0-9]+) failed, .*' tests/remote/run.sh
beside=$((beside + $(sum '^remote: .* ([0-9]+) skipped$')))
part "models" '^models: ([0-9]+) passed, .*' '^models: .* ([0-9]+) failed$'
part "Python" '^python: ([0-9]+) passed, .*' '^python: .* ([0-9]+) failed, .*' python_tests
skipped=$((beside + $(sum '^python: .* ([0-9]+) skipped$')))

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
