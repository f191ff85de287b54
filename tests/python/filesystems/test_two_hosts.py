"""One share, used by two machines: locks, process numbers and clocks of one mean nothing to the
other. Each machine is a mount of the same folder here, and the second has process numbers, a name
and an identity of its own."""

import contextlib
import json
import os
import subprocess
import sys
import unittest
import uuid

import filesystems_support

import cells
import interrupt
import restore_support
import support
import wmlb_ctypes as w

COUNT = 40

ELSEWHERE = """
import json, filesystems_support, cells
operation, store, backups, flags = sys.argv[1:]
outcome = cells.operate(operation, store or None, backups or None, int(flags))
print(json.dumps([outcome.hr, outcome.words, [name.decode() for name, _ in outcome.listed]]))
"""
# In name spaces of its own: another machine.
MACHINE = """
mount --bind "$1" /etc/machine-id && mount --bind "$2" /proc/sys/kernel/random/boot_id &&
    hostname elsewhere && shift 2 && exec "$@"
"""


def two_files():
    return ({"%03d" % number: b"old %d" % number for number in range(COUNT)},
            {"%03d" % number: b"new %d" % number for number in range(COUNT)})


class TwoHosts:
    """The tests, wherever the locks are."""

    def setUp(self):
        super().setUp()
        self.old, self.new = two_files()
        self.make_backup(self.new)
        self.identities = []
        self.plain = os.path.join(self.root, "plain")
        for name, words in (("machine-id", uuid.uuid4().hex), ("boot_id", str(uuid.uuid4()))):
            self.identities.append(os.path.join(self.root, name))
            support.write(self.identities[-1], words.encode() + b"\n")
        # The same folder at both machines, with the old store in it.
        self.here = self.mount(self.options)
        self.there = self.mount(self.options, behind=self.here.behind)
        self.behind = os.path.join(self.here.behind, "place", "store")
        cells.write_files(self.behind, self.old)
        self.store_here = os.path.join(self.here.through, "place", "store")
        self.store_there = os.path.join(self.there.through, "place", "store")

    def machine(self, operation, store=None, backups=None, flags=0, elsewhere=True):
        """An operation at this machine or the other, in a process of its own that has nothing of
        the share open but what it opens itself."""
        code = "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, ELSEWHERE)
        command = ["unshare", "--mount", "--pid", "--fork", "--uts", "--mount-proc", "sh", "-c",
                   MACHINE, "sh"] + self.identities if elsewhere else []
        command += [sys.executable, "-c", code, operation, store or "", backups or "", str(flags)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def outcome_of(self, process):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        return cells.Outcome(*json.loads(output))

    def elsewhere(self, *arguments):
        return self.outcome_of(self.machine(*arguments))

    def restore_here(self, on_event=None):
        return cells.operate("restore_licenses", self.store_here, self.backups,
                             w.RESTORE_OVERWRITE, on_event=on_event)

    @contextlib.contextmanager
    def held_here(self, moves, *arguments):
        """An operation at this machine that waits after so many moves; in the end its outcome is
        in the list that this gives."""
        self.here.close_gate(moves)
        process, outcomes = self.machine(*arguments, elsewhere=False), []
        try:
            if not self.here.wait_at_gate(lambda: process.poll() is not None):
                self.fail("it ends before: %s" % self.outcome_of(process))
            yield outcomes
        finally:
            self.here.open_gate()
            process.wait()
        outcomes.append(self.outcome_of(process))

    def come_elsewhere(self):
        """All that the other machine may do with the store; check_seen() says what must hold."""
        outcomes = {"list": self.elsewhere("store", self.store_there)}
        outcomes["backup"] = self.elsewhere("backup_licenses", self.store_there, self.plain)
        outcomes["restore"] = self.elsewhere("restore_licenses", self.store_there, self.backups,
                                             w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE)
        return outcomes

    def check_seen(self, outcomes):
        """Each was refused, or saw all of one state."""
        for operation, outcome in outcomes.items():
            self.assertIn(outcome.hr, (w.BUSY, w.S_OK), operation + ": " + outcome.words)
        if outcomes["backup"].hr == w.S_OK:
            self.check_backup(self.plain, self.old, self.new)

    def check_backup(self, folder, *states):
        back = os.path.join(self.root, "back")
        outcome = cells.operate("restore_licenses", back, folder, w.RESTORE_INDIVIDUALIZE)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        found = cells.contents(cells.files_of(back))
        subprocess.run(["rm", "-rf", back, folder], check=True)
        self.assertTrue(found in states, "S_OK, and of %d licenses %d are old" % (
            len(found), sum(content.startswith(b"old") for content in found.values())))

    def check_state(self, *states):
        found = cells.contents(cells.files_of(self.behind))
        self.assertTrue(found in states, "of %d licenses %d are old, %d are new" % (
            len(found), sum(content.startswith(b"old") for content in found.values()),
            sum(content.startswith(b"new") for content in found.values())))

    def check_alone(self):
        self.assertEqual(os.listdir(os.path.dirname(self.behind)), ["store"])

    def test_a_restore_in_its_moves(self):
        with self.held_here(COUNT // 2, "restore_licenses", self.store_here, self.backups,
                            w.RESTORE_OVERWRITE) as outcomes:
            seen = self.come_elsewhere()
        self.assert_hr(outcomes[0].hr, w.S_OK, outcomes[0].words)
        for operation, outcome in seen.items():
            self.assert_hr(outcome.hr, w.BUSY, operation + ": " + outcome.words)
        self.check_state(self.new)
        self.check_alone()
        self.assert_hr(self.elsewhere("store", self.store_there).hr, w.S_OK)

    def test_a_restore_that_stages(self):
        """Nothing was moved yet: others may see the old store, and take away nothing."""
        seen = {}

        def on_event(event):
            if restore_support.last_progress(event):
                seen.update(self.come_elsewhere())

        outcome = self.restore_here(on_event)
        self.assertTrue(seen, "there was no last PROGRESS")
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        self.assert_hr(seen["restore"].hr, w.BUSY, seen["restore"].words)
        self.check_seen(seen)
        self.check_state(self.new)
        self.check_alone()

    def test_two_backups_to_one_folder(self):
        source = os.path.join(self.root, "source")
        for flags, expected in ((0, w.BACKUP_EXISTS), (w.OVERWRITE, w.S_OK)):
            name = "to-%d" % flags
            with self.held_here(0, "backup_licenses", source,
                                os.path.join(self.here.through, name), flags) as outcomes:
                second = self.elsewhere("backup_licenses", source,
                                        os.path.join(self.there.through, name), flags)
            self.assert_hr(second.hr, w.S_OK, second.words)
            self.assert_hr(outcomes[0].hr, expected, outcomes[0].words)
            folder = os.path.join(self.here.behind, name)
            self.assertEqual(os.listdir(folder), [w.BACKUP_NAME])
            self.check_backup(folder, self.new)

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_a_restore_that_was_killed(self):
        """Another machine cannot tell whether it lives; nobody is told S_OK over what is half."""
        for call in ("renameat2", "renameat"):
            kill = interrupt.kill_at(call, COUNT // 2)
            if interrupt.run(self.restore_here, kill).killed:
                break
        half = cells.contents(cells.files_of(self.behind))
        self.assertNotIn(half, (self.old, self.new), "it was not killed in its moves")
        outcomes = self.come_elsewhere()
        self.check_seen(outcomes)
        if outcomes["restore"].hr != w.S_OK:
            outcome = cells.operate("backup_licenses", self.store_here, self.plain)
            self.assert_hr(outcome.hr, w.S_OK, outcome.words)
            self.check_backup(self.plain, self.old)
        self.check_state(self.old, self.new)
        self.check_alone()


class OwnLocks(TwoHosts, filesystems_support.MountedCase):
    """Each machine has its own."""

    options = ""


class SharedLocks(TwoHosts, filesystems_support.MountedCase):
    """The server has locks, which all its clients share."""

    options = "flock=shared,lock=shared"

    def test_a_restore_during_a_backup(self):
        """As far as the share has locks."""
        seen = {}

        def on_event(event):
            if event.status == w.STATUS_PROGRESS and not seen:
                seen["restore"] = self.elsewhere(
                    "restore_licenses", self.store_there, self.backups,
                    w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE)

        outcome = cells.operate("backup_licenses", self.store_here, self.plain, on_event=on_event)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        self.assert_hr(seen["restore"].hr, w.BUSY, seen["restore"].words)
        self.check_backup(self.plain, self.old)
        self.check_state(self.old)
        self.check_alone()


if __name__ == "__main__":
    unittest.main()
