#!/bin/sh
# release.sh OUT TARGET...: what a release has, into OUT: the source with its crates, for each
# target that packaging/cross.sh built an archive with the library and the command, a bill of
# materials, the recipes of distributions with the source's checksum in them, and the checksums of
# all. WMLB_SOURCE names a source archive that is there already.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
source=${WMLB_SOURCE:+$(realpath "$WMLB_SOURCE")}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-release.XXXXXX")
trap 'rm -rf "$work"' EXIT
archive=$out/libwmlb-$version.tar.xz
if [ "$source" ]; then
    cp "$source" "$archive"
else
    sh packaging/source.sh "$out"
fi
time=$(git log -1 --format=%ct)

# binaries TARGET: the command finds the library beside it, wherever the folder is.
binaries() {
    name=wmlb-$version-$1
    dist=${CARGO_TARGET_DIR:-target}/$1/dist
    tree=$work/$name
    mkdir -p "$tree/bin" "$tree/lib" "$tree/share/man/man1"
    cp -P "$dist"/libwmlb.so* "$tree/lib/"
    cp "$dist/wmlb" "$tree/bin/"
    [ ! -e "$dist/wmlb-static" ] || cp "$dist/wmlb-static" "$tree/bin/"
    # Another processor's objects are not for this machine's linker.
    if [ "${1%%-*}" = "$(uname -m)" ]; then
        sh packaging/localize.sh "$dist/libwmlb.a" "$tree/lib/libwmlb.a"
    fi
    cp -R include "$tree/"
    cp packaging/wmlb.1 "$tree/share/man/man1/"
    cp -R packaging/completions "$tree/share/"
    cp README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE "$tree/"
    python3 packaging/crates.py notices "$1" >"$tree/THIRD-PARTY.txt"
    python3 packaging/crates.py sbom "$1" >"$tree/sbom.cdx.json"
    cp "$tree/sbom.cdx.json" "$out/$name.cdx.json"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" -C "$work" -c "$name" |
        xz -T2 >"$out/$name.tar.xz"
}

for target in "$@"; do
    binaries "$target"
done
rm -rf "$out/recipes"
cp -R packaging/recipes "$out/recipes"
find "$out/recipes" -type f -exec sed -i \
    -e "s/@VERSION@/$version/g" \
    -e "s/@SHA256@/$(sha256sum "$archive" | cut -d' ' -f1)/" \
    -e "s/@SHA512@/$(sha512sum "$archive" | cut -d' ' -f1)/" {} +
(cd "$out" && sha256sum -- *.tar.xz *.json >"$work/sums" && mv "$work/sums" SHA256SUMS)
