#!/bin/sh
# npm.sh OUT [PLATFORM=DIST...]: the package for npm, into OUT, with the library of each platform,
# or with the one that packaging/build.sh has built for this machine. Tells the package's name.
#
#     packaging/npm.sh out linux-x64=target/dist linux-arm64=FOLDER linux-musl-arm64=FOLDER
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- "linux-$(node -p process.arch)=${CARGO_TARGET_DIR:-target}/dist"
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-npm.XXXXXX")
trap 'rm -rf "$work"' EXIT

cp bindings/node/*.js bindings/node/*.ts bindings/node/package.json bindings/node/README.md \
    LICENSE-MIT LICENSE-APACHE "$work/"
WMLB_WITH_REMOTE=1 python3 packaging/crates.py notices >"$work/THIRD-PARTY.txt"
for each in "$@"; do
    mkdir -p "$work/lib/${each%%=*}"
    cp "${each#*=}/libwmlb.so.1" "$work/lib/${each%%=*}/"
    # Loaded when a bucket is asked for; where packaging/build-remote.sh has built it.
    [ ! -e "${each#*=}/libwmlb-remote.so.1" ] ||
        cp "${each#*=}/libwmlb-remote.so.1" "$work/lib/${each%%=*}/"
done
cd "$work"
npm pack --silent --pack-destination "$out"
