"""The events of a backup: their order, their values, and answers to them."""

import os
import time
import unittest

import archive
import support
import wmlb_ctypes as w

PROGRESS_SIZE = w.ctypes.sizeof(w.Progress)


class Events(support.StoreCase):
    def check_sequence(self, events):
        """What holds of the events of every operation."""
        self.assertEqual(events[0].status, w.STATUS_BEGIN)
        self.assertEqual([event.status for event in events].count(w.STATUS_BEGIN), 1)
        self.assertEqual([event.is_terminal for event in events].count(True), 1)
        self.assertTrue(events[-1].is_terminal)
        self.assertEqual(len({event.thread for event in events}), 1)
        before = w.Progress()
        for event in events:
            if event.status == w.STATUS_BEGIN:
                self.assertEqual((event.hr, event.type, event.size), (w.S_OK, 0, 0))
                self.assertTrue(event.is_null)
            elif event.status == w.STATUS_PROGRESS:
                self.assertEqual((event.hr, event.type), (w.S_OK, w.TYPE_BINARY))
                self.assertEqual(event.size, PROGRESS_SIZE)
                now = event.progress
                self.assertEqual(now.struct_size, PROGRESS_SIZE)
                self.assertGreaterEqual(now.licenses_done, before.licenses_done)
                if now.licenses_total:
                    dealt = now.licenses_done + now.licenses_restricted + now.licenses_skipped
                    self.assertLessEqual(dealt, now.licenses_total)
                before = now
            else:
                self.assertEqual(event.type, w.TYPE_STRING)
                self.assertTrue(event.nul, "no NUL after the string")
                self.assertNotIn(b"\0", event.value)
                event.text  # is UTF-8

    def check_last_progress(self, events, done, size, skipped=0, restricted=0):
        self.assertEqual(events[-2].status, w.STATUS_PROGRESS, "no PROGRESS before the end")
        last = events[-2].progress
        self.assertEqual(last.licenses_done, done)
        self.assertEqual(last.licenses_skipped, skipped)
        self.assertEqual(last.licenses_restricted, restricted)
        self.assertEqual(last.licenses_total, done + skipped + restricted)
        self.assertEqual((last.bytes_done, last.bytes_total), (size, size))

    def test_an_ordinary_backup(self):
        made = self.fill(20, 5000)
        events = self.assert_ends(self.restorer.backup())
        self.check_sequence(events)
        self.check_last_progress(events, 20, sum(map(len, made.values())))
        kinds = {event.status for event in events}
        self.assertEqual(kinds, {w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_END})

    def test_an_empty_store(self):
        events = self.assert_ends(self.restorer.backup())
        self.check_sequence(events)
        self.check_last_progress(events, 0, 0)
        self.assertEqual(archive.Backup(self.target).files(), {})

    def test_many_frames_and_threads(self):
        size = 0
        for number in range(40):
            content = os.urandom(300000)
            support.write(os.path.join(self.store, "%d" % number), content)
            size += len(content)
        for threads in (1, 2, 8):
            self.restorer.set("Threads", threads)
            events = self.assert_ends(self.restorer.backup(w.OVERWRITE))
            self.check_sequence(events)
            self.check_last_progress(events, 40, size)

    def test_no_more_than_twenty_progress_events_a_second(self):
        for number in range(60):
            support.write(os.path.join(self.store, "%d" % number), os.urandom(1 << 20))
        begin = time.monotonic()
        events = self.assert_ends(self.restorer.backup())
        seconds = time.monotonic() - begin
        reported = [event for event in events if event.status == w.STATUS_PROGRESS]
        # The first comes at once, and one after the last license whenever that is.
        self.assertLessEqual(len(reported), 2 + 20 * seconds)

    def test_what_is_skipped(self):
        self.fill(3)
        os.symlink("license-0000.lic", self.store + "/a-link")
        os.mkfifo(self.store + "/z-fifo")
        events = self.assert_ends(self.restorer.backup())
        self.check_sequence(events)
        self.check_last_progress(events, 3, 3000, skipped=2)
        skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual([event.text for event in skipped], ["a-link", "z-fifo"])
        self.assertEqual({event.hr for event in skipped}, {w.E_ACCESSDENIED})

    def test_what_is_restricted(self):
        self.fill(3)
        support.write(self.store + "/below/ä", b"x")
        self.restorer.set("UnstatedRights", "deny")
        events = self.assert_ends(self.restorer.backup())
        self.check_sequence(events)
        self.check_last_progress(events, 0, 0, restricted=4)
        restricted = [event for event in events if event.status == w.STATUS_RESTRICTED]
        names = ["below/ä"] + ["license-%04d.lic" % number for number in range(3)]
        self.assertEqual([event.text for event in restricted], names)
        self.assertEqual(archive.Backup(self.target).files(), {})

    def test_a_failure(self):
        os.rmdir(self.store)
        events = self.assert_fails(self.restorer.backup(), w.UNABLE_TO_OPEN_DATA_STORE)
        self.check_sequence(events)
        self.assertEqual([event.status for event in events], [w.STATUS_BEGIN, w.STATUS_ERROR])

    def test_the_end_carries_the_path_as_it_was_given(self):
        self.fill(1)
        for given in (self.backups + "/", self.backups + "/./", self.backups + "/../backups"):
            self.restorer.set("BackupPath", given)
            events = self.assert_ends(self.restorer.backup(w.OVERWRITE))
            self.assertEqual(events[-1].text, os.path.join(given, w.BACKUP_NAME))

    def test_a_relative_path_at_the_end(self):
        self.fill(1)

        def body():
            os.chdir(self.root)
            restorer = self.new_restorer(backups="backups")
            return restorer.backup()[1][-1].text

        self.assertEqual(support.in_child(body), "backups/licenses.wmlb")

    def test_the_library_gives_the_number_of_events_for_each_run(self):
        self.fill(1)
        for _ in range(3):
            self.check_sequence(self.assert_ends(self.restorer.backup(w.OVERWRITE)))


