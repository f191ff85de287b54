"""Generations that backups keep: their names, what the lists say, what the rule removes."""

import fcntl
import os
import threading
import unittest

import generations_support as g
import support
import wmlb_ctypes as w
from encryption_support import key

NOT_SUPPORTED = w.E_NOTIMPL
ROUNDS = 12


class GenerationsCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(3)

    def keeping(self, rule, **properties):
        return self.new_restorer(Keep=rule, RestorePath=self.backups, **properties)

    def save(self, restorer, flags=w.OVERWRITE):
        """Backs up after a change: two backups of one store in one second are the same bytes."""
        self.saved = getattr(self, "saved", 0) + 1
        self.made[b"license-0000.lic"] = b"%08d" % self.saved * 125
        support.write(os.path.join(self.store, "license-0000.lic"), b"%08d" % self.saved * 125)
        self.assert_ends(restorer.backup(flags))
        return support.read(self.target)

    def names(self):
        return sorted(os.listdir(self.backups))

    def kept(self):
        return {name for name in self.names() if g.NAME.fullmatch(name)}

    def list(self, restorer):
        hr, told = g.generations(restorer)
        self.assert_hr(hr, w.S_OK)
        return told


class Kept(GenerationsCase):
    def test_the_replaced_backup_stays(self):
        restorer = self.keeping("last=2")
        first = self.save(restorer, 0)
        self.assertEqual(self.names(), [w.BACKUP_NAME])
        created = self.opened().info["created"]
        support.write(os.path.join(self.store, "more"), b"more")
        self.save(restorer)
        self.assertEqual(self.kept(), {g.name_of(created)})
        path = os.path.join(self.backups, g.name_of(created))
        self.assertEqual(support.read(path), first)
        self.assertEqual(os.stat(path).st_nlink, 1)
        current, earlier = self.list(restorer)
        self.assertEqual(os.fsdecode(earlier.path), path)
        self.assertEqual((earlier.created, earlier.size), (created, len(first)))
        self.assertEqual((earlier.licenses, earlier.bytes), (3, sum(map(len, self.made.values()))))
        self.assertEqual((earlier.encrypted, earlier.store), (0, b"directory"))
        self.assertEqual(earlier.device_id.decode(), self.opened().info["device"])
        self.assertEqual(os.fsdecode(current.path), self.target)
        self.assertEqual((current.licenses, current.kept_by), (4, 1 | 2))
        self.assertEqual(earlier.kept_by, 2)

    def test_a_generation_is_restored_by_its_path(self):
        restorer = self.keeping("last=2")
        self.save(restorer, 0)
        before = dict(self.made)
        self.save(restorer)
        path = os.path.join(self.backups, self.kept().pop())
        self.assertEqual(self.opened(path).files(), before)
        self.assert_hr(restorer.set("RestorePath", path), w.S_OK)
        self.assertEqual([os.fsdecode(one.path) for one in self.list(restorer)],
                         [self.target, path])

    def test_backups_of_one_second_are_told_apart(self):
        restorer = self.keeping("last=9")
        contents = {self.save(restorer, 0 if number == 0 else w.OVERWRITE) for number in range(6)}
        self.assertEqual(len(self.kept()), 5)
        found = {support.read(os.path.join(self.backups, name)) for name in self.names()}
        self.assertEqual(found, contents)

    def test_the_rule_removes_what_it_does_not_want(self):
        restorer = self.keeping("last=3")
        self.save(restorer, 0)
        for _ in range(6):
            self.save(restorer)
        self.assertEqual(len(self.kept()), 2)
        self.save(self.keeping("last=1"))
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_nothing_is_kept_or_removed_without_a_rule(self):
        self.save(self.keeping("last=2"), 0)
        self.save(self.keeping("last=2"))
        before = self.kept()
        for rule in ("", " \n"):
            self.save(self.keeping(rule))
            self.assertEqual(self.kept(), before)
        self.save(self.restorer)
        self.assertEqual(self.kept(), before)

    def test_overwrite_is_still_asked_for(self):
        restorer = self.keeping("last=2")
        self.save(restorer, 0)
        self.assert_refused(restorer.backup(0), w.BACKUP_EXISTS)
        self.assertEqual(self.kept(), set())

    def test_foreign_files_stay(self):
        names = ["licenses-20200101T000000Z.wmlb.old", "licenses-20200101.wmlb", "notes",
                 "licenses-20200101T000000Z-1.wmlb"]
        for name in names:
            support.write(os.path.join(self.backups, name), b"x")
        link = "licenses-20200101T000000Z.wmlb"
        os.symlink("notes", os.path.join(self.backups, link))
        folder = "licenses-20200102T000000Z.wmlb"
        os.mkdir(os.path.join(self.backups, folder))
        restorer = self.keeping("last=1")
        self.save(restorer, 0)
        self.save(restorer)
        self.assert_clean(names=names + [link, folder, w.BACKUP_NAME])

    def test_a_failed_backup_keeps_nothing(self):
        restorer = self.keeping("last=2")
        before = self.save(restorer, 0)
        os.unlink(os.path.join(self.store, "license-0000.lic"))
        os.mkfifo(os.path.join(self.store, "fifo"))
        hr, _ = restorer.backup(w.OVERWRITE, lambda event: w.CANCELED
                                if event.status == w.STATUS_PROGRESS else 0)
        self.assert_hr(hr, w.CANCELED)
        self.assertEqual(support.read(self.target), before)
        self.assert_clean(names=[w.BACKUP_NAME])

    def test_where_a_file_has_one_name_only(self):
        """As on exFAT: what is kept is a copy."""
        support.need_filters()

        def body():
            support.filter_calls(("linkat", 1))
            restorer = self.keeping("last=3")
            first = self.save(restorer, 0)
            for _ in range(3):
                self.save(restorer)
            return first

        support.in_child(body)
        self.assertEqual(len(self.kept()), 2)
        self.assertEqual(len(self.names()), 3)

    def test_two_at_a_time_lose_none(self):
        def save(number):
            store = os.path.join(self.root, "store-%d" % number)
            restorer = self.new_restorer(store, Keep="last=99")
            for turn in range(ROUNDS):
                support.write(os.path.join(store, "a"), b"%d %d" % (number, turn))
                results.append(restorer.backup(w.OVERWRITE)[0])

        results = []
        threads = [threading.Thread(target=save, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [w.S_OK] * 2 * ROUNDS)
        found = [self.opened(os.path.join(self.backups, name)).files()[b"a"]
                 for name in self.names()]
        self.assertEqual(sorted(found), sorted(b"%d %d" % (number, turn) for number in range(2)
                                               for turn in range(ROUNDS)))

    def test_one_that_another_holds_stays(self):
        restorer = self.keeping("last=9")
        before = self.save(restorer, 0)
        with open(self.target, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assert_fails(restorer.backup(w.OVERWRITE), w.BUSY, "replaced by another backup")
            self.assertEqual(support.read(self.target), before)
            self.assert_clean(names=[w.BACKUP_NAME])
            # Only those that keep generations wait for each other.
            self.assert_ends(self.restorer.backup(w.OVERWRITE))
        self.save(restorer)
        self.assertEqual(len(self.kept()), 1)

    def test_files_of_others_take_no_places_where_all_may_write(self):
        support.need_root()
        foreign = g.name_of(4 * 10 ** 9)
        support.write(os.path.join(self.backups, foreign), b"x")
        os.chown(os.path.join(self.backups, foreign), support.NOBODY, support.NOBODY)
        restorer = self.keeping("last=2")
        os.chmod(self.backups, 0o1777)
        for _ in range(3):
            self.save(restorer)
        self.assertEqual(len(self.kept()), 2)
        self.assertIn(foreign, self.kept())
        self.assertEqual([one.kept_by for one in self.list(restorer)], [1 | 2, 2])
        os.chmod(self.backups, 0o777)
        self.assertEqual([one.kept_by for one in self.list(restorer)], [2, 1 | 2, 0])

    def test_in_the_folder_of_the_store(self):
        restorer = self.keeping("last=3")
        self.assert_hr(restorer.set("BackupPath", self.store), w.S_OK)
        for flags in (0, w.OVERWRITE, w.OVERWRITE):
            self.assert_ends(restorer.backup(flags))
        path = os.path.join(self.store, w.BACKUP_NAME)
        self.assertEqual(self.opened(path).files(), self.made)


class Encrypted(GenerationsCase):
    def test_without_its_key_a_generation_is_named_all_the_same(self):
        pair = key()
        blind = self.keeping("last=3", Recipients=pair.recipient)
        self.save(blind, 0)
        self.save(blind)
        earlier = os.path.join(self.backups, self.kept().pop())
        current, told = self.list(blind)
        self.assertEqual((current.encrypted, current.licenses), (1, g.UNKNOWN))
        self.assertEqual((current.created, current.store), (g.NEVER, b""))
        self.assertEqual(g.name_of(told.created), os.path.basename(earlier))
        seeing = self.keeping("last=3", Identities=pair.identity)
        told = self.list(seeing)
        self.assertEqual([(one.encrypted, one.licenses) for one in told], [(1, 3)] * 2)
        self.assertNotIn(g.NEVER, [one.created for one in told])


class Listed(GenerationsCase):
    def test_calls_that_are_refused(self):
        restorer = self.new_restorer()
        self.assert_hr(g.generations(restorer)[0], w.NOT_CONFIGURED)
        for function in (w.lib.wmlb_restorer_enumerate_generations,
                         w.lib.wmlb_restorer_forget_generations):
            self.assert_hr(function(restorer.handle, g.Callback(), None), w.E_INVALIDARG)
            self.assert_hr(function(None, g.Callback(), None), w.E_HANDLE)
        restorer = self.new_restorer(RestorePath=os.path.join(self.root, "missing"))
        self.assert_hr(g.generations(restorer)[0], w.FILE_NOT_FOUND)
        restorer = self.new_restorer(RestorePath=self.backups)
        self.assertEqual(g.generations(restorer), (w.S_OK, []))
        self.assert_hr(g.forget(restorer)[0], w.NOT_CONFIGURED)
        with open(self.target, "wb") as file:
            w.lib.wmlb_restorer_set_target_fd(w.c_void_p(restorer.handle), file.fileno())
            self.assert_hr(g.generations(restorer)[0], NOT_SUPPORTED)

    def test_a_damaged_generation_is_listed(self):
        support.write(os.path.join(self.backups, g.name_of(0)), b"damaged")
        told, = self.list(self.keeping(""))
        self.assertEqual((told.created, told.size, told.licenses), (0, 7, g.UNKNOWN))
        self.assertEqual((told.device_id, told.store, told.encrypted), (b"", b"", 0))

    def test_a_negative_answer_ends_it(self):
        for time in range(3):
            support.write(os.path.join(self.backups, g.name_of(time)), b"")
        restorer = self.keeping("last=1")
        hr, told = g.generations(restorer, lambda generation: w.E_INVALIDARG)
        self.assertEqual((hr, len(told)), (w.E_INVALIDARG, 1))
        hr, _ = g.forget(restorer, lambda one: w.E_INVALIDARG if one.created == 0 else 0)
        self.assert_hr(hr, w.E_INVALIDARG)
        self.assertEqual(len(self.kept()), 3)

    def test_forget_removes_what_is_not_held_back(self):
        for time in range(4):
            support.write(os.path.join(self.backups, g.name_of(time)), b"")
        hr, told = g.forget(self.keeping("last=1"), lambda one: int(one.created == 1))
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([one.kept_by for one in told], [2, 0, 0, 0])
        self.assertEqual(self.kept(), {g.name_of(3), g.name_of(1)})


if __name__ == "__main__":
    unittest.main()
