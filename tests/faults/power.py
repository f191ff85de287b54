#!/usr/bin/env python3
"""Power cuts: what a disk holds after each write of a backup and of a restore, and after some but
not others of the writes that it was not yet told to flush; mounted again, what was promised must
hold. As root, with fuse3 and the tools of the file systems.

    power.py [--only ext4|xfs|btrfs] [--subsets N] [--seed S]

For each file system it prints a row of a table: what | tried | violated.
"""

import argparse
import concurrent.futures
import contextlib
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import scene

# Size of the disk, and how it is mounted. ext4's default brings files to the disk that are renamed
# over others, and so would hide what is forgotten.
FILE_SYSTEMS = {
    "ext4": ("24M", "noauto_da_alloc,commit=300"),
    "xfs": ("320M", "nouuid"),
    "btrfs": ("200M", "defaults"),
}
WRITE, FLUSH, MARK = 1, 2, 3
HEAD = struct.Struct("=IIQ")


def run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)


@contextlib.contextmanager
def mounted(image, where, options):
    run("mount", "-o", "loop," + options, image, where, stderr=subprocess.PIPE)
    try:
        yield
    finally:
        unmount(where)


def unmount(where):
    for _ in range(100):
        if subprocess.run(["umount", where], stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.05)
    run("umount", "--lazy", where)


class Cut:
    """One operation on one file system, recorded. With `has_old`, it replaces an earlier backup,
    or restores into a store that is there."""

    def __init__(self, kind, operation, has_old, folder):
        self.kind, self.operation, self.has_old = kind, operation, has_old
        self.options = FILE_SYSTEMS[kind][1]
        self.folder = tempfile.mkdtemp(prefix=kind + "-", dir=folder)
        self.one = scene.Scene(folder, self.folder, operation, "directory")
        self.programs = folder
        self.has_backup = has_old or operation == "restore"
        self.has_store = has_old or operation == "backup"
        self.old_store, self.new_store = self.one.old_store, self.one.new_store
        if not self.has_store:
            fresh = self.path("fresh")
            os.mkdir(fresh)
            self.one.need(self.one.run("restore", store=fresh + "/store"), "the first restore")
            self.old_store, self.new_store = {}, scene.snapshot(fresh)
        self.record()

    def __str__(self):
        return "%s, %s%s" % (self.kind, self.operation, "" if self.has_old else ", the first")

    def path(self, name):
        return os.path.join(self.folder, name)

    def client(self, root, operation, backups="backups"):
        command = [os.path.join(self.programs, "client"), operation,
                   os.path.join(root, "place", "store"), os.path.join(root, backups)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace",
                              timeout=scene.PATIENCE)

    def record(self):
        size = FILE_SYSTEMS[self.kind][0]
        disk, base, where, fuse = map(self.path, ("disk", "base", "mnt", "fuse"))
        os.mkdir(where)
        os.mkdir(fuse)
        run("truncate", "-s", size, disk)
        run("mkfs." + self.kind, "-q", disk, stderr=subprocess.DEVNULL)
        with mounted(disk, where, self.options):
            if self.has_store:
                shutil.copytree(self.one.place, where + "/place")
            else:
                os.mkdir(where + "/place")
            os.mkdir(where + "/backups")
            if self.has_backup:
                shutil.copy(self.one.target, where + "/backups")
        run("cp", "--sparse=always", disk, base)
        environment = dict(os.environ, BLOCKLOG_DISK=disk, BLOCKLOG_RECORD=self.path("record"))
        logger = subprocess.Popen([os.path.join(self.programs, "blocklog"), "-f", fuse],
                                  env=environment)
        try:
            while not os.path.exists(fuse + "/disk"):
                time.sleep(0.02)
            with mounted(fuse + "/disk", where, self.options):
                self.mark(fuse)
                # What is read back goes to the disk for that reason alone.
                ran = self.client(where, {"backup": "unverified"}.get(self.operation,
                                                                      self.operation))
                self.mark(fuse)
                if ran.returncode != 0:
                    raise scene.Violated("%s: %s" % (self, ran.stdout))
                run("sync", "-f", where)
        finally:
            unmount(fuse)
            logger.wait(30)
        self.records = list(self.read_record())
        self.start, self.end = [number for number, one in enumerate(self.records)
                                if one[0] == MARK]

    @staticmethod
    def mark(fuse):
        with open(fuse + "/mark", "r+b", buffering=0) as file:
            file.write(b"mark")

    def read_record(self):
        with open(self.path("record"), "rb") as file:
            while head := file.read(HEAD.size):
                kind, length, offset = HEAD.unpack(head)
                yield kind, offset, file.read(length)

    def states(self, subsets, seed):
        """(what, whether the operation had said it was done, numbers of the writes there)."""
        chance = random.Random(seed)
        flushed = 0
        for number, (kind, _, _) in enumerate(self.records):
            if number < self.start:
                continue
            yield "after %d" % number, number > self.end, range(number)
            last = number + 1 == len(self.records)
            if kind == FLUSH or last:
                pending = [at for at in range(flushed, number) if self.records[at][0] == WRITE]
                for at in range(subsets if len(pending) > 1 else 0):
                    cut = chance.randrange(len(pending)) + 1
                    some = [at for at in pending[:cut] if chance.random() < 0.5]
                    yield ("%d of %d before %d" % (len(some), cut, number),
                           pending[cut - 1] > self.end, [*range(flushed), *some])
                flushed = number

    def check(self, state):
        """None, or what is violated."""
        what, done, numbers = state
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            image, where = folder + "/disk", folder + "/mnt"
            os.mkdir(where)
            run("cp", "--sparse=always", self.path("base"), image)
            with open(image, "r+b") as file:
                for number in numbers:
                    kind, offset, content = self.records[number]
                    if kind == WRITE:
                        file.seek(offset)
                        file.write(content)
            try:
                with mounted(image, where, self.options):
                    self.check_mounted(where, done)
            except scene.Violated as problem:
                return "%s; %s: %s" % (self, what, problem)
            except subprocess.CalledProcessError as problem:
                return "%s; %s: %s" % (self, what, problem.stderr or problem)
        return None

    def check_mounted(self, where, done):
        target = where + "/backups/" + scene.BACKUP_NAME
        old = self.one.old_backup if self.has_backup else None
        found = None
        if os.path.exists(target):
            with open(target, "rb") as file:
                found = file.read()
        if self.operation == "backup":
            if found == old:
                if done:
                    raise scene.Violated("it said S_OK, and the backup is not there")
            else:
                self.expect(where, "verify")
                listed = self.expect(where, "list").stdout.split()
                if " ".join(listed[2:4]) != self.one.new_digest:
                    raise scene.Violated("the backup is neither the old one nor the new")
            self.check_store(where, self.old_store)
        else:
            if found != old:
                raise scene.Violated("the backup has changed")
            if os.path.exists(where + "/place/store"):
                self.recover(where)
            allowed = [self.new_store] if done else [self.old_store, self.new_store]
            self.check_store(where, *allowed)
        self.expect(where, self.operation)
        self.check_store(where, self.new_store)
        if os.listdir(where + "/backups") != [scene.BACKUP_NAME]:
            raise scene.Violated("left: %s" % os.listdir(where + "/backups"))

    def check_store(self, where, *allowed):
        found = scene.snapshot(where + "/place")
        if {} in allowed and not os.path.exists(where + "/place/store"):
            # What is left beside it goes with the next restore.
            found = {name: value for name, value in found.items()
                     if not scene.STAGING.search(name)}
        if found not in allowed:
            raise scene.Violated("the store: %s" % (
                scene.difference(self.old_store, self.new_store, found)))

    def recover(self, where):
        """By a backup, into another folder than that of the backup to look at."""
        os.mkdir(where + "/elsewhere")
        self.expect(where, "backup", "elsewhere")
        shutil.rmtree(where + "/elsewhere")

    def expect(self, where, operation, backups="backups"):
        ran = self.client(where, operation, backups)
        if ran.returncode != 0:
            raise scene.Violated("%s: %d, %s" % (operation, ran.returncode, ran.stdout))
        return ran


