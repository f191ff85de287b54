#!/bin/bash
# Builds the library as it is shipped, and tries all of the fault loops against it. Prints
# one table; what was violated goes to the standard error. Exit code 1: something was.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

code=0
../../packaging/build.sh >&2 || exit 1
echo "| what | tried | violated |"
echo "|---|---|---|"
./loops.py || code=1
./flips.py || code=1
./crafted.py || code=1
./abuse.py || code=1
# As root, with fuse3, libfuse3-dev, pkg-config, xfsprogs and btrfs-progs.
./power.py || code=1
../filesystems/all.py || code=1
# It says what is not installed.
../filesystems/real.py || code=1
# With 10 GB of room where temporary files are.
./million.py || code=1
# Whether all that would see a bug.
./seeded.py || code=1
# With rustup's nightly toolchain, rust-src, and clang and llvm of its version.
./sanitizers.py || code=1
../model/run.sh 100000 || code=1
./reproducible.sh || code=1
exit $code
