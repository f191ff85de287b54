"""Restores to the stores of players: not under one that runs, and nothing of ours in them."""

import os
import subprocess
import sys
import unittest

import support
from restore import test_kill
import wmlb_ctypes as w
from restore_support import RestoreCase, STAGING, snapshot
from sqlite_support import database, rows


class PlayerCase(RestoreCase):
    def other_process(self, code, *arguments):
        """Another process that has run the code; it ends with the test, or when stopped."""
        code += "\nprint('ready', flush=True)\nsys.stdin.read()"
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys\n" + code, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

        def stop():
            if process.poll() is None:
                process.communicate()

        self.addCleanup(stop)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.stop = stop
        return process

    def restorer_to(self, path):
        return self.new_restorer(RestorePath=self.backups, StorePath=path)


class Chromium(PlayerCase):
    def setUp(self):
        super().setUp()
        self.user_data = os.path.join(self.place, "chromium")
        self.profile = os.path.join(self.user_data, "Default")
        os.makedirs(self.profile)

    def lock(self, pid):
        link = os.path.join(self.user_data, "SingletonLock")
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink("%s-%d" % (os.uname().nodename, pid), link)

    def check(self, store, database):
        player = self.other_process("")
        self.lock(player.pid)
        before = snapshot(self.place)
        for flags in (0, w.RESTORE_OVERWRITE):
            outcome = self.restorer_to(store).restore(flags)
            self.assert_untouched(outcome, w.BUSY, before, database, "close it")
        os.unlink(os.path.join(self.user_data, "SingletonLock"))
        self.assert_ends(self.restorer_to(store).restore(w.RESTORE_OVERWRITE))
        self.assertEqual(rows(database), 20)
        self.assertEqual([name for name in os.listdir(self.user_data)], ["Default"])

    def save_one(self, name):
        path = os.path.join(self.source, name)
        support.write(path, database(self.root, 20))
        self.assert_ends(self.new_restorer(store=path).backup(w.OVERWRITE))

    def test_its_database(self):
        self.save_one("CdmStorage.db")
        self.check(*[os.path.join(self.profile, "CdmStorage.db")] * 2)

    def test_one_that_is_there(self):
        path = os.path.join(self.profile, "CdmStorage.db")
        support.write(path, database(self.root, 5))
        self.save_one("CdmStorage.db")
        self.check(path, path)

    def test_a_bucket_of_2022(self):
        self.save_one("Media Licenses.db")
        self.check(*[
            os.path.join(self.profile, "WebStorage/7/Media Licenses/Media Licenses.db")
        ] * 2)

    def test_the_profile(self):
        self.save({b"CdmStorage.db": database(self.root, 20), b"Preferences": b"{}"})
        self.check(self.profile, os.path.join(self.profile, "CdmStorage.db"))

    def test_one_that_has_died(self):
        self.save_one("CdmStorage.db")
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        self.lock(process.pid)
        path = os.path.join(self.profile, "CdmStorage.db")
        self.assert_ends(self.restorer_to(path).restore(0))
        self.assertEqual(rows(path), 20)

    def test_a_host_of_the_same_make(self):
        """An Electron program may restore its own licenses while it runs."""
        self.save({b"a": b"license", b"own.db": database(self.root, 20)})
        self.lock(os.getpid())
        store = os.path.join(self.user_data, "licenses")
        self.assert_ends(self.restorer_to(store).restore(0))
        self.assertEqual(rows(os.path.join(store, "own.db")), 20)


