#!/bin/sh
# source.sh OUT: the release's source, OUT/libwmlb-VERSION.tar.xz, with all crates, so that it is
# built without a network. It is the same for the same commit, whoever makes it.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
tree=libwmlb-$version
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-source.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/$tree/.cargo"
git archive HEAD | tar -x -C "$work/$tree"
cargo vendor --quiet --locked --versioned-dirs "$work/$tree/vendor"
cat >"$work/$tree/.cargo/config.toml" <<'END'
[source.crates-io]
replace-with = "vendor"

[source.vendor]
directory = "vendor"
END
python3 packaging/crates.py notices >"$work/$tree/THIRD-PARTY.txt"
time=$(git log -1 --format=%ct)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" -C "$work" -c "$tree" |
    xz -T2 >"$out/$tree.tar.xz"
