"""Backups of a store that the host keeps itself."""

import ctypes
import os
import random
import time
import unittest

import archive
import support
import wmlb_ctypes as w
from encryption_support import Encrypted, key
from host_support import TIME, HostCase, some
from license_support import some_licenses, titles
from restore_support import write_deep

MIB = 1 << 20


def progresses(events):
    return [event.progress for event in events if event.status == w.STATUS_PROGRESS]


def skipped(events):
    return [(event.value, event.hr) for event in events if event.status == w.STATUS_SKIPPED]


class Contents(HostCase):
    def assert_saved(self, licenses, flags=0, **properties):
        store, restorer = self.host(licenses, **properties)
        events = self.assert_ends(restorer.backup(flags | w.OVERWRITE))
        self.assertEqual(self.saved(), licenses)
        self.assertEqual(store.names(),
            ["open"] + ["next"] * (len(licenses) + 1) + ["close"])
        self.assertEqual(store.calls[0], ("open", 0))
        last = progresses(events)[-1]
        size = sum(map(len, licenses.values()))
        self.assertEqual((last.licenses_done, last.licenses_total), (len(licenses),) * 2)
        self.assertEqual((last.bytes_done, last.bytes_total), (size, size))
        self.assert_clean(names=["licenses.wmlb"])
        return events

    def test_every_kind(self):
        for threads in (1, 4):
            self.assert_saved(some(), w.VERIFY, Threads=threads)
        self.assertEqual(archive.Backup(self.target).info["store"], "host")

    def test_none(self):
        self.assert_saved({})

    def test_only_one_of_no_bytes(self):
        self.assert_saved({b"a": b""})

    def test_no_bytes_may_be_null(self):
        store, restorer = self.host()
        store.listed = [(b"a", None, TIME)]
        self.assert_ends(restorer.backup())
        self.assertEqual(self.saved(), {b"a": b""})

    def test_five_thousand(self):
        names = [b"%d/%d/%d" % (n % 7, n % 31, n) for n in range(5000)]
        random.Random(1).shuffle(names)
        self.assert_saved({name: name * 3 for name in names})

    def test_more_than_fits_in_memory(self):
        """What is not in memory any more is in a file, and some license in both."""
        large = random.Random(2).randbytes
        licenses = {
            b"a": large(20 * MIB), b"b": large(7 * MIB), b"c": b"small", b"0": large(3 * MIB),
            b"9": b"", b"d": large(MIB + 1), b"e": large(MIB),
        }
        for names in (b"ab0c9de", b"0b9cead", b"9edcb0a"):
            listed = {bytes([name]): licenses[bytes([name])] for name in names}
            for threads in (1, 3):
                self.assert_saved(listed, Threads=threads)

    def test_times(self):
        times = [0, 1, -1, TIME, 1 << 40, -(1 << 40), (1 << 63) - 1, -(1 << 63)]
        licenses = {b"%02d" % n: (b"x", time) for n, time in enumerate(times)}
        _, restorer = self.host(licenses)
        self.assert_ends(restorer.backup())
        target, other = self.host()
        self.assert_ends(other.restore())
        self.assertEqual(target.licenses, licenses)

    def test_a_database_is_bytes_like_others(self):
        content = b"SQLite format 3\0" + b"\0" * 3000
        self.assert_saved({b"a.db": content, b"b.db-wal": b"log", b"c.db-journal": content,
                           b"large.db": content * 600})

    def test_what_sqlite_would_take_for_a_part_of_a_database_is_refused(self):
        content = b"SQLite format 3\0" + b"\0" * 3000
        for part in (b"a.db-wal", b"a.db-journal", b"a.db-shm"):
            _, restorer = self.host({b"a.db": content, part: b"part"})
            self.assert_hr(restorer.backup()[0], w.INVALID_LICENSE, part)
            self.assert_clean()

    def test_names_that_backups_use_elsewhere(self):
        self.assert_saved({
            b"licenses.wmlb": b"1", b".licenses.wmlb.0123456789abcdef.tmp": b"2",
            b"wmlb.json": b"3", b"a/.wmlb-restore-0123456789abcdef": b"4",
            b".wmlb-restore-0123456789abcde": b"5", b"...": b"6", b"a/..b": b"7",
            b"n" * 16384: b"8", b"/".join([b"d"] * 8000): b"9", b"\x01\n\"\\": b"10",
        })

    def test_store_path_is_not_looked_at(self):
        restorer = w.Restorer()
        self.restorers.append(restorer)
        self.assert_hr(restorer.set("BackupPath", self.backups), w.S_OK)
        self.host({b"a": b"1"}, restorer)
        environment = {name: os.environ.pop(name, None) for name in
                       ("WMLB_STORE_PATH", "XDG_DATA_HOME", "HOME")}
        try:
            self.assert_ends(restorer.backup())
        finally:
            os.environ.update({name: value for name, value in environment.items() if value})
        self.assertEqual(self.saved(), {b"a": b"1"})


