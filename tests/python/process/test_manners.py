"""Manners in the host's process: unloading, exit, output, many users at once."""

import os
import random
import resource
import subprocess
import threading
import unittest

import archive
import support
import wmlb_ctypes as w

START = """
import _ctypes, ctypes, os, sys, threading
import wmlb_ctypes as w
restorer = w.Restorer()
restorer.set("StorePath", sys.argv[1])
restorer.set("BackupPath", sys.argv[2])
"""


class Process(support.StoreCase):
    def setUp(self):
        super().setUp()
        for number in range(12):
            support.write(self.store + "/%02d" % number, os.urandom(1 << 20))

    def run_code(self, code, status=0, env=None):
        run = support.run_python(START + code, self.store, self.backups, env=env)
        self.assertEqual((run.returncode, run.stderr), (status, b""))
        return run.stdout

    def assert_whole_or_absent(self):
        if os.path.exists(self.target):
            self.assertEqual(len(archive.Backup(self.target).files()), 12)
        self.assertLessEqual(len(os.listdir(self.backups)), 1)

    def test_unloading_while_it_runs(self):
        out = self.run_code(
            """
unloaded = threading.Event()
def on_event(event):
    if event.status == w.STATUS_BEGIN:
        unloaded.wait(60)
restorer.start(0, on_event)
wait, handle = w.lib.wmlb_restorer_wait, w.lib._handle
_ctypes.dlclose(handle)
unloaded.set()
result = ctypes.c_int32(-5)
print(wait(restorer.handle, w.HANGS, ctypes.byref(result)), result.value, restorer.events[-1].status)
"""
        )
        self.assertEqual(out, b"0 0 27\n")
        self.assertEqual(len(archive.Backup(self.target).files()), 12)

    def test_loading_again_finds_the_same_restorers(self):
        out = self.run_code(
            """
restorer.set("Threads", 7)
_ctypes.dlclose(w.lib._handle)
again = ctypes.CDLL(w.LIBRARY)
w.declare(again)
print(again.wmlb_default_restorer() == w.lib.wmlb_default_restorer(), restorer.get("Threads")[2])
"""
        )
        self.assertEqual(out, b"True 7\n")

    def test_exit_while_it_runs(self):
        # A callback that needs no interpreter, which is going down meanwhile.
        for way in ("sys.exit(5)", "os._exit(5)", "ctypes.CDLL(None).exit(5)"):
            for _ in range(5):
                self.run_code(
                    "restorer.backup_licenses(w.OVERWRITE, w.native_callback(), None)\n" + way, 5
                )
                self.assert_whole_or_absent()

    def test_exit_in_the_callback(self):
        self.run_code(
            """
def on_event(event):
    if event.status == w.STATUS_PROGRESS:
        os._exit(6)
restorer.backup(0, on_event)
""",
            6,
        )
        self.assert_clean()

    def test_nothing_is_ever_printed(self):
        out = self.run_code(
            """
restorer.backup()
restorer.backup()
restorer.backup(w.OVERWRITE, lambda event: -1)
restorer.set("StorePath", "/nowhere/at/all")
restorer.backup(w.OVERWRITE)
restorer.set("Threads", 99)
restorer.backup(77)
restorer.release()
restorer.release()
""",
            env=dict(os.environ, RUST_LOG="trace", RUST_BACKTRACE="full"),
        )
        self.assertEqual(out, b"")

    def test_closed_standard_streams(self):
        # Descriptors 0 to 2 are then taken by whatever is opened next.
        self.run_code(
            """
import ctypes
for number in (0, 1, 2):
    os.close(number)
hr, events = restorer.backup(w.VERIFY)
os._exit(0 if hr == 0 and events[-1].status == w.STATUS_END else 9)
"""
        )
        self.assertEqual(len(archive.Backup(self.target).files()), 12)

    def test_sixty_four_at_once(self):
        def body():
            restorers = [self.new_restorer(backups="%s/%d" % (self.root, n)) for n in range(64)]
            for restorer in restorers:
                restorer.set("Threads", 2)
                self.assert_hr(restorer.start(), w.S_OK)
            return [restorer.finish() for restorer in restorers]

        for number in range(4, 12):
            os.unlink(self.store + "/%02d" % number)
        self.assertEqual(support.in_child(body, timeout=120), [w.S_OK] * 64)
        first = archive.Backup(self.root + "/0/licenses.wmlb").between()
        for number in range(64):
            path = "%s/%d/licenses.wmlb" % (self.root, number)
            self.assertEqual(archive.Backup(path).between(), first)

    def test_two_processes_and_one_folder(self):
        code = """
codes = set()
others = [w.Restorer() for _ in range(3)]
for other in others:
    other.set("StorePath", sys.argv[1])
    other.set("BackupPath", sys.argv[2])
for number in range(15):
    flags = w.OVERWRITE if number % 4 else 0
    started = [other for other in others if other.start(flags) == w.S_OK]
    codes.update(other.finish() for other in started)
print(sorted(codes - {w.S_OK, w.BACKUP_EXISTS}))
"""
        command = [support.sys.executable, "-c"]
        command += ["import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, START + code)]
        command += [self.store, self.backups]
        for number in range(3, 12):
            os.unlink(self.store + "/%02d" % number)
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        looks = 0
        while any(process.poll() is None for process in processes):
            # Whenever one looks, there is one whole file or none.
            if os.path.exists(self.target):
                self.assertEqual(len(archive.Backup(self.target).files()), 3)
                looks += 1
        for process in processes:
            self.assertEqual((process.communicate()[0], process.returncode), (b"[]\n", 0))
        self.assertGreater(looks, 0)
        self.assertEqual(len(archive.Backup(self.target).files()), 3)
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_one_wins_of_many_that_may_not_replace(self):
        for _ in range(10):
            restorers = [self.new_restorer() for _ in range(6)]
            started = [restorer for restorer in restorers if restorer.start() == w.S_OK]
            codes = [restorer.finish() for restorer in started]
            self.assertEqual(codes.count(w.S_OK), 1, codes)
            self.assertEqual(set(codes) - {w.S_OK, w.BACKUP_EXISTS}, set())
            self.assert_clean(names=[w.BACKUP_NAME])
            os.unlink(self.target)


class Hammer(support.StoreCase):
    """Eight threads call whatever they like on one handle."""

    def test_random_calls(self):
        self.fill(30, 20000)
        allowed = {
            w.S_OK, w.S_FALSE, w.BUSY, w.NOT_CONFIGURED, w.WAIT_TIMEOUT, w.CANCELED, w.E_INVALIDARG,
            w.UNSUPPORTED_PROPERTY, w.BACKUP_EXISTS, w.INSUFFICIENT_BUFFER,
        }

        def body(release):
            # The events of an operation of this handle come on one thread at a time.
            restorer = self.new_restorer()
            inside, overlaps, seen = [0], [], set()

            @w.Callback
            def callback(status, *_):
                inside[0] += 1
                if inside[0] != 1:
                    overlaps.append(status)
                inside[0] -= 1
                return 0

            def calls(choose):
                result = w.c_int32()
                buffer, size = w.ctypes.create_string_buffer(64), w.c_size_t(64)
                kind = w.c_int32()
                by = w.ctypes.byref
                for _ in range(400):
                    seen.add(
                        choose.choice(
                            [
                                lambda: restorer.backup_licenses(w.OVERWRITE, callback, None),
                                lambda: restorer.backup_licenses(0, callback, None),
                                lambda: restorer.cancel(),
                                lambda: restorer.cancel_license_backup(),
                                lambda: restorer.wait(choose.choice((0, 1, 5)), by(result)),
                                lambda: restorer.set("Threads", choose.randrange(70)),
                                lambda: restorer.set("BackupPath", self.backups),
                                lambda: restorer.remove_prop(b"Threads"),
                                lambda: restorer.set_prop(b"Nothing", 1, b"x", 1),
                                lambda: restorer.get_prop_by_name(
                                    b"StorePath", by(kind), None, by(size)
                                ),
                                lambda: restorer.get_last_error(None, by(w.c_size_t())),
                                lambda: restorer.get_progress(by(w.Progress(struct_size=56))),
                                lambda: restorer.get_prop_count(by(w.c_size_t())),
                            ]
                        )()
                    )

            workers = [
                threading.Thread(target=calls, args=(random.Random(seed),)) for seed in range(8)
            ]
            for worker in workers:
                worker.start()
            if release:
                restorer.cancel()
                self.assert_hr(restorer.release(), w.S_OK)
                self.assert_hr(restorer.cancel(), w.E_HANDLE)
            for worker in workers:
                worker.join()
            if not release:
                result = w.c_int32()
                self.assert_hr(restorer.wait(w.HANGS, w.ctypes.byref(result)), w.S_OK)
                self.assertIn(result.value, allowed)
                restorer.set("Threads", 2)
                self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(overlaps, [])
            return seen

        seen = support.in_child(lambda: body(False), timeout=120)
        self.assertEqual(seen - allowed, set())
        seen = support.in_child(lambda: body(True), timeout=120)
        self.assertEqual(seen - allowed - {w.E_HANDLE}, set())
        self.assertIn(w.E_HANDLE, seen)
        self.assertEqual(len(archive.Backup(self.target).files()), 30)

    def test_one_restorer_a_thread_made_and_released(self):
        self.fill(5)

        def body():
            problems = []

            def work(number):
                try:
                    for _ in range(30):
                        restorer = w.Restorer()
                        restorer.set("StorePath", self.store)
                        restorer.set("BackupPath", "%s/%d" % (self.root, number))
                        self.assert_ends(restorer.backup(w.OVERWRITE))
                        self.assert_hr(restorer.release(), w.S_OK)
                except BaseException as problem:
                    problems.append(repr(problem))

            workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            return problems

        self.assertEqual(support.in_child(body, timeout=120), [])


class Memory(support.StoreCase):
    # A process of its own: one forked from this one has room left from earlier tests.
    CODE = """
import resource, support, wmlb_ctypes as w
store, backups, spare, level = sys.argv[1:]
restorer = w.Restorer()
restorer.set("StorePath", store)
restorer.set("BackupPath", backups)
restorer.set("Threads", 4)
restorer.set("CompressionLevel", int(level))
native, result = w.native_callback(), w.c_int32()
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (size + int(spare), hard))
hr = restorer.backup_licenses(w.OVERWRITE, native, None)
if hr == w.S_OK:
    hr = restorer.wait(w.HANGS, w.ctypes.byref(result))
    hr = result.value if hr == w.S_OK else hr
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
print(hr)
"""

    def test_running_out_of_it_is_no_end_of_the_process(self):
        """It is E_OUTOFMEMORY, never an abort of the host, and nothing is printed."""
        for number in range(6):
            support.write(self.store + "/%d" % number, os.urandom(1 << 20))
        codes, problems = set(), []
        spares = [(number << 19, 1) for number in range(0, 24)]
        for spare, level in spares + [(1 << 20, 19), (1 << 26, 1), (1 << 30, 1)]:
            ended = support.run_python(self.CODE, self.store, self.backups, str(spare), str(level))
            # 127 is the dynamic loader's end when a thread's TLS finds no room, and
            # MemoryError Python's own: neither is in the library's hands.
            if ended.returncode == 127 or "MemoryError" in str(ended.stderr):
                continue
            if ended.returncode != 0 or ended.stderr:
                problems.append("%d KiB: %s\n" % (spare >> 10, ended))
            else:
                codes.add(int(ended.stdout))
        self.assertEqual(problems, [])
        self.assertEqual(codes, {w.S_OK, w.E_OUTOFMEMORY})


if __name__ == "__main__":
    unittest.main()
