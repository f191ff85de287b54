#!/usr/bin/env python3
"""Two users: root backs up, lists and restores a store, while its owner exchanges everything in it,
in the backup folder and beside the store for links, FIFOs and folders of his, at every level.
Nothing outside is touched, nothing of others gets into a backup or a list, and nothing hangs.

race.py [--seconds N] [--seed S] [OPERATION...]

The operations are backup, list and restore; N seconds each. Prints rows of a table: what | tried
| violated. As root, on a scratch machine.
"""

import argparse
import collections
import contextlib
import ctypes
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import common
import archive_forge as forge
import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import MALLORY

OPERATIONS = ("backup", "list", "restore")
SECRET = b"NOBODY-ELSE-READS-THIS"
SECRET_NAME = "nobody-else-knows-this-name"
# Seconds that one operation may take: patience with locks, and what a busy machine adds.
MOST = 40
EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    here = -100
    return libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), EXCHANGE) == 0


class Scene:
    """The owner's folder, with his store and a folder for backups, and root's own."""

    def __init__(self, base):
        self.root = tempfile.mkdtemp(prefix="wmlb-race-", dir=base)
        os.chmod(self.root, 0o755)
        self.secrets = self.at("secrets")
        self.place, self.saved = self.at("place"), self.at("saved")
        self.store, self.backups = self.at("place/store"), self.at("place/backups")

    def at(self, name):
        return os.path.join(self.root, name)

    def make_secrets(self):
        """What only root may read, under the names that the store has."""
        for name in ("f", "deep/f", "deep/" + SECRET_NAME, SECRET_NAME, "sub/deep/f", "license"):
            support.write(os.path.join(self.secrets, name), SECRET * 20)
        for name in ("x.db", "deep/x.db", "sub/x.db"):
            self.database(os.path.join(self.secrets, name), SECRET.decode())
        for where, _, names in os.walk(self.secrets):
            os.chmod(where, 0o700)
            for name in names:
                os.chmod(os.path.join(where, name), 0o600)

    def database(self, path, text, log=b""):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data)")
        row = (text, "t", "f", text * 10)
        connection.executemany("INSERT INTO cdm_storage VALUES (?, ?, ?, ?)", [row] * 50)
        connection.commit()
        connection.close()
        if log:
            support.write(path + "-wal", log)

    def prepare(self):
        """The owner's things, anew, and a backup that can be restored."""
        subprocess.run(["rm", "-rf", self.place, self.saved], check=True)
        for name in ("f", "license", "sub/f", "sub/deep/f", "sub/deep/g", "sub/deep/er/f"):
            support.write(os.path.join(self.store, name), b"of the owner")
        self.database(self.store + "/x.db", "of the owner")
        self.database(self.store + "/sub/x.db", "of the owner", b"no log " * 100)
        os.makedirs(self.backups)
        files = {name: b"from the backup" for name in (
            b"f", b"license", b"new/f", b"sub/deep/er/new", b"sub/deep/f", b"sub/new", b"z")}
        support.write(self.saved + "/" + w.BACKUP_NAME, forge.small(files))
        for where, _, names in os.walk(self.place):
            trust.give(MALLORY, where, *(os.path.join(where, name) for name in names))

    def look(self):
        """Everything of root's."""
        return trust.hashes(self.secrets)


