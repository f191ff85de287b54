"""Stores that change while they are backed up: never a mixture, never a silent gap."""

import os
import threading
import unittest

import support
import wmlb_ctypes as w

MIB = 1 << 20


class AtBegin(support.StoreCase):
    """Changes made in the callback, before the store is looked at."""

    def setUp(self):
        super().setUp()
        self.made = self.fill(4)

    def backup_with(self, change):
        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                change()

        self.assert_ends(self.restorer.backup(0, on_event))
        return self.opened().files()

    def test_a_file_that_vanishes(self):
        found = self.backup_with(lambda: os.unlink(self.store + "/license-0001.lic"))
        del self.made[b"license-0001.lic"]
        self.assertEqual(found, self.made)

    def test_a_file_that_grows(self):
        found = self.backup_with(
            lambda: support.write(self.store + "/license-0001.lic", b"new" * 1000)
        )
        self.made[b"license-0001.lic"] = b"new" * 1000
        self.assertEqual(found, self.made)

    def test_the_whole_store_is_replaced(self):
        support.write(self.root + "/other/license", b"other")

        def change():
            os.rename(self.store, self.root + "/away")
            os.rename(self.root + "/other", self.store)

        self.assertEqual(self.backup_with(change), {b"license": b"other"})

    def test_the_store_vanishes(self):
        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                os.rename(self.store, self.root + "/away")

        self.assert_fails(self.restorer.backup(0, on_event), w.UNABLE_TO_OPEN_DATA_STORE)


class InTheMiddle(support.StoreCase):
    """Changes made at the first PROGRESS, with one thread: something was read by then, and
    most was not."""

    def setUp(self):
        super().setUp()
        self.restorer.set("Threads", 1)
        self.old = {}
        for number in range(6):
            self.old[b"%d" % number] = bytes([65 + number]) * (3 * MIB)
            support.write(self.store + "/%d" % number, self.old[b"%d" % number])

    def backup_with(self, change, flags=0):
        done = []

        def on_event(event):
            if event.status == w.STATUS_PROGRESS and not done:
                done.append(event.progress.bytes_total)
                change()

        outcome = self.restorer.backup(flags, on_event)
        self.assertEqual(done, [0], "the change came too late")
        return outcome

    def assert_one_of(self, name, *contents):
        found = self.opened().files()
        self.assertEqual(set(found), set(self.old))
        for other in found.keys() - {name}:
            self.assertEqual(found[other], self.old[other])
        self.assertIn(found[name], contents)

    def test_the_file_that_is_being_read_is_rewritten(self):
        def change():
            with open(self.store + "/0", "r+b") as file:
                file.write(b"z" * (3 * MIB))

        self.assert_ends(self.backup_with(change))
        self.assert_one_of(b"0", b"z" * (3 * MIB))

    def test_only_its_end_is_rewritten(self):
        def change():
            with open(self.store + "/0", "r+b") as file:
                file.seek(-10, os.SEEK_END)
                file.write(b"z" * 10)

        self.assert_ends(self.backup_with(change))
        self.assert_one_of(b"0", self.old[b"0"][:-10] + b"z" * 10)

    def test_others_were_saved_before_it(self):
        """What was written of it is taken back, and nothing else."""
        asked = []

        def rights(license):
            # It is asked of when its beginning was read, and again when it was read anew.
            asked.append(license.name)
            if asked == [b"0", b"1", b"2"]:
                with open(self.store + "/2", "r+b") as file:
                    file.write(b"z" * (3 * MIB))
            return w.RIGHT_NOT_STATED

        self.assert_hr(self.restorer.ask_rights(rights), w.S_OK)
        self.assert_ends(self.restorer.backup(w.VERIFY))
        self.assertEqual(asked.count(b"2"), 2)
        self.assert_one_of(b"2", b"z" * (3 * MIB))
        self.assert_ends(self.new_restorer(RestorePath=self.backups).verify())

    def test_it_grows(self):
        def change():
            with open(self.store + "/0", "ab") as file:
                file.write(b"z" * MIB)

        events = self.assert_ends(self.backup_with(change))
        self.assert_one_of(b"0", self.old[b"0"] + b"z" * MIB)
        # What was counted of the first try is not counted twice.
        self.assertEqual(events[-2].progress.bytes_done, 19 * MIB)
        self.assertEqual(events[-2].progress.licenses_done, 6)

    def test_it_is_cut(self):
        self.assert_ends(self.backup_with(lambda: os.truncate(self.store + "/0", 10)))
        self.assert_one_of(b"0", self.old[b"0"][:10])

    def test_it_becomes_empty(self):
        self.assert_ends(self.backup_with(lambda: os.truncate(self.store + "/0", 0)))
        self.assert_one_of(b"0", b"")

    def test_it_is_replaced(self):
        def change():
            support.write(self.root + "/new", b"n" * MIB)
            os.replace(self.root + "/new", self.store + "/0")

        self.assert_ends(self.backup_with(change))
        # The one that was open is whole, if it was still read to its end.
        self.assert_one_of(b"0", self.old[b"0"], b"n" * MIB)

    def test_a_later_one_vanishes(self):
        hr, events = self.backup_with(lambda: os.unlink(self.store + "/5"))
        if hr == w.S_OK:
            found = self.opened().files()
            del self.old[b"5"]
            self.assertEqual(found, self.old)
        else:
            self.assert_fails((hr, events), w.SHARING_VIOLATION, self.store + "/5")
            self.assert_clean()

    def test_a_later_one_vanishes_from_a_partial_backup(self):
        hr, events = self.backup_with(lambda: os.unlink(self.store + "/5"), w.PARTIAL)
        self.assertIn(hr, (w.S_OK, w.NOT_ALL_STORED))
        del self.old[b"5"]
        self.assertEqual(self.opened().files(), self.old)
        skipped = [e.text for e in events if e.status == w.STATUS_SKIPPED]
        self.assertEqual(skipped, ["5"] if hr == w.NOT_ALL_STORED else [])

    def test_a_later_one_becomes_a_link(self):
        support.write(self.root + "/secret", b"secret")

        def change():
            os.unlink(self.store + "/5")
            os.symlink(self.root + "/secret", self.store + "/5")

        hr, events = self.backup_with(change)
        if hr == w.S_OK:
            self.assertNotIn(b"secret", self.opened().files().values())
            skipped = [(e.text, e.hr) for e in events if e.status == w.STATUS_SKIPPED]
            self.assertEqual(skipped, [("5", w.E_ACCESSDENIED)])
        else:
            self.assert_fails((hr, events), w.SHARING_VIOLATION)

    def test_a_later_one_becomes_a_fifo(self):
        def change():
            os.unlink(self.store + "/5")
            os.mkfifo(self.store + "/5")

        hr, _ = self.backup_with(change)
        self.assertIn(hr, (w.S_OK, w.SHARING_VIOLATION))

    def test_a_later_one_becomes_a_folder(self):
        def change():
            os.unlink(self.store + "/5")
            os.mkdir(self.store + "/5")
            support.write(self.store + "/5/below", b"below")

        hr, events = self.backup_with(change)
        if hr == w.S_OK:
            # Neither half of what is there now may be missing without a word.
            found = self.opened().files()
            told = [e.text for e in events if e.status == w.STATUS_SKIPPED]
            self.assertTrue(b"5/below" in found or told, "a folder left out in silence")
        else:
            self.assert_hr(hr, w.SHARING_VIOLATION)