def sealed(backup):
    """What its summary says of the frames of licenses; only folders tell whether these change."""
    return [dict(frame, source="") for frame in backup.summary["frames"][1:]]


class Order(HostCase):
    def test_any_order_gives_the_bytes_of_a_folder(self):
        """The same frames as a directory store of the same licenses has."""
        randomness = random.Random(3)
        licenses = some()
        # Several batches of names, by number and by bytes, and folders that come again.
        for number in range(2600):
            folder = b"/".join(b"%d" % randomness.randrange(5) for _ in range(number % 4))
            name = folder + b"/f%d" % number if folder else b"f%d" % number
            licenses[name] = randomness.randbytes(randomness.choice((0, 60, 900, 3000)))
        for number in range(30):
            licenses[b"deep/" + b"x" * 200 + b"/%d/" % number + b"y" * 250] = b"d"
        for name, content in licenses.items():
            write_deep(self.source, name, content, TIME * 10**9)
        self.save()
        expected = archive.Backup(self.target)
        names = list(licenses)
        for threads in (1, 4):
            for shuffle in (sorted, lambda names: sorted(names, reverse=True),
                            lambda names: randomness.sample(names, len(names))):
                _, restorer = self.host(
                    {name: licenses[name] for name in shuffle(names)}, Threads=threads)
                self.assert_ends(restorer.backup(w.OVERWRITE))
                found = archive.Backup(self.target)
                self.assertEqual(found.names(), expected.names())
                self.assertEqual(found.between(), expected.between())
                self.assertEqual(sealed(found), sealed(expected))

    def test_components_not_bytes_are_compared(self):
        names = [b"a!b", b"a", b"a-b/c", b"b/c", b"b-c", b"b!", b"b/a/x", b"b/a!"]
        _, restorer = self.host({name: name for name in names})
        self.assert_ends(restorer.backup())
        found = archive.Backup(self.target).names()
        self.assertEqual(found, [b"a", b"a!b", b"a-b/c", b"b/a/x", b"b/a!", b"b/c", b"b!", b"b-c"])


class Names(HostCase):
    def assert_wrong(self, listed, *words):
        for flags in (0, w.PARTIAL | w.OVERWRITE):
            store, restorer = self.host()
            store.listed = [(name, b"x", TIME) for name in listed]
            self.assert_fails(restorer.backup(flags), w.INVALID_LICENSE, *words)
            self.assertEqual(store.count("close"), 1)
            self.assert_clean()

    def test_each_wrong_name(self):
        for name in (
            b"/", b"/a", b"//a", b"a//b", b"a/", b"a/b/", b".", b"..", b"./a", b"../a", b"a/.",
            b"a/..", b"a/./b", b"a/../b", b"a\0", b"\0", b"a\0b/c",
            b".wmlb-restore-0123456789abcdef", b".wmlb-restore-0123456789ABCDEF/a",
        ):
            self.assert_wrong([b"b", name, b"c"])
        self.assert_wrong([b"a/../b"], "a/../b")
        self.assert_wrong([b"b\0c"], "b\\0c")

    def test_empty(self):
        for name in (b"", None):
            store, restorer = self.host()
            store.listed = [(name, b"x", TIME)]
            self.assert_fails(restorer.backup(), w.INVALID_LICENSE, "empty")

    def test_too_long(self):
        self.assert_wrong([b"n" * 16385], "too long")
        self.assert_wrong([b"n" * (1 << 20)], "too long")

    def test_repeated(self):
        self.assert_wrong([b"a", b"b", b"a"], '"a"')
        self.assert_wrong([b"x/y", b"x/y"], '"x/y"')
        many = [b"%d" % n for n in range(3000)]
        self.assert_wrong(many + [b"1234"], '"1234"')

    def test_a_folder_of_another(self):
        self.assert_wrong([b"a", b"a/b"], '"a"')
        self.assert_wrong([b"a/b/c", b"a.b", b"a!", b"a/b"], '"a/b"')
        self.assert_wrong([b"x/y/z/a", b"b", b"x", b"x-y"], '"x"')
        # These are not.
        _, restorer = self.host(dict.fromkeys((b"a", b"a!b", b"ab/c", b"a.b/c", b"b/a"), b""))
        self.assert_ends(restorer.backup())

    def test_an_earlier_backup_stays(self):
        support.write(self.target, b"earlier")
        store, restorer = self.host()
        store.listed = [(b"a", b"", 0), (b"a", b"", 0)]
        self.assert_fails(restorer.backup(w.OVERWRITE), w.INVALID_LICENSE)
        self.assertEqual(support.read(self.target), b"earlier")


