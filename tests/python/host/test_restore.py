"""Restores to a store that the host keeps itself."""

import random
import sqlite3
import time
import unittest

import archive
import archive_forge as forge
import support
import wmlb_ctypes as w
from host_support import TIME, HostCase, some
from restore_support import files_of, last_progress, snapshot

MIB = 1 << 20


def dated(licenses):
    return {name: (content, TIME) for name, content in licenses.items()}


class Restores(HostCase):
    """A backup of some licenses, to be restored to a host."""

    def setUp(self):
        super().setUp()
        self.files = some()
        self.back_up(self.files)

    def back_up(self, licenses):
        _, restorer = self.host(licenses)
        self.assert_ends(restorer.backup(w.OVERWRITE | w.EMPTY))
        self.order = archive.Backup(self.target).names()

    def assert_unchanged(self, store, before, opened, closed=None):
        self.assertEqual(store.licenses, before)
        self.assertEqual(store.count("open"), opened)
        self.assertEqual(store.count("close"), opened if closed is None else closed)


class Contents(Restores):
    def test_overwrite(self):
        """Everything is put, in the order of the archive, whatever is there."""
        for threads in (1, 4):
            store, restorer = self.host({b"a": b"old", b"z": b"", b"other": b"stays"},
                                        Threads=threads)
            events = self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE))
            self.assertEqual(store.names(), ["open"] + ["put"] * len(self.files) + ["commit", "close"])
            self.assertEqual(store.calls[0], ("open", 1))
            self.assertEqual([name for call, name in store.calls if call == "put"], self.order)
            self.assertEqual(store.licenses, {**dated(self.files), b"other": (b"stays", TIME)})
            self.assertEqual([event.status for event in events if
                event.status != w.STATUS_PROGRESS], [w.STATUS_CONNECTING,
                w.STATUS_DISCONNECTING, w.STATUS_BEGIN, w.STATUS_END])
            self.assertEqual(events[-1].text, self.target)
            last = events[-2].progress
            self.assertEqual((last.licenses_done, last.licenses_total), (len(self.files),) * 2)
            size = sum(map(len, self.files.values()))
            self.assertEqual((last.bytes_done, last.bytes_total), (size, size))

    def test_an_empty_store(self):
        store, restorer = self.host()
        self.assert_ends(restorer.restore())
        self.assertEqual(store.names(), ["open", "next", "close", "open"]
            + ["put"] * len(self.files) + ["commit", "close"])
        self.assertEqual([argument for call, argument in store.calls if call == "open"], [0, 1])
        self.assertEqual(store.licenses, dated(self.files))

    def test_kept_and_equal(self):
        """By size, by bytes alone, and of a license of several frames."""
        large = bytearray(self.files[b"large"])
        large[-1] ^= 1
        there = {b"a": (b"one", 5), b"z": b"longer", b"b/c": b"eerht", b"large": bytes(large),
                 b"other": b"stays", b"b.c": b"four"}
        for threads in (1, 4):
            store, restorer = self.host(there, Threads=threads)
            before = dict(store.licenses)
            events = self.assert_ends(restorer.restore())
            kept = [name for name in self.order if name in (b"z", b"b/c", b"large")]
            self.assertEqual(self.skipped(events), [(name, w.FILE_EXISTS) for name in kept])
            put = [name for call, name in store.calls if call == "put"]
            self.assertEqual(put, [name for name in self.order if name not in there])
            # What is equal keeps its time too.
            self.assertEqual(store.licenses, {**dated(self.files), **before})
            last = events[-2].progress
            self.assertEqual((last.licenses_done, last.licenses_skipped, last.licenses_total),
                (len(self.files) - 3, 3, len(self.files)))
            # Once more: all is there.
            events = self.assert_ends(restorer.restore())
            self.assertEqual([name for call, name in store.calls if call == "put"], put)
            self.assertEqual(store.count("commit"), 2)

    def test_nothing_in_the_backup(self):
        self.back_up({})
        for flags, calls in (
            (0, ["open", "next", "next", "close", "open", "commit", "close"]),
            (w.RESTORE_OVERWRITE, ["open", "commit", "close"]),
        ):
            store, restorer = self.host({b"a": b"1"})
            self.assert_ends(restorer.restore(flags))
            self.assertEqual(store.names(), calls)

    def test_large_ones(self):
        randbytes = random.Random(5).randbytes
        self.files = {b"a": randbytes(20 * MIB), b"b": b"", b"c": randbytes(MIB),
                      b"d": randbytes(MIB + 1), b"e": randbytes(2 * MIB), b"f": b"x" * (9 * MIB)}
        self.back_up(self.files)
        for threads in (1, 4):
            for flags in (0, w.RESTORE_OVERWRITE):
                store, restorer = self.host(Threads=threads)
                self.assert_ends(restorer.restore(flags))
                self.assertEqual(store.licenses, dated(self.files))

    def test_five_thousand(self):
        self.files = {b"%d/%d" % (n % 13, n): b"%d" % n for n in range(5000)}
        self.back_up(self.files)
        store, restorer = self.host()
        self.assert_ends(restorer.restore())
        self.assertEqual(store.licenses, dated(self.files))
        self.assertEqual([name for call, name in store.calls if call == "put"], self.order)