class Answers(support.StoreCase):
    """A negative answer to any event but the last cancels."""

    def setUp(self):
        super().setUp()
        self.fill(5)
        os.symlink("nowhere", self.store + "/link")
        support.write(self.store + "/one-more", bytes(3 << 20))

    def cancel_at(self, status, answer=-1, flags=0, nth=0):
        seen = []

        def on_event(event):
            if event.status == status:
                seen.append(event)
                if len(seen) > nth:
                    return answer

        outcome = self.restorer.backup(flags, on_event)
        self.assertGreater(len(seen), nth, "there was no such event")
        return outcome

    def test_at_each_kind_of_event(self):
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_SKIPPED):
            events = self.assert_fails(self.cancel_at(status), w.CANCELED)
            self.assertEqual(events[-2].status, status, "events after the answer")
            self.assert_clean()

    def test_at_a_restricted_license(self):
        self.restorer.set("UnstatedRights", "deny")
        self.assert_fails(self.cancel_at(w.STATUS_RESTRICTED), w.CANCELED)
        self.assert_clean()

    def test_any_negative_number(self):
        for answer in (-1, -(2**31), w.E_HANDLE, w.CANCELED):
            self.assert_fails(self.cancel_at(w.STATUS_BEGIN, answer), w.CANCELED)

    def test_at_the_progress_after_the_last_license(self):
        def on_event(event):
            if event.status == w.STATUS_PROGRESS and event.progress.bytes_total:
                return -1

        for flags in (0, w.VERIFY, w.PARTIAL):
            events = self.assert_fails(self.restorer.backup(flags, on_event), w.CANCELED)
            self.assertEqual(events[-2].progress.licenses_done, 6)
            self.assert_clean()

    def test_an_earlier_backup_is_untouched(self):
        support.write(self.target, b"earlier", mtime_ns=10**18)
        before = os.stat(self.target)
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_SKIPPED):
            self.assert_fails(self.cancel_at(status, flags=w.OVERWRITE), w.CANCELED)
            after = os.stat(self.target)
            self.assertEqual(support.read(self.target), b"earlier")
            self.assertEqual(after.st_ino, before.st_ino)
            self.assertEqual(after.st_mtime_ns, before.st_mtime_ns)
            self.assert_clean(names=[w.BACKUP_NAME])

    def test_the_answer_to_the_last_event_is_ignored(self):
        self.assert_ends(self.cancel_at(w.STATUS_END))
        self.assertTrue(os.path.exists(self.target))
        self.assertEqual(len(archive.Backup(self.target).licenses), 6)
        self.restorer.set("StorePath", self.root + "/missing")
        outcome = self.cancel_at(w.STATUS_ERROR, flags=w.OVERWRITE)
        self.assert_fails(outcome, w.UNABLE_TO_OPEN_DATA_STORE)

    def test_other_answers_are_ignored(self):
        for answer in (0, 1, 2, 259, 2**31 - 1):
            self.assert_ends(self.restorer.backup(w.OVERWRITE, lambda event: answer))

    def test_the_restorer_can_be_used_again(self):
        self.assert_fails(self.cancel_at(w.STATUS_PROGRESS), w.CANCELED)
        self.assert_ends(self.restorer.backup())

    def test_the_folder_for_the_backup_does_not_come_into_being_for_a_canceled_one(self):
        folder = os.path.join(self.root, "new")
        self.restorer.set("BackupPath", folder)
        self.assert_fails(self.cancel_at(w.STATUS_BEGIN), w.CANCELED)
        self.assertFalse(os.path.exists(folder))


if __name__ == "__main__":
    unittest.main()
