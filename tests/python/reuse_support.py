"""What the tests of repeat backups share.

A license is taken from the earlier backup only if it was changed some seconds before that, which
nobody wants to wait for: the clock of a process of its own goes ahead, and files have the system's.
"""

import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile

import archive
import support
import wmlb_ctypes as w

HERE = os.path.dirname(os.path.abspath(__file__))
# Where nothing has to wait for a disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def run_ahead(module, *arguments, timeout=600):
    """Runs main() of a module in a process whose clock can be set; its standard output."""
    with tempfile.TemporaryDirectory(prefix="wmlb-clock-") as folder:
        clock = os.path.join(folder, "clock.so")
        compiler = [os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", clock]
        subprocess.run(compiler + [os.path.join(HERE, "clock.c")], check=True)
        code = "import sys; sys.path.insert(0, %r); from %s import main; main(*sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", code % (HERE, module), *arguments],
            env={**os.environ, "LD_PRELOAD": clock, **KEEPING}, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


# Memory that is given back must be made empty each time that it is taken again, which costs the
# random scripts a third of their time.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}


def set_clock(ahead):
    ctypes.c_long.in_dll(ctypes.CDLL(None), "clock_is_ahead").value = ahead


def wait_for_tick(folder):
    """Until a file that is changed gets another time than one that was changed before."""
    probe = os.path.join(folder, "probe")
    support.write(probe)
    before = os.stat(probe).st_ctime_ns
    while os.stat(probe).st_ctime_ns == before:
        support.write(probe)
    os.unlink(probe)


def unlike_information(data):
    """A backup file without what differs from one to the next of the same store: wmlb.json, its
    hashes in the summary, and the checksum of the frame that has those."""
    entries = int.from_bytes(data[-9:-5], "little")
    table = len(data) - 9 - 8 * entries - 8
    start = data.rindex(b'"frames":[{', 0, table)
    end = data.index(b"}", start)
    # A summary that takes several frames is none of a small store.
    assert table - start < 1 << 20
    return data[archive.ALIGNMENT : start], data[end : table - 4], data[table:]


class Scene:
    """A store, and a folder that its backups go to."""

    def __init__(self, root):
        self.root = root
        self.store = os.path.join(root, "store")
        self.memory = tempfile.TemporaryDirectory(prefix="wmlb-reuse-", dir=MEMORY)
        self.backups = os.path.join(self.memory.name, "backups")
        self.ahead = 100
        os.mkdir(self.store)
        self.settings, self.flags = {}, 0
        self.decrypt = None
        # A target in the place of the folder.
        self.place = None

    def backup(self, folder=None, flags=0, ahead=None):
        """(hr, progress, words) of a backup at the next moment of the clock, or at this one."""
        if ahead is None:
            self.ahead += 10
        set_clock(self.ahead if ahead is None else ahead)
        restorer = w.Restorer()
        try:
            properties = {"StorePath": self.store, "BackupPath": folder or self.backups}
            for name, value in {**properties, **self.settings}.items():
                assert restorer.set(name, value) == w.S_OK, name
            if self.place is not None and folder is None:
                assert self.place.set_on(restorer) == w.S_OK
            hr, events = restorer.backup(flags | self.flags | w.OVERWRITE | w.PARTIAL | w.EMPTY)
            return hr, restorer.progress(), events[-1].value
        finally:
            restorer.release()

    def file(self, folder=None):
        """The backup file, without what encrypts it."""
        if self.place is not None and folder is None:
            return self.place.published
        data = support.read(os.path.join(folder or self.backups, w.BACKUP_NAME))
        return self.decrypt(data) if data.startswith(b"age-encryption.org") else data

    def check(self, words):
        """A repeat backup is what one without an earlier file is; how many were reused."""
        hr, progress, said = self.backup()
        fresh = os.path.join(self.memory.name, "fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh_hr, fresh_progress, fresh_said = self.backup(fresh)
        assert hr == fresh_hr, (words, w.describe(hr), said, w.describe(fresh_hr), fresh_said)
        if hr < 0 and hr != w.NOT_ALL_STORED:
            return 0
        one, other = (unlike_information(data) for data in (self.file(), self.file(fresh)))
        assert one == other, (words, "the files differ")
        for field in ("licenses_done", "bytes_done", "licenses_restricted", "licenses_skipped"):
            both = getattr(progress, field), getattr(fresh_progress, field)
            assert both[0] == both[1], (words, field, both)
        assert fresh_progress.licenses_reused == 0
        return progress.licenses_reused
