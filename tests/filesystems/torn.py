"""Licenses that are rewritten in place, by one write each, while backups are made of them: is any
license in a backup half of one version and half of the next? On file systems of the kernel, as
far as it happens to be seen; a file system with manners shows it each time."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import cells
import mounts
import wmlb_ctypes as w

# Size of a license, pause between two writes of it, and how many there are.
SETS = ((1_000_000, 0.01, 1), (12_000, 0.001, 8), (3_000, 0.001, 8))
FILE_SYSTEMS = ("tmpfs", "ext4", "btrfs")


def rewrite(path, size, pause, stop):
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    version = 1
    while not stop.is_set():
        version = version % 250 + 1
        os.pwrite(file, bytes([version]) * size, 0)
        time.sleep(pause)


@contextlib.contextmanager
def rewritten(folder, size, pause, count):
    """Has this many licenses be rewritten meanwhile."""
    stop = multiprocessing.Event()
    names = [os.path.join(folder, "license-%d" % number) for number in range(count)]
    processes = [multiprocessing.Process(target=rewrite, args=(name, size, pause, stop))
                 for name in names]
    for process in processes:
        process.start()
    try:
        while not all(os.path.exists(name) and os.path.getsize(name) == size for name in names):
            time.sleep(0.01)
        yield
    finally:
        stop.set()
        for process in processes:
            process.join()


@contextlib.contextmanager
def mounted(kind, folder):
    """An empty file system of this kind."""
    where, image = os.path.join(folder, kind), os.path.join(folder, kind + ".image")
    os.mkdir(where)
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "none", where]
    else:
        subprocess.run(["truncate", "-s", "200M", image], check=True)
        subprocess.run(["mkfs." + kind, "-q", image], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        command = ["mount", "-o", "loop", image, where]
    subprocess.run(command, check=True)
    try:
        yield where
    finally:
        mounts.unmount(where)


def backups(world, folder, seconds):
    """Backups one after the other: (those that said S_OK, what is wrong with them)."""
    store, target = os.path.join(folder, "store"), os.path.join(folder, "backups")
    done, wrong = 0, []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        outcome = cells.operate("backup_licenses", store, target, w.OVERWRITE)
        if outcome.hr == w.SHARING_VIOLATION:
            continue
        if outcome.hr != w.S_OK:
            wrong.append(str(outcome))
            continue
        done += 1
        for name, content in world.read_backup(target).items():
            if len(set(content)) != 1:
                wrong.append("%s is a mixture of the versions %s" % (name, sorted(set(content))))
    return done, wrong


def run(world, seconds):
    """(backups, what is wrong) of all file systems and sets, so many seconds each."""
    tried, wrong = 0, []
    for kind in FILE_SYSTEMS:
        with tempfile.TemporaryDirectory(prefix="torn-") as folder, mounted(kind, folder) as where:
            for number, (size, pause, count) in enumerate(SETS):
                place = os.path.join(where, str(number))
                os.makedirs(os.path.join(place, "store"))
                with rewritten(os.path.join(place, "store"), size, pause, count):
                    done, problems = backups(world, place, seconds)
                tried += done
                print("torn, %s, %d bytes: %d backups, %d mixtures" % (
                    kind, size, done, len(problems)), file=sys.stderr, flush=True)
                wrong += ["%s, %d bytes: %s" % (kind, size, problem) for problem in problems]
    return tried, wrong
