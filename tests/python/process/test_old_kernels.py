"""Everything the library does where the system refuses what is new: old kernels, which say ENOSYS,
and sandboxes, which say EPERM or whatever else.

Nothing of it may cost a promise: that nothing is replaced unasked, that a store is old or new.
"""

import errno
import os
import subprocess
import unittest

import archive
import interrupt
import support
import wmlb_ctypes as w
from encryption_support import key
from restore_support import RestoreCase, files_of, last_progress, snapshot
from sqlite_support import database, make, opened, rows

REFUSALS = (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP)


def old_kernel(code):
    return lambda: support.old_kernel(code)


def android():
    """As a sandbox that knows neither new calls nor hard links."""
    support.old_kernel(errno.EPERM)
    support.filter_calls(("linkat", errno.EACCES))


def before_locks_of_open_files():
    support.old_kernel(errno.ENOSYS)
    support.filter_calls(*(("fcntl", errno.EINVAL, 1, c, "equal") for c in support.OF_OPEN_FILES))


def nothing_but_files():
    """Whatever is not needed is refused, too."""
    android()
    names = ("fchmod", "fchown", "fchmodat", "utimensat", "flock", "fadvise64", "sync_file_range",
             "fstatfs", "ioctl", "flistxattr", "fsetxattr", "setpriority", "ioprio_set")
    support.filter_calls(
        *((name, errno.EPERM) for name in names),
        *(("fcntl", errno.EPERM, 1, command, "equal") for command in support.OF_OPEN_FILES),
    )


MODES = {
    "ENOSYS": old_kernel(errno.ENOSYS),
    "EPERM": old_kernel(errno.EPERM),
    "links are refused too": android,
    "no locks of open files": before_locks_of_open_files,
    "nothing but files": nothing_but_files,
}


class OldKernelCase(RestoreCase):
    FILES = {b"a": b"backup", b"b/c": b"backup", b"b/new/d": b"backup", b"same": b"same"}
    HAS = {b"a": b"store", b"b/c": b"store", b"b/mine": b"store", b"same": b"same", b"z": b"store"}

    def setUp(self):
        super().setUp()
        support.need_filters()
        self.fill_source()

    def fill_source(self):
        for name, content in self.FILES.items():
            support.write(os.path.join(os.fsencode(self.source), name), content, 10**18 + 1)

    def put(self, files):
        """Without times: what sets those may be refused."""
        os.makedirs(self.store, exist_ok=True)
        for name, content in files.items():
            support.write(os.path.join(os.fsencode(self.store), name), content)

    def clear(self, *folders):
        for folder in folders:
            subprocess.run(["rm", "-rf", folder], check=True)
            os.mkdir(folder)

    def each_mode(self, body, modes=MODES):
        """The body in a child of each mode, and folders of its own."""
        for name, prepare in modes.items():
            with self.subTest(name):
                self.clear(self.backups, self.place)

                def prepared():
                    prepare()
                    body()

                support.in_child(prepared)

    def saved(self, **properties):
        restorer = self.new_restorer(store=self.source, **properties)
        self.assert_ends(restorer.backup(w.OVERWRITE))

    def merged(self):
        """What a store that had some is when all was restored over it."""
        return {**self.HAS, **self.FILES}


class Backups(OldKernelCase):
    def test_a_backup(self):
        def body():
            saver = self.new_restorer(store=self.source, backups=self.root + "/new/folder")
            target = self.root + "/new/folder/" + w.BACKUP_NAME
            reader = self.new_restorer(RestorePath=target)
            self.assert_ends(saver.backup())
            self.assertEqual(archive.Backup(target).files(), self.FILES)
            self.assertEqual(oct(os.stat(target).st_mode & 0o7777), oct(0o600))
            before = support.read(target)
            self.assert_refused(saver.backup(), w.BACKUP_EXISTS)
            self.assertEqual(support.read(target), before)
            self.assert_ends(saver.backup(w.OVERWRITE | w.VERIFY))
            self.assert_ends(reader.verify())
            self.assert_fails(saver.backup(w.OVERWRITE, lambda event: -1), w.CANCELED)
            self.assert_clean(os.path.dirname(target), [w.BACKUP_NAME])
            for restorer, what in ((saver, "store"), (reader, "backup")):
                hr, licenses = restorer.enumerate(what)
                self.assert_hr(hr, w.S_OK)
                self.assertEqual([each.name for each in licenses], sorted(self.FILES))
            os.unlink(target)

            def appears(event):
                if last_progress(event):
                    support.write(target, b"the other one's")

            self.assert_fails(saver.backup(0, appears), w.BACKUP_EXISTS)
            self.assertEqual(support.read(target), b"the other one's")
            self.assert_clean(os.path.dirname(target), [w.BACKUP_NAME])
            subprocess.run(["rm", "-r", self.root + "/new"], check=True)

        self.each_mode(body)

    def test_one_that_is_encrypted(self):
        secrets = {"Recipients": key().recipient}

        def body():
            saver = self.new_restorer(store=self.source, **secrets)
            reader = self.new_target(Identities=key().text)
            self.assert_ends(saver.backup())
            self.assert_ends(saver.backup(w.OVERWRITE | w.VERIFY))
            self.assert_ends(reader.verify())
            self.assert_ends(reader.restore())
            self.assertEqual(files_of(self.store), self.FILES)
            self.assert_alone()
            self.assert_clean(names=[w.BACKUP_NAME])

        # A license that waits in a file of its own until it is known to be whole.
        large = os.urandom(5 << 20)
        support.write(self.source + "/large", large)
        self.FILES = {**self.FILES, b"large": large}
        self.each_mode(body)

    def test_one_that_is_written_by_its_content(self):
        """What was written without a name is copied, whatever the system has for that."""
        support.write(self.source + "/large", os.urandom(3 << 20))
        for code in REFUSALS:
            self.clear(self.backups)

            def body():
                support.filter_calls(("linkat", errno.EPERM), ("copy_file_range", code))
                restorer = self.new_restorer(store=self.source)
                self.assert_ends(restorer.backup())
                self.assert_ends(self.new_target().verify())

            support.in_child(body)