class Rights(HostCase):
    def test_what_licenses_say(self):
        licenses = {name: content[0] if isinstance(content, tuple) else content
                    for name, content in some_licenses().items()}
        for threads in (1, 4):
            _, restorer = self.host(licenses, Threads=threads)
            events = self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.saved().keys(), licenses.keys() - {b"b", b"e", b"i-large"})
            self.assertEqual(titles(events), [b"b", b"e1\ne2", b"i"])
            self.assertEqual(progresses(events)[-1].licenses_restricted, 3)

    def test_the_host_is_asked(self):
        licenses = some()
        for threads in (1, 4):
            store, restorer = self.host(licenses, Threads=threads)
            asked = {}
            restorer.ask_rights(lambda license: asked.update({license.name: license})
                or (w.RIGHT_DENIED if license.name in (b"a", b"large") else None))
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.saved().keys(), licenses.keys() - {b"a", b"large"})
            self.assertEqual({name: license.size for name, license in asked.items()},
                {name: len(content) for name, content in licenses.items()})
            self.assertEqual({license.modified for license in asked.values()}, {TIME})

    def test_unstated_ones(self):
        _, restorer = self.host({b"a": b"opaque"}, UnstatedRights="deny")
        self.assert_ends(restorer.backup())
        self.assertEqual(self.saved(), {})

    def test_partial_changes_nothing(self):
        licenses = some()
        _, restorer = self.host(licenses)
        events = self.assert_ends(restorer.backup(w.PARTIAL))
        self.assertEqual(skipped(events), [])
        self.assertEqual(self.saved(), licenses)


class Failures(HostCase):
    def assert_failed(self, store, outcome, hr, *words, opened=1):
        events = self.assert_fails(outcome, hr, *words)
        self.assertEqual((store.count("open"), store.count("close")), (1, opened))
        self.assert_clean()
        return events

    def test_each_function(self):
        for flags in (0, w.PARTIAL):
            for hr in (w.hresult(w.FAILURES["E_FAIL"]), -1, w.CANCELED,
                       w.from_win32(5), -(2**31)):
                store, restorer = self.host({b"a": b"1"})
                store.fail("open", hr)
                store.failed_opens = 1
                self.assert_failed(store, restorer.backup(flags), hr, "the host's store failed to",
                    "open", opened=0)
                self.assertEqual(store.names(), ["open"])
                for at in (0, 1, 3):
                    store, restorer = self.host({b"a": b"1", b"b": b"2", b"c": b"3"})
                    store.fail("next", hr, at)
                    self.assert_failed(store, restorer.backup(flags), hr,
                        "the host's store failed to", "next")
                    self.assertEqual(store.count("next"), at + 1)

    def test_other_answers_are_successes(self):
        store, restorer = self.host({b"a": b"1"})
        store.on["open"] = lambda before: 7
        store.on["next"] = lambda before: 2 if before == 0 else None
        self.assert_ends(restorer.backup())
        self.assertEqual(self.saved(), {b"a": b"1"})

    def test_null_with_a_length(self):
        for field, other in (("name", "data"), ("data", "name")):
            for length in (1, 1 << 62, (1 << 64) - 1):
                store, restorer = self.host()
                text = ctypes.create_string_buffer(b"a", 1)
                given = w.StoreLicense()
                setattr(given, field + "_len", length)
                setattr(given, other, ctypes.addressof(text))
                setattr(given, other + "_len", 1)
                store.listed = [given]
                self.assert_failed(store, restorer.backup(w.PARTIAL), w.E_POINTER, field)

    def test_more_than_memory_can_be(self):
        store, restorer = self.host()
        text = ctypes.create_string_buffer(b"a", 1)
        store.listed = [w.StoreLicense(name=ctypes.addressof(text), name_len=1,
            data=ctypes.addressof(text), data_len=(1 << 64) - 1)]
        self.assert_failed(store, restorer.backup(), w.E_INVALIDARG, "data_len")

    def test_the_backup_folder_cannot_be_made(self):
        support.write(self.root + "/file")
        store, restorer = self.host({b"a": b"1"}, BackupPath=self.root + "/file/x")
        hr, events = restorer.backup()
        self.assertLess(hr, 0)
        self.assertEqual(events, [])
        self.assertEqual(store.calls, [])

    def test_no_room_for_the_copy(self):
        folder = self.root + "/small"
        support.mount(self, folder, "tmpfs", "size=4m")
        store, restorer = self.host({b"a": b"x" * (30 * MIB)}, BackupPath=folder)
        self.assert_fails(restorer.backup(w.PARTIAL), w.DISK_FULL, "copy", folder)
        self.assert_clean(folder)


