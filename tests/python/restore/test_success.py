"""Restores that succeed: what is in the store then, and the events on the way."""

import os
import socket
import stat
import struct
import subprocess
import unittest

import archive
import archive_forge as forge
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of, last_progress, snapshot

MIB = 1 << 20
NANOSECOND_TIMES = (
    0, 1, -1, 10**9 - 1, 10**9, -(10**9), -1500000000, 1700000000123456789,
    0o77777777777 * 10**9, (0o77777777777 + 1) * 10**9, 0o77777777777 * 10**9 + 1,
)


class RoundTrip(RestoreCase):
    def check(self, files, **properties):
        """Saves these files, restores them, and compares everything."""
        self.save(files)
        for name, value in properties.items():
            self.restorer.set(name, value)
        events = self.assert_ends(self.restorer.restore())
        self.assert_same(snapshot(self.store), self.restored(), "restored")
        self.assert_alone()
        done = [event for event in events if event.status == w.STATUS_PROGRESS][-1].progress
        size = sum(len(c[0] if isinstance(c, tuple) else c) for c in files.values())
        self.assertEqual((done.licenses_done, done.licenses_total), (len(files), len(files)))
        self.assertEqual((done.bytes_done, done.bytes_total), (size, size))
        self.assertEqual((done.licenses_restricted, done.licenses_skipped), (0, 0))
        return events

    def test_an_empty_store(self):
        self.check({})
        self.assertEqual(os.listdir(self.store), [])

    def test_empty_files(self):
        self.check({b"a": b"", b"b/c": b"", b"d": b"x"})

    def test_odd_names(self):
        names = [
            b" ", b"  leading", b"trailing ", b"-rf", b"--", b"*", b"?", b"~", b"$HOME", b"\\",
            b"a\\b", b"C:", b"C:\\x", b"COM1", b"con.txt", b"a:b", b"\"quoted\"", b"'", b"`id`",
            b"new\nline", b"tab\t", b"\r", b"\x1b[31mred", b"\x7f", b"\x01", b"...", b".hidden",
            b"..x", b"x..", b".wmlb-restore-", b".wmlb-restore-0123", b"licenses.wmlb",
            b"wmlb.json", b"wmlb-summary.json", b"journal", b"new", b"old-0", b"moved-1",
            b"PaxHeaders/license", b"licenses/licenses/x", b"%s%n", b"a=b", b"12 path=x",
        ]
        self.check({name: b"<%s>" % name for name in names})

    def test_names_that_are_not_ascii(self):
        names = [
            "ü".encode(), "u\u0308".encode(), "日本語".encode(), "😀".encode(), "\ufeff".encode(),
            "a/ü/b".encode(), b"\xff", b"\x80\x81", b"ok/\xc3\x28", b"\xed\xa0\x80", b"\xfe/\xfe",
        ]
        self.check({name: name for name in names})

    def test_twins_by_case_and_by_normal_form(self):
        self.check({b"a": b"1", b"A": b"2", "é".encode(): b"3", "e\u0301".encode(): b"4"})

    def test_names_as_long_as_they_can_be(self):
        files = {}
        for length in (91, 92, 99, 100, 101, 145, 146, 147, 154, 155, 156, 254, 255):
            files[b"n" * length] = b"%d" % length
            files[b"f" * length + b"/x"] = b"%d" % length
            files[b"\xfe" + b"b" * (length - 1)] = b"%d" % length
        self.check(files)

    def test_paths_at_the_edges_of_the_tar_fields(self):
        files = {}
        for total in list(range(88, 94)) + list(range(240, 260)):
            for first in (1, 90, 140, 145, 146, 147, 150):
                if first + 1 < total and total - first - 1 <= 255:
                    files[b"p" * first + b"/" + b"n" * (total - first - 1)] = b"%d" % total
        self.check(files)

    def test_deep_paths(self):
        self.check({b"d/" * 300 + b"x": b"300 deep", b"d/" * 299 + b"y": b"near it"})

    def test_paths_longer_than_the_system_takes_at_once(self):
        # Longer than PATH_MAX, and nearly as long as a name may be.
        long = b"/".join([b"%02d" % n + b"x" * 200 for n in range(60)])
        self.check({long + b"/license": b"far", long[:5000].rstrip(b"/") + b"!": b"half way"})

    def test_many_small_ones(self):
        files = {}
        for number in range(3000):
            files[b"%02d/%d/license-%d" % (number % 37, number % 5, number)] = b"%d" % number * 9
        self.check(files)
        self.assertGreater(len(files), 1024, "more than one batch of names")

    def test_sizes_at_the_edges_of_frames(self):
        files = {}
        for edge in (512, forge.LARGEST_WHOLE, MIB, 2 * MIB, 3 * MIB):
            for size in (edge - 1, edge, edge + 1):
                files[b"%08d" % size] = os.urandom(1024) * (size // 1024) + b"e" * (size % 1024)
        self.check(files)

    def test_sizes_around_a_frame_that_is_full(self):
        files, share = {}, 100 * 1024
        for number in range(60):
            files[b"%03d" % number] = os.urandom(64) * ((share + number * 512) // 64)
        self.check(files)

    def test_large_ones_on_one_thread_and_on_many(self):
        files = {
            b"a/large": os.urandom(9 * MIB + 17), b"a/small": b"s", b"b": bytes(20 * MIB),
            b"c/%d": os.urandom(MIB),
        }
        self.save(files)
        for threads in (1, 2, 3, 8):
            store = os.path.join(self.place, "store-%d" % threads)
            self.restorer.set("StorePath", store)
            self.restorer.set("Threads", threads)
            self.assert_ends(self.restorer.restore())
            self.assert_same(snapshot(store), self.restored(), "%d threads" % threads)

    def test_times(self):
        # ext4 holds times until 2446 only, so the folder is one that holds all of them.
        disk = os.path.join(self.root, "disk")
        support.mount(self, disk, "tmpfs")
        self.source, self.place = disk + "/source", disk + "/place"
        self.store = self.place + "/store"
        os.mkdir(self.source)
        os.mkdir(self.place)
        self.saver.set("StorePath", self.source)
        self.restorer.set("StorePath", self.store)
        times = NANOSECOND_TIMES + (-(2**40) * 10**9 - 1, 2**40 * 10**9 + 999999999)
        files = {b"t%02d" % n: (b"%d" % time, time) for n, time in enumerate(times)}
        self.check(files)
        for name, (_, time) in files.items():
            found = os.stat(os.path.join(os.fsencode(self.store), name)).st_mtime_ns
            self.assertEqual(found, time, name)

    def test_a_large_ones_time(self):
        self.check({b"large": (bytes(3 * MIB), -1234567890123456789), b"z": (b"z", 1)})

    def test_a_missing_store_has_its_parents_made(self):
        self.save({b"a/b": b"1"})
        self.store = os.path.join(self.place, "x/y/store")
        self.restorer.set("StorePath", self.store)
        umask = os.umask(0)
        self.addCleanup(os.umask, umask)
        self.assert_ends(self.restorer.restore())
        for folder in ("x", "x/y", "x/y/store", "x/y/store/a"):
            mode = os.stat(os.path.join(self.place, folder)).st_mode
            self.assertEqual(oct(stat.S_IMODE(mode)), "0o700", folder)
        self.assert_same(snapshot(self.store), self.restored(), "restored")

    def test_modes_under_any_umask(self):
        self.save({b"a/b/c": b"1", b"d": b"2", b"large": bytes(2 * MIB)})
        umask = os.umask(0)
        self.addCleanup(os.umask, umask)
        for mask in (0, 0o022, 0o077, 0o027, 0o777, 0o200):
            for fresh in (True, False):
                with self.subTest(mask=oct(mask), fresh=fresh):
                    os.umask(0o022)
                    self.store = os.path.join(self.place, "%o-%d" % (mask, fresh))
                    self.restorer.set("StorePath", self.store)
                    expected = self.restored()
                    if not fresh:
                        self.put({b"other": b"x"})
                        expected[b""] = snapshot(self.store)[b""]
                        expected[b"other"] = snapshot(self.store)[b"other"]
                    os.umask(mask)
                    outcome = self.restorer.restore()
                    os.umask(0o022)
                    self.assert_ends(outcome)
                    self.assert_same(snapshot(self.store), expected, oct(mask))

    def test_folders_that_hold_nothing(self):
        """They are in no backup, and stay where they are."""
        os.makedirs(os.path.join(self.source, "nothing/in it"))
        self.save({b"a/b": b"1"})
        self.assert_ends(self.restorer.restore())
        self.assertEqual(sorted(snapshot(self.store)), [b"", b"a", b"a/b"])
        os.makedirs(os.path.join(self.store, "nothing/in it"))
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(sorted(snapshot(self.store)),
                         [b"", b"a", b"a/b", b"nothing", b"nothing/in it"])

    def test_an_empty_store_keeps_its_mode(self):
        self.save({b"a/b": b"1"})
        for mode in (0o700, 0o755, 0o2770, 0o1777):
            store = os.path.join(self.place, "store-%o" % mode)
            os.mkdir(store)
            os.chmod(store, mode)
            self.restorer.set("StorePath", store)
            self.assert_ends(self.restorer.restore())
            self.assertEqual(oct(stat.S_IMODE(os.stat(store).st_mode)), oct(mode))
            self.assertEqual(files_of(store), {b"a/b": b"1"})

    def test_an_empty_store_keeps_its_owner(self):
        # A player that runs as another user must find its store its own after root has
        # restored into it.
        support.need_root()
        self.save({b"a": b"1"})
        os.mkdir(self.store)
        os.chown(self.store, support.NOBODY, support.NOBODY)
        self.assert_ends(self.restorer.restore())
        status = os.stat(self.store)
        self.assertEqual((status.st_uid, status.st_gid), (support.NOBODY, support.NOBODY))

    @unittest.skipUnless(hasattr(os, "setxattr"), "there are no extended attributes")
    def test_an_empty_store_keeps_its_attributes(self):
        self.save({b"a/b": b"1", b"large": bytes(2 * MIB)})
        # An access control list: version 2, then tag, permissions and user of each entry. The
        # user nobody may read and search, whatever the group may.
        entries = [(1, 7, -1), (2, 5, support.NOBODY), (4, 0, -1), (16, 5, -1), (32, 0, -1)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        wanted = {"user.note": b"kept", "system.posix_acl_access": acl,
                  "system.posix_acl_default": acl}
        umask = os.umask(0o027)
        self.addCleanup(os.umask, umask)
        for chosen in (["user.note"], list(wanted), list(wanted)[1:2], list(wanted)[2:]):
            with self.subTest(attributes=chosen):
                os.mkdir(self.store)
                try:
                    for name in chosen:
                        os.setxattr(self.store, name, wanted[name])
                except OSError as error:
                    self.skipTest(str(error))
                before = os.stat(self.store)
                self.assert_ends(self.restorer.restore())
                found = {name: os.getxattr(self.store, name) for name in os.listxattr(self.store)}
                self.assertEqual(found, {name: wanted[name] for name in chosen})
                self.assertEqual(oct(os.stat(self.store).st_mode), oct(before.st_mode))
                self.assertEqual(files_of(self.store), {b"a/b": b"1", b"large": bytes(2 * MIB)})
                self.assert_alone()
                subprocess.run(["rm", "-r", self.store], check=True)

    def test_an_empty_store_keeps_its_flags(self):
        """Those of its file system, such as that it does not copy on write."""
        self.save({b"a/b": b"1"})
        os.mkdir(self.store)
        # Left out of dumps: every file system that has flags knows it.
        done = subprocess.run(["chattr", "+d", self.store], stderr=subprocess.PIPE)
        if done.returncode != 0:
            self.skipTest(done.stderr)
        self.assert_ends(self.restorer.restore())
        self.assertEqual(files_of(self.store), {b"a/b": b"1"})
        listed = subprocess.run(["lsattr", "-d", self.store], check=True, stdout=subprocess.PIPE)
        self.assertIn(b"d", listed.stdout.split()[0])
        self.assert_alone()

    def test_backup_restore_backup_gives_the_same_bytes(self):
        files = {b"%d/%d" % (n % 7, n): os.urandom(n * 50) for n in range(200)}
        files[b"large"] = os.urandom(3 * MIB)
        files["é".encode()] = (b"negative", -1)
        self.save(files)
        first = archive.Backup(self.target)
        self.assert_ends(self.restorer.restore())
        again = self.new_restorer(backups=self.root + "/again")
        self.assert_ends(again.backup())
        second = archive.Backup(self.root + "/again/licenses.wmlb")
        self.assertEqual(second.between(), first.between())

    def test_tar_gives_the_same(self):
        self.check({b"a/b": b"1", "ü".encode(): (b"2", 1500000000500000000), b"c" * 200: b"3"})
        other = os.path.join(self.root, "other")
        os.mkdir(other)
        command = "zstd -dc '%s' | tar -x -C '%s'" % (self.target, other)
        subprocess.run(["sh", "-c", command], check=True)
        expected = {}
        for name, entry in snapshot(other + "/licenses").items():
            expected[name] = entry if entry[0] == "file" else None
        for name, entry in snapshot(self.store).items():
            if entry[0] == "file":
                self.assertEqual(entry, expected[name])

    def test_a_forged_file_restores(self):
        # What the tests of hostile files forge is right but for what they change.
        files = {
            b"a": b"1", b"b/c": (b"22", 1600000000987654321), "ü".encode(): (b"3", -5),
            b"n" * 150: b"4", b"\xff": b"", b"p" * 120 + b"/" + b"q" * 80: b"5" * 600,
        }
        self.write_archive(forge.small(files))
        self.assert_ends(self.restorer.restore(w.RESTORE_INDIVIDUALIZE))
        found = snapshot(self.store)
        for name, data in files.items():
            data, mtime = data if isinstance(data, tuple) else (data, 0)
            self.assertEqual(found[name], ("file", "0o600", mtime, data), name)
        self.assertEqual(len(files_of(self.store)), len(files))


class Paths(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"a/b": b"1", b"c": b"2"})

    def test_the_file_itself(self):
        moved = os.path.join(self.root, "elsewhere.bin")
        os.rename(self.target, moved)
        self.restorer.set("RestorePath", moved)
        events = self.assert_ends(self.restorer.restore())
        self.assertEqual(events[-1].text, moved)
        self.assert_same(snapshot(self.store), self.restored(), "restored")

    def test_the_folder(self):
        events = self.assert_ends(self.restorer.restore())
        self.assertEqual(events[-1].text, self.target)

    def test_relative_paths(self):
        def body():
            os.chdir(self.place)
            restorer = self.new_restorer(store="store", RestorePath="../backups")
            self.assert_ends(restorer.restore())
            other = self.new_restorer(store="x/../store2", RestorePath="../backups")
            os.mkdir("x")
            self.assert_ends(other.restore())
            os.rmdir("x")

        support.in_child(body)
        self.assert_same(snapshot(self.store), self.restored(), "restored")
        self.assert_same(snapshot(self.store + "2"), self.restored(), "restored")

    def test_a_slash_at_the_end(self):
        for fresh in (True, False):
            self.restorer.set("StorePath", self.store + "/")
            self.assert_ends(self.restorer.restore())
            self.assert_same(snapshot(self.store), self.restored(), "restored")
            self.assert_alone()

    def test_a_missing_file(self):
        os.unlink(self.target)
        before = snapshot(self.place)
        outcome = self.restorer.restore()
        events = self.assert_untouched(outcome, w.FILE_NOT_FOUND, before, self.target)
        statuses = [event.status for event in events]
        self.assertEqual(statuses, [w.STATUS_CONNECTING, w.STATUS_ERROR])

    def test_a_missing_folder(self):
        self.restorer.set("RestorePath", self.root + "/nowhere/at/all")
        before = snapshot(self.place)
        hr, events = self.restorer.restore()
        self.assertIn(hr, (w.FILE_NOT_FOUND, w.PATH_NOT_FOUND))
        self.assert_same(snapshot(self.place), before)

    def test_a_file_that_is_none(self):
        # Opening a FIFO must not wait for a writer.
        for make in (os.mkdir, os.mkfifo):
            path = os.path.join(self.root, make.__name__)
            make(path)
            if make is os.mkdir:
                os.mkdir(path + "/licenses.wmlb")
            self.restorer.set("RestorePath", path)
            outcome = support.in_child(self.restorer_of(path).restore)
            self.assert_fails(outcome, w.E_ACCESSDENIED, path)

    def restorer_of(self, path):
        class Later:
            @staticmethod
            def restore():
                return self.new_target(RestorePath=path).restore()

        return Later

    def test_nothing_is_configured(self):
        restorer = self.new_restorer()
        self.assert_refused(restorer.restore(), w.NOT_CONFIGURED)
        self.assertIn("RestorePath", restorer.last_error())
        self.assert_refused(restorer.verify(), w.NOT_CONFIGURED)

    def test_a_store_that_is_a_file(self):
        support.write(self.store, b"a file")
        before = snapshot(self.place)
        self.assert_untouched(self.restorer.restore(), w.UNABLE_TO_OPEN_DATA_STORE, before)

    def test_a_store_below_a_file(self):
        support.write(self.place + "/file", b"a file")
        before = snapshot(self.place)
        self.restorer.set("StorePath", self.place + "/file/store")
        hr, _ = self.restorer.restore()
        self.assert_hr(hr, w.UNABLE_TO_OPEN_DATA_STORE)
        self.assert_same(snapshot(self.place), before)

    def test_a_dangling_link(self):
        os.symlink("nowhere", self.store)
        before = snapshot(self.place)
        self.assert_untouched(self.restorer.restore(), w.UNABLE_TO_OPEN_DATA_STORE, before)

    def test_a_link_to_itself(self):
        os.symlink("store", self.store)
        before = snapshot(self.place)
        self.assert_untouched(self.restorer.restore(), w.UNABLE_TO_OPEN_DATA_STORE, before)

    def test_a_link_to_a_folder(self):
        real = os.path.join(self.root, "real")
        for content in ({}, {b"other": b"x"}):
            os.mkdir(real)
            for name, data in content.items():
                support.write(os.path.join(real, os.fsdecode(name)), data)
            os.symlink(real, self.store)
            self.assert_ends(self.restorer.restore())
            self.assertEqual(os.readlink(self.store), real)
            self.assertEqual(files_of(real), {b"a/b": b"1", b"c": b"2", **content})
            left = [name for name in os.listdir(self.root) if name.startswith(".wmlb")]
            self.assertEqual(left, [])
            os.unlink(self.store)
            os.rename(real, real + "-%d" % len(content))

    def test_a_link_to_a_folder_whose_parent_is_missing(self):
        os.symlink(self.root + "/no/where", self.store)
        before = snapshot(self.root)
        hr, _ = self.restorer.restore()
        self.assert_hr(hr, w.UNABLE_TO_OPEN_DATA_STORE)
        self.assert_same(snapshot(self.root), before)

    def test_a_name_with_odd_bytes(self):
        for name in (b"\xff", b"new\nline", b"-x", b" ", b"n" * 255):
            if name == b"\xff":
                continue  # properties are UTF-8
            store = os.path.join(os.fsencode(self.place), name)
            self.restorer.set("StorePath", store)
            for _ in range(2):
                self.assert_ends(self.restorer.restore())
                self.assert_same(snapshot(store), self.restored(), repr(name))

    def test_the_parents_permission_to_be_read(self):
        # Whoever may pass through a folder can use a store in it.
        support.need_root()
        os.mkdir(self.store)
        os.chown(self.store, support.NOBODY, support.NOBODY)
        os.chmod(self.target, 0o644)
        os.chmod(self.place, 0o711)

        def body():
            restorer = self.new_target()
            listed = restorer.enumerate("store")[0]
            return listed, self.new_target().restore()

        listed, outcome = support.in_child(body, support.NOBODY)
        self.assert_hr(listed, w.S_OK, "enumerate")
        self.assert_ends(outcome)
        self.assertEqual(files_of(self.store), {b"a/b": b"1", b"c": b"2"})

    def test_a_parent_that_cannot_be_written_to(self):
        support.need_root()
        os.chmod(self.target, 0o644)
        os.chmod(self.place, 0o755)
        for content in ({}, {b"other": b"x"}):
            self.put(content)
            os.chown(self.store, support.NOBODY, support.NOBODY)
            outcome = support.in_child(lambda: self.new_target().restore(), support.NOBODY)
            self.assert_ends(outcome)
            self.assertEqual(files_of(self.store), {b"a/b": b"1", b"c": b"2", **content})
            self.assert_alone()

    def test_another_users_store_in_a_folder_for_all(self):
        # The sticky bit forbids to replace another one's folder.
        support.need_root()
        os.chmod(self.target, 0o644)
        os.chmod(self.place, 0o1777)
        os.mkdir(self.store)
        os.chmod(self.store, 0o777)
        outcome = support.in_child(lambda: self.new_target().restore(), support.NOBODY)
        self.assert_ends(outcome)
        self.assertEqual(files_of(self.store), {b"a/b": b"1", b"c": b"2"})
        self.assert_alone()


class Merge(RestoreCase):
    """Into a store in which something is already."""

    def setUp(self):
        super().setUp()
        self.save({
            b"added": b"from the backup",
            b"differs": b"from the backup",
            b"equal": b"the same",
            b"folder/added": b"from the backup",
            b"folder/differs": b"from the backup",
            b"folder/equal": b"the same",
            b"longer": b"short",
            b"new/folder/added": b"from the backup",
            b"new/folder/deep/er/added": b"from the backup",
            b"shorter": b"quite long",
            b"zlarge": b"L" * (3 * MIB),
        })
        self.put({
            b"differs": b"in the store xxx",
            b"equal": b"the same",
            b"folder/differs": b"in the store xx",
            b"folder/equal": b"the same",
            b"folder/unrelated": b"stays",
            b"longer": b"longer than short",
            b"shorter": b"quite",
            b"unrelated": b"stays",
            b"zlarge": b"L" * (3 * MIB - 1) + b"M",
        })
        os.chmod(self.store + "/differs", 0o640)
        os.chmod(self.store + "/equal", 0o644)
        os.chmod(self.store + "/unrelated", 0o604)
        os.chmod(self.store + "/folder", 0o751)
        os.chmod(self.store, 0o755)
        os.symlink("unrelated", self.store + "/a-link")
        os.mkfifo(self.store + "/a-fifo")
        self.before = snapshot(self.store)
        self.differing = [b"differs", b"folder/differs", b"longer", b"shorter", b"zlarge"]

    def expected(self, overwrite):
        expected = dict(self.before)
        for name, entry in self.restored().items():
            if name in self.before and not (overwrite and name in self.differing):
                continue
            expected[name] = entry
        return expected

    def test_what_differs_is_kept(self):
        for threads in (1, 2):
            with self.subTest(threads=threads):
                self.restorer.set("Threads", threads)
                events = self.assert_ends(self.restorer.restore())
                self.assert_same(snapshot(self.store), self.expected(False), "merged")
                self.assert_alone()
                self.assertEqual(
                    self.skipped(events), [(name, w.FILE_EXISTS) for name in self.differing]
                )
                done = [e for e in events if e.status == w.STATUS_PROGRESS][-1].progress
                self.assertEqual(done.licenses_skipped, 5)
                self.assertEqual(done.licenses_done, 6)
                self.assertEqual(done.licenses_total, 11)
                self.assertEqual(self.restorer.progress().licenses_skipped, 5)

    def test_what_differs_is_replaced(self):
        for threads in (2, 1):
            self.restorer.set("Threads", threads)
            events = self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
            self.assert_same(snapshot(self.store), self.expected(True), "merged")
            self.assert_alone()
            self.assertEqual(self.skipped(events), [])
            done = [e for e in events if e.status == w.STATUS_PROGRESS][-1].progress
            self.assertEqual((done.licenses_done, done.licenses_total), (11, 11))

    def test_equal_ones_are_left_as_they_are(self):
        inode = os.stat(self.store + "/equal").st_ino
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        after = os.stat(self.store + "/equal")
        self.assertEqual(after.st_ino, inode)
        self.assertEqual(after.st_mtime_ns, 1500000000000000000)

    def test_a_second_time_nothing_changes(self):
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        before = snapshot(self.store)
        changed = {name: os.lstat(os.path.join(os.fsencode(self.store), name)).st_ctime_ns
                   for name in before if before[name][0] == "file"}
        for flags in (0, w.RESTORE_OVERWRITE):
            events = self.assert_ends(self.restorer.restore(flags))
            self.assertEqual(self.skipped(events), [])
            self.assert_same(snapshot(self.store), before, "again")
        for name, ctime in changed.items():
            path = os.path.join(os.fsencode(self.store), name)
            self.assertEqual(os.lstat(path).st_ctime_ns, ctime, name)

    def test_a_hard_link_of_what_is_replaced(self):
        os.link(self.store + "/differs", self.place + "/other-name")
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(support.read(self.place + "/other-name"), b"in the store xxx")
        self.assertEqual(support.read(self.store + "/differs"), b"from the backup")

    def test_without_exchanging_renames(self):
        # As on a file system that cannot exchange two files.
        support.need_filters()

        def body():
            support.filter_calls(("renameat2", 22, 4, 2))
            return self.new_target().restore(w.RESTORE_OVERWRITE)

        self.assert_ends(support.in_child(body))
        self.assert_same(snapshot(self.store), self.expected(True), "merged")
        self.assert_alone()

    def test_without_any_of_the_new_calls(self):
        support.need_filters()

        def body():
            support.filter_calls(("renameat2", 38), ("openat2", 38), ("linkat", 1))
            return self.new_target().restore(w.RESTORE_OVERWRITE)

        self.assert_ends(support.in_child(body))
        self.assert_same(snapshot(self.store), self.expected(True), "merged")
        self.assert_alone()

    def test_without_them_and_canceled(self):
        support.need_filters()
        before = snapshot(self.place)

        def body():
            support.filter_calls(("renameat2", 22, 4, 2), ("openat2", 38))
            cancel = lambda event: -1 if last_progress(event) else None
            return self.new_target().restore(w.RESTORE_OVERWRITE, cancel)

        self.assert_untouched(support.in_child(body), w.CANCELED, before)

    def test_on_a_mount_of_its_own(self):
        """Staging beside the store would be on another file system: it is in the store."""
        support.need_root()
        self.store = os.path.join(self.root, "disk")
        support.mount(self, self.store, "tmpfs")
        self.restorer.set("StorePath", self.store)
        self.assert_ends(self.restorer.restore())
        self.assertEqual(files_of(self.store), files_of(self.source))
        self.assertFalse([name for name in os.listdir(self.store) if name.startswith(".wmlb")])
        support.write(self.store + "/differs", b"changed", 1)
        events = self.assert_ends(self.restorer.restore())
        self.assertEqual(self.skipped(events), [(b"differs", w.FILE_EXISTS)])
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(files_of(self.store), files_of(self.source))
        self.assertFalse([name for name in os.listdir(self.store) if name.startswith(".wmlb")])
        self.assertFalse([name for name in os.listdir(self.root) if name.startswith(".wmlb")])

    def test_on_a_mount_of_a_folder_of_the_same_file_system(self):
        # Sandboxes do this; device numbers do not show it, but renames do not cross it.
        support.need_root()
        for content in ({}, {b"unrelated": b"x"}):
            real = os.path.join(self.root, "real-%d" % len(content))
            os.mkdir(real)
            for name, data in content.items():
                support.write(os.path.join(real, os.fsdecode(name)), data)
            self.store = os.path.join(self.root, "bound-%d" % len(content))
            support.mount(self, self.store, "none", "bind", real)
            self.restorer.set("StorePath", self.store)
            with self.subTest(files=len(content)):
                self.assert_ends(self.restorer.restore())
                self.assertEqual(files_of(real), {**files_of(self.source), **content})

    def test_on_an_overlay(self):
        # As in a container: what is in the store lies on a layer that is only read.
        support.need_root()
        layers = os.path.join(self.root, "layers")
        support.mount(self, layers, "tmpfs")
        for name in ("upper", "work", "lower/empty", "merged"):
            os.makedirs(os.path.join(layers, name))
        subprocess.run(["cp", "-a", self.store, layers + "/lower/store"], check=True)
        merged = layers + "/merged"
        options = "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % ((layers,) * 3)
        support.mount(self, merged, "overlay", options, "overlay")
        for store in ("store", "empty", "missing"):
            self.restorer.set("StorePath", merged + "/" + store)
            before = snapshot(merged)
            cancel = lambda event: -1 if last_progress(event) else None
            outcome = self.restorer.restore(w.RESTORE_OVERWRITE, cancel)
            self.assert_fails(outcome, w.CANCELED)
            self.assert_same(snapshot(merged), before, "canceled")
            self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
            expected = self.expected(True) if store == "store" else self.restored()
            if store == "empty":
                expected[b""] = before[b"empty"]
            self.assert_same(snapshot(merged + "/" + store), expected, store)
        self.assertEqual(sorted(os.listdir(merged)), ["empty", "missing", "store"])


class InTheWay(RestoreCase):
    """Something that is no file is where a license, or its folder, belongs."""

    def make_things(self):
        """What is in the way, and the names that it is in the way of."""
        outside = os.path.join(self.root, "outside")
        os.makedirs(outside, exist_ok=True)
        support.write(outside + "/file", b"outside")
        os.makedirs(self.store)
        os.symlink(outside + "/file", self.store + "/link")
        os.symlink("nowhere", self.store + "/dangling")
        os.mkdir(self.store + "/folder")
        support.write(self.store + "/folder/inner", b"inner")
        os.mkdir(self.store + "/empty-folder")
        os.mkfifo(self.store + "/fifo")
        with socket.socket(socket.AF_UNIX) as unix:
            here = os.getcwd()
            os.chdir(self.store)
            unix.bind("socket")
            os.chdir(here)
        support.write(self.store + "/file-as-folder", b"a file")
        os.symlink(outside, self.store + "/link-as-folder")
        os.symlink("nowhere", self.store + "/dangling-as-folder")
        return [
            b"link", b"dangling", b"folder", b"empty-folder", b"fifo", b"socket",
            b"file-as-folder/x", b"file-as-folder/y/z", b"link-as-folder/file",
            b"link-as-folder/new", b"dangling-as-folder/x",
        ]

    def setUp(self):
        super().setUp()
        self.names = self.make_things()
        self.save({name: b"license" for name in self.names + [b"a", b"z/z"]})
        self.before = snapshot(self.root)

    def test_without_overwrite_it_stays(self):
        for threads in (1, 2):
            self.restorer.set("Threads", threads)
            events = self.assert_ends(self.restorer.restore())
            self.assertEqual(
                sorted(self.skipped(events)),
                sorted((name, w.E_ACCESSDENIED) for name in self.names),
            )
            expected = dict(self.before)
            for name in (b"a", b"z", b"z/z"):
                expected[b"place/store/" + name] = self.restored()[name]
            self.assert_same(snapshot(self.root), expected, "merged")

    def test_with_overwrite_nothing_is_touched(self):
        for name in self.names:
            with self.subTest(name=name):
                only = self.root + "/only"
                saver = self.new_restorer(store=self.root + "/only-" + name.hex(),
                                          backups=only + name.hex())
                for each in (name, b"a", b"z/z"):
                    path = os.path.join(os.fsencode(self.root), b"only-" + name.hex().encode())
                    support.write(os.path.join(path, each), b"license")
                self.assert_ends(saver.backup())
                before = snapshot(self.root)
                self.restorer.set("RestorePath", only + name.hex())
                outcome = self.restorer.restore(w.RESTORE_OVERWRITE)
                self.assert_fails(outcome, w.E_ACCESSDENIED)
                self.assert_same(snapshot(self.root), before, "touched")

    def test_a_file_that_cannot_be_read(self):
        support.need_root()
        os.chmod(self.target, 0o644)
        os.chmod(self.place, 0o777)
        subprocess_store = os.path.join(self.place, "other")
        os.mkdir(subprocess_store)
        support.write(subprocess_store + "/a", b"secret")
        os.chown(subprocess_store, support.NOBODY, support.NOBODY)
        os.chmod(subprocess_store + "/a", 0)
        before = snapshot(self.place)

        def body():
            return [self.new_target(store=subprocess_store).restore(flags)
                    for flags in (0, w.RESTORE_OVERWRITE)]

        for outcome in support.in_child(body, support.NOBODY):
            self.assert_fails(outcome, w.E_ACCESSDENIED, subprocess_store + "/a")
        self.assert_same(snapshot(self.place), before)


if __name__ == "__main__":
    unittest.main()
