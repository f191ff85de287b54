"""What the tests share: temporary stores, child processes, mounts, system call filters."""

import ctypes
import errno
import os
import pickle
import platform
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import warnings

import archive
import wmlb_ctypes as w

NOBODY = 65534


def threads():
    """Number and name of every thread of this process.

    One that was joined may still be listed while the kernel clears it away; its flag
    PF_EXITING was set before the join could return, so it is told from one that runs.
    """
    found, exiting = {}, 0x4
    for number in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/stat" % number) as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has ended
        if not int(rest.split()[6]) & exiting:
            found[int(number)] = name
    return found


def library_threads():
    return {name for name in threads().values() if name.startswith("wmlb")}


def wait_for_threads():
    """The library's threads that are still there when all should long have ended."""
    deadline = time.monotonic() + 20
    while library_threads() and time.monotonic() < deadline:
        os.sched_yield()
    return library_threads()


def wait_until_asleep(number):
    """Waits until a thread of this process waits for something and nobody wakes it."""
    deadline = time.monotonic() + 20
    calm = 0
    before = None
    while calm < 200 and time.monotonic() < deadline:
        with open("/proc/self/task/%d/status" % number) as file:
            now = [line for line in file if line.startswith(("State", "voluntary"))]
        calm = calm + 1 if now == before and "S (sleeping)" in now[0] else 0
        before = now
        os.sched_yield()
    assert calm, "it never sleeps"


def write(path, content=b"", mtime_ns=None):
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))


def read(path):
    with open(path, "rb") as file:
        return file.read()


