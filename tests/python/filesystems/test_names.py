"""Licenses whose names a file system takes for one, or refuses: all of them are restored or none
is, and the error names them."""

import os
import unittest

import filesystems_support

import cells
import wmlb_ctypes as w

# Large ones are in several frames of a backup.
SMALL, LARGE, LARGER = 1000, 3_500_000, 4_000_000
FOLDS = "fold=case,strip=1"
COMPOSED, DECOMPOSED = "caf\u00e9.lic", "cafe\u0301.lic"
# Manners, and two names with the sizes of their licenses.
TWINS = [
    (FOLDS, "KEY.lic", SMALL, "key.lic", SMALL),
    (FOLDS, "KEY.lic", LARGE, "key.lic", LARGE),
    (FOLDS, "KEY.lic", LARGE, "key.lic", LARGER),
    (FOLDS, "KEY.lic", LARGER, "key.lic", LARGE),
    (FOLDS, "KEY.lic", SMALL, "key.lic", LARGE),
    (FOLDS, "KEY.lic", LARGE, "key.lic", SMALL),
    (FOLDS, "a.lic", SMALL, "a.lic.", SMALL),
    (FOLDS, "a.lic", LARGE, "a.lic.", LARGE),
    (FOLDS, "a.lic", SMALL, "a.lic ", LARGE),
    (FOLDS, "folder/KEY.lic", SMALL, "folder/key.lic", LARGE),
    ("fold=accents", COMPOSED, SMALL, DECOMPOSED, SMALL),
    ("fold=accents", COMPOSED, LARGE, DECOMPOSED, LARGE),
]
STORES = ("missing", "empty", "populated")


def content(seed, size):
    return (b"%08d" % seed * (size // 8 + 1))[:size]


class Names(filesystems_support.MountedCase):
    def restored(self, mounted, store, flags=w.RESTORE_OVERWRITE):
        return cells.operate("restore_licenses", os.path.join(mounted.through, store),
                             self.backups, flags)

    def put(self, mounted, kind):
        """A place for a store, and the store; what is in that."""
        place = os.path.join(mounted.behind, kind)
        os.mkdir(place)
        files = {"own.lic": b"own"} if kind == "populated" else {}
        if kind != "missing":
            cells.write_files(os.path.join(place, "store"), files)
        return None if kind == "missing" else files

    def check_untouched(self, mounted, kind, before, outcome):
        place = os.path.join(mounted.behind, kind)
        store = os.path.join(place, "store")
        self.assertEqual(cells.contents(cells.files_of(store)), before, str(outcome))
        self.assertEqual(os.listdir(place), ["store"] if before is not None else [], str(outcome))

    def check_refused(self, options, files, names):
        """No license of these can be restored, for the reason of these names."""
        self.make_backup(files)
        mounted = self.mount(options)
        for kind in STORES:
            with self.subTest(store=kind):
                before = self.put(mounted, kind)
                outcome = self.restored(mounted, kind + "/store")
                if outcome.hr == w.S_OK:
                    there = os.listdir(os.path.join(mounted.behind, kind, "store"))
                    self.fail("S_OK, and there are %s" % there)
                self.check_untouched(mounted, kind, before, outcome)
                for name in names:
                    self.assertIn(name, outcome.words)

    def test_twins(self):
        for options, one, one_size, other, other_size in TWINS:
            with self.subTest(twins=(one, one_size, other, other_size)):
                files = {one: content(1, one_size), other: content(2, other_size),
                         "another.lic": b"another"}
                self.check_refused(options, files, (one, other))

    def test_a_file_and_a_folder_that_are_one(self):
        for size in (SMALL, LARGE):
            with self.subTest(size=size):
                self.check_refused(FOLDS, {"KEY": content(1, size), "key/b.lic": b"b"}, ("key",))

    def test_folders_that_are_one(self):
        """No name of a license leads to another's: that both are in one folder is no loss."""
        files = {"Keys/a.lic": b"a", "keys/b.lic": b"b", "KEYS/c.lic": content(3, LARGE)}
        self.make_backup(files)
        mounted = self.mount(FOLDS)
        for kind in STORES:
            with self.subTest(store=kind):
                before = self.put(mounted, kind)
                outcome = self.restored(mounted, kind + "/store")
                if outcome.hr != w.S_OK:
                    self.check_untouched(mounted, kind, before, outcome)
                    continue
                for name, expected in files.items():
                    with open(os.path.join(mounted.through, kind, "store", name), "rb") as file:
                        self.assertEqual(file.read(), expected)

    def test_a_twin_of_a_license_of_the_store(self):
        """The store has one of them, as it is in the backup: it is not the other's to replace."""
        self.make_backup({"KEY.lic": b"one", "key.lic": b"two"})
        for flags in (0, w.RESTORE_OVERWRITE):
            with self.subTest(flags=flags):
                mounted = self.mount(FOLDS)
                store = os.path.join(mounted.behind, "store")
                cells.write_files(store, {"KEY.lic": b"one"})
                outcome = self.restored(mounted, "store", flags)
                self.assertEqual(cells.contents(cells.files_of(store)), {"KEY.lic": b"one"})
                self.assertEqual(os.listdir(mounted.behind), ["store"])
                if flags == 0 and outcome.hr == w.S_OK:
                    continue  # the other was told to differ, and is kept as it was
                self.assertLess(outcome.hr, 0, "S_OK, and there is one file of two")
                for name in ("KEY.lic", "key.lic"):
                    self.assertIn(name, outcome.words)

    def test_another_spelling(self):
        """One license alone, which the store has under another spelling: it is the same one."""
        self.make_backup({"key.lic": b"new"})
        mounted = self.mount(FOLDS)
        store = os.path.join(mounted.behind, "store")
        cells.write_files(store, {"KEY.lic": b"old"})
        outcome = self.restored(mounted, "store")
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        with open(os.path.join(mounted.through, "store", "key.lic"), "rb") as file:
            self.assertEqual(file.read(), b"new")
        self.assertEqual(len(os.listdir(store)), 1)

    def test_names_that_are_refused(self):
        for options, name in (
            ("refuse=:*?<>|", "a:b.lic"), ("refuse=:*?<>|", "folder?/b.lic"),
            ("utf8=1", b"\xff.lic"), ("name_max=60", "x" * 61),
        ):
            with self.subTest(name=name):
                name = os.fsdecode(name)
                shown = name.encode(errors="surrogateescape").decode(errors="replace")
                for size in (SMALL, LARGE):
                    files = {name: content(1, size), "another.lic": b"another"}
                    self.check_refused(options, files, (shown,))

    def test_a_store_that_folds_is_backed_up(self):
        mounted = self.mount(FOLDS)
        files = {"Key.lic": b"key", "FOLDER/a.lic": b"a"}
        cells.write_files(os.path.join(mounted.behind, "Store"), files)
        outcome = cells.operate("backup_licenses", os.path.join(mounted.through, "STORE"),
                                self.backups)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        back = os.path.join(self.root, "back")
        outcome = cells.operate("restore_licenses", back, self.backups)
        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
        self.assertEqual(cells.contents(cells.files_of(back)), files)


if __name__ == "__main__":
    unittest.main()
