#!/bin/sh
# gtk-demo.sh: runs gtk_backup on a screen of its own (Xvfb): saves a store, is refused where there
# is a backup, and is canceled in the middle of a large one.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-gtk.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/store" "$work/large"
for number in 1 2 3; do echo "license $number" >"$work/store/$number"; done
# Nothing but a hole, which takes seconds to read.
truncate -s 16G "$work/large/hole"

on_screen() { timeout 60 xvfb-run --auto-servernum ./gtk_backup "$@"; }

on_screen "$work/store" "$work/backups"
test -s "$work/backups/licenses.wmlb"
! on_screen "$work/store" "$work/backups" 2>"$work/said"
grep -q 'backup' "$work/said"

on_screen "$work/large" "$work/canceled" 2>"$work/said" &
until pid=$(pgrep --newest --full "^./gtk_backup $work/large") && [ -d "$work/canceled" ]; do
    sleep 0.1
done
kill -INT "$pid"
! wait $!
grep -q 'canceled' "$work/said"
test -z "$(ls -A "$work/canceled")"
echo "gtk_backup: saved, refused, canceled"
