"""Restores that fail, or that another process disturbs: the store stays as it was."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import unittest

import archive
import archive_forge as forge
import support
import wmlb_ctypes as w
from restore_support import STAGING, RestoreCase, files_of, last_progress, snapshot

MIB = 1 << 20


class FullDisk(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"d/%d" % n: os.urandom(MIB // 2) for n in range(12)})
        self.disk = self.root + "/disk"

    def make_disk(self, options, store="/store"):
        support.mount(self, self.disk, "tmpfs", options)
        self.place = self.disk
        self.store = self.disk + store
        self.restorer.set("StorePath", self.store)

    def check(self):
        free = os.statvfs(self.disk)
        for threads in (1, 2):
            self.restorer.set("Threads", threads)
            before = snapshot(self.disk)
            for flags in (0, w.RESTORE_OVERWRITE):
                outcome = self.restorer.restore(flags)
                self.assert_untouched(outcome, w.DISK_FULL, before, self.disk)
        after = os.statvfs(self.disk)
        self.assertEqual((free.f_bavail, free.f_favail), (after.f_bavail, after.f_favail))

    def test_a_missing_store(self):
        self.make_disk("size=2m")
        self.check()

    def test_an_empty_store(self):
        self.make_disk("size=2m")
        os.mkdir(self.store)
        self.check()

    def test_a_store_with_licenses(self):
        self.make_disk("size=2m")
        self.put({b"d/%d" % n: b"in the store" for n in range(5)})
        self.check()

    def test_the_disk_itself_as_store(self):
        self.make_disk("size=2m", "")
        self.put({b"d/%d" % n: b"in the store" for n in range(5)})
        self.check()

    def test_no_inodes(self):
        self.make_disk("size=20m,nr_inodes=9")
        self.put({b"other": b"in the store"})
        self.check()

    def test_not_one_inode(self):
        self.make_disk("size=20m,nr_inodes=3")
        self.put({b"other": b"in the store"})
        self.check()

    def test_a_parent_that_cannot_be_made(self):
        self.make_disk("size=20m,nr_inodes=2", "/a/b/store")
        self.check()

    def test_one_license_too_many_by_a_little(self):
        # Each place where space can run out, by pages.
        self.save({b"e/%d" % n: b"x" * 5000 for n in range(20)})
        self.make_disk("size=8m")
        self.put({b"d/1": b"in the store", b"e/1": b"in the store"})
        ballast = self.disk + "/ballast"
        failed = 0
        for free in range(0, 2100, 150):
            support.write(ballast)
            room = os.statvfs(self.disk).f_bavail
            with open(ballast, "wb") as file:
                file.write(bytes(4096 * max(0, room - free)))
            before = snapshot(self.store)
            hr, events = self.restorer.restore(w.RESTORE_OVERWRITE)
            if hr == w.S_OK:
                continue
            failed += 1
            self.assert_hr(hr, w.DISK_FULL)
            self.assert_same(snapshot(self.store), before, "%d pages" % free)
            self.assert_alone(["ballast", "store"])
        self.assertGreater(failed, 3)

    def test_a_limit_of_the_size_of_files(self):
        before = snapshot(self.place)

        def body():
            # The signal that comes with the failure ends a process that does not ignore it;
            # the operation's thread blocks all.
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
            return self.new_target().restore()

        outcome = support.in_child(body)
        self.assert_untouched(outcome, w.FILE_TOO_LARGE, before)

    def test_too_many_open_files(self):
        before = snapshot(self.place)

        def body():
            restorer = self.new_target()
            found = []
            for room in range(0, 40):
                used = [os.open("/dev/null", os.O_RDONLY)]
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(used) + 1 + room, 4096))
                for descriptor in used:
                    os.close(descriptor)
                hr, _ = restorer.restore()
                resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096))
                same = snapshot(self.place) == before
                found.append((room, hr, same))
                if hr == w.S_OK:
                    break
            return found

        found = support.in_child(body)
        self.assertEqual(found[-1][1], w.S_OK, found)
        for room, hr, same in found[:-1]:
            self.assert_hr(hr, w.TOO_MANY_OPEN_FILES, "room for %d" % room)
            self.assertTrue(same, "room for %d" % room)
        self.assertGreater(len(found), 2)


class Unwritable(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"a/b": b"1", b"c": b"2"})

    def test_a_read_only_disk(self):
        disk = self.root + "/disk"
        support.mount(self, disk, "tmpfs")
        support.write(disk + "/full/c", b"other")
        os.mkdir(disk + "/empty")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        before = snapshot(disk)
        for store in ("/full", "/empty", "/missing", "/missing/too", ""):
            self.restorer.set("StorePath", disk + store)
            for flags in (0, w.RESTORE_OVERWRITE):
                self.assert_fails(self.restorer.restore(flags), w.WRITE_PROTECT, disk)
        self.assert_same(snapshot(disk), before)

    def test_no_permission(self):
        support.need_root()
        os.chmod(self.target, 0o644)
        os.chmod(self.place, 0o755)
        self.put({b"c": b"other"})
        for store in (self.store, self.place + "/missing", self.place + "/missing/too"):
            before = snapshot(self.place)
            for flags in (0, w.RESTORE_OVERWRITE):
                outcome = support.in_child(
                    lambda: self.new_target(store=store).restore(flags), support.NOBODY
                )
                self.assert_untouched(outcome, w.E_ACCESSDENIED, before, self.place)

    def test_a_folder_of_the_store_that_cannot_be_written_to(self):
        support.need_root()
        os.chmod(self.target, 0o644)
        self.put({b"a/x": b"other", b"0": b"0"})
        os.chmod(self.store, 0o755)
        os.chown(self.store, support.NOBODY, support.NOBODY)
        before = snapshot(self.place)
        for flags in (0, w.RESTORE_OVERWRITE):
            outcome = support.in_child(lambda: self.new_target().restore(flags), support.NOBODY)
            self.assert_untouched(outcome, w.E_ACCESSDENIED, before, self.store + "/a/b")

    def test_an_unreadable_backup_file(self):
        support.need_root()
        os.chmod(self.target, 0o600)
        before = snapshot(self.place)
        outcome = support.in_child(lambda: self.new_target().restore(), support.NOBODY)
        self.assert_untouched(outcome, w.E_ACCESSDENIED, before, self.target)

    def test_what_is_no_file_as_backup(self):
        for number, make in enumerate((
            os.mkfifo, os.mkdir, lambda path: os.mkdir(path) or os.mkfifo(path + "/licenses.wmlb"),
            lambda path: os.mkdir(path) or os.mkdir(path + "/licenses.wmlb"),
        )):
            path = "%s/no-file-%d" % (self.root, number)
            make(path)
            self.restorer.set("RestorePath", path)
            expected = w.FILE_NOT_FOUND if number == 1 else w.E_ACCESSDENIED
            words = "No such file" if number == 1 else "is not a regular file"
            for operation in (self.restorer.verify, self.restorer.restore):
                self.assert_fails(operation(), expected, path)
                self.assertIn(words, self.restorer.last_error())
            hr, _ = self.restorer.enumerate("backup")
            self.assert_hr(hr, expected, self.restorer.last_error())
        self.restorer.set("RestorePath", "/dev/null")
        self.assert_fails(self.restorer.verify(), w.E_ACCESSDENIED, "is not a regular file")

    def test_parents_that_were_made_go_again(self):
        before = snapshot(self.place)
        self.restorer.set("StorePath", self.place + "/x/y/store")
        cancel = lambda event: -1 if last_progress(event) else None
        self.assert_untouched(self.restorer.restore(0, cancel), w.CANCELED, before)
        data = support.read(self.target)
        support.write(self.target, data[:-1])
        self.assert_untouched(self.restorer.restore(), w.BACKUP_CORRUPT, before)

    def test_a_name_that_is_too_long_for_the_file_system(self):
        for name in (b"n" * 256, b"f" * 256 + b"/x", b"ok/" + b"n" * 300):
            self.write_archive(forge.small({b"a": b"1", name: b"2", b"z": b"3"}))
            self.assert_ends(self.restorer.verify())
            for content in ({}, {b"a": b"1"}):
                self.put(content)
                before = snapshot(self.place)
                outcome = self.restorer.restore(w.RESTORE_INDIVIDUALIZE)
                self.assert_untouched(outcome, w.NAME_TOO_LONG, before)
            shutil.rmtree(self.store)


class Meanwhile(RestoreCase):
    """Another process changes the store after the last license was staged."""

    def setUp(self):
        super().setUp()
        self.save({
            b"a-add": b"backup", b"a-replace": b"backup", b"m/add": b"backup",
            b"m/replace": b"backup", b"n/deep/er/add": b"backup", b"o/add": b"backup",
            b"z-add": b"backup", b"z-replace": b"backup",
        })
        self.outside = self.root + "/outside"
        os.mkdir(self.outside)
        support.write(self.outside + "/replace", b"outside")
        support.write(self.outside + "/file", b"outside")

    def fill_store(self):
        self.put({
            b"a-replace": b"store", b"m/replace": b"store", b"z-replace": b"store",
            b"o/other": b"store", b"unrelated": b"store",
        })

    def path(self, name):
        return os.path.join(self.store, name)

    def disturb(self, change, flags=w.RESTORE_OVERWRITE):
        """A restore during which change() is called before the commit; the store must be as
        change() left it, or all restored but for what it changed; the result."""
        expected = []

        def on_event(event):
            if last_progress(event):
                change()
                # Without the staging folder, wherever that is.
                expected.append({
                    name: entry for name, entry in (snapshot(self.store) or {}).items()
                    if not STAGING.fullmatch(name.split(b"/")[0].decode())
                })

        outside = snapshot(self.outside)
        outcome = self.restorer.restore(flags, on_event)
        self.assertEqual(len(expected), 1)
        self.assert_same(snapshot(self.outside), outside, "written through a link")
        return outcome, expected[0]

    def check_fails(self, change):
        for threads in (1, 2):
            if os.path.lexists(self.store):
                subprocess.run(["rm", "-rf", self.store], check=True)
            self.fill_store()
            self.restorer.set("Threads", threads)
            (hr, events), expected = self.disturb(change)
            self.assert_hr(hr, w.SHARING_VIOLATION, events[-1].value)
            self.assertEqual(events[-1].status, w.STATUS_ERROR)
            self.assert_same(snapshot(self.store), expected, "after the failure")
            self.assert_alone()
            self.check_usable()

    def check_usable(self):
        """Nothing that was left keeps the store from being opened."""
        hr, _ = self.new_target().enumerate("store")
        self.assert_hr(hr, w.S_OK)
        self.assert_alone()

    def replace(self, name, make):
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        make(path)

    def things(self):
        def folder(path):
            os.mkdir(path)
            support.write(path + "/precious", b"another process's")

        return {
            "link to a file": lambda path: os.symlink(self.outside + "/file", path),
            "link to a folder": lambda path: os.symlink(self.outside, path),
            "dangling link": lambda path: os.symlink(self.outside + "/nothing", path),
            "file": lambda path: support.write(path, b"another process's"),
            "fifo": os.mkfifo,
            "folder": folder,
        }

    def test_where_a_license_is_to_be_added(self):
        same = {"file of the same content": lambda path: support.write(path, b"backup")}
        for name in ("a-add", "m/add", "z-add"):
            for kind, make in {**self.things(), **same}.items():
                with self.subTest(name=name, kind=kind):
                    self.check_fails(lambda: self.replace(name, make))

    def test_where_a_license_is_to_be_replaced(self):
        # A file that takes the place of a file is replaced: which came first nobody can tell.
        for name in ("a-replace", "m/replace", "z-replace"):
            for kind, make in self.things().items():
                if kind != "file":
                    with self.subTest(name=name, kind=kind):
                        self.check_fails(lambda: self.replace(name, make))

    def test_what_is_to_be_replaced_goes(self):
        for name in ("a-replace", "m/replace", "z-replace"):
            with self.subTest(name=name):
                self.check_fails(lambda: os.unlink(self.path(name)))

    def test_a_folder_that_was_there(self):
        for kind, make in self.things().items():
            if kind != "folder":
                with self.subTest(kind=kind):
                    self.check_fails(lambda: self.replace("m", make))
                    self.check_fails(lambda: self.replace("o", make))

    def test_a_folder_that_goes(self):
        self.check_fails(lambda: shutil.rmtree(self.path("m")))

    def test_a_folder_that_was_not_there(self):
        for kind, make in self.things().items():
            if kind != "folder":
                with self.subTest(kind=kind):
                    self.check_fails(lambda: self.replace("n", make))

    def test_a_folder_that_appears(self):
        def make():
            os.makedirs(self.path("n/deep"))
            support.write(self.path("n/deep/other"), b"another process's")

        self.fill_store()
        outcome, expected = self.disturb(make)
        self.assert_ends(outcome)
        self.assertEqual(support.read(self.path("n/deep/other")), b"another process's")
        self.assertEqual(support.read(self.path("n/deep/er/add")), b"backup")
        self.assert_alone()

    def test_two_disturbances(self):
        # The second makes the restore fail; what was done to the first is to be undone.
        for first in ("a-replace", "m/replace"):
            for kind, make in self.things().items():
                with self.subTest(first=first, kind=kind):
                    def change():
                        self.replace(first, make)
                        support.write(self.path("z-add"), b"another process's")

                    if kind == "file":
                        self.check_fails(change)
                        continue
                    self.check_fails(change)

    def test_a_missing_store_that_appears(self):
        for kind, make in self.things().items():
            with self.subTest(kind=kind):
                subprocess.run(["rm", "-rf", self.store], check=True)
                outside = snapshot(self.outside)
                change = lambda event: make(self.store) if last_progress(event) else None
                hr, events = self.restorer.restore(0, change)
                self.assert_hr(hr, w.SHARING_VIOLATION, events[-1].value)
                self.assert_same(snapshot(self.outside), outside, "written through a link")
                if kind == "folder":
                    self.assertEqual(files_of(self.store), {b"precious": b"another process's"})
                self.assert_alone()

    def test_an_empty_store_that_is_filled(self):
        os.mkdir(self.store)
        change = lambda: support.write(self.path("new"), b"another process's")
        (hr, _), expected = self.disturb(change)
        self.assert_hr(hr, w.SHARING_VIOLATION)
        self.assert_same(snapshot(self.store), expected)
        self.assert_alone()
        self.check_usable()

    def test_an_empty_store_that_becomes_a_link(self):
        os.mkdir(self.store)
        outside = snapshot(self.outside)

        def change(event):
            if last_progress(event):
                os.rmdir(self.store)
                os.symlink(self.outside, self.store)

        hr, events = self.restorer.restore(0, change)
        self.assert_hr(hr, w.SHARING_VIOLATION, events[-1].value)
        self.assert_same(snapshot(self.outside), outside, "written through a link")
        self.assert_alone()

    def test_links_planted_while_licenses_are_staged(self):
        self.save({b"n/%d" % n: os.urandom(300000) for n in range(20)})
        self.fill_store()
        outside = snapshot(self.outside)
        planted = []

        def on_event(event):
            if event.status == w.STATUS_PROGRESS and not planted:
                planted.append(os.symlink(self.outside, self.path("n")))

        hr, events = self.restorer.restore(w.RESTORE_OVERWRITE, on_event)
        self.assertTrue(planted)
        self.assert_same(snapshot(self.outside), outside, "written through a link")
        self.assertNotEqual(hr, w.S_OK)
        self.assertEqual(support.read(self.path("a-replace")), b"store")
        self.assert_alone()
        self.check_usable()


class LeftOver(RestoreCase):
    """What a killed restore left: the next operation puts it right."""

    def setUp(self):
        super().setUp()
        self.save({b"d%d/%d/x" % (n % 5, n): b"backup %d" % n for n in range(60)})

    def kill_at_last_progress(self, prepare=lambda: None):
        def body():
            prepare()

            def on_event(event):
                if last_progress(event):
                    os.kill(os.getpid(), signal.SIGKILL)

            self.new_target().restore(w.RESTORE_OVERWRITE, on_event)

        support.in_child(body, expect_signal=signal.SIGKILL)

    def staging(self):
        return [name for name in os.listdir(self.place) if STAGING.fullmatch(name)]

    def test_each_operation_cleans_up(self):
        for content in (None, {}, {b"d1/1/x": b"store", b"other": b"store"}):
            if content is not None:
                self.put(content)
            before = snapshot(self.place)

            def backup():
                return self.back_up()[0]

            def canceled():
                cancel = lambda event: -1 if event.status == w.STATUS_PROGRESS else None
                return self.new_target().restore(0, cancel)[0]

            for operation in (backup, canceled):
                with self.subTest(store=content, operation=operation.__name__):
                    self.kill_at_last_progress()
                    self.assertEqual(len(self.staging()), 1)
                    hr = operation()
                    if operation is canceled:
                        self.assert_hr(hr, w.CANCELED)
                    elif content is None:
                        self.assert_hr(hr, w.UNABLE_TO_OPEN_DATA_STORE)
                    else:
                        self.assert_hr(hr, w.S_OK)
                    self.assert_same(snapshot(self.place), before)
            self.kill_at_last_progress()
            self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
            self.assert_alone()
            subprocess.run(["rm", "-rf", self.store], check=True)

    def test_verification_and_lists_touch_no_store(self):
        self.put({b"other": b"store"})
        self.kill_at_last_progress()
        before = snapshot(self.place)
        self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK)
        self.assert_ends(self.restorer.verify())
        self.assert_hr(self.restorer.enumerate("backup")[0], w.S_OK)
        self.assert_same(snapshot(self.place), before)

    def test_one_in_the_store(self):
        support.need_root()
        self.store = self.root + "/disk"
        support.mount(self, self.store, "tmpfs")
        self.put({b"d1/1/x": b"store"})
        before = snapshot(self.store)
        self.kill_at_last_progress()
        self.assertEqual(len(list(filter(STAGING.fullmatch, os.listdir(self.store)))), 1)
        saver = self.new_restorer(backups=self.root + "/second")
        self.assert_ends(saver.backup())
        self.assert_same(snapshot(self.store), before)
        found = archive.Backup(self.root + "/second/licenses.wmlb").files()
        self.assertEqual(found, {b"d1/1/x": b"store"})

    def test_a_folder_of_that_name_by_another_user(self):
        # In a folder for all, anybody can make one: it must not be worked on.
        support.need_root()
        self.put({b"other": b"store"})
        self.kill_at_last_progress()
        (name,) = self.staging()
        folder = os.path.join(self.place, name)
        os.chown(folder, support.NOBODY, support.NOBODY)
        before = snapshot(self.place)
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assert_same(snapshot(self.place), before)

    def test_a_link_of_that_name(self):
        self.put({b"other": b"store"})
        self.kill_at_last_progress()
        (name,) = self.staging()
        os.rename(os.path.join(self.place, name), self.root + "/elsewhere")
        os.symlink(self.root + "/elsewhere", os.path.join(self.place, name))
        elsewhere, place = snapshot(self.root + "/elsewhere"), snapshot(self.place)
        self.assertEqual(self.back_up(), (w.S_OK, ""))
        self.assert_same(snapshot(self.root + "/elsewhere"), elsewhere)
        self.assert_same(snapshot(self.place), place)

    def test_a_journal_cut_anywhere(self):
        """A journal is written whole before anything is moved: one that is not whole means
        that nothing was."""
        self.put({b"d1/1/x": b"store", b"d2/2/x": b"store"})
        before = snapshot(self.place)
        self.kill_at_last_progress()
        (name,) = self.staging()
        whole = self.root + "/left"
        os.rename(os.path.join(self.place, name), whole)
        journal = support.read(whole + "/journal")
        for cut in range(0, len(journal), 1 + len(journal) // 50):
            subprocess.run(["cp", "-a", whole, os.path.join(self.place, name)], check=True)
            support.write(os.path.join(self.place, name, "journal"), journal[:cut])
            self.assertEqual(self.back_up(), (w.S_OK, ""))
            self.assert_same(snapshot(self.place), before, "cut at %d" % cut)

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_a_backup_right_after(self):
        """A restore killed during the commit, then a backup: all old or all new."""
        self.put({b"d%d/%d/x" % (n % 5, n): b"store %d" % n for n in range(0, 60, 2)})
        old, new = files_of(self.store), {**files_of(self.store), **files_of(self.source)}
        before = snapshot(self.place)
        saver = self.new_restorer(backups=self.root + "/second")
        seen = set()
        for moves in range(0, 400, 7):
            subprocess.run(["rm", "-rf", self.place], check=True)
            os.mkdir(self.place)
            self.put({name: content for name, content in old.items()})

            strace = [
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2",
                "-e", "inject=renameat2:signal=KILL:when=%d" % (moves + 1),
            ]
            code = (
                "import sys, wmlb_ctypes as w\n"
                "r = w.Restorer()\n"
                "r.set('StorePath', sys.argv[1]); r.set('RestorePath', sys.argv[2])\n"
                "sys.exit(r.restore(w.RESTORE_OVERWRITE)[0] != 0)\n"
            )
            command = strace + [
                sys.executable, "-c", "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, code),
                self.store, self.backups,
            ]
            done = subprocess.run(command, timeout=60)
            seen.add(done.returncode != 0)
            self.assert_ends(saver.backup(w.OVERWRITE))
            found = archive.Backup(self.root + "/second/licenses.wmlb").files()
            self.assertIn(found, (old, new))
            self.assert_alone()
            if done.returncode == 0:
                break
        self.assertEqual(seen, {True, False})


if __name__ == "__main__":
    unittest.main()
