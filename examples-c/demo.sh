#!/bin/sh
# Shows the library at work, on a machine with cargo, cc and python3: builds it, makes a
# license store, backs it up, proves that every license can be had back from the file, loses
# the store and restores it.
#
#     examples-c/demo.sh [COUNT]      COUNT licenses, 600 when left out
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
count=${1:-600}

say() { printf '\n== %s\n' "$*"; }

for tool in cargo "${CC:-cc}" python3 tar; do
    command -v "$tool" >/dev/null || { echo "This demo needs $tool." >&2; exit 1; }
done

say 'Building the library and the examples (a minute or two the first time)'
packaging/build.sh
case ${CARGO_TARGET_DIR:-target} in
/*) dist=$CARGO_TARGET_DIR/dist ;;
*) dist=$top/${CARGO_TARGET_DIR:-target}/dist ;;
esac
folder=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-demo.XXXXXX")
store=$folder/store
backup=$folder/backup
mkdir "$folder/programs"
for program in backup progress restore encrypted host_store; do
    "${CC:-cc}" -std=c99 -O2 -Wall -Iinclude "examples-c/$program.c" \
        -L"$dist" -lwmlb -Wl,-rpath,"$dist" -o "$folder/programs/$program"
done
echo "$dist/libwmlb.so, $folder/programs/progress"

say "Making a store of $count licenses"
python3 tests/make_store.py --out "$store" --count "$count" --seed 7
for suffix in lic xmr lcpl bin; do
    printf '%6d  .%s\n' "$(find "$store" -name "*.$suffix" | wc -l)" "$suffix"
done

say "Backing it up: progress $store $backup"
"$folder/programs/progress" "$store" "$backup"

say 'Again, without -f: an older backup is not replaced unasked'
if "$folder/programs/progress" "$store" "$backup"; then
    echo 'It was replaced: that is a defect.' >&2
    exit 1
fi

if ! command -v zstd >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say 'Installing the zstd command, to open the backup without the library'
    # Without lists of packages, which a fresh container lacks, the first try fails.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq zstd >/dev/null 2>&1 ||
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq zstd; } >/dev/null 2>&1 ||
        echo 'That did not work; the demo goes on without.'
fi

say 'What is in the file'
ls -l "$backup/licenses.wmlb"
if command -v zstd >/dev/null; then
    # Into a file first: head would end the pipe early, and that is no failure.
    zstd -dcq "$backup/licenses.wmlb" | tar -tvf - >"$folder/contents"
    head -n 6 "$folder/contents"
    echo "... $(wc -l <"$folder/contents") members in all"

    say 'Unpacking it with zstd and tar, and comparing with the store'
    mkdir "$folder/unpacked"
    zstd -dcq "$backup/licenses.wmlb" | tar -C "$folder/unpacked" -xf -
    diff -r "$store" "$folder/unpacked/licenses"
    echo "All $(find "$folder/unpacked/licenses" -type f | wc -l) licenses came back, byte for byte."
else
    printf 'It begins with the bytes of a zstd stream, 28 b5 2f fd:'
    od -An -tx1 -N4 "$backup/licenses.wmlb"
    cat <<END
To see more, install the zstd command (apt-get install zstd, dnf install zstd,
brew install zstd) and run:
    zstd -dc $backup/licenses.wmlb | tar -tv
    mkdir $folder/unpacked
    zstd -dc $backup/licenses.wmlb | tar -x -C $folder/unpacked
    diff -r $store $folder/unpacked/licenses
END
fi

say 'Losing the store, and restoring it: restore checks the file, lists it, brings all back'
mv "$store" "$folder/lost"
"$folder/programs/restore" "$backup" "$store"
diff -r "$folder/lost" "$store"
echo "The store is as it was: $(find "$store" -type f | wc -l) licenses, byte for byte."

say 'The same, encrypted: encrypted asks for a passphrase, or takes keys of the age command'
echo 'correct horse battery staple' | "$folder/programs/encrypted" save "$store" "$folder/encrypted"
printf 'It begins with: '
head -n 1 "$folder/encrypted/licenses.wmlb"
if echo 'a wrong guess' | "$folder/programs/encrypted" restore "$folder/encrypted" "$folder/again"; then
    echo 'A wrong passphrase has opened it: that is a defect.' >&2
    exit 1
fi
echo 'correct horse battery staple' |
    "$folder/programs/encrypted" restore "$folder/encrypted" "$folder/again"
diff -r "$store" "$folder/again"

say 'A player that keeps its licenses in memory: host_store saves, loses and restores them'
"$folder/programs/host_store" "$folder/host"

say 'Where everything is'
cat <<END
store       $store   (restored; the lost one is $folder/lost)
backup      $backup/licenses.wmlb
programs    $folder/programs/
sources     $top/examples-c/
library     $dist/  (header: $top/include/wmlb.h)
To clean up: rm -r $folder
END