class Cancel(HostCase):
    def assert_canceled(self, store, outcome):
        self.assert_fails(outcome, w.CANCELED)
        self.assertEqual(store.count("close"), 1)
        self.assert_clean()

    def test_in_next(self):
        for at in (0, 2, 5):
            store, restorer = self.host({b"%d" % n: b"x" for n in range(5)})
            store.on["next"] = lambda before: restorer.cancel() if before == at else None
            self.assert_canceled(store, restorer.backup())
            self.assertEqual(store.count("next"), at + 1)

    def test_by_the_callback(self):
        """Events come while licenses are copied; at first all numbers are 0."""
        store, restorer = self.host({b"%d" % n: b"x" for n in range(100)})
        seen = []

        def on_event(event):
            if event.status == w.STATUS_PROGRESS:
                seen.append((event.progress.licenses_done, event.progress.licenses_total))
                return -1 if store.count("next") >= 20 else 0

        store.on["next"] = lambda before: time.sleep(0.005)
        self.assert_canceled(store, restorer.backup(0, on_event))
        self.assertEqual(set(seen), {(0, 0)})
        self.assertLess(store.count("next"), 60)

    def test_when_all_were_copied(self):
        store, restorer = self.host({b"%d" % n: b"x" for n in range(100)})
        on_event = lambda event: -1 if event.status == w.STATUS_PROGRESS and (
            event.progress.licenses_total) else 0
        self.assert_canceled(store, restorer.backup(0, on_event))

    def test_in_open_and_close(self):
        for function in ("open", "close"):
            store, restorer = self.host({b"a": b"1"})
            store.on[function] = lambda before: restorer.cancel()
            self.assert_canceled(store, restorer.backup())


class Secrets(Encrypted, HostCase):
    """An encrypted backup leaves nothing in clear in the backup folder, not for a moment."""

    @property
    def properties(self):
        return {"Recipients": key().recipient}

    def test_the_copy_is_elsewhere(self):
        cache = self.root + "/cache"
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = cache
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME") if before is None
            else os.environ.update(XDG_CACHE_HOME=before))
        store, restorer = self.host({b"a": b"secret" * (4 * MIB), b"b": b"more secrets"})
        found = set()

        def look(before):
            for number in os.listdir("/proc/self/fd"):
                try:
                    # The backup's own file is there by now, with nothing in it.
                    if os.stat("/proc/self/fd/" + number).st_size > 0:
                        found.add(os.readlink("/proc/self/fd/" + number))
                except OSError:
                    pass

        store.on["close"] = look
        self.assert_ends(restorer.backup())
        # Without names.
        copies = [path for path in found if path.startswith(cache) and not os.path.isdir(path)]
        self.assertEqual([path.endswith(" (deleted)") for path in copies], [True], copies)
        self.assertEqual([path for path in found if path.startswith(self.backups + "/")], [])
        self.assertEqual([name for _, _, names in os.walk(cache) for name in names], [])
        self.assertEqual(self.opened().files()[b"a"], b"secret" * (4 * MIB))


if __name__ == "__main__":
    unittest.main()