class StoreCase(unittest.TestCase):
    """A temporary folder with a store and a place for backups, and a restorer for both."""

    maxDiff = 2000
    # What every restorer is set to.
    properties = {}

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="wmlb-test-")
        # rm copes with paths that are too deep for Python's own removal.
        remove = 'chmod -R u+rwX "$1"; rm -rf "$1"'
        self.addCleanup(subprocess.run, ["sh", "-c", remove, "sh", self.root], check=True)
        os.chmod(self.root, 0o755)
        self.store = os.path.join(self.root, "store")
        self.backups = os.path.join(self.root, "backups")
        self.target = os.path.join(self.backups, w.BACKUP_NAME)
        os.mkdir(self.store)
        os.mkdir(self.backups)
        self.restorers = []
        self.restorer = self.new_restorer()

    def tearDown(self):
        for restorer in self.restorers:
            restorer.release()
        # That they have ended when wait returns is for process/test_threads.py to say.
        self.assertEqual(wait_for_threads(), set(), "a thread is left after the test")

    def new_restorer(self, store=None, backups=None, **properties):
        restorer = w.Restorer()
        self.restorers.append(restorer)
        properties.setdefault("StorePath", store or self.store)
        properties.setdefault("BackupPath", backups or self.backups)
        properties = {**self.properties, **properties}
        for name, value in properties.items():
            self.assert_hr(restorer.set(name, value), w.S_OK)
        return restorer

    def opened(self, path=None):
        """A backup file, read by the documented format."""
        return archive.Backup(path or self.target)

    def fill(self, files=5, size=1000, folder=None):
        """Licenses of different content; their names and contents."""
        made = {}
        for number in range(files):
            name = "license-%04d.lic" % number
            content = (b"%08d" % number * (size // 8 + 1))[:size]
            write(os.path.join(folder or self.store, name), content)
            made[name.encode()] = content
        return made

    def assert_hr(self, hr, expected, message=None):
        if hr != expected:
            words = " (%s)" % message if message else ""
            self.fail("%s is not %s%s" % (w.describe(hr), w.describe(expected), words))

    def assert_ends(self, outcome, expected=w.S_OK):
        """A backup that ended in END; its events."""
        hr, events = outcome
        self.assertTrue(events, "it did not start: " + w.describe(hr))
        words = events[-1].value
        self.assert_hr(hr, expected, words)
        self.assertEqual(events[-1].status, w.STATUS_END, words)
        self.assert_hr(events[-1].hr, expected)
        return events

    def assert_fails(self, outcome, expected, *words):
        """A backup that ended in ERROR, whose words hold these; its events."""
        hr, events = outcome
        self.assertTrue(events, "it did not start: " + w.describe(hr))
        self.assert_hr(hr, expected, events[-1].value)
        self.assertEqual(events[-1].status, w.STATUS_ERROR)
        self.assert_hr(events[-1].hr, expected)
        for word in words:
            self.assertIn(os.fsencode(word), events[-1].value)
        return events

    def assert_refused(self, outcome, expected):
        hr, events = outcome
        self.assert_hr(hr, expected)
        self.assertEqual(events, [], "a call that failed made events")

    def assert_clean(self, folder=None, names=()):
        """Nothing is in the backup folder but these names."""
        self.assertEqual(sorted(os.listdir(folder or self.backups)), sorted(names))


class ChildFailed(AssertionError):
    pass


def in_child(body, user=None, timeout=60, expect_signal=None):
    """Runs body() in a forked process, as another user if wanted; gives what it returns.

    What it raises fails the test here. With expect_signal the child must die of that.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        answer = (False, "nothing was raised")
        try:
            os.close(reader)
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            answer = (True, body())
        except BaseException:
            answer = (False, traceback.format_exc())
        finally:
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(answer, pipe)
            os._exit(0)
    os.close(writer)
    data = b""
    hung = False
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while True:
            if not select.select([pipe], [], [], timeout)[0]:
                hung = True
                os.kill(child, signal.SIGKILL)
                break
            piece = pipe.read(65536)
            if not piece:
                break
            data += piece
    status = os.waitpid(child, 0)[1]
    if hung:
        raise ChildFailed("the child hung for %d seconds" % timeout)
    if expect_signal is not None:
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != expect_signal:
            raise ChildFailed("wait status %#x, not signal %d" % (status, expect_signal))
        return None
    if os.WIFSIGNALED(status):
        raise ChildFailed("the child died of signal %d" % os.WTERMSIG(status))
    if status != 0:
        raise ChildFailed("the child ended with wait status %#x" % status)
    worked, result = pickle.loads(data)
    if not worked:
        raise ChildFailed("in the child:\n" + result)
    return result


def run_python(code, *arguments, timeout=60, env=None, cwd=None):
    """Runs code in a new interpreter that finds these modules; the finished process."""
    command = [sys.executable, "-c", "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, code)]
    command += [os.fspath(argument) for argument in arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, env=env, cwd=cwd
    )


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("mounts and other users' permissions need root")


def drop_to_nobody():
    """What in_child takes as user: nobody, when this is root; else this user as it is."""
    return NOBODY if os.geteuid() == 0 else None


def mount(test, folder, kind, options="", device="none"):
    """Mounts until the test ends."""
    need_root()
    os.makedirs(folder, exist_ok=True)
    command = ["mount", "-t", kind, "-o", options or "rw", device, folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    test.addCleanup(subprocess.run, ["umount", folder], check=True)


def has_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


# Numbers of system calls: x86_64, aarch64.
CALLS = {
    "openat": (257, 56),
    "openat2": (437, 437),
    "linkat": (265, 37),
    "renameat2": (316, 276),
    "fsync": (74, 82),
    "getdents64": (217, 61),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "fcntl": (72, 25),
    "fchmod": (91, 52),
    "fchown": (93, 55),
    "fchmodat": (268, 53),
    "utimensat": (280, 88),
    "flock": (73, 32),
    "fadvise64": (221, 223),
    "sync_file_range": (277, 84),
    "fstatfs": (138, 44),
    "ioctl": (16, 29),
    "flistxattr": (196, 13),
    "fsetxattr": (190, 7),
    "syncfs": (306, 267),
    "copy_file_range": (326, 285),
    "statx": (332, 291),
    "clone3": (435, 435),
    "rseq": (334, 293),
    # The first one after Linux 3.13. Whatever has a larger number is newer.
    "newer": (314, 274),
}
ARCHITECTURES = {"x86_64": 0, "aarch64": 1}
O_TMPFILE_BIT = 0o20000000
ALLOWED = 0x7FFF0000
# Commands of fcntl: F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW.
OF_OPEN_FILES = range(36, 39)


def filter_calls(*rules):
    """From here on, for this thread and those it starts, system calls fail.

    A rule: (name, errno), or (name, errno, argument's index, bit that must be set in it),
    or (name, errno, argument's index, value it must have, "equal"). None for errno: it is allowed.
    The first rule counts; that of "newer" is about every call that is not older.
    To be called in a child: it cannot be undone. It is what a sandbox does.
    """
    code = []

    def step(operation, value, if_true=0, if_false=0):
        code.append(struct.pack("=HBBI", operation, if_true, if_false, value))

    load, equals, at_least, has_bits, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    for rule in rules:
        number = CALLS[rule[0]][ARCHITECTURES[platform.machine()]]
        step(load, 0)
        if len(rule) == 2:
            step(at_least if rule[0] == "newer" else equals, number, 0, 1)
        else:
            step(equals, number, 0, 3)
            step(load, 16 + 8 * rule[2])
            step(equals if rule[4:] else has_bits, rule[3], 0, 1)
        step(answer, ALLOWED if rule[1] is None else 0x00050000 | rule[1])
    step(answer, ALLOWED)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    program = Program(len(code), b"".join(code))
    no_new_privileges, set_filter, mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if libc.prctl(set_filter, mode, ctypes.addressof(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def need_filters():
    if platform.machine() not in ARCHITECTURES:
        raise unittest.SkipTest("the system call numbers of this machine are not known here")
    with open("/proc/self/status") as file:
        if "Seccomp:" not in file.read():
            raise unittest.SkipTest("the kernel has no system call filters")


def old_kernel(code):
    """From here on there are no system calls newer than Linux 3.13, nor files without names.

    ENOSYS is what old kernels say, EPERM what sandboxes do whose list of calls is old. Of clone3
    they all say ENOSYS: the C library begins no threads otherwise. And what it has done for this
    thread already, rseq, it insists on for others.
    """
    filter_calls(
        ("clone3", errno.ENOSYS), ("rseq", None), ("newer", code), ("syncfs", code),
        ("openat", code, 2, O_TMPFILE_BIT),
    )


def without_unnamed_files():
    """As on a file system that has no O_TMPFILE."""
    filter_calls(("openat", 95, 2, O_TMPFILE_BIT))


def without_named_files():
    """No file can be made by its name: EPERM."""
    filter_calls(("openat", 1, 2, os.O_CREAT))


def unshare_processes():
    """The next child of this process, and of it alone, is process 1 of a PID namespace."""
    new_processes = 0x20000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_processes) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def unshare_mounts():
    """From here on, this process's mounts are its own. To be called in a child."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, recursively_private = 0x00020000, 0x4000 | 0x40000
    if libc.unshare(new_mounts) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if libc.mount(b"none", b"/", None, ctypes.c_ulong(recursively_private), None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
