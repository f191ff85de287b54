#!/bin/bash
# The whole of the fault loops, against the library that tests/build-library.sh has built. Prints
# one table; what was violated goes to the standard error. Exit code 1: something was.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

code=0
echo "| what | tried | violated |"
echo "|---|---|---|"
./loops.py || code=1
./flips.py || code=1
./abuse.py || code=1
# As root, with fuse3, libfuse3-dev, pkg-config, xfsprogs and btrfs-progs.
./power.py || code=1
exit $code
