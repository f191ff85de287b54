"""The last good backup: what an emptied store, or one that lost most of it, does to it."""

import os
import shutil
import sqlite3
import struct
import unittest

import support
import wmlb_ctypes as w
from encryption_support import key
from host_support import MemoryStore

STORE_ERROR = w.FAILURES["NS_E_DRM_LICENSE_STORE_ERROR"]
STORAGE = "CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data)"
ROW = "INSERT INTO cdm_storage VALUES ('https://a/', x'00', 'f', 'more')"


class LastGoodCase(support.StoreCase):
    def empty(self):
        shutil.rmtree(self.store)
        os.mkdir(self.store)

    def keep(self, files):
        """Leaves so many licenses in the store."""
        for name in sorted(os.listdir(self.store))[files:]:
            os.unlink(os.path.join(self.store, name))

    def assert_stays(self, outcome, restorer=None):
        """A backup that was refused since the store is empty; the earlier one is as it was."""
        events = self.assert_fails(outcome, w.hresult(STORE_ERROR), self.target, "no licenses")
        self.assertNotIn(w.STATUS_FEWER, [event.status for event in events])
        self.assertEqual(support.read(self.target), self.before)
        self.assertEqual(os.listdir(self.backups), [w.BACKUP_NAME])

    def save(self, restorer=None, flags=0):
        self.assert_ends((restorer or self.restorer).backup(flags))
        self.before = support.read(self.target)

    def fewer(self, events):
        told = [event for event in events if event.status == w.STATUS_FEWER]
        for event in told:
            self.assertEqual((event.hr, event.type, event.size), (w.S_OK, w.TYPE_BINARY, 16))
        return [struct.unpack("=QQ", event.value) for event in told]


class EmptyStore(LastGoodCase):
    def test_a_backup_with_licenses_stays(self):
        self.fill(3)
        self.save()
        self.empty()
        self.assert_stays(self.restorer.backup(w.OVERWRITE))
        self.assert_stays(self.restorer.backup(w.OVERWRITE | w.PARTIAL | w.VERIFY))
        events = self.assert_ends(self.restorer.backup(w.OVERWRITE | w.EMPTY))
        self.assertEqual(self.fewer(events), [(3, 0)])
        self.assertEqual(self.opened().names(), [])

    def test_an_empty_backup_does_not(self):
        self.save()
        for _ in range(2):
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.save(self.new_restorer(Recipients=key().recipient), w.OVERWRITE)
        self.save(self.new_restorer(Passphrase="p"), w.OVERWRITE)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_nothing_is_replaced(self):
        self.assert_ends(self.restorer.backup(w.EMPTY))
        self.assert_refused(self.restorer.backup(w.EMPTY), w.hresult(0xC00D2742))

    def test_all_licenses_are_denied(self):
        """The store has some: that is announced, as any loss."""
        self.fill(2)
        self.save()
        restorer = self.new_restorer(UnstatedRights="deny")
        events = self.assert_ends(restorer.backup(w.OVERWRITE))
        self.assertEqual(self.fewer(events), [(2, 0)])

    def test_no_license_can_be_read(self):
        self.fill(2)
        self.save()
        self.empty()
        support.write(os.path.join(self.store, "x.db"), b"SQLite format 3\0" + bytes(5000))
        self.assert_stays(self.restorer.backup(w.OVERWRITE | w.PARTIAL))

    def test_encrypted_backups(self):
        """Whether or not they can be opened."""
        self.fill(1, 10)
        self.save(self.new_restorer(Recipients=key().recipient))
        self.empty()
        for secrets in ({}, {"Identities": key().text}, {"Identities": key(1).text},
                        {"Recipients": key().recipient}):
            with self.subTest(secrets=sorted(secrets)):
                self.assert_stays(self.new_restorer(**secrets).backup(w.OVERWRITE))
        self.assert_ends(self.new_restorer().backup(w.OVERWRITE | w.EMPTY))

    def test_damaged_backups(self):
        """There may be licenses in one that cannot be read any more."""
        self.fill(3)
        self.save()
        whole = self.before
        self.empty()
        for damage in (whole[:-1], whole[:9000], bytes(9000), whole[:-40] + bytes(40),
                       whole[:5000] + b"x" + whole[5001:]):
            support.write(self.target, damage)
            self.before = damage
            self.assert_stays(self.restorer.backup(w.OVERWRITE))
        for small in (b"", whole[:8191]):
            support.write(self.target, small)
            self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_a_host(self):
        store = MemoryStore({b"a": b"1", b"b": b"2"})
        store.set_on(self.restorer)
        self.save()
        store.licenses.clear()
        self.assert_stays(self.restorer.backup(w.OVERWRITE))
        self.assert_ends(self.restorer.backup(w.OVERWRITE | w.EMPTY))
        self.assertEqual(store.problems, [])

    def test_one_that_takes_its_place_meanwhile(self):
        """What is replaced was looked at, even if it came a moment ago."""
        other = os.path.join(self.root, "other")
        self.fill(3)
        self.assert_ends(self.new_restorer(backups=other).backup())
        self.empty()
        self.save()
        new = os.path.join(other, w.BACKUP_NAME)
        content = support.read(new)

        def replace(event):
            if event.status == w.STATUS_PROGRESS and os.path.exists(new):
                os.rename(new, self.target)

        outcome = self.restorer.backup(w.OVERWRITE, replace)
        self.before = content
        self.assert_stays(outcome)


