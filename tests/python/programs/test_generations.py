"""The wmlb command and generations: what it keeps, shows and forgets, and the points in time that
it takes."""

import json
import os
import shutil
import subprocess

import archive_forge
import generations_support as g
import support
import wmlb_ctypes as w
from command_support import CommandCase
from encryption_support import key

# A Monday.
TIMES = [g.seconds("20261130T120000Z"), g.seconds("20261130T080000Z"),
         g.seconds("20261129T235959Z"), g.seconds("20261001T000000Z")]


class Generations(CommandCase):
    def run_it(self, code, *arguments, zone="UTC", **options):
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, timeout=60, text=True,
            env={**os.environ, "TZ": zone, "HOME": self.root, "LD_LIBRARY_PATH":
                 os.path.dirname(os.path.abspath(w.LIBRARY))}, **options)
        self.assertEqual(done.returncode, code, done)
        return done

    def put(self, times=TIMES):
        """Backups of these times, each with its number in the license "a"."""
        for number, time in enumerate(times):
            name = g.name_of(time) if number else w.BACKUP_NAME
            support.write(os.path.join(self.backups, name),
                          archive_forge.small({b"a": b"%d" % number}, created=time))

    def names(self):
        return sorted(os.listdir(self.backups))

    def test_a_backup_keeps(self):
        self.fill(2)
        for number in range(4):
            support.write(os.path.join(self.store, "license-0000.lic"), b"%d" % number)
            self.run_it(0, "backup", "--quiet", "--keep", "last=2", "--store", self.store,
                        self.backups)
        self.assertEqual(len(self.names()), 2)
        newest, other = [self.opened(os.path.join(self.backups, name)).files()
                         for name in reversed(self.names())]
        self.assertEqual((newest[b"license-0000.lic"], other[b"license-0000.lic"]), (b"3", b"2"))
        self.run_it(4, "backup", "--store", self.store, self.backups)
        # Nobody has agreed to fewer licenses.
        shutil.rmtree(self.store)
        os.mkdir(self.store)
        self.run_it(1, "backup", "--keep", "last=2", "--store", self.store, self.backups)
        said = self.run_it(2, "backup", "--keep", "some", "--store", self.store, self.backups)
        self.assertIn('wmlb: --keep: "some" is not', said.stderr)
        said = self.run_it(2, "backup", "--keep", "last=2", "--store", self.store, "-",
                           stdin=subprocess.DEVNULL)
        self.assertIn("in folders only: --keep", said.stderr)

    def test_what_a_folder_has(self):
        self.put()
        rows = self.run_it(0, "generations", self.backups).stdout.splitlines()
        self.assertEqual(rows[0].split(), ["MADE", "BYTES", "LICENSES", "ENCRYPTED", "FILE"])
        self.assertEqual([row.split()[0] for row in rows[1:]], [
            "2026-11-30T12:00:00Z", "2026-11-30T08:00:00Z", "2026-11-29T23:59:59Z",
            "2026-10-01T00:00:00Z"])
        self.assertEqual(rows[2].split()[2:], ["1", "no", g.name_of(TIMES[1])])
        path = os.path.join(self.backups, w.BACKUP_NAME)
        for place in (self.backups, path):
            found = json.loads(self.run_it(0, "generations", "--json", place).stdout)
            self.assertEqual([one["created"] for one in found], TIMES)
            self.assertEqual(found[0], {
                "path": path, "created": TIMES[0], "size": os.path.getsize(path),
                "encrypted": False, "licenses": 1, "bytes": 1, "device_id": "00" * 16,
                "store": "directory"})
        empty = os.path.join(self.root, "empty")
        os.mkdir(empty)
        self.assertEqual(self.run_it(0, "generations", "--json", empty).stdout, "[]\n")
        self.run_it(1, "generations", os.path.join(self.root, "none"))

    def test_what_cannot_be_told(self):
        pair = key()
        self.fill(2)
        self.run_it(0, "backup", "--recipient", pair.recipient, "--store", self.store,
                    self.backups)
        said = self.run_it(0, "generations", self.backups).stdout.splitlines()[1].split()
        self.assertEqual((said[0], said[2:]), ("?", ["?", "yes", w.BACKUP_NAME]))
        told, = json.loads(self.run_it(0, "generations", "--json", self.backups).stdout)
        self.assertEqual((told["created"], told["licenses"], told["bytes"]), (None,) * 3)
        identity = os.path.join(self.root, "identity")
        support.write(identity, pair.identity.encode())
        told, = json.loads(self.run_it(0, "generations", "--json", "--identity", identity,
                                       self.backups).stdout)
        self.assertEqual((told["licenses"], told["bytes"]), (2, 2000))
        # Its file says the time.
        os.utime(self.target, (TIMES[1], TIMES[1]))
        self.run_it(0, "verify", "--identity", identity, "--at", "@%d" % TIMES[1], self.backups)
        self.run_it(1, "verify", "--identity", identity, "--at", "@%d" % (TIMES[1] - 1),
                    self.backups)

    def test_what_is_forgotten(self):
        self.put()
        before = self.names()
        options = ["forget", "--keep", "last=1 daily=2"]
        said = self.run_it(0, *options, "--dry-run", self.backups).stdout
        self.assertEqual(self.names(), before)
        *rows, end = [row.split() for row in said.splitlines()]
        self.assertEqual([(row[0], *row[2:]) for row in rows[1:]], [
            ("stays", "current", "last", "daily", w.BACKUP_NAME),
            ("goes", "nothing", g.name_of(TIMES[1])), ("stays", "daily", g.name_of(TIMES[2])),
            ("goes", "nothing", g.name_of(TIMES[3]))])
        self.assertEqual(" ".join(end), "would remove 2 of 4 backups")
        found = json.loads(self.run_it(0, *options, "--dry-run", "--json", self.backups).stdout)
        self.assertEqual([(one["stays"], one["kept_by"]) for one in found], [
            (True, ["current", "last", "daily"]), (False, []), (True, ["daily"]), (False, [])])
        self.assertEqual(self.run_it(0, *options, self.backups).stdout,
                         said.replace("would remove", "removed"))
        self.assertEqual(self.names(), sorted([w.BACKUP_NAME, g.name_of(TIMES[2])]))
        self.assertIn("an option is missing: --keep", self.run_it(2, "forget", self.backups).stderr)
        self.run_it(1, "forget", "--keep", "", self.backups)

    def test_one_of_a_time(self):
        self.put()
        for when, zone, expected in (
                ("2026-11-30", "UTC", "0"), ("2026-11-30 12:00", "UTC", "0"),
                ("2026-11-30 11:59", "UTC", "1"), ("2026-11-30T12:00:00Z", "UTC", "0"),
                ("2026-11-30 11:59:59", "UTC", "1"), ("2026-11-30T08:00:00Z", "UTC", "1"),
                ("20261130T075959Z", "UTC", "2"), ("20261129", "UTC", "2"),
                ("2026-11-29", "UTC+4", "2"), ("2026-11-29", "UTC-1", "3"),
                ("2026-11-30 09:00", "UTC-1", "1"), ("2026-11-30T09:00+01:00", "UTC", "1"),
                ("2026-11-30T03:59:59-0400", "UTC", "2"), ("@%d" % TIMES[2], "UTC", "2"),
                ("2026-11-29T23:59:58Z", "UTC", "3"), ("9999-12-31", "UTC", "0")):
            with self.subTest(when=when, zone=zone):
                said = self.run_it(0, "cat", "--at", when, self.backups, "a", zone=zone)
                self.assertEqual(said.stdout, expected)
        odd = os.fsencode(self.root) + b"/\xff"
        os.rename(self.backups, odd)
        for place in (".", "licenses.wmlb", "./licenses.wmlb"):
            said = self.run_it(0, "cat", "--at", "2026-11-29", place, "a", cwd=odd)
            self.assertEqual(said.stdout, "2")
        os.rename(odd, self.backups)
        self.assertIn("no backup from then or before",
                      self.run_it(1, "verify", "--at", "2026-09-30", self.backups).stderr)
        self.run_it(0, "restore", "--individualize", "--at", "2026-10-31", "--store", self.store,
                    self.backups)
        self.assertEqual(support.read(os.path.join(self.store, "a")), b"3")
        named = os.path.join(self.backups, g.name_of(TIMES[2]))
        self.assertEqual(self.run_it(0, "cat", named, "a").stdout, "2")
        self.assertEqual(self.run_it(0, "cat", "--at", "2026-11-30", named, "a").stdout, "0")
        found = json.loads(self.run_it(0, "list", "--json", "--at", "20261001", named).stdout)
        self.assertEqual([one["name"] for one in found], ["a"])

    def test_what_is_no_time(self):
        for when in ("", "@", "@-1", "@1x", "yesterday", "2026", "2026-11", "2026-1-1", "2026-02-30",
                     "2026-13-01", "2026-00-01", "2026-01-00", "2026-11-30T", "2026-11-30 24:00",
                     "2026-11-30 12", "2026-11-30 12:60", "2026-11-30 12:00:60",
                     "2026-11-30T12:00:00X", "2026-11-30T12:00:00Zx", "2026-11-30T12:00+1",
                     "20261130T1200:00", "2026-11-30x", "@99999999999999999999"):
            with self.subTest(when=when):
                said = self.run_it(2, "verify", "--at", when, self.backups).stderr
                self.assertIn("not a point in time: %s\n" % when, said)
        self.run_it(2, "verify", "--at", "2026-11-30", "-", stdin=subprocess.DEVNULL)
        self.run_it(2, "list", "--at", "2026-11-30", "--store", self.store)
