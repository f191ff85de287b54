"""Databases in a store whose file system has no locks of ranges: nobody else uses them, and no
error says so."""

import os
import unittest

import filesystems_support

import cells
import wmlb_ctypes as w

STORES = {
    "at rest": cells.database("at rest"),
    "with a log": cells.database("with a log", hot=True),
}


class Locks(filesystems_support.MountedCase):
    def test_no_locks_of_ranges(self):
        for word in ("ENOLCK", "ENOSYS", "ENOTSUP"):
            for kind, files in STORES.items():
                with self.subTest(error=word, kind=kind):
                    mounted = self.mount("lock=" + word)
                    behind = os.path.join(mounted.behind, "store")
                    store = os.path.join(mounted.through, "store")
                    made = {"keys.db" + suffix: content for suffix, content in files.items()}
                    cells.write_files(behind, {**made, "license": b"license"})
                    folder = os.path.join(self.root, word + kind)
                    for operation in ("store", "backup_licenses"):
                        outcome = cells.operate(operation, store, folder)
                        self.assert_hr(outcome.hr, w.S_OK, outcome.words)
                    back = os.path.join(self.root, word + kind + "-back")
                    self.assert_hr(cells.operate("restore_licenses", back, folder).hr, w.S_OK)
                    self.assertEqual(self.words_in(back), kind)
                    outcome = cells.operate("restore_licenses", store,
                                            self.make_backup({"keys.db": cells.database("new")[""]}),
                                            w.RESTORE_OVERWRITE)
                    self.assert_hr(outcome.hr, w.S_OK, outcome.words)
                    self.assertEqual(self.words_in(behind), "new")

    def words_in(self, store):
        with cells.contextlib.closing(
                cells.sqlite3.connect(os.path.join(store, "keys.db"))) as connection:
            return connection.execute("SELECT DISTINCT word FROM keys").fetchone()[0]


if __name__ == "__main__":
    unittest.main()
