#!/bin/sh
# package.sh FOLDER: makes the add-on there, script.wmlb, with the Python package and the library
# that packaging/build.sh has built in it; and script.wmlb-1.0.0.zip, which Kodi installs, where
# zip is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

mkdir -p "$1"
rm -rf "$1/script.wmlb"
cp -r "$here/script.wmlb" "$1"
mkdir "$1/script.wmlb/resources/lib"
cp -r "$root/bindings/python/src/wmlb" "$1/script.wmlb/resources/lib"
rm -rf "$1/script.wmlb/resources/lib/wmlb/__pycache__"
cp -L "${WMLB_LIBRARY:-$target/dist/libwmlb.so.1}" "$1/script.wmlb/resources/lib/wmlb/libwmlb.so.1"
cp "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$1/script.wmlb"
if command -v zip >/dev/null; then
    (cd "$1" && rm -f script.wmlb-1.0.0.zip && zip -qr script.wmlb-1.0.0.zip script.wmlb)
fi
