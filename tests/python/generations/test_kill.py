"""Backups that keep and forget generations, killed at every moment: each generation is whole, none
is lost that the rule keeps, and the next backup leaves nothing beside them.

The default run takes samples; WMLB_FULL=1 kills at every system call.
"""

import os
import shutil
import unittest

import archive_forge
import generations_support as g
import interrupt
import support
import wmlb_ctypes as w

FULL = os.environ.get("WMLB_FULL") == "1"
RULE = "last=2 daily=3"
# The calls that change what is in the folder are tried at each moment, others at some.
CHANGING = {"linkat", "renameat", "renameat2", "unlinkat", "unlink", "fsync", "fdatasync",
            "flock", "write", "pwrite64"}
SAMPLES = 2
DAY = 86400
FIRST = 1700000000


def moments(name, count):
    if FULL or count <= SAMPLES or name in CHANGING and count < 20:
        return list(range(1, count + 1))
    return [1, count]


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Killed(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.fill(3)
        self.outcomes = {"old": 0, "new": 0}

    def prepare(self):
        """The last backup, and generations; of these, the rule will not want all."""
        shutil.rmtree(self.backups)
        os.mkdir(self.backups)
        self.last = archive_forge.small({b"a": b"last"}, created=FIRST)
        support.write(self.target, self.last)
        times = [FIRST, FIRST - 1, FIRST - 2, FIRST - DAY, FIRST - DAY - 1, FIRST - 3 * DAY,
                 FIRST - 30 * DAY]
        self.kept = {}
        for time in times:
            content = archive_forge.small({b"a": b"%d" % time}, created=time)
            support.write(os.path.join(self.backups, g.name_of(time)), content)
            self.kept[time, 1] = content

    def operation(self):
        return self.new_restorer(Keep=RULE).backup(w.OVERWRITE)[0]

    def generations(self):
        return {name: support.read(os.path.join(self.backups, name))
                for name in os.listdir(self.backups) if g.NAME.fullmatch(name)}

    def named(self, files):
        return {g.name_of(*one): content for one, content in files.items()}

    def check(self, words):
        """What is there after a kill, and after the next backup."""
        found, current = self.generations(), support.read(self.target)
        held = {(FIRST, 2): self.last}
        everything = {**self.kept, **held}
        for name, content in found.items():
            self.assertEqual(content, self.named(everything)[name], words)
        is_old = current == self.last
        self.outcomes["old" if is_old else "new"] += 1
        if is_old:
            # Nothing is forgotten before the new one is there.
            for name, content in self.named(self.kept).items():
                self.assertEqual(found.get(name), content, words)
            current_time = FIRST
        else:
            self.assertEqual(len(self.opened().files()), 3, words)
            current_time = self.opened().info["created"]
            wanted = self.named(g.left(RULE, everything, current_time))
            self.assertLessEqual(wanted.items(), found.items(), words)
            everything = {one: content for one, content in everything.items()
                          if g.name_of(*one) in found}
        for name in set(os.listdir(self.backups)) - set(found) - {w.BACKUP_NAME}:
            self.assertRegex(name, r"^\.licenses\.wmlb\.[0-9a-f]{16}\.tmp$", words)
        support.write(os.path.join(self.store, "next"), words.encode())
        self.assert_hr(self.operation(), w.S_OK, words)
        os.unlink(os.path.join(self.store, "next"))
        if not is_old:
            everything[current_time, 1] = current
        wanted = self.named(g.left(RULE, everything, self.opened().info["created"]))
        self.assertEqual(self.generations(), wanted, words)
        self.assertEqual(set(os.listdir(self.backups)), {*wanted, w.BACKUP_NAME}, words)

    def kill_everywhere(self, operation, needed):
        self.prepare()
        calls = interrupt.calls_of(operation, self.root)
        self.assertEqual(needed - set(calls), set(), "not made")
        for name, count in sorted(calls.items()):
            for number in moments(name, count):
                self.prepare()
                words = "killed at %s %d" % (name, number)
                interrupt.run(operation, interrupt.kill_at(name, number))
                self.check(words)
        self.assertGreater(min(self.outcomes.values()), 0)
        if FULL:
            print("\nkills of a backup that keeps: %s" % self.outcomes, flush=True)

    def test_at_each_call(self):
        self.kill_everywhere(self.operation, {"linkat", "unlinkat", "fsync"})

    def test_at_each_call_where_a_file_has_one_name(self):
        support.need_filters()

        def operation():
            support.filter_calls(("linkat", 1))
            return self.operation()

        self.kill_everywhere(operation, {"renameat2", "unlinkat", "fsync"})


if __name__ == "__main__":
    unittest.main()