class OtherKinds(HostCase):
    def test_a_folder_to_a_host_and_back(self):
        """Folder, host, folder, host: nothing is lost but parts of seconds."""
        self.save(some(), mtime_ns=TIME * 10**9 + 123456789)
        store, restorer = self.host()
        self.assert_ends(restorer.restore())
        self.assertEqual(store.licenses, dated(some()))
        self.assert_ends(restorer.backup(w.OVERWRITE))
        self.assert_ends(self.new_target().restore())
        self.assertEqual(files_of(self.store), some())
        times = {entry[2] for entry in snapshot(self.store).values() if entry[0] == "file"}
        self.assertEqual(times, {TIME * 10**9})
        again = self.new_restorer()
        self.assert_ends(again.backup(w.OVERWRITE))
        other, restorer = self.host()
        self.assert_ends(restorer.restore())
        self.assertEqual(other.licenses, store.licenses)

    def test_of_a_database(self):
        path = self.source + "/licenses.db"
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE t(x)")
        database.commit()
        database.close()
        self.assert_ends(self.saver.backup())
        store, restorer = self.host()
        self.assert_ends(restorer.restore())
        self.assertEqual(store.licenses.keys(), {b"licenses.db"})
        self.assertTrue(store.licenses[b"licenses.db"][0].startswith(b"SQLite format 3\0"))