class Attacker:
    """What the owner does meanwhile: a few tricks, again and again."""

    def __init__(self, scene, operation, number):
        self.scene, self.random = scene, random.Random(number)
        tricks = {
            "backup": ["entries", "siblings", "store", "folder", "planted", "fifo", "times"],
            "list": ["entries", "siblings", "store", "times"],
            "restore": ["entries", "store", "staging", "folder", "siblings"],
        }[operation]
        self.tricks = self.random.sample(tricks, self.random.randint(1, 2))
        self.pairs, self.others = [], []
        self.ready = False

    def prepare(self):
        """Makes what things are exchanged for, as the owner."""
        store, secrets, place = self.scene.store, self.scene.secrets, self.scene.place
        links = {
            "entries": [(store + "/sub", secrets), (store + "/sub/deep", secrets + "/deep"),
                        (store + "/f", secrets + "/f"), (store + "/x.db", secrets + "/x.db"),
                        (store + "/sub/x.db", secrets + "/x.db")],
            "siblings": [(store + "/sub/x.db-wal", secrets + "/x.db"),
                         (store + "/x.db-journal", secrets + "/f"),
                         (store + "/x.db-shm", secrets + "/f")],
            "store": [(store, secrets)],
            "folder": [(self.scene.backups, secrets)],
        }
        for trick in self.tricks:
            found = links.get(trick, [])
            for path, target in self.random.sample(found, min(len(found), 2)):
                if not os.path.lexists(path):
                    support.write(path, b"of the owner")
                other = "%s/other-%d" % (place, len(self.pairs))
                if trick in ("siblings", "entries") and self.random.random() < 0.3:
                    os.mkfifo(other, 0o666)
                else:
                    os.symlink(target, other)
                self.pairs.append((path, other))
        self.ready = True

    def __call__(self):
        if not self.ready:
            self.prepare()
        for one, other in self.pairs:
            exchange(one, other)
            for _ in range(self.random.randrange(200)):
                pass
        if "planted" in self.tricks:
            self.plant(self.scene.backups, ".licenses.wmlb.")
        if "fifo" in self.tricks:
            self.listen()
        if "staging" in self.tricks:
            self.plant(self.scene.place, ".wmlb-restore-")
            self.plant(self.scene.store, ".wmlb-restore-")
        if "times" in self.tricks:
            # So that nothing is ever at rest.
            for name in ("/x.db", "/sub/x.db"):
                os.utime(self.scene.store + name, (time.time() + 1000,) * 2)

    def plant(self, folder, prefix):
        """Links under all names that come from one that is there; a folder of his in its place."""
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if not name.startswith(prefix) or name.endswith((".away", "-wal", "-journal", "-shm")):
                continue
            targets = {"-wal": "f", "-journal": "sub/deep/f", "-shm": "license"}
            for suffix, target in targets.items():
                with contextlib.suppress(OSError):
                    os.symlink(os.path.join(self.scene.secrets, target), path + suffix)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rename(path, path + ".away")
                os.mkdir(path, 0o777)
                for guess in ("new", "scratch-0-wal", "scratch-0", "journal", "old-0"):
                    os.symlink(self.scene.secrets + "/f", os.path.join(path, guess))

    def listen(self):
        """A FIFO in the place of a file that is written to: who reads it, reads what is written."""
        for name in os.listdir(self.scene.backups):
            path = os.path.join(self.scene.backups, name)
            if name.startswith(".licenses.wmlb.") and name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    os.unlink(path)
                    os.mkfifo(path, 0o666)
        for name in os.listdir(self.scene.backups):
            path = os.path.join(self.scene.backups, name)
            with contextlib.suppress(OSError):
                file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                self.others.append(file)
        for file in self.others[-4:]:
            with contextlib.suppress(OSError):
                content = os.read(file, 1 << 20)
                if SECRET in content:
                    os.close(os.open(self.scene.place + "/STOLEN", os.O_CREAT | os.O_WRONLY))
        for file in self.others[:-4]:
            os.close(file)
        del self.others[:-4]


def operate(scene, operation):
    """One operation of root's: (result, names that were told)."""
    restorer = w.Restorer()
    for name, value in (("StorePath", scene.store), ("BackupPath", scene.backups),
                        ("RestorePath", scene.saved)):
        restorer.set(name, value)
    if operation == "list":
        hr, licenses = restorer.enumerate("store")
        return hr, b"\0".join(license.name for license in licenses)
    if operation == "backup":
        return restorer.backup(w.OVERWRITE | w.PARTIAL)[0], b""
    return restorer.restore(w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE)[0], b""


def problems_of(scene, operation, told, before):
    """What of others was read or touched."""
    found = []
    after = scene.look()
    if after != before:
        names = sorted(name for name in before.keys() | after.keys()
                       if before.get(name) != after.get(name))
        found.append("files outside were touched: %s" % names)
    if os.path.exists(scene.place + "/STOLEN"):
        found.append("bytes of others came out of a FIFO")
    if SECRET in told or os.fsencode(SECRET_NAME) in told:
        found.append("names or rows of others were told")
    for where, _, names in os.walk(scene.place):
        for name in names:
            path = os.path.join(where, name)
            if name == w.BACKUP_NAME and os.path.isfile(path) and not os.path.islink(path):
                done = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
                if SECRET in done.stdout or os.fsencode(SECRET_NAME) in done.stdout:
                    found.append("files of others are in the backup")
    return found


def race(operation, seconds, seed=0, base=None):
    """(how often it was tried, what was violated, how often each result came)"""
    scene = Scene(base)
    violated, results, tried = [], collections.Counter(), 0
    number = seed
    try:
        scene.make_secrets()
        before = scene.look()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            number += 1
            scene.prepare()
            attacker = Attacker(scene, operation, number)
            with trust.beside(attacker, MALLORY):
                for _ in range(5):
                    tried += 1
                    told = b""
                    try:
                        hr, told = support.in_child(
                            lambda: operate(scene, operation), timeout=MOST)
                        results[w.describe(hr).split(" ", 1)[1]] += 1
                    except support.ChildFailed as problem:
                        violated.append("round %d, %s: %s" % (number, attacker.tricks, problem))
                        break
                    found = problems_of(scene, operation, told, before)
                    violated += ["round %d, %s: %s" % (number, attacker.tricks, problem)
                                 for problem in found]
                    if found:
                        shutil.rmtree(scene.secrets)
                        scene.make_secrets()
                        before = scene.look()
                        break
    finally:
        subprocess.run(["rm", "-rf", scene.root], check=True)
    return tried, violated, results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("operations", nargs="*", default=OPERATIONS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("race: not run: it needs root, to be two users")
        return 0
    code = 0
    for operation in options.operations:
        tried, violated, results = race(operation, options.seconds, options.seed)
        code |= common.tell("races of two users, %s" % operation, tried, violated, ", ".join(
            "%s %d" % each for each in results.most_common()))
    return code


if __name__ == "__main__":
    sys.exit(main())
