#!/bin/sh
# localize.sh IN.a OUT.a: the static library as one object, of which only wmlb_* can be seen
# from outside. Else the parts of the Rust runtime, SQLite and zstd in it clash with those of
# other archives in the same program. The sections of LLVM bitcode, which only rustc could use,
# must go: GNU ar with clang's plugin breaks off on them. Groups of sections that linkers keep one
# of must be groups no more: of another archive's and ours, ours would be kept, which is local.
set -eu
objcopy=${OBJCOPY:-objcopy}
folder=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-static.XXXXXX")
trap 'rm -rf "$folder"' EXIT
object=$folder/wmlb.o
"${LD:-ld}" -r --force-group-allocation --whole-archive "$1" -o "$object"
"$objcopy" --wildcard --keep-global-symbol='wmlb_*' --strip-debug \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$object"
rm -f "$2"
"${AR:-ar}" rcsD "$2" "$object"