def cuts(kind, subsets, seed, base=None):
    """(tried, what was violated) on one file system."""
    if base is None and os.access("/dev/shm", os.W_OK):
        base = "/dev/shm"
    tried, violated = 0, []
    with tempfile.TemporaryDirectory(prefix="wmlb-power-", dir=base) as folder:
        scene.build(folder)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        here = os.path.dirname(os.path.abspath(__file__))
        run("cc", "-O1", "-Wall", "-Wextra", "-Werror", os.path.join(here, "blocklog.c"),
            "-o", os.path.join(folder, "blocklog"), *flags)
        for operation, has_old in (("backup", False), ("backup", True),
                                   ("restore", False), ("restore", True)):
            cut = Cut(kind, operation, has_old, folder)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                for problem in pool.map(cut.check, cut.states(subsets, seed)):
                    tried += 1
                    if problem:
                        violated.append(problem)
                        print(problem, file=sys.stderr, flush=True)
            print("%s: %d records, %d tried" % (cut, len(cut.records), tried), file=sys.stderr,
                  flush=True)
    return tried, violated


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--subsets", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failed = False
    for kind in FILE_SYSTEMS:
        if given.only in kind:
            tried, violated = cuts(kind, given.subsets, given.seed)
            print("| power cuts on %s | %d | %d |" % (kind, tried, len(violated)), flush=True)
            failed |= bool(violated) or tried == 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