class Failures(Restores):
    HR = w.hresult(w.FAILURES["NS_E_DRM_LICENSE_STORE_SAVE_ERROR"])

    def test_open_for_writing(self):
        for flags, at in ((w.RESTORE_OVERWRITE, 0), (0, 1)):
            store, restorer = self.host({b"old": b"1"})
            before = dict(store.licenses)
            store.fail("open", self.HR, at)
            store.failed_opens = 1
            self.assert_fails(restorer.restore(flags), self.HR,
                "the host's store failed to", "open", "writing")
            self.assert_unchanged(store, before, at + 1, at)
            self.assertEqual(store.names()[-1], "open")

    def test_open_and_next_for_reading(self):
        store, restorer = self.host({b"old": b"1"})
        store.fail("open", self.HR)
        store.failed_opens = 1
        self.assert_fails(restorer.restore(), self.HR, "open", "reading")
        self.assertEqual(store.names(), ["open"])
        for at in (0, 1):
            store, restorer = self.host({b"old": b"1"})
            store.fail("next", self.HR, at)
            self.assert_fails(restorer.restore(), self.HR, "next")
            self.assertEqual(store.names(), ["open"] + ["next"] * (at + 1) + ["close"])

    def test_put(self):
        for flags in (0, w.RESTORE_OVERWRITE):
            for threads in (1, 4):
                for at in (0, 4, len(self.files) - 1):
                    store, restorer = self.host({b"a": b"1"}, Threads=threads)
                    before = dict(store.licenses)
                    at = min(at, len(self.files) - (1 if flags else 2))
                    store.fail("put", self.HR, at)
                    self.assert_fails(restorer.restore(flags), self.HR, "failed to put")
                    self.assert_unchanged(store, before, 1 if flags else 2)
                    self.assertEqual((store.count("put"), store.count("commit")), (at + 1, 0))

    def test_commit(self):
        store, restorer = self.host({b"a": b"1"})
        before = dict(store.licenses)
        store.fail("commit", self.HR)
        self.assert_fails(restorer.restore(), self.HR, "failed to commit")
        self.assert_unchanged(store, before, 2)
        self.assertEqual(store.names()[-2:], ["commit", "close"])

    def test_a_damaged_backup(self):
        """At any place: nothing is committed."""
        self.back_up({b"%03d" % n: random.Random(n).randbytes(40000) for n in range(100)})
        whole = support.read(self.target)
        flipped = lambda at: whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        for damaged in (whole[:-1], whole[: len(whole) // 2], flipped(len(whole) - 300),
                        flipped(len(whole) // 2), flipped(len(whole) // 9), whole + b"x"):
            self.write_archive(damaged)
            for threads in (1, 4):
                store, restorer = self.host({b"000": b"1"}, Threads=threads)
                before = dict(store.licenses)
                self.assert_fails(restorer.restore(w.RESTORE_OVERWRITE), w.BACKUP_CORRUPT)
                self.assert_unchanged(store, before, 1)
                self.assertEqual(store.count("commit"), 0)

    def test_wrong_names_in_the_store(self):
        for names in ((b"a", b"a"), (b"x/../y",), (b"",)):
            store, restorer = self.host()
            store.listed = [(name, b"1", 0) for name in names]
            self.assert_fails(restorer.restore(), w.INVALID_LICENSE)
            self.assertEqual((store.count("open"), store.count("close")), (1, 1))

    def test_a_refusal_before_anything_is_called(self):
        store, restorer = self.host()
        restorer.authorize(lambda request: w.RESTORE_FRAUD)
        self.assert_fails(restorer.restore(), w.RESTORE_FRAUD)
        self.assertEqual(store.calls, [])

    def test_only_backed_up(self):
        for replaced in ({"put": None}, {"commit": None}, {"put": None, "commit": None}):
            store, restorer = self.host(self.files)
            self.assert_hr(store.set_on(restorer, **replaced), w.S_OK)
            self.assert_refused(restorer.restore(), w.E_NOTIMPL)
            self.assertIn("put", restorer.last_error())
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.saved(), self.files)
            self.assert_ends(restorer.verify())


class Cancel(Restores):
    def assert_canceled(self, store, outcome, opened=1):
        before = dict(store.licenses)
        self.assert_fails(outcome(), w.CANCELED)
        self.assert_unchanged(store, before, opened)
        self.assertEqual(store.count("commit"), 0)

    def test_in_put(self):
        for at in (0, 3, len(self.files) - 1):
            store, restorer = self.host({b"a": b"1"})
            store.on["put"] = lambda before: restorer.cancel() if before == at else None
            self.assert_canceled(store, lambda: restorer.restore(w.RESTORE_OVERWRITE))
            self.assertEqual(store.count("put"), at + 1)

    def test_in_next_and_open(self):
        for function, at, opened in (("next", 0, 1), ("next", 1, 1), ("open", 0, 1), ("open", 1, 2)):
            store, restorer = self.host({b"a": b"1"})
            store.on[function] = lambda before: restorer.cancel() if before == at else None
            self.assert_canceled(store, restorer.restore, opened)
            self.assertEqual(store.count("put"), 0)

    def test_by_the_last_progress(self):
        store, restorer = self.host({b"a": b"1"})
        on_event = lambda event: -1 if last_progress(event) else 0
        self.assert_canceled(store, lambda: restorer.restore(w.RESTORE_OVERWRITE, on_event))
        self.assertEqual(store.count("put"), len(self.files))

    def test_by_a_progress(self):
        """A host that takes its time does not keep the user from seeing that it goes on."""
        store, restorer = self.host()
        store.on["put"] = lambda before: time.sleep(0.03)
        on_event = lambda event: -1 if store.count("put") > 4 else 0
        self.assert_canceled(store, lambda: restorer.restore(w.RESTORE_OVERWRITE, on_event))
        self.assertLess(store.count("put"), len(self.files))

    def test_too_late(self):
        for function in ("commit", "close"):
            store, restorer = self.host()
            store.on[function] = lambda before: restorer.cancel()
            self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE))
            self.assertEqual(store.licenses, dated(self.files))

    def test_close_comes_before_the_last_event(self):
        store, restorer = self.host()

        def on_event(event):
            if event.is_terminal:
                self.assertEqual(store.count("close"), 2)

        self.assert_ends(restorer.restore(0, on_event))


class Memory(Restores):
    def test_a_declared_size_is_no_reason_to_allocate(self):
        """A crafted file says that a license has a petabyte, and has four frames of it."""
        size = 1 << 50
        frames = forge.pack(forge.info())
        for head in (forge.header(b"licenses/a", size), b"", b"", b""):
            packed, content = forge.zeros_frame(head, forge.FRAME_CONTENT)
            frames.append((content, packed))
        self.write_archive(forge.close(frames, 1, size))
        for threads in (1, 4):
            store, restorer = self.host(Threads=threads)
            flags = w.RESTORE_INDIVIDUALIZE | w.RESTORE_OVERWRITE
            self.assert_fails(restorer.restore(flags), w.BACKUP_CORRUPT)
            self.assertEqual(store.names(), ["open", "close"])


if __name__ == "__main__":
    unittest.main()
