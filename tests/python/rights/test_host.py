"""The host's word on rights: when it is asked, and what its answers do."""

import os
import threading
import unittest

import archive
import license_forge as forge
import support
import wmlb_ctypes as w
from license_support import LicenseCase, some_licenses, titles
from restore_support import files_of

ALLOWED, DENIED, NOT_STATED = w.RIGHT_ALLOWED, w.RIGHT_DENIED, w.RIGHT_NOT_STATED
THREADS = (1, 4)


class Answers(LicenseCase):
    def setUp(self):
        super().setUp()
        self.files = some_licenses()
        self.fill_source(self.files)
        self.found = {license.name: license for license in self.list("store")}

    def back_up(self, on_license, flags=0, on_event=None, ctx=None, **properties):
        """The outcome of a backup of which the host is asked."""
        restorer = self.new_restorer(store=self.source, **properties)
        self.assert_hr(restorer.ask_rights(on_license, ctx), w.S_OK)
        return restorer.backup(flags | w.OVERWRITE, on_event)

    def saved(self):
        return set(archive.Backup(self.target).files())

    def test_what_is_asked(self):
        """Of each license once, with what the lists tell, on the thread of the events, and
        nothing else is called meanwhile."""
        for threads in THREADS:
            asked, numbers, inside, order = [], set(), [], []

            def enter(what):
                self.assertEqual(inside, [], "two calls at a time")
                inside.append(what)
                numbers.add(threading.get_native_id())
                order.append(what)
                os.sched_yield()
                inside.pop()

            def on_license(license):
                enter(license.name)
                asked.append(license)

            on_event = lambda event: enter(event.status)
            events = self.assert_ends(self.back_up(on_license, 0, on_event, Threads=threads))
            self.assertEqual({license.name: license for license in asked}, self.found)
            self.assertEqual(len(asked), len(self.found))
            self.assertEqual({event.thread for event in events}, numbers)
            self.assertEqual(len(numbers), 1)
            self.assertEqual(order[0], w.STATUS_BEGIN)
            # All were asked of when the last PROGRESS comes.
            self.assertEqual(order[-2:], [w.STATUS_PROGRESS, w.STATUS_END])
            self.assertNotIn(threading.get_native_id(), numbers)

    def test_its_thread(self):
        """As in the events: it is named, and blocks all signals."""
        self.fill_source({b"a": b"x"})
        seen = []

        def on_license(license):
            name = "/proc/self/task/%d/" % threading.get_native_id()
            with open(name + "status") as file:
                lines = dict(line.split(":\t") for line in file)
            seen.append((lines["Name"].strip(), int(lines["SigBlk"], 16)))

        self.assert_ends(self.back_up(on_license))
        name, blocked = seen[0]
        self.assertEqual(name, "wmlb")
        # SIGINT, SIGTERM and SIGCHLD among them.
        for number in (2, 15, 17):
            self.assertTrue(blocked >> number - 1 & 1)

    def test_every_answer_for_every_right(self):
        stated = {DENIED: {b"b", b"e", b"i-large"}, ALLOWED: {b"a"}}
        stated[NOT_STATED] = self.files.keys() - stated[DENIED] - stated[ALLOWED]
        for license in self.found.values():
            self.assertIn(license.name, stated[license.right])
        for threads in THREADS:
            for unstated, kept in (
                ("allow", stated[ALLOWED] | stated[NOT_STATED]), ("deny", stated[ALLOWED]),
            ):
                for answer, expected in (
                    (ALLOWED, self.files.keys()), (DENIED, set()), (NOT_STATED, kept),
                ):
                    events = self.assert_ends(self.back_up(
                        lambda license: answer, Threads=threads, UnstatedRights=unstated))
                    self.assertEqual(self.saved(), expected)
                    self.assertEqual(len(titles(events)), len(self.files) - len(expected))

    def test_answers_for_single_ones(self):
        answers = {b"a": DENIED, b"b": ALLOWED, b"g-large": DENIED, b"i-large": ALLOWED,
                   b"k/017": DENIED, b"d/d": DENIED}
        left_out = {b"a", b"e", b"g-large", b"k/017", b"d/d"}
        contents = set()
        for threads in (1, 2, 3, 4, 8):
            events = self.assert_ends(self.back_up(
                lambda license: answers.get(license.name, NOT_STATED), w.VERIFY, Threads=threads))
            self.assertEqual(
                titles(events), [b"a", forge.LCP_ID.encode(), b"e1\ne2", b"g-large", b"k/017"])
            backup = archive.Backup(self.target)
            self.assertEqual(
                backup.files(), {name: self.files[name] for name in self.files.keys() - left_out})
            self.assert_ends(self.restorer.verify())
            contents.add(backup.between())
        self.assertEqual(len(contents), 1, "the same answers gave different bytes")

    def test_other_answers(self):
        for answer in (3, 4, -1, 77, 256, 0x10001, 2**31 - 1, -(2**31), w.E_INVALIDARG, w.CANCELED):
            for name in (b"c", b"i-large", b"k/149"):
                events = self.assert_fails(
                    self.back_up(lambda license: answer if license.name == name else NOT_STATED),
                    w.E_INVALIDARG, name)
                self.assertIn(str(answer), events[-1].text)
                self.assert_clean()
        support.write(self.target, b"earlier")
        self.assert_fails(self.back_up(lambda license: 5, Threads=4), w.E_INVALIDARG)
        self.assertEqual(support.read(self.target), b"earlier")

    def test_none(self):
        calls = []
        self.saver.ask_rights(lambda license: calls.append(license) or DENIED)
        self.assert_ends(self.saver.backup())
        self.assertEqual((self.saved(), len(calls)), (set(), len(self.files)))
        self.assert_hr(self.saver.set_rights(w.NO_RIGHTS_CALLBACK, None), w.S_OK)
        self.assert_ends(self.saver.backup(w.OVERWRITE))
        self.assertEqual(self.saved(), self.files.keys() - {b"b", b"e", b"i-large"})
        self.assertEqual(len(calls), len(self.files))
        # Once more is no failure.
        self.assert_hr(self.saver.set_rights(w.NO_RIGHTS_CALLBACK, 1), w.S_OK)

    def test_what_is_passed_to_it(self):
        for ctx in (None, 1, 0xDEADBEEF, 2**63 + 5):
            asked = []
            # ask_rights compares the pointers.
            self.assert_ends(self.back_up(lambda license: asked.append(license), ctx=ctx))
            self.assertEqual(len(asked), len(self.files))

    def test_the_last_one_set_counts(self):
        first, second = [], []
        self.saver.ask_rights(lambda license: first.append(license))
        self.saver.ask_rights(lambda license: second.append(license))
        self.assert_ends(self.saver.backup())
        self.assertEqual((len(first), len(second)), (0, len(self.files)))

    def test_each_restorer_has_its_own(self):
        other = self.new_restorer(store=self.source, backups=self.root + "/other")
        self.saver.ask_rights(lambda license: DENIED)
        self.assert_ends(other.backup())
        self.assertEqual(len(archive.Backup(self.root + "/other/licenses.wmlb").files()),
            len(self.files) - 3)
        self.assert_ends(self.saver.backup())
        self.assertEqual(self.saved(), set())

    def test_a_running_backup_keeps_its_own(self):
        for change in (
            lambda restorer: restorer.set_rights(w.NO_RIGHTS_CALLBACK, None),
            lambda restorer: restorer.ask_rights(lambda license: late.append(license)),
        ):
            asked, late = [], []

            def on_license(license):
                asked.append(license)
                self.assert_hr(change(self.saver), w.S_OK)
                return DENIED

            self.saver.ask_rights(on_license)
            on_event = lambda event: change(self.saver) if event.status == w.STATUS_BEGIN else 0
            self.assert_ends(self.saver.backup(w.OVERWRITE, on_event))
            self.assertEqual((len(asked), late), (len(self.files), []))
            self.assertEqual(self.saved(), set())
            self.assert_ends(self.saver.backup(w.OVERWRITE))
            self.assertNotEqual(self.saved(), set())

    def test_nothing_else_asks_it(self):
        """Not lists, nor verifying, nor restoring; what it denied before does not matter."""
        self.assert_ends(self.back_up(lambda license: ALLOWED))
        asked = []
        target = self.new_target()
        target.ask_rights(lambda license: asked.append(license) or DENIED)
        for operation in (target.verify, target.restore):
            self.assertEqual(titles(self.assert_ends(operation())), [])
        self.assertEqual(files_of(self.store), self.files)
        for what in ("store", "backup"):
            hr, licenses = target.enumerate(what)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual([license.right for license in licenses].count(DENIED), 3)
        self.assertEqual(asked, [])

    def test_what_is_not_read_is_not_asked_of(self):
        os.symlink("a", self.source + "/link")
        os.mkfifo(self.source + "/pipe")
        asked = []
        self.assert_ends(self.back_up(lambda license: asked.append(license.name)))
        self.assertEqual(set(asked), self.files.keys())
        os.chmod(self.source + "/c", 0)
        os.chmod(self.source + "/k/003", 0)
        os.chmod(self.source, 0o755)
        os.chmod(self.source + "/d", 0o755)
        os.chmod(self.source + "/k", 0o755)
        os.chmod(self.backups, 0o777)
        os.chmod(self.target, 0o666)

        def body(threads):
            seen = []
            outcome = self.back_up(lambda license: seen.append(license.name) or (
                DENIED if license.name == b"k/004" else NOT_STATED), w.PARTIAL, Threads=threads)
            told = [(event.status, event.value)
                    for event in self.assert_ends(outcome, w.NOT_ALL_STORED)
                    if event.status in (w.STATUS_SKIPPED, w.STATUS_RESTRICTED)]
            return seen, told

        for threads in THREADS:
            seen, told = support.in_child(lambda: body(threads), support.drop_to_nobody())
            self.assertEqual(sorted(seen), sorted(self.files.keys() - {b"c", b"k/003"}))
            restricted, skipped = w.STATUS_RESTRICTED, w.STATUS_SKIPPED
            self.assertEqual(told, [
                (restricted, b"b"), (skipped, b"c"), (restricted, b"e1\ne2"), (restricted, b"i"),
                (skipped, b"k/003"), (restricted, b"k/004"), (skipped, b"link"), (skipped, b"pipe"),
            ])
            self.assertEqual(self.saved(),
                self.files.keys() - {b"b", b"c", b"e", b"i-large", b"k/003", b"k/004"})


if __name__ == "__main__":
    unittest.main()