class Mutated(support.StoreCase):
    """Another thread changes files all the time: whatever comes out is one state."""

    def mutate_during(self, mutate, runs=12):
        """What came of some backups while mutate(round) runs again and again."""
        stop = threading.Event()

        def body():
            number = 0
            while not stop.is_set():
                mutate(number)
                number += 1

        mutator = threading.Thread(target=body)
        mutator.start()
        codes = []
        try:
            for _ in range(runs):
                if os.path.exists(self.target):
                    os.unlink(self.target)
                hr, events = self.restorer.backup(w.OVERWRITE)
                codes.append(hr)
                if hr == w.S_OK:
                    yield self.opened().files()
                else:
                    self.assert_fails((hr, events), w.SHARING_VIOLATION, self.store)
                    self.assert_clean()
        finally:
            stop.set()
            mutator.join()
        self.assertTrue(codes)

    def test_contents_are_never_mixed(self):
        path = self.store + "/license"
        support.write(path, b"\0" * (4 * MIB))
        file = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, file)

        def mutate(number):
            # One after another, so that a reader in between would see both.
            content = bytes([number % 251]) * MIB
            for piece in range(4):
                os.pwrite(file, content, piece * MIB)

        for found in self.mutate_during(mutate):
            content = found[b"license"]
            self.assertEqual(len(content), 4 * MIB)
            values = set(content[::4096])
            # The writer itself passes through one mixture of two neighbors.
            self.assertLessEqual(len(values), 2)
            kept = [content[piece * MIB] for piece in range(4)]
            changes = sum(one != other for one, other in zip(kept, kept[1:]))
            self.assertLessEqual(changes, 1, "pieces of different rounds: %r" % kept)

    def test_replaced_files_are_whole(self):
        def replace(number):
            for name in ("a", "b", "c"):
                size = 100 + 100003 * (number % 17)
                support.write(self.root + "/new", bytes([number % 251]) * size)
                os.rename(self.root + "/new", "%s/%s" % (self.store, name))

        replace(0)
        for found in self.mutate_during(replace):
            self.assertEqual(set(found), {b"a", b"b", b"c"}, "a file that was always there")
            for content in found.values():
                self.assertEqual(len(set(content)), 1)
                self.assertEqual((len(content) - 100) % 100003, 0)

    def test_files_that_stay_are_always_there(self):
        made = self.fill(300, 100)

        def mutate(number):
            path = "%s/extra-%d" % (self.store, number % 50)
            if os.path.exists(path):
                os.unlink(path)
            else:
                support.write(path, b"extra")

        for found in self.mutate_during(mutate):
            self.assertEqual({name: found.get(name) for name in made}, made)
            for name in found.keys() - made.keys():
                # Empty is what it is between its making and its writing.
                self.assertIn(found[name], (b"", b"extra"))

    def test_folders_that_come_and_go(self):
        made = self.fill(20, 100, self.store + "/stays")
        made = {b"stays/" + name: content for name, content in made.items()}

        def mutate(number):
            folder = "%s/moves-%d" % (self.store, number % 3)
            support.write(folder + "/x", b"x")
            os.rename(folder, folder + "-renamed")
            os.unlink(folder + "-renamed/x")
            os.rmdir(folder + "-renamed")

        for found in self.mutate_during(mutate, 40):
            self.assertEqual({name: found.get(name) for name in made}, made)


if __name__ == "__main__":
    unittest.main()
