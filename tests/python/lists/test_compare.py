"""What differs between a store and a backup."""

import os
import random
import shutil
import threading
import unittest

import archive
import license_forge as forge
import sqlite_support as sqlite
import support
import wmlb_ctypes as w
from compare_support import (
    ADDED, CHANGED, NO_CALLBACK, REMOVED, TIME, CompareCase, compare, function, model)
from encryption_support import Encrypted, key
from host_support import HostCase, some
from restore_support import snapshot

MIB = 1 << 20
DENIED = forge.v7(forge.action(condition="FALSE")).encode()


class Differences(CompareCase):
    def check_with(self, before, after):
        self.make(after)
        self.assertEqual(self.differ(), model(before, after))

    def check(self, before, after):
        self.save_only(before)
        self.check_with(before, after)

    def test_nothing(self):
        for files in ({}, {b"a": b"1"}, {b"a/%d" % n: b"x" * n for n in range(50)}, some()):
            self.check(files, files)

    def test_each_kind(self):
        self.check(
            {b"same": b"1", b"gone": b"2", b"other": b"3", b"empty": b"", b"longer": b"4"},
            {b"same": b"1", b"new": b"2", b"other": b"5", b"empty": b"6", b"longer": b"44"})

    def test_all_of_one_side(self):
        self.check({}, some())
        self.check(some(), {})

    def test_what_is_told(self):
        before, after = (forge.v7(key_ids=(key,)).encode() for key in ("one", "two"))
        self.back_up_and_make(
            {b"c": (before, TIME), b"r": b"gone"},
            {b"c": (after, TIME + 5 * 10**9), b"\xffa": forge.xmr()})
        hr, (changed, removed, added) = compare(self.restorer)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([changed.mark, removed.mark, added.mark],
                         [(CHANGED, b"c"), (REMOVED, b"r"), (ADDED, b"\xffa")])
        told, = [each for each in self.restorer.enumerate("backup")[1] if each.name == b"c"]
        self.assertEqual(changed.in_backup, told)
        self.assertEqual(changed.in_backup.key_ids, b"one")
        self.assertEqual(changed.in_backup.modified, TIME // 10**9)
        in_store = self.restorer.enumerate("store")[1]
        self.assertEqual([changed.in_store, added.in_store], in_store)
        self.assertEqual(changed.in_store.key_ids, b"two")
        self.assertEqual(changed.in_store.modified, TIME // 10**9 + 5)
        self.assertEqual((removed.in_backup.size, removed.in_backup.format), (4, b"opaque"))
        self.assertEqual((added.in_store.text, added.in_store.format), ("\ufffda".encode(), b"xmr"))

    def test_same_size_and_time(self):
        for size in (1, 100, MIB, MIB + 1, 3 * MIB, 5 * MIB + 7):
            content = os.urandom(size)
            for at in {0, size // 2, size - 1}:
                other = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
                self.check({b"a": content, b"b": b"1"}, {b"a": other, b"b": b"1"})

    def test_only_the_time(self):
        """A restore leaves such a license alone: nothing would be brought back."""
        self.back_up_and_make({b"a": (b"1", TIME)}, {b"a": (b"1", TIME + 10**12)})
        self.assertEqual(self.differ(), [])
        before = snapshot(self.source)
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assert_same(snapshot(self.source), before)

    def test_large_ones(self):
        sizes = (2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB, 7 * MIB + 3)
        large = {b"%d/%d" % (number % 2, size): os.urandom(size)
                 for number, size in enumerate(sizes)}
        self.check(large, large)
        last = {name: content[:-1] + bytes([content[-1] ^ 1]) for name, content in large.items()}
        self.check(large, last)
        self.check(large, {name: content + b"x" for name, content in large.items()})
        self.check(large, {b"0/1": b"x", **dict(list(large.items())[1:4])})
        self.check({b"0": b"x", b"2": b"y"}, large)

    def test_a_large_package(self):
        """What is in its end is told of both."""
        package = forge.package(forge.lcp(), before=[5 * MIB])
        self.back_up_and_make({b"p": package}, {b"p": b"x" + package})
        hr, (changed,) = compare(self.restorer)
        self.assert_hr(hr, w.S_OK)
        for side in (changed.in_backup, changed.in_store):
            self.assertEqual(side.format, b"lcp")
            self.assertNotEqual(side.license_id, b"")

    def test_order(self):
        """By the bytes of each folder's entries: what is below "a" comes before "a!b"."""
        names = [b"a", b"a/b", b"a/b/c", b"a/b!", b"a!b", b"a-b", b"a.b", b"a0", b"a\xff", b"b",
                 b"\xff"]
        for one in names:
            self.save_only({one: b"1", b"m": b"1"})
            for other in names:
                self.check_with({one: b"1", b"m": b"1"}, {other: b"1", b"m": b"2"})
        clear = [name for name in names if name not in (b"a", b"a/b")]
        for step in range(2, 5):
            self.check({name: name for name in clear[::step]}, {name: name for name in clear[1::2]})

    def test_a_folder_in_place_of_a_license(self):
        self.check({b"a": b"1", b"b/c": b"2", b"b/d/e": b"3"}, {b"a/x": b"1", b"b": b"2"})

    def test_what_is_no_license(self):
        self.back_up_and_make({b"a": b"1", b"b": b"2"}, {b"b": b"2"})
        os.symlink("b", self.source + "/a")
        os.mkfifo(self.source + "/fifo")
        os.mkdir(self.source + "/folder")
        self.assertEqual(self.differ(), [(REMOVED, b"a")])

    def test_the_backup_in_the_store(self):
        self.make({b"a": b"1"})
        inside = self.new_restorer(store=self.source, backups=self.source)
        inside.set("Keep", "last=3")
        for number in range(2):
            self.assert_ends(inside.backup(w.OVERWRITE))
        restorer = w.Restorer()
        self.restorers.append(restorer)
        restorer.set("StorePath", self.source)
        restorer.set("RestorePath", self.source)
        self.assertEqual(self.differ(restorer), [])
        support.write(self.source + "/b", b"2")
        self.assertEqual(self.differ(restorer), [(ADDED, b"b")])

    def test_a_generation(self):
        self.saver.set("Keep", "last=3")
        self.save({b"a": b"1"})
        self.save({b"b": b"2"})
        earlier, = [name for name in os.listdir(self.backups) if name != w.BACKUP_NAME]
        self.restorer.set("RestorePath", os.path.join(self.backups, earlier))
        self.assertEqual(self.differ(), [(ADDED, b"b")])

    def test_random_pairs(self):
        """300 pairs of stores with names that interleave."""
        chance = random.Random(22)
        parts = [b"a", b"a!", b"a-b", b"b", b"\xff", b"A"]

        def some_files(large):
            files = {}
            for _ in range(chance.randrange(9)):
                name = b"/".join(chance.choices(parts, k=chance.choice((1, 1, 2, 3))))
                above = [name[:at] for at in range(len(name)) if name[at : at + 1] == b"/"]
                below = [other for other in files if other.startswith(name + b"/")]
                if not below and not any(folder in files for folder in above):
                    files[name] = chance.choice((b"", b"1", b"2", b"three", large))
            return files

        for number in range(100):
            large = b"four" if number % 10 else bytes([number]) * 2 * MIB + b"x" * number
            before = some_files(large)
            self.save_only(before)
            for kept in (0.9, 0.7, 0):
                after = some_files(large) if kept == 0 else {
                    name: content for name, content in before.items() if chance.random() < kept}
                for name in after:
                    if chance.random() < 0.2:
                        after[name] = chance.choice((b"2", b"other", large[:-1] + b"y"))
                with self.subTest(number=number, kept=kept):
                    self.check_with(before, after)


class Calls(CompareCase):
    def setUp(self):
        super().setUp()
        before = {b"%d" % n: b"x" for n in range(10)}
        self.back_up_and_make(before, {**before, **{b"%da" % n: b"x" for n in range(10)}})

    def test_a_negative_answer(self):
        for answer in (-1, -(2**31), w.CANCELED):
            seen = []

            def on_difference(each):
                seen.append(each)
                return answer if len(seen) == 4 else 5

            hr, found = compare(self.restorer, on_difference)
            self.assert_hr(hr, answer)
            self.assertEqual(len(found), 4)
        self.assertEqual(len(self.differ()), 10)

    def test_cancel(self):
        hr, found = compare(self.restorer, lambda each: self.restorer.cancel() and None)
        self.assert_hr(hr, w.CANCELED)
        self.assertEqual(len(found), 1)

    def test_the_thread_and_nothing_touched(self):
        before, threads, seen = snapshot(self.root), support.threads().keys(), set()
        compare(self.restorer, lambda each: seen.add(
            (threading.get_native_id(), frozenset(support.threads()))))
        self.assertEqual(seen, {(threading.get_native_id(), frozenset(threads))})
        self.assert_same(snapshot(self.root), before)

    def test_calls_inside(self):
        def on_difference(each):
            self.assertEqual(len(compare(self.restorer)[1]), 10)
            self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK)
            self.assert_ends(self.restorer.verify())
            self.restorer.set("StorePath", self.root + "/nowhere")

        def ends(each):
            on_difference(each)
            self.restorer.set("StorePath", self.source)

        hr, found = compare(self.restorer, ends)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(len(found), 10)

    def test_beside_a_restore(self):
        """Who comes second finds the store in use."""
        found = []
        restorer = self.new_target(store=self.source)
        self.assert_ends(restorer.restore(
            w.RESTORE_OVERWRITE, lambda event: found.append(compare(self.restorer)[0])))
        self.assertIn(w.BUSY, found)
        self.assertLessEqual(set(found), {w.BUSY, w.S_OK})

    def test_refusals(self):
        self.assert_hr(function(self.restorer.handle, NO_CALLBACK, None), w.E_INVALIDARG)
        self.assert_hr(function(12345, NO_CALLBACK, None), w.E_HANDLE)
        bare = w.Restorer()
        self.restorers.append(bare)
        self.assert_hr(compare(bare)[0], w.NOT_CONFIGURED)
        self.assertIn("RestorePath", bare.last_error())
        self.restorer.set("StorePath", self.root + "/nowhere")
        self.assert_hr(compare(self.restorer)[0], w.UNABLE_TO_OPEN_DATA_STORE)
        self.restorer.set("RestorePath", self.root + "/nowhere")
        self.assert_hr(compare(self.restorer)[0], w.FILE_NOT_FOUND)
        self.assertFalse(os.path.exists(self.root + "/nowhere"))


class Choice(CompareCase):
    def setUp(self):
        super().setUp()
        before = {b"a/%02d" % n: b"x" * 300000 for n in range(30)}
        before[b"k"] = forge.v7(key_ids=("KEY1",)).encode()
        after = {name: content for name, content in before.items() if name != b"a/03"}
        after.update({b"a/05": b"other", b"a/31": b"new", b"b": b"new"})
        after[b"k"] = forge.v7(key_ids=("KEY2",)).encode()
        self.back_up_and_make(before, after)
        self.all = model(before, after)

    def test_names(self):
        for only, expected in (
            ("a/*", self.all[:3]), ("a/05\nb", [(CHANGED, b"a/05"), (ADDED, b"b")]),
            ("a/03", [(REMOVED, b"a/03")]), ("a/07", []), ("nothing", []), ("", self.all),
        ):
            if only:
                self.restorer.set("Only", only)
            else:
                self.restorer.remove_prop(b"Only")
            self.assertEqual(self.differ(), expected, only)

    def test_keys(self):
        """What the backup has decides."""
        for only, expected in (("key:KEY1", [(CHANGED, b"k")]), ("key:KEY2", [])):
            self.restorer.set("Only", only)
            self.assertEqual(self.differ(), expected)

    def test_the_filter(self):
        asked = []

        def admits(license):
            asked.append(license.name)
            return license.name != b"a/05"

        self.restorer.filter(admits)
        self.assertEqual(self.differ(), [mark for mark in self.all if mark[1] != b"a/05"])
        self.assertEqual(asked, [name for _, name in self.all])
        self.restorer.filter(lambda license: -7)
        self.assert_hr(compare(self.restorer)[0], -7)


class Denied(CompareCase):
    def setUp(self):
        super().setUp()
        self.files = {b"a": b"1", b"denied": DENIED, b"unstated": b"2"}

    def test_what_a_backup_leaves_out(self):
        self.back_up_and_make({b"a": b"1"}, self.files)
        self.assertEqual(self.differ(), [(ADDED, b"unstated")])
        self.restorer.set("UnstatedRights", "deny")
        self.assertEqual(self.differ(), [])

    def test_the_host(self):
        self.back_up_and_make({}, self.files)
        threads = set()

        def right_of(license):
            threads.add(threading.get_native_id())
            return {b"denied": w.RIGHT_ALLOWED, b"a": w.RIGHT_DENIED}.get(license.name, 0)

        self.restorer.ask_rights(right_of)
        self.assertEqual(self.differ(), [(ADDED, b"denied"), (ADDED, b"unstated")])
        self.assertEqual(threads, {threading.get_native_id()})
        self.restorer.ask_rights(lambda license: 9)
        self.assert_hr(compare(self.restorer)[0], w.E_INVALIDARG)
        # As a backup has it.
        self.restorer.ask_rights(right_of)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.assertEqual(self.differ(), [])

    def test_one_that_the_backup_has(self):
        self.saver.ask_rights(lambda license: w.RIGHT_ALLOWED)
        self.back_up_and_make(self.files, {**self.files, b"denied": DENIED + b"\n"})
        self.assertEqual(self.differ(), [(CHANGED, b"denied")])


class Hosts(HostCase):
    def test_a_hosts_store(self):
        _, saver = self.host(some())
        self.assert_ends(saver.backup())
        store, restorer = self.host(some())
        store.listed_here = True
        self.assertEqual(compare(restorer), (w.S_FALSE, []))
        del store.licenses[b"b-c"]
        store.licenses[b"b/0"] = (b"new", 1)
        store.licenses[b"large"] = (store.licenses[b"large"][0][:-1] + b"?", 1)
        # More than is kept in memory.
        store.licenses[b"b/huge"] = (bytes(20 << 20), 1)
        hr, found = compare(restorer)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([each.mark for each in found], [
            (ADDED, b"b/0"), (ADDED, b"b/huge"), (REMOVED, b"b-c"), (CHANGED, b"large")])
        store.fail("next", -5, at=store.count("next") + 3)
        self.assert_hr(compare(restorer)[0], -5)

    def test_inside_its_use(self):
        self.save({b"a": b"1"})
        store, restorer = self.host(some())
        store.listed_here = True
        found = []
        store.on["next"] = lambda before: found.append(compare(restorer)[0])
        self.assert_ends(restorer.backup(w.OVERWRITE))
        self.assertEqual(set(found), {w.BUSY})


class Databases(sqlite.DatabaseCase):
    def setUp(self):
        super().setUp()
        self.restorer.set("RestorePath", self.backups)

    def differ(self, restorer=None):
        with self.untouched():
            hr, found = compare(restorer or self.restorer)
        self.assert_hr(hr, w.S_OK if found else w.S_FALSE, (restorer or self.restorer).last_error())
        return [each.mark for each in found]

    def test_as_a_backup_has_it(self):
        for mode in sqlite.MODES:
            for rows, size in ((10, 100), (600, 8000)):
                shutil.rmtree(self.store)
                sqlite.make(self.path, rows, mode=mode, size=size)
                support.write(self.store + "/a", b"1")
                with sqlite.opened(self.path) as user:
                    user.execute("UPDATE t SET content = x'00' WHERE n = 1")
                    self.assert_ends(self.restorer.backup(w.OVERWRITE))
                    self.assertEqual(self.differ(), [])
                    # In a log, no byte of the file itself changes.
                    user.execute("UPDATE t SET content = x'01' WHERE n = 1")
                    self.assertEqual(self.differ(), [(CHANGED, b"x.db")])
                    user.execute("UPDATE t SET content = x'00' WHERE n = 1")
                    if mode != "wal":
                        # Only SQLite's own counters differ by now.
                        self.assertEqual(self.differ(), [])

    def test_one_that_is_the_store(self):
        sqlite.make(self.path, 10)
        one = self.new_restorer(store=self.path, RestorePath=self.backups)
        self.assert_ends(one.backup(w.OVERWRITE))
        self.assertEqual(self.differ(one), [])
        other = self.store + "/y.db"
        os.rename(self.path, other)
        renamed = self.new_restorer(store=other, RestorePath=self.backups)
        self.assertEqual(self.differ(renamed), [])
        with sqlite.opened(other) as user:
            user.execute("DELETE FROM t")
        hr, (changed,) = compare(renamed)
        self.assertEqual((changed.in_backup.name, changed.in_store.name), (b"x.db", b"y.db"))
        for only, expected in (("x.db", w.S_OK), ("y.db", w.S_FALSE)):
            renamed.set("Only", only)
            self.assert_hr(compare(renamed)[0], expected)

    def test_added_removed_and_in_place_of_another(self):
        support.write(self.store + "/other", b"1")
        sqlite.make(self.store + "/gone.db", 3)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        os.unlink(self.store + "/gone.db")
        os.unlink(self.store + "/other")
        sqlite.make(self.path, 3)
        sqlite.make(self.store + "/other", 3)
        self.assertEqual(
            self.differ(), [(REMOVED, b"gone.db"), (CHANGED, b"other"), (ADDED, b"x.db")])

    def test_a_damaged_one(self):
        sqlite.make(self.path, 50)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        content = bytearray(support.read(self.path))
        content[4096] ^= 0xFF
        support.write(self.path, bytes(content))
        self.assert_hr(compare(self.restorer)[0], sqlite.DATASTORE_CORRUPT)

    def test_one_that_is_locked(self):
        sqlite.make(self.path, 10)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        sqlite.hold(self, self.path, "BEGIN EXCLUSIVE")
        self.assert_hr(compare(self.restorer)[0], w.BUSY)


class EncryptedBackups(Encrypted, CompareCase):
    @property
    def properties(self):
        return {"Recipients": key().recipient, "Identities": key().text}

    def test_with_its_secret(self):
        before = {b"%d" % n: os.urandom(400000) for n in range(15)}
        after = {**before, b"3": os.urandom(400000), b"new": b"1"}
        self.back_up_and_make(before, after)
        self.assertEqual(self.differ(), model(before, after))
        self.restorer.set("Only", "3")
        self.assertEqual(self.differ(), [(CHANGED, b"3")])

    def test_without(self):
        self.back_up_and_make({b"a": b"1"}, {})
        password = w.hresult(w.FAILURES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"])
        self.restorer.set("Identities", key(1).text)
        self.assert_hr(compare(self.restorer)[0], password)
        self.restorer.remove_prop(b"Identities")
        self.assert_hr(compare(self.restorer)[0], password)

    def test_one_in_clear(self):
        self.saver.remove_prop(b"Recipients")
        self.back_up_and_make({b"a": b"1"}, {})
        hr, found = compare(self.restorer)
        self.assertEqual(found, [])
        self.assert_hr(hr, w.hresult(w.FAILURES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"]))


class DamagedBackups(CompareCase):
    def test_it_ends_as_a_verification(self):
        files = {b"license-%02d" % n: os.urandom(300000) for n in range(20)}
        self.back_up_and_make(files, {name: content + b"x" for name, content in files.items()})
        data = support.read(self.target)
        whole = [each.mark for each in compare(self.restorer)[1]]
        for frame in archive.frames_of(data)[1:]:
            damaged = bytearray(data)
            damaged[frame.offset + frame.stored - 2] ^= 1
            self.write_archive(bytes(damaged))
            hr, found = compare(self.restorer)
            self.assert_hr(hr, w.BACKUP_CORRUPT)
            self.assertEqual([each.mark for each in found], whole[: len(found)])
            words = self.restorer.last_error()
            self.assert_fails(self.restorer.verify(), w.BACKUP_CORRUPT, words)
        for length in (0, 100, len(data) // 2, len(data) - 1):
            self.write_archive(data[:length])
            self.assert_hr(compare(self.restorer)[0], w.BACKUP_CORRUPT)
        self.write_archive(b"no backup at all")
        self.assert_hr(compare(self.restorer)[0], w.BAD_DATA)

    def test_when_nothing_differs(self):
        self.save({b"large": os.urandom(5 * MIB), b"z": b"1"})
        data = bytearray(support.read(self.target))
        for at in range(len(data) - 400, len(data), 7):
            data[at] ^= 1
            self.write_archive(bytes(data))
            self.assert_hr(compare(self.restorer)[0], w.BACKUP_CORRUPT)
            data[at] ^= 1


if __name__ == "__main__":
    unittest.main()
