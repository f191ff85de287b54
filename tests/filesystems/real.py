#!/usr/bin/env python3
"""The matrix on real file systems: each operation, cancels, kills, and a disk that is full.

    real.py [--only WORDS] [--kills N]

As root. What is not installed is said, with its package, and left out; so is what the kernel has
not. What is wrong goes to the standard error; a table is printed in the end, and the exit code is
1 if anything was wrong.
"""

import argparse
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import cells
import interruptions
import mounts
import squashed
import wmlb_ctypes as w
from cells import Wrong
from recipes import RECIPES

CANCELS = (("backup overwrite", "the beginning"), ("backup overwrite", "the end"),
           ("restore missing", "the end"), ("restore empty", "the end"),
           ("restore overwrite", "the beginning"), ("restore overwrite", "the end"))
FILLED = ("backup", "backup overwrite", "restore missing", "restore empty", "restore overwrite")
# What is left of a disk that is full: less than any operation needs.
ROOM = 400_000
# MiB that any of them has.
MOST = 400


class Skipped(Exception):
    """It is not installed, or the kernel has it not."""


class SftpServer:
    """Speaks SFTP to whoever connects, as behind an sshd."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                subprocess.Popen(["/usr/lib/openssh/sftp-server"], stdin=connection,
                                 stdout=connection)
                connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Real:
    """A real file system, mounted; to a cell as mounts.Mounted is."""

    def __init__(self, recipe):
        self.recipe = recipe
        missing = {package for command, package in recipe.needs.items()
                   if shutil.which(command, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None}
        if missing:
            raise Skipped("not installed: " + " ".join(sorted(missing)))
        with open("/proc/filesystems") as file:
            if recipe.kernel not in file.read().split():
                raise Skipped("the kernel has no " + recipe.kernel)
        self.folder = tempfile.mkdtemp(prefix="real-", dir=cells.memory_folder())
        os.chmod(self.folder, 0o755)
        self.behind = self.through = self.path("where")
        self.mounted = contextlib.ExitStack()
        self.ending = contextlib.ExitStack()
        self.names = {"where": self.through, "image": self.path("image"),
                      "below": self.path("below"), "folder": self.folder}
        self.cells = 0
        try:
            self.make()
            self.mount()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, command):
        ran = subprocess.run(shlex.split(command.format(**self.names)), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        if ran.returncode != 0:
            raise Wrong("%s: %s" % (command, ran.stdout))

    def make(self):
        os.mkdir(self.through)
        os.mkdir(self.names["below"])
        if "{image}" in "".join(self.recipe.make):
            self.run("truncate -s %s {image}" % self.recipe.size)
        else:
            self.run("mount -t tmpfs -o mode=755,size=%s none {below}" % self.recipe.size)
            self.ending.callback(mounts.unmount, self.names["below"])
        if "{device}" in "".join(self.recipe.attach):
            device = subprocess.run(["losetup", "--find", "--show", self.names["image"]],
                                    check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            self.ending.callback(subprocess.run, ["losetup", "--detach", device], check=True)
            self.names["device"] = device
        if "{port}" in "".join(self.recipe.attach):
            server = SftpServer()
            self.ending.callback(server.close)
            self.names["port"] = server.port
        for command in self.recipe.make:
            self.run(command)

    def mount(self):
        try:
            for command in self.recipe.attach:
                self.run(command)
        except Wrong as problem:
            if self.recipe.optional:
                words = " ".join(str(problem).split())
                raise Skipped("the kernel mounts no such one: " + words) from None
            raise
        self.mounted.callback(self.unmount)
        if self.recipe.user is not None:
            os.chmod(self.through, 0o777)

    def unmount(self):
        mounts.unmount(self.through)
        # The image is another's as long as its program writes to it.
        deadline = time.monotonic() + 20
        while any(self.is_served_by(number) for number in os.listdir("/proc")
                  if number.isdigit()):
            if time.monotonic() > deadline:
                raise AssertionError("%s does not end" % self.recipe.name)
            time.sleep(0.01)

    def is_served_by(self, number):
        try:
            with open("/proc/%s/cmdline" % number, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.through) in words and number != str(os.getpid())

    def remount(self):
        self.mounted.close()
        self.mount()

    def write_store(self, path, files):
        """The store, in whatever way it is made here."""
        if not self.recipe.store:
            return cells.write_files(path, files)
        cells.write_files(self.path("files"), files)
        self.names.update(store=path, inside=os.path.relpath(path, self.through))
        for command in self.recipe.store:
            self.run(command)
        shutil.rmtree(self.path("files"))
        cells.write_files(path, files)

    def new_folder(self):
        self.cells += 1
        folder = os.path.join(self.through, "cell-%d" % self.cells)
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        return folder

    @contextlib.contextmanager
    def full(self):
        """As long as there is no room."""
        filler = os.path.join(self.through, "filler")
        with open(filler, "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                for _ in range(MOST):
                    file.write(bytes(1 << 20))
            with contextlib.suppress(OSError):
                os.fsync(file.fileno())
        size = os.path.getsize(filler)
        os.truncate(filler, max(0, size - ROOM))
        try:
            yield
        finally:
            os.unlink(filler)

    def close(self):
        self.mounted.close()
        self.ending.close()
        subprocess.run(["rm", "-rf", self.folder], check=True)


class RealCell(interruptions.Interrupted):
    def clear(self):
        """A folder of its own: what others have left may be listed and not there, or there and
        not listed."""
        subprocess.run("rm -rf %s/cell-*" % self.mounted.through, shell=True,
                       stderr=subprocess.DEVNULL)
        self.folder = self.mounted.new_folder()

    def behind(self, *names):
        return os.path.join(self.folder, *names)

    through = behind

    def put_store(self, files=None):
        self.mounted.write_store(self.behind("place", "store"),
                                 self.world.old if files is None else files)
        self.settle()

    def settle(self):
        """Waits until what was written is where it belongs."""
        if not self.mounted.recipe.settles:
            return
        remote = os.path.join(self.mounted.path("below"), "remote")
        belongs = os.path.join(remote, os.path.relpath(self.folder, self.mounted.through))
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if cells.contents(cells.files_of(belongs)) == cells.contents(
                        cells.files_of(self.folder)):
                    return
            if time.monotonic() > deadline:
                raise Wrong("it does not settle")
            time.sleep(0.05)

    def check_store(self, *arguments):
        self.settle()
        super().check_store(*arguments)

    def check_backup(self, *arguments):
        self.settle()
        super().check_backup(*arguments)

    def fill(self, name):
        """An operation on a disk that is full, and once more when it is not."""
        self.prepare(name)
        with self.mounted.full():
            outcome = self.start(name)
            if outcome.hr == w.S_OK:
                raise Wrong("S_OK, and the disk is full")
            is_said = outcome.hr == w.DISK_FULL or not self.mounted.recipe.says_full
            if not is_said and name not in self.manner.may_fail:
                raise Wrong("the disk is full, and it says %s" % outcome)
            self.check_words(outcome)
            self.check(name, False, outcome)
        outcome = self.start(name)
        worked = self.check_ended(name, outcome)
        self.check(name, worked, outcome)

    def start(self, name):
        if name.startswith("backup"):
            flags = w.OVERWRITE if name == "backup overwrite" else 0
            return self.operate("backup_licenses", self.world.source, self.backups, flags)
        return self.restore(name)

    def check(self, name, worked, outcome):
        if name.startswith("backup"):
            old = self.world.old_backup if name == "backup overwrite" else None
            self.check_backup(worked, outcome, old)
        else:
            self.check_store(name, worked, outcome)


def cells_of(recipe, kills):
    """(words, what is done with a cell) of all cells of one file system."""
    for name in cells.OPERATIONS:
        yield name, lambda cell, name=name: cell.run(name)
    for name, moment in CANCELS:
        yield ("%s, canceled at %s" % (name, moment),
               lambda cell, name=name, moment=moment: cell.cancel(name, moment))
    for name in FILLED if recipe.fills else ():
        yield "%s, the disk full" % name, lambda cell, name=name: cell.fill(name)
    for name in interruptions.KILLED:
        for number in range(kills):
            yield ("%s, killed, %d" % (name, number),
                   lambda cell, name=name, number=number: kill(cell, name, number, kills))


def kill(cell, name, number, kills):
    """At one of so many system calls."""
    calls = cell.calls(name)
    chosen = interruptions.moments_of(calls, kills)
    if number < len(chosen):
        RealCell(cell.world, cell.manner, cell.mounted).kill(name, chosen[number])


def run(world, recipe, kills=3, operations=None):
    """(tried, what is wrong) of one file system. Raises Skipped."""
    tried, wrong = 0, []
    manner = recipe.manner()
    real = Real(recipe)
    try:
        for words, body in cells_of(recipe, kills):
            if operations is not None and words not in operations:
                continue
            tried += 1
            try:
                body(RealCell(world, manner, real))
            except (Wrong, AssertionError, OSError) as problem:
                wrong.append("%s, %s: %s" % (recipe.name, words, problem))
                print(wrong[-1], file=sys.stderr, flush=True)
    finally:
        real.close()
    return tried, wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    reason = mounts.why_not()
    if reason:
        sys.exit(reason)
    world = cells.World()
    rows, failed = [], False
    runs = [(recipe.name, lambda recipe=recipe: run(world, recipe, given.kills))
            for recipe in RECIPES]
    runs.append(("squashfs", lambda: squashed.run(world)))
    for name, body in runs:
        if given.only not in name:
            continue
        begun = time.monotonic()
        try:
            tried, wrong = body()
        except Skipped as reason:
            rows.append("| %s | - | %s |" % (name, reason))
            continue
        except Wrong as problem:
            tried, wrong = 0, [str(problem)]
            print("%s: %s" % (name, problem), file=sys.stderr, flush=True)
        failed |= bool(wrong)
        rows.append("| %s | %d | %d |" % (name, tried, len(wrong)))
        print("%s: %.0f s" % (name, time.monotonic() - begun), file=sys.stderr, flush=True)
    world.close()
    print("| file system | tried | wrong |\n|---|---|---|\n" + "\n".join(rows))
    sys.exit(failed or not rows)


if __name__ == "__main__":
    main()
