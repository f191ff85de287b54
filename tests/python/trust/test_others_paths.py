"""An operator backs up, or brings back, what belongs to another user: links on the way that
neither root nor the operator has made are not followed, and what is restored belongs to the
owner of the store."""

import os
import unittest

import sqlite_support
import support
import trust_support as trust
import wmlb_ctypes as w
from restore_support import files_of
from trust_support import ALICE, MALLORY, TrustCase


class PathCase(TrustCase):
    def setUp(self):
        super().setUp()
        support.need_root()
        support.write(self.store + "/license", b"license")
        self.home = self.root + "/home"
        os.mkdir(self.home)
        trust.give(MALLORY, self.home)
        self.fill()
        self.assert_ends(self.new_restorer().backup())
        for path in (self.backups, self.target):
            os.chmod(path, 0o755)

    def link(self, path, target, user):
        os.symlink(target, path)
        trust.give(user, path)
        return path

    def operations(self, **paths):
        """name -> what is done, for those that one of these properties concerns."""
        concerned = {
            "list": "StorePath", "backup": "StorePath BackupPath",
            "restore": "StorePath RestorePath",
            "verification": "RestorePath", "list of a backup": "RestorePath",
        }
        properties = {"RestorePath": self.backups, "BackupPath": self.root + "/saved", **paths}

        def run(name, *arguments):
            return lambda: getattr(self.new_restorer(**properties), name)(*arguments)[0]

        bodies = {
            "list": run("enumerate", "store"), "backup": run("backup", w.OVERWRITE),
            "restore": run("restore", w.RESTORE_OVERWRITE), "verification": run("verify"),
            "list of a backup": run("enumerate", "backup"),
        }
        return {name: body for name, body in bodies.items()
                if any(path in concerned[name].split() for path in paths)}

    def assert_refused_each(self, user=0, **paths):
        before = trust.hashes(self.outside)
        for name, operation in self.operations(**paths).items():
            hr = support.in_child(operation, user=user, timeout=trust.HANGS)
            self.assert_hr(hr, w.E_ACCESSDENIED, "%s with %s" % (name, paths))
            self.assertEqual(trust.hashes(self.outside), before, name)

    def assert_done_each(self, user=0, **paths):
        for name, operation in self.operations(**paths).items():
            hr = support.in_child(operation, user=user, timeout=trust.HANGS)
            self.assert_hr(hr, w.S_OK, "%s with %s" % (name, paths))


class LinksOfOthers(PathCase):
    def test_in_the_place_of_the_store(self):
        link = self.link(self.home + "/store", self.store, MALLORY)
        self.assert_refused_each(StorePath=link)
        # For another user, too, who is not root.
        self.assert_refused_each(user=ALICE, StorePath=link)

    def test_above_the_store(self):
        support.write(self.outside + "/store/license", b"license")
        link = self.link(self.home + "/players", self.outside, MALLORY)
        self.assert_refused_each(StorePath=link + "/store")

    def test_a_relative_one(self):
        self.link(self.home + "/store", "../store", MALLORY)
        self.assert_refused_each(StorePath=self.home + "/store")

    def test_one_behind_a_link_that_may_be_followed(self):
        second = self.link(self.home + "/second", self.store, MALLORY)
        first = self.link(self.root + "/first", second, 0)
        self.assert_refused_each(StorePath=first)

    def test_to_a_store_that_is_not_there_yet(self):
        """A restore would make it, wherever the link says."""
        link = self.link(self.home + "/players", self.outside, MALLORY)
        for path in (link + "/store", link + "/deep/er/store"):
            hr = support.in_child(lambda: self.new_restorer(
                StorePath=path, RestorePath=self.backups).restore()[0])
            self.assert_hr(hr, w.E_ACCESSDENIED)
            self.assert_outside()

    def test_to_a_database(self):
        path = sqlite_support.make(self.outside + "/x.db", 3)
        link = self.link(self.home + "/x.db", path, MALLORY)
        before = trust.hashes(self.outside)
        for name in ("list", "backup"):
            hr = support.in_child(self.operations(StorePath=link)[name])
            self.assert_hr(hr, w.E_ACCESSDENIED, name)
        self.assertEqual(trust.hashes(self.outside), before)

    def test_in_the_place_of_the_backup_folder(self):
        for name in ("link", "link/deep", "link/deep/er"):
            if not os.path.lexists(self.home + "/link"):
                self.link(self.home + "/link", self.outside, MALLORY)
            hr = support.in_child(lambda: self.new_restorer(
                backups=os.path.join(self.home, name)).backup(w.OVERWRITE)[0])
            self.assert_hr(hr, w.E_ACCESSDENIED, name)
            self.assert_outside(name)

    def test_on_the_way_to_the_backup_that_is_restored(self):
        link = self.link(self.home + "/stick", self.backups, MALLORY)
        self.assert_refused_each(RestorePath=link)
        self.assert_refused_each(RestorePath=link + "/" + w.BACKUP_NAME)
        self.assert_refused_each(user=ALICE, RestorePath=link)
        file = self.link(self.home + "/" + w.BACKUP_NAME, self.target, MALLORY)
        self.assert_refused_each(RestorePath=file)

    def test_the_restore_of_a_users_store_through_his_link(self):
        """Files of his making, in a folder of root's."""
        etc = self.root + "/etc"
        os.makedirs(etc + "/cron.d")
        support.write(etc + "/passwd", b"root")
        store = self.home + "/store"
        support.write(store + "/cron.d/evil", b"* * * * * root id")
        self.assert_ends(self.new_restorer(store=store).backup(w.OVERWRITE))
        os.rename(store, store + ".away")
        self.link(store, etc, MALLORY)
        hr = support.in_child(lambda: self.new_restorer(
            StorePath=store, RestorePath=self.backups).restore()[0])
        self.assert_hr(hr, w.E_ACCESSDENIED)
        self.assertEqual(files_of(etc), {b"passwd": b"root"})


