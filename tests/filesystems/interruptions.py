"""Operations that are canceled or killed on a file system with manners, and what comes after."""

import os
import subprocess
import threading

import cells
import manners
import mounts
import scene
import wmlb_ctypes as w
from cells import Wrong, contents, files_of, without_staging

# With these calls licenses take their places.
MOVES = {"renameat", "renameat2", "rename", "linkat", "link"}
BACKUP_MOMENTS = ("the beginning", "the end")
RESTORE_MOMENTS = ("the beginning", "the end", "the moves")
# Operations that are killed.
KILLED = ("backup overwrite", "restore missing", "restore empty", "restore overwrite")


class Interrupted(cells.Cell):
    def prepare(self, name):
        """What is there before an operation."""
        if name == "backup overwrite":
            self.put_backup(self.world.old_backup)
        elif name == "restore empty":
            os.mkdir(self.behind("place", "store"))
        elif name != "restore missing":
            self.put_store()

    # -- canceled

    def cancel(self, name, moment):
        """An operation that is canceled when it begins, or right before all of it takes its
        place, or while it does."""
        self.prepare(name)
        if moment == "the moves":
            return self.cancel_in_the_moves(name)

        def on_event(event):
            if moment == "the beginning":
                return -1 if event.status == w.STATUS_BEGIN else 0
            is_last = event.status == w.STATUS_PROGRESS and event.progress.licenses_total != 0
            return -1 if is_last else 0

        if name == "backup overwrite":
            outcome = self.operate("backup_licenses", self.world.source, self.backups, w.OVERWRITE,
                                   on_event=on_event)
            self.check_canceled(name, outcome)
            self.check_backup(False, outcome, self.world.old_backup)
        else:
            outcome = self.restore(name, on_event=on_event)
            self.check_canceled(name, outcome)
            self.check_store(name, False, outcome)

    def check_canceled(self, name, outcome):
        if outcome.hr == w.S_OK:
            raise Wrong("S_OK of what was canceled")
        if outcome.hr != w.CANCELED and name not in self.manner.fails | self.manner.may_fail:
            raise Wrong("it does not work: %s" % outcome)

    def cancel_in_the_moves(self, name):
        plain = self.plain_backups(self.world.backup)
        outcome = self.in_its_sandbox(lambda: self.restore_canceled_in_the_moves(plain))
        if outcome.hr != w.S_OK:
            self.check_canceled(name, outcome)
        self.check_store(name, outcome.hr == w.S_OK, outcome)

    def restore_canceled_in_the_moves(self, plain):
        restorer, ended = w.Restorer(), threading.Event()

        # By another thread, for which the moves wait.
        def cancel():
            if self.mounted.wait_at_gate(ended.is_set):
                restorer.cancel()
            self.mounted.open_gate()

        canceler = threading.Thread(target=cancel)
        self.mounted.close_gate(2)
        try:
            for key, value in (("StorePath", self.store), ("RestorePath", plain)):
                assert restorer.set(key, value) == w.S_OK
            canceler.start()
            hr, _ = restorer.restore(w.RESTORE_OVERWRITE)
            words = restorer.last_error() if hr < 0 else ""
        finally:
            ended.set()
            canceler.join()
            restorer.release()
        return cells.Outcome(hr, words, [])

    # -- killed

    def command(self, name):
        if name == "backup overwrite":
            return ["backup", self.world.source, self.backups]
        return ["restore", self.store, self.plain_backups(self.world.backup)]

    def inject(self, name, number, action):
        """The operation in a process of its own that is killed at its number-th system call;
        what was printed."""
        command = [self.world.path("inject"), "any", str(number), action,
                   self.world.path("client")] + self.command(name)

        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", timeout=scene.PATIENCE, preexec_fn=self.sandbox,
                             user=self.manner.user, group=self.manner.user, extra_groups=[])
        return ran.stdout.split("\n")

    def calls(self, name):
        """The names of the system calls that it makes."""
        self.prepare(name)
        lines = self.inject(name, 0, "log")
        return [line for line in lines if line.isidentifier()]

    def kill(self, name, number):
        """Killed at one system call; then the next operations, after which everything must be
        whole. Whether it was killed at all."""
        self.prepare(name)
        ended = self.inject(name, number, "kill")[-2].split()
        if self.manner.remount:
            self.mounted.remount()
        if name == "backup overwrite":
            self.check_killed_backup()
        else:
            self.check_killed_restore(name)
        return ended[1] == "signal"

    def check_killed_backup(self):
        path = self.behind("backups", w.BACKUP_NAME)
        with open(path, "rb") as file:
            found = file.read()
        was_done = found != self.world.old_backup
        if was_done:
            self.check_new_backup(path)
        outcome = self.operate("backup_licenses", self.world.source, self.backups, w.OVERWRITE)
        worked = self.check_ended("backup overwrite", outcome)
        if worked and was_done:
            self.check_new_backup(path)
            self.check_alone(outcome)
        else:
            self.check_backup(worked, outcome, found)

    def check_killed_restore(self, name):
        states = self.states(name)
        listed = self.operate("store", self.store)
        if listed.hr == w.S_OK:
            self.check_listed(listed, *self.reads(name))
        elif listed.hr != w.BUSY and not self.may_fail("list of the store"):
            self.check_unopened(listed)
        plain = self.plain_backups()
        outcome = self.operate("backup_licenses", self.store, plain)
        if outcome.hr == w.S_OK:
            found = self.world.read_backup(os.path.join(plain, w.BACKUP_NAME))
            if found not in self.reads(name):
                raise Wrong("a backup after the kill says S_OK, and holds neither store: " +
                            cells.difference(found, *self.reads(name)))
        elif not self.may_fail("backup of the store"):
            self.check_unopened(outcome)
        elif os.path.isdir(self.behind("place", "store")):
            return self.check_nothing_lost()
        found = contents(without_staging(files_of(self.behind("place", "store"))))
        if found not in states:
            raise Wrong("after the kill and %s the store is in between: %s" % (
                outcome, cells.difference(found, *states)))
        if found is not None:
            self.check_alone(outcome)
        self.check_next_restore(name, found)

    def check_next_restore(self, name, found):
        outcome = self.restore(name)
        if outcome.hr == w.S_OK:
            self.check_store(name, True, outcome)
            return
        if name not in self.manner.fails | self.manner.may_fail:
            raise Wrong("the next restore: %s" % outcome)
        if contents(files_of(self.behind("place", "store"))) != found:
            raise Wrong("the next restore has changed the store: %s" % outcome)
        self.check_alone(outcome)

    def may_fail(self, name):
        return name in self.manner.fails | self.manner.may_fail

    def states(self, name):
        """What the store may be: as it was, or as it is to be."""
        world = self.world
        return {"restore missing": (None, world.now), "restore empty": ({}, world.now),
                "restore overwrite": (world.old, world.overwritten)}[name]

    def reads(self, name):
        """The same, as it is read."""
        read = self.world.read
        return {"restore missing": (read["now"],), "restore empty": ({}, read["now"]),
                "restore overwrite": (read["old"], read["overwritten"])}[name]

    def check_unopened(self, outcome):
        """A store that is not there cannot be read; any other can."""
        is_there = os.path.isdir(self.behind("place", "store"))
        if is_there or outcome.hr != w.UNABLE_TO_OPEN_DATA_STORE:
            raise Wrong("after the kill the store cannot be read: %s" % outcome)

    def check_nothing_lost(self):
        """Wherever they are by now."""
        there = set()
        for path, _, names in os.walk(self.mounted.behind):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    there.add(file.read())
        new = self.world.overwritten
        lost = [name for name, content in self.world.old.items()
                if content not in there and new.get(name) not in there]
        if lost:
            raise Wrong("after the kill these are nowhere any more: %s" % lost)


def moments_of(calls, count):
    """Which system calls to be killed at: some moves, and as many others at even distances."""
    moves = [number for number, name in enumerate(calls, 1) if name in MOVES]
    fsyncs = [number for number, name in enumerate(calls, 1) if name == "fsync"]
    chosen = [moves[len(moves) // 2], moves[-1] + 1] if moves else []
    chosen += fsyncs[:1]
    chosen += [len(calls) * part // (count + 1) for part in range(1, count + 1)]
    return sorted(set(chosen[:count]))


def mounted_for(world, manner):
    return mounts.Mounted(world.program, manner.options, base=cells.memory_folder())


def all_manners(words=""):
    return [manner for manner in manners.MANNERS if words in manner.name]
