"""Random changes of small stores, and a repeat backup after each: it must be, byte for byte, what a
backup without an earlier one is.

    python3 reuse_scripts.py SCRIPTS [SEED]     runs so many
"""

import os
import random
import shutil
import sys
import tempfile

import license_forge as forge
import reuse_support
import wmlb_ctypes as w

DENIED = forge.v1("denied", rights=4)


class Editor:
    """Changes a store at random."""

    def __init__(self, store, dice):
        self.store, self.dice = store, dice
        self.number = 0

    def files(self):
        found = []
        for folder, folders, names in os.walk(self.store):
            folders.sort()
            paths = (os.path.join(folder, name) for name in sorted(names))
            found += (path for path in paths if not os.path.islink(path))
        return found

    def folders(self):
        return sorted(folder for folder, _, _ in os.walk(self.store))

    def content(self):
        size = self.dice.choice((0, 100, 5000, 5000, 40_000, 300_000, 1_200_000, 2_500_000))
        return self.dice.randbytes(min(size, 60_000)).ljust(size, self.dice.choice((b"x", b"y")))

    def fresh_path(self):
        self.number += 1
        name = "%s%04d" % (self.dice.choice("aeimquz"), self.number)
        return os.path.join(self.dice.choice(self.folders()), name)

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def add(self, path):
        self.write(self.fresh_path(), self.content())

    def add_folder(self, path):
        folder = self.fresh_path()
        os.mkdir(folder)
        for number in range(self.dice.randrange(4)):
            self.write(os.path.join(folder, "%d" % number), self.content())

    def remove(self, path):
        os.unlink(path)

    def rename(self, path):
        os.rename(path, self.fresh_path())

    def rewrite(self, path):
        self.write(path, self.content())

    def same_size(self, path):
        self.write(path, self.dice.randbytes(os.path.getsize(path)))

    def set_back(self, path):
        before = os.stat(path)
        self.same_size(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def touch(self, path):
        os.utime(path)

    def chmod(self, path):
        os.chmod(path, self.dice.choice((0o600, 0o644, 0o400)))

    def link(self, path):
        os.link(path, self.fresh_path())

    def exchange(self, path):
        other, between = self.dice.choice(self.files()), self.fresh_path()
        os.rename(path, between)
        if other != path:
            os.rename(other, path)
            os.rename(between, other)

    def folder_for_file(self, path):
        os.unlink(path)
        os.mkdir(path)
        self.write(os.path.join(path, "in it"), self.content())

    def file_for_folder(self, path):
        folder = self.dice.choice(self.folders())
        if folder != self.store:
            shutil.rmtree(folder)
            self.write(folder, self.content())

    def move_folder(self, path):
        folder, to = self.dice.choice(self.folders()), self.fresh_path()
        if folder != self.store and not to.startswith(folder + "/"):
            os.rename(folder, to)

    def deny(self, path):
        self.write(path, DENIED)

    def allow(self, path):
        self.write(path, forge.v1("allowed"))

    def symlink(self, path):
        os.symlink("nowhere", self.fresh_path())

    def database_name(self, path):
        self.write(path + "-wal", b"not a log")

    def nothing(self, path):
        pass


CHANGES = [name for name in vars(Editor) if not name.startswith("_") and name not in (
    "files", "folders", "content", "fresh_path", "write",
)]


def settings(dice):
    return {
        "CompressionLevel": dice.choice((1, 1, 3)),
        "UnstatedRights": dice.choice(("allow", "allow", "deny")),
        "Threads": dice.choice((1, 2)),
    }


def run(root, seed):
    """One script; how many licenses were reused in it."""
    dice = random.Random(seed)
    scene = reuse_support.Scene(root)
    editor = Editor(scene.store, dice)
    for _ in range(dice.randrange(1, 40)):
        editor.add(None)
    hr, _, words = scene.backup()
    assert hr >= 0, (seed, words)
    reused = 0
    for _ in range(dice.randrange(1, 5)):
        reuse_support.wait_for_tick(root)
        done = []
        for _ in range(dice.choice((0, 1, 1, 1, 2, 5))):
            files = editor.files()
            change = dice.choice(CHANGES) if files else "add"
            getattr(editor, change)(dice.choice(files) if files else None)
            done.append(change)
        if dice.random() < 0.1:
            scene.settings = settings(dice)
            done.append(str(scene.settings))
        if dice.random() < 0.1:
            scene.ahead -= 15
            done.append("clock set back")
        reused += scene.check("seed %d: %s" % (seed, ", ".join(done)))
    return reused


def main(scripts, seed="0"):
    reused = 0
    for number in range(int(seed), int(seed) + int(scripts)):
        root = tempfile.mkdtemp(prefix="wmlb-reuse-")
        try:
            reused += run(root, number)
        finally:
            shutil.rmtree(root)
    print("%s scripts, %d licenses reused" % (scripts, reused))
    assert reused > int(scripts), "nothing is reused"


if __name__ == "__main__":
    print(reuse_support.run_ahead("reuse_scripts", *sys.argv[1:], timeout=None), end="")