class Restores(OldKernelCase):
    def test_to_a_store_that_is_missing(self):
        def body():
            self.saved()
            self.assert_ends(self.new_target().restore())
            self.assert_same(snapshot(self.store), self.restored())
            self.assert_alone()

        modes = {name: mode for name, mode in MODES.items() if mode != nothing_but_files}
        self.each_mode(body, modes)

    def test_to_one_that_is_empty(self):
        def body():
            self.saved()
            os.mkdir(self.store)
            self.assert_ends(self.new_target().restore())
            self.assertEqual(files_of(self.store), self.FILES)
            self.assert_alone()

        self.each_mode(body)

    def test_to_one_in_a_folder_that_is_made(self):
        def body():
            self.saved()
            store = self.place + "/above/it/store"
            self.assert_ends(self.new_restorer(store=store, RestorePath=self.backups).restore())
            self.assertEqual(files_of(store), self.FILES)
            self.assertEqual(os.listdir(os.path.dirname(store)), ["store"])

        self.each_mode(body)

    def test_to_one_that_has_licenses(self):
        def body():
            self.saved()
            self.put(self.HAS)
            events = self.assert_ends(self.new_target().restore())
            kept = [(b"a", w.FILE_EXISTS), (b"b/c", w.FILE_EXISTS)]
            self.assertEqual(sorted(self.skipped(events)), kept)
            self.assertEqual(files_of(self.store), {**self.FILES, **self.HAS})
            self.assert_alone()
            for _ in range(2):
                self.assert_ends(self.new_target().restore(w.RESTORE_OVERWRITE))
                self.assertEqual(files_of(self.store), self.merged())
                self.assert_alone()
            self.assertEqual(self.back_up()[0], w.S_OK)

        self.each_mode(body)

    def test_to_one_that_is_mounted_from_the_same_file_system(self):
        """Kernels before 5.8 do not tell that nothing can be renamed across its border."""
        support.need_root()

        def body():
            self.saved()
            self.assert_ends(self.new_target().restore(w.RESTORE_OVERWRITE))
            self.assertEqual(files_of(self.store), self.merged())
            self.assert_alone()

        for name, prepare in MODES.items():
            def mounted():
                self.clear(self.place)
                os.mkdir(self.root + "/elsewhere")
                os.mkdir(self.store)
                support.unshare_mounts()
                subprocess.run(["mount", "--bind", self.root + "/elsewhere", self.store], check=True)
                self.put(self.HAS)
                prepare()
                body()

            with self.subTest(name):
                self.clear(self.backups, self.place)
                subprocess.run(["rm", "-rf", self.root + "/elsewhere"], check=True)
                support.in_child(mounted)

    def test_what_somebody_else_puts_there_stays(self):
        def body():
            self.saved()
            self.put(self.HAS)

            def appears(event):
                if last_progress(event):
                    support.write(self.store + "/b/new/d", b"the other one's")

            self.assert_fails(
                self.new_target().restore(w.RESTORE_OVERWRITE, appears), w.SHARING_VIOLATION)
            expected = {**self.HAS, b"b/new/d": b"the other one's"}
            self.assertEqual(files_of(self.store), expected)
            self.assert_alone()

        self.each_mode(body)

    def test_one_that_is_canceled(self):
        def body():
            self.saved()
            self.put(self.HAS)
            before = snapshot(self.place)
            cancel = lambda event: -1 if last_progress(event) else 0
            self.assert_untouched(
                self.new_target().restore(w.RESTORE_OVERWRITE, cancel), w.CANCELED, before)

        self.each_mode(body)

    def test_databases(self):
        make(self.source + "/d/x.db", 20, mode="wal")
        old = database(self.root, 5)

        def body():
            with opened(self.source + "/d/x.db") as user:
                user.execute("INSERT INTO t (content) VALUES (x'00')")
                self.saved()
                user.execute("DELETE FROM t WHERE n = 21")
            for has in ({}, {b"d/x.db": old, b"d/x.db-journal": b"", b"d/x.db-wal": b"stale"}):
                self.clear(self.place)
                self.put(has)
                self.assert_ends(self.new_target().restore(w.RESTORE_OVERWRITE))
                self.assertEqual(os.listdir(self.store + "/d"), ["x.db"])
                self.assertEqual(rows(self.store + "/d/x.db"), 21)
                self.assert_alone()

        # Without locks no database can be told from one in use.
        modes = {name: MODES[name] for name in ("ENOSYS", "EPERM", "links are refused too",
                                                "no locks of open files")}
        self.each_mode(body, modes)