class LinksThatServe(PathCase):
    """The guards: what root or the caller has linked is found as before."""

    def test_of_the_caller(self):
        saved = self.root + "/saved"
        for user in (0, ALICE):
            trust.give(user, self.store, *(
                os.path.join(self.store, name) for name in os.listdir(self.store)))
            os.makedirs(saved, exist_ok=True)
            trust.give(user, saved)
            links = self.shared(0o755, user)
            store = self.link(links + "/store", self.store, user)
            backups = self.link(links + "/backups", self.backups, user)
            self.assert_done_each(user, StorePath=store)
            self.assert_done_each(user, RestorePath=backups)
            for name in os.listdir(saved):
                os.unlink(os.path.join(saved, name))

    def test_of_root(self):
        """Such as /home that is /var/home."""
        saved = self.root + "/saved"
        os.mkdir(saved)
        trust.give(ALICE, saved, self.store, *(
            os.path.join(self.store, name) for name in os.listdir(self.store)))
        homes = self.link(self.root + "/homes", self.root, 0)
        self.assert_done_each(ALICE, StorePath=homes + "/store")
        self.assert_done_each(ALICE, RestorePath=homes + "/backups")

    def test_a_store_of_another_user_without_links(self):
        trust.give(MALLORY, self.store, self.store + "/license")
        self.assert_done_each(StorePath=self.store)


class Owner(PathCase):
    """Root brings a user's store back."""

    def setUp(self):
        super().setUp()
        for name in ("a", "d/b", "d/deep/c"):
            support.write(os.path.join(self.store, name), b"of the backup")
        sqlite_support.make(self.store + "/x.db", 3)
        self.assert_ends(self.new_restorer().backup(w.OVERWRITE))
        os.chmod(self.target, 0o644)
        self.licenses = files_of(self.store)

    def assert_his(self, store, has, user=ALICE, group=None):
        os.makedirs(store, exist_ok=True)
        for name, content in has.items():
            support.write(os.path.join(store, name), content)
        for where, folders, names in os.walk(store):
            for path in [where] + [os.path.join(where, name) for name in names]:
                os.chown(path, user, user if group is None else group)
        hr, events = self.new_restorer(StorePath=store, RestorePath=self.backups).restore(
            w.RESTORE_OVERWRITE)
        self.assert_hr(hr, w.S_OK, events[-1].value)
        others = {}
        for where, folders, names in os.walk(store):
            for path in [where] + [os.path.join(where, name) for name in names]:
                owner = trust.owner(path)[:2]
                if owner != (user, user if group is None else group):
                    others[os.path.relpath(path, store)] = owner
        self.assertEqual(others, {})
        # He can use it: read, write, and remove.
        found = support.in_child(lambda: files_of(store), user=user)
        self.assertEqual({name: found.get(name) for name in self.licenses}, self.licenses)
        return found

    def test_of_one_with_licenses(self):
        found = self.assert_his(self.home + "/store", {"other": b"his", "a": b"old"})
        self.assertEqual(found[b"other"], b"his")

    def test_of_an_empty_one(self):
        self.assert_his(self.home + "/store", {})

    def test_of_one_with_a_group(self):
        self.assert_his(self.home + "/store", {"a": b"old"}, group=MALLORY)

    def test_of_one_with_a_database(self):
        store = self.home + "/store"
        sqlite_support.make(store + "/x.db", 50, mode="wal")
        self.assert_his(store, {})

    def test_of_one_on_a_disk_of_its_own(self):
        """The staging folder lies in the store."""
        store = self.home + "/disk"
        support.mount(self, store, "tmpfs", "mode=0755")
        self.assert_his(store, {"a": b"old"})

    def test_of_folders_that_are_there(self):
        """Another user's folder in the store stays his."""
        store = self.home + "/store"
        support.write(store + "/d/other", b"his")
        for path in (store, store + "/d", store + "/d/other"):
            trust.give(ALICE, path)
        trust.give(MALLORY, store + "/d")
        hr, events = self.new_restorer(StorePath=store, RestorePath=self.backups).restore()
        self.assert_hr(hr, w.S_OK, events[-1].value)
        self.assertEqual(trust.owner(store + "/d")[0], MALLORY)
        self.assertEqual(trust.owner(store + "/a")[0], ALICE)

    def test_of_ones_own_nothing_changes(self):
        """The guard: who is not root restores what is his."""
        store = self.home + "/store"
        os.mkdir(store)
        trust.give(ALICE, self.home, store)
        hr = support.in_child(lambda: self.new_restorer(
            StorePath=store, RestorePath=self.backups).restore()[0], user=ALICE)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(trust.owner(store + "/a"), (ALICE, ALICE, oct(0o100600)))


if __name__ == "__main__":
    unittest.main()
