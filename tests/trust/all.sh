#!/bin/bash
# Tries the promises of SECURITY.md for long, against the library as it is shipped: races of two
# users, programs that go on writing, a player in the same process, mutated databases. Prints one
# table; what was violated goes to the standard error. Exit code 1: something was. As root.
#
#     all.sh [SECONDS] [ROUNDS]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-600}

code=0
echo "| what | tried | violated |"
echo "|---|---|---|"
./race.py --seconds "$seconds" || code=1
./writers.py --seconds "$seconds" || code=1
./same_process.py --rounds "${2:-1000}" || code=1
./fuzz_databases.py --seconds "$seconds" || code=1
exit $code