class Firefox(PlayerCase):
    PLUGIN = "gmp/Linux_x86_64-gcc3/gmp-widevinecdm"
    FILES = {
        b"id/123/salt": b"salt", b"id/123/origin": b"https://example.com",
        b"storage/node/1": b"\x01\0\0\0a-record", b"storage/node/2": b"\x01\0\0\0b-record",
    }

    def setUp(self):
        super().setUp()
        self.profile = os.path.join(self.place, "profile")
        self.plugin = os.path.join(self.profile, self.PLUGIN)
        self.platform = os.path.dirname(self.plugin)

    def save_below(self, prefix):
        files = self.FILES.items()
        self.save({
            name[len(prefix):]: content for name, content in files if name.startswith(prefix)
        })

    def fill_plugin(self):
        for name, content in self.FILES.items():
            support.write(os.path.join(self.plugin, name.decode()), content + b"-of-before")

    def test_running(self):
        self.fill_plugin()
        self.save_below(b"")
        code = """
import fcntl
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
"""
        firefox = self.other_process(code, os.path.join(self.profile, ".parentlock"))
        for store in (self.plugin, os.path.join(self.profile, "gmp"), self.platform):
            before = snapshot(self.place)
            outcome = self.restorer_to(store).restore(w.RESTORE_OVERWRITE)
            self.assert_untouched(outcome, w.BUSY, before, store, "close it")
        firefox.stop()
        self.assert_ends(self.restorer_to(self.plugin).restore(w.RESTORE_OVERWRITE))
        found = {name: entry[3] for name, entry in snapshot(self.plugin).items()
                 if entry[0] == "file"}
        self.assertEqual(found, self.FILES)

    def staged(self):
        """Where staging folders are, below the profile."""
        return [
            os.path.relpath(folder, self.profile)
            for folder, names, _ in os.walk(self.profile) for name in names
            if STAGING.fullmatch(name)
        ]

    def test_where_the_staging_folder_lies(self):
        cases = {b"": "", b"storage/": "storage", b"storage/node/": "storage/node", b"id/": "id"}
        for there in (True, False):
            for prefix, below in cases.items():
                with self.subTest(there=there, below=below):
                    subprocess.run(["rm", "-rf", self.profile, self.source], check=True)
                    os.mkdir(self.source)
                    os.makedirs(self.plugin if below else self.platform)
                    if there:
                        self.fill_plugin()
                    elif below == "storage/node":
                        os.mkdir(os.path.join(self.plugin, "storage"))
                    self.save_below(prefix)
                    store = os.path.join(self.plugin, below) if below else self.plugin
                    places = set()

                    def look(event):
                        if event.status == w.STATUS_PROGRESS:
                            places.update(self.staged())

                    restorer = self.restorer_to(store)
                    self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE, look))
                    self.assertEqual(places, {os.path.dirname(self.PLUGIN)})
                    self.assertEqual(self.staged(), [])
                    for name, content in self.FILES.items():
                        if name.startswith(prefix):
                            path = os.path.join(self.plugin, name.decode())
                            self.assertEqual(support.read(path), content)

    def test_no_other_place_will_do(self):
        """In a store of any other kind it would lie in the store itself."""
        support.need_root()
        self.fill_plugin()
        self.save_below(b"storage/")
        store = os.path.join(self.plugin, "storage")
        subprocess.run(["chown", "-R", str(support.NOBODY), self.place, self.backups], check=True)
        os.chmod(self.platform, 0o555)
        before = snapshot(self.profile)
        user = support.drop_to_nobody()

        def restore():
            restorer = self.restorer_to(store)
            hr, events = restorer.restore(w.RESTORE_OVERWRITE)
            return hr, events[-1].value

        hr, words = support.in_child(restore, user=user)
        self.assert_hr(hr, w.E_ACCESSDENIED, words)
        self.assertIn(store.encode(), words)
        self.assert_same(snapshot(self.profile), before)

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_what_a_kill_leaves_is_found_there(self):
        interrupt = test_kill.interrupt
        self.fill_plugin()
        self.save_below(b"storage/node/")
        store = os.path.join(self.plugin, "storage/node")
        old = snapshot(self.profile)
        operation = lambda: self.restorer_to(store).restore(w.RESTORE_OVERWRITE)[0]
        self.assertTrue(interrupt.run(operation, interrupt.kill_at("renameat2", 2)).killed)
        self.assertEqual(self.staged(), [os.path.dirname(self.PLUGIN)])
        restorer = self.restorer_to(store)
        self.assert_hr(restorer.enumerate("store")[0], w.BUSY)
        self.assertIn("half restored", restorer.last_error())
        self.assertEqual(self.back_up(store), (w.S_OK, ""))
        self.assert_same(snapshot(self.profile), old)


if __name__ == "__main__":
    unittest.main()
