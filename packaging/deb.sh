#!/bin/sh
# deb.sh OUT: Debian's packages, into OUT, from the source with its crates (packaging/source.sh) and
# without a network. WMLB_DIST names a library that packaging/build.sh has built already: it is
# taken, and no crate is needed. DEB_BUILD_PROFILES=pkg.wmlb.remote adds libwmlb-remote1; WMLB_DIST
# must have that library too then (packaging/build-remote.sh).
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/libwmlb-$version

offline=
if [ "${WMLB_DIST-}" ]; then
    WMLB_DIST=$(cd "$WMLB_DIST" && pwd)
    export WMLB_DIST DEB_BUILD_PROFILES="${DEB_BUILD_PROFILES:+$DEB_BUILD_PROFILES }pkg.wmlb.built"
    mkdir "$tree"
    git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c | tar -x -C "$tree"
    python3 packaging/crates.py notices >"$tree/THIRD-PARTY.txt"
else
    sh packaging/source.sh "$work"
    tar -xf "$tree.tar.xz" -C "$work"
    # Only root may have a network of its own.
    [ "$(id -u)" != 0 ] || offline='unshare --net'
fi
cp -R "$tree/packaging/debian" "$tree/debian"
# Rust need not come from a package of Debian's.
if ! (cd "$tree" && $offline dpkg-buildpackage --no-check-builddeps --build=binary --no-sign) \
    >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