class Databases(LastGoodCase):
    def database(self, *statements, name="CdmStorage.db"):
        path = os.path.join(self.store, name)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()
        return path

    def test_rows_are_licenses(self):
        for large in (False, True):
            with self.subTest(large=large):
                self.empty()
                rows = [ROW] + ["UPDATE cdm_storage SET data = zeroblob(5000000)"] * large
                path = self.database(STORAGE, *rows)
                restorer = self.new_restorer(store=path)
                self.save(restorer, w.OVERWRITE | w.EMPTY)
                self.database("DELETE FROM cdm_storage")
                self.assert_stays(restorer.backup(w.OVERWRITE))
                self.assert_stays(self.restorer.backup(w.OVERWRITE))
                events = self.assert_ends(restorer.backup(w.OVERWRITE | w.EMPTY))
                # It is one license still, for whoever counts.
                self.assertEqual(self.fewer(events), [])
                # Two that are empty may replace each other.
                self.assert_ends(restorer.backup(w.OVERWRITE))

    def test_the_older_schema(self):
        path = self.database("CREATE TABLE licenses (cdm_type, file_name, data)",
                             "INSERT INTO licenses VALUES ('c', 'f', 'd')")
        restorer = self.new_restorer(store=path)
        self.save(restorer)
        self.database("DELETE FROM licenses")
        self.assert_stays(restorer.backup(w.OVERWRITE))

    def test_a_database_without_tables(self):
        path = self.database(STORAGE, ROW)
        restorer = self.new_restorer(store=path)
        self.save(restorer)
        self.database("DROP TABLE cdm_storage")
        self.assert_stays(restorer.backup(w.OVERWRITE))

    def test_a_database_of_another_kind(self):
        """Nobody knows what its licenses are: it is one."""
        path = self.database("CREATE TABLE t (n)", "INSERT INTO t VALUES (1)", name="x.db")
        restorer = self.new_restorer(store=path)
        self.save(restorer)
        self.database("DELETE FROM t", name="x.db")
        self.assert_ends(restorer.backup(w.OVERWRITE))

    def test_a_license_beside_it(self):
        self.database(STORAGE, ROW)
        self.save()
        self.database("DELETE FROM cdm_storage")
        self.assert_stays(self.restorer.backup(w.OVERWRITE))
        support.write(os.path.join(self.store, "license"), b"x")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_an_encrypted_backup_of_one(self):
        path = self.database(STORAGE)
        secrets = {"Recipients": key().recipient}
        self.save(self.new_restorer(store=path, **secrets))
        # One without a row may replace it where that can be seen.
        self.assert_stays(self.new_restorer(store=path, **secrets).backup(w.OVERWRITE))
        both = self.new_restorer(store=path, Identities=key().text, **secrets)
        self.assert_ends(both.backup(w.OVERWRITE))


class FewerLicenses(LastGoodCase):
    def test_half_and_less(self):
        for before, now in ((1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (100, 49), (100, 50)):
            with self.subTest(before=before, now=now):
                self.empty()
                self.fill(before)
                self.save(flags=w.OVERWRITE)
                self.keep(now)
                events = self.assert_ends(self.restorer.backup(w.OVERWRITE))
                expected = [(before, now)] if 2 * now < before else []
                self.assertEqual(self.fewer(events), expected)
                if expected:
                    kinds = [event.status for event in events]
                    self.assertEqual(kinds[-3:], [w.STATUS_FEWER, w.STATUS_PROGRESS, w.STATUS_END])

    def test_a_negative_answer_keeps_the_earlier_one(self):
        self.fill(10)
        self.save()
        self.keep(2)
        outcome = self.restorer.backup(
            w.OVERWRITE, lambda event: -1 if event.status == w.STATUS_FEWER else 0)
        self.assert_fails(outcome, w.hresult(0xC00D2768))
        self.assertEqual(support.read(self.target), self.before)
        self.assertEqual(os.listdir(self.backups), [w.BACKUP_NAME])

    def test_encrypted_backups(self):
        """They are counted where they can be opened."""
        def cancel_at_the_end(event):
            return -1 if event.status == w.STATUS_PROGRESS and event.progress.licenses_done else 0

        recipients = {"Recipients": key().recipient}
        for made, opens in ((recipients, {"Identities": key().text, **recipients}),
                            ({"Passphrase": "right"}, {"Passphrase": "right"})):
            self.fill(10)
            self.save(self.new_restorer(**made), w.OVERWRITE)
            self.keep(1)
            for secrets in (recipients, {"Passphrase": "wrong"}):
                restorer = self.new_restorer(**secrets)
                _, events = restorer.backup(w.OVERWRITE, cancel_at_the_end)
                self.assertEqual(self.fewer(events), [])
            events = self.assert_ends(self.new_restorer(**opens).backup(w.OVERWRITE))
            self.assertEqual(self.fewer(events), [(10, 1)])

    def test_a_file_that_cannot_be_read(self):
        self.fill(2)
        support.write(self.target, b"x" * 100000)
        self.assertEqual(self.fewer(self.assert_ends(self.restorer.backup(w.OVERWRITE))), [])


if __name__ == "__main__":
    unittest.main()
