"""Limits of the disk and of the process, for what reads a backup and for restores."""

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

import encryption_support as e
import sqlite_support
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of, snapshot

FAULTS = os.path.join(w.ROOT, "tests/faults")
sys.path.insert(0, FAULTS)

import scene  # noqa: E402

MIB = 1 << 20
CGROUPS = "/sys/fs/cgroup"
# Of nobody: how many threads a user has is counted for all that the user runs.
LONELY_USER = 61917


def new_cgroup(test):
    """A control group whose processes and threads can be limited, gone after the test."""
    support.need_root()
    if os.path.exists(CGROUPS + "/pids"):  # version 1
        above = CGROUPS + "/pids"
    elif os.path.exists(CGROUPS + "/cgroup.controllers"):
        above = CGROUPS
        try:
            with open(above + "/cgroup.subtree_control", "w") as controllers:
                controllers.write("+pids")
        except OSError as error:
            test.skipTest("processes cannot be limited: %s" % error)
    else:
        test.skipTest("there are no control groups")
    try:
        group = tempfile.mkdtemp(prefix="wmlb-", dir=above)
    except OSError as error:
        test.skipTest("no control group can be made: %s" % error)
    test.addCleanup(os.rmdir, group)
    return group


class FullDisk(RestoreCase):
    """A restore to a disk that has no room for it: the store is as it was, nothing is left."""

    def put_disk(self, kind):
        support.need_root()
        if kind == "tmpfs":
            support.mount(self, self.place, "tmpfs", "size=4m")
            return
        if not support.has_program("mkfs.ext4"):
            self.skipTest("mkfs.ext4 is needed")
        image = self.root + "/image"
        with open(image, "wb") as file:
            file.truncate(6 * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        support.mount(self, self.place, "ext4", "loop", image)
        os.rmdir(self.place + "/lost+found")

    def fill_disk(self, room):
        """All but so many bytes; gives what makes room again."""
        ballast = self.place + "/ballast"
        with open(ballast, "wb", 0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
            os.fsync(file.fileno())
            file.truncate(max(file.tell() - room, 0))
            os.fsync(file.fileno())
        return lambda: os.unlink(ballast)

    def check(self, rooms, restored):
        """restored(): whether all is in the store."""
        flags = w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE
        for room in rooms:
            make_room = self.fill_disk(room)
            before = snapshot(self.place)
            for threads in (1, 3):
                outcome = self.new_target(Threads=threads).restore(flags)
                self.assert_untouched(outcome, w.DISK_FULL, before)
            make_room()
        self.assertFalse(restored())
        self.assert_ends(self.new_target().restore(flags))
        self.assertTrue(restored())

    def check_folder(self, kind, had):
        self.put_disk(kind)
        saved = {b"%02d/license" % number: os.urandom(100000) for number in range(20)}
        self.save(saved)
        if had is not None:
            self.put(had)
        self.check((0, 50000, MIB), lambda: files_of(self.store) == {**(had or {}), **saved})

    def test_ext4(self):
        self.check_folder("ext4", {b"03/license": b"earlier", b"other": b"stays"})

    def test_ext4_without_a_store(self):
        self.check_folder("ext4", None)

    def test_tmpfs(self):
        self.check_folder("tmpfs", {b"03/license": b"earlier", b"other": b"stays"})

    def check_database(self, kind):
        self.put_disk(kind)
        self.store = sqlite_support.make(self.place + "/store/licenses.db", 3)
        saved = sqlite_support.make(self.source + "/licenses.db", 2500, size=1000)
        self.restorer.set("StorePath", self.store)
        self.assert_ends(self.new_restorer(store=saved).backup())
        self.check((0, MIB), lambda: sqlite_support.rows(self.store) == 2500)

    def test_a_database_on_ext4(self):
        self.check_database("ext4")

    def test_a_database_on_tmpfs(self):
        self.check_database("tmpfs")


class Threads(RestoreCase):
    """Where some threads can be started and others cannot."""

    def test_any_number_of_a_user(self):
        support.need_root()

        def confine(room):
            resource.setrlimit(resource.RLIMIT_NPROC, (1 + room, 1 + room))

        self.check_any_number(confine, user=LONELY_USER)

    def test_any_number_in_a_container(self):
        group = new_cgroup(self)

        def confine(room):
            with open(group + "/cgroup.procs", "w") as members:
                members.write(str(os.getpid()))
            with open(group + "/pids.max", "w") as most:
                most.write(str(1 + room))

        self.check_any_number(confine)

    def check_any_number(self, confine, user=None):
        """confine: has the process start so many threads at most, in all at one time."""
        self.save({b"%03d" % number: os.urandom(60000) for number in range(200)})
        self.put({b"005": b"in the store"})
        if user is not None:
            subprocess.run(["chown", "-R", str(user), self.root], check=True)
        untouched = snapshot(self.place)
        for name, prepare in (
            ("backup", lambda restorer: restorer.backup(w.OVERWRITE | w.VERIFY)),
            ("verify", lambda restorer: restorer.verify()),
            ("restore", lambda restorer: restorer.restore(w.RESTORE_OVERWRITE)),
        ):
            codes = []
            for room in range(8):
                backup = support.read(self.target)

                def body():
                    restorer = self.new_target(Threads=4)
                    confine(room)
                    if name == "backup":
                        restorer.set("StorePath", self.source)
                    return prepare(restorer)[0]

                hr = support.in_child(body, user=user)
                words = "%s with %d threads" % (name, room)
                self.assertIn(hr, (w.S_OK, w.E_OUTOFMEMORY), words + ": " + w.describe(hr))
                codes.append(hr)
                self.assert_clean(names=[w.BACKUP_NAME])
                self.assert_alone()
                if hr != w.S_OK:
                    self.assertEqual(support.read(self.target), backup, words)
                    self.assert_same(snapshot(self.place), untouched, words)
            self.assertEqual(codes[0], w.E_OUTOFMEMORY, name)
            self.assertEqual(codes[-1], w.S_OK, name)
            # More are never worse.
            self.assertEqual(codes, sorted(codes), name)


class AddressSpace(unittest.TestCase):
    """A limit of the address space: E_OUTOFMEMORY or S_OK, and the process goes on."""

    STEP = 512 << 10
    # Lists take less than that more than the program takes to start.
    FINE = 32 << 10

    def run_limited(self, one, operation, size, threads):
        """The finished process."""
        secret = [one.secret] * bool(one.secret)
        command = [one.programs + "/client", operation, one.store, one.backups] + secret
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
            env=dict(os.environ, WMLB_THREADS=str(threads)), timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))

    def start(self, one, operation, threads, size, step):
        """The first size that the program starts with: less is the loader's affair, exit code
        127."""
        run = None
        while run is None or run.returncode in (127, -signal.SIGSEGV) and not run.stdout.strip():
            size += step
            run = self.run_limited(one, operation, size, threads)
            self.assertLess(size, 64 * MIB)
            if "error while loading" in run.stdout:
                run = None
        return size

    def check(self, one, operation, threads):
        words = "%s, %d threads" % (one, threads)
        size = self.start(one, operation, threads, 4 * MIB, self.STEP)
        size = first = self.start(one, operation, threads, size - self.STEP, self.FINE)
        failed = worked = 0
        while worked < 4:
            self.assertLess(size, 1024 * MIB, "%s: it never has enough" % words)
            run = self.run_limited(one, operation, size, threads)
            said = run.stdout.splitlines()[-1:] or [""]
            self.assertIn(run.returncode, (0, 1, 3), "%s, %d KiB: %s" % (
                words, size >> 10, run.stdout))
            if run.returncode == 3:
                # What is set before may be refused.
                self.assertRegex(said[0], r": %d$" % w.E_OUTOFMEMORY, words)
            else:
                code = int(said[0].split()[0])
                self.assertIn(code, (w.S_OK, w.E_OUTOFMEMORY), "%s: %s" % (words, run.stdout))
            worked += run.returncode == 0
            failed += run.returncode != 0
            self.assertEqual(one.backup_bytes(), one.old_backup, words)
            found = scene.snapshot(one.place)
            if operation == "restore":
                self.assertIn(found, (one.old_store, one.new_store), words)
                if run.returncode != 0:
                    self.assertEqual(found, one.old_store, words)
            else:
                self.assertEqual(found, one.old_store, words)
            self.assertEqual(os.listdir(one.backups), [scene.BACKUP_NAME])
            one.reset()
            # Threads have room of their own set aside, so it is a long way for some.
            if size < first + self.STEP:
                size += self.FINE
            else:
                size += self.STEP if size < 32 * MIB else 8 * self.STEP
        self.assertGreater(failed, 0, words)
        return failed

    def test_each_that_reads(self):
        with tempfile.TemporaryDirectory(prefix="wmlb-limits-") as folder:
            scene.build(folder)
            secrets = [None]
            if support.has_program("age-keygen"):
                secrets.append("keys:%s,%s" % (e.key().recipient, e.key().identity))
            failed = 0
            for secret in secrets:
                for store in ("directory", "sqlite"):
                    for operation in ("verify", "list", "restore"):
                        one = scene.Scene(folder, folder, operation, store, secret)
                        failed += sum(self.check(one, operation, n) for n in (1, 3))
            print("\n%d ended for want of room" % failed)


if __name__ == "__main__":
    unittest.main()