class OneCall(OldKernelCase):
    """Each call that something else stands in for, refused by each word there is."""

    CALLS = {
        "openat2": (), "renameat2": (), "syncfs": (), "statx": (), "linkat": (), "fadvise64": (),
        "copy_file_range": (), "sync_file_range": (), "fstatfs": (), "fchown": (), "ioctl": (),
        "flistxattr": (), "fsetxattr": (), "setpriority": (), "ioprio_set": (),
        "openat": (2, support.O_TMPFILE_BIT),
    }

    def test_each(self):
        for name, argument in self.CALLS.items():
            for code in REFUSALS:
                with self.subTest(call=name, error=errno.errorcode[code]):
                    self.clear(self.backups, self.place)
                    support.in_child(lambda: self.cycle((name, code, *argument)))

    def cycle(self, rule):
        support.filter_calls(rule)
        saver = self.new_restorer(store=self.source)
        self.assert_ends(saver.backup())
        self.assert_refused(saver.backup(), w.BACKUP_EXISTS)
        self.assert_ends(saver.backup(w.OVERWRITE))
        self.assertEqual(self.opened().files(), self.FILES)
        self.assert_ends(self.new_target().restore())
        self.assertEqual(files_of(self.store), self.FILES)
        self.put(self.HAS)
        self.assert_ends(self.new_target().restore(w.RESTORE_OVERWRITE))
        self.assertEqual(files_of(self.store), self.merged())
        self.assert_alone()


class Threads(OldKernelCase):
    def test_none_can_begin(self):
        """As Docker answered before 2021: the C library begins no thread then."""
        def body():
            support.filter_calls(("clone3", errno.EPERM))
            saver = self.new_restorer(store=self.source)
            hr, events = saver.backup()
            self.assertEqual((hr, events), (w.E_ACCESSDENIED, []))
            self.assertIn("thread", saver.last_error())
            self.assert_ends(saver.backup(w.RUN_HERE))
            self.assert_ends(self.new_target().restore(w.RUN_HERE))
            self.assertEqual(files_of(self.store), self.FILES)

        support.in_child(body)


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Killed(OldKernelCase):
    def restoring(self, prepare):
        def body():
            prepare()
            return self.new_target(Threads=1).restore(w.RESTORE_OVERWRITE)[0]

        return body

    def put_right(self, prepare):
        """The next backup of the store, as it is left."""
        def body():
            prepare()
            return self.back_up()

        return support.in_child(body)

    def test_what_was_left_is_undone(self):
        self.saved()
        for name, prepare in MODES.items():
            self.clear(self.place)
            self.put(self.HAS)
            old = files_of(self.store)
            calls = interrupt.calls_of(self.restoring(prepare), self.root)
            found = []
            for call in ("renameat", "linkat", "unlinkat", "mkdirat", "openat", "fsync"):
                count = calls[call]
                for number in sorted({1, count // 3, count // 2, count - count // 4, count} - {0}):
                    self.clear(self.place)
                    self.put(self.HAS)
                    words = "%s: killed at %s %d" % (name, call, number)
                    interrupt.run(self.restoring(prepare), interrupt.kill_at(call, number))
                    hr, why = self.put_right(prepare)
                    self.assert_hr(hr, w.S_OK, words + "; " + why)
                    now = files_of(self.store)
                    self.assertIn(now, (old, self.merged()), words)
                    found.append(now == old)
                    self.assert_alone()
            self.assertEqual(set(found), {True, False}, name)

    def test_what_is_undone_is_on_the_disk(self):
        """Before the journal is removed, of every folder in which something was put back."""
        self.saved()
        self.put(self.HAS)
        prepare = MODES["EPERM"]
        restoring = self.restoring(prepare)
        calls = interrupt.calls_of(restoring, self.root)
        trace = self.root + "/trace"
        for number in range(calls["renameat"], 0, -1):
            self.clear(self.place)
            self.put(self.HAS)
            interrupt.run(restoring, interrupt.kill_at("renameat", number))
            if files_of(self.store) in (self.HAS, self.merged()):
                continue
            options = ["-o", trace, "-y", "-e", "trace=fsync,unlinkat,renameat"]

            def undoing():
                prepare()
                return self.back_up()

            hr, why = interrupt.run(undoing, options).result
            self.assert_hr(hr, w.S_OK, why)
            self.assertEqual(files_of(self.store), self.HAS)
            with open(trace, errors="replace") as file:
                until_journal, _, _ = file.read().partition('"journal"')
            self.assertRegex(until_journal, r"fsync\(\d+<%s/b>\)" % self.store)
            return
        self.fail("no kill left a store half restored")


if __name__ == "__main__":
    unittest.main()
