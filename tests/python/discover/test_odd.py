"""Homes with odd things in them: discovery passes them over and finds the rest."""

import os
import subprocess
import sys
import time
import unittest

import support
import wmlb_ctypes as w
from discover_support import ADAPTIVE, GMP, OLD, THORIUM, HomeCase


class OddThings(HomeCase):
    def setUp(self):
        super().setUp()
        self.sound = [self.put(".config/vivaldi", "Default", "CdmStorage.db")]
        self.firefox = ".mozilla/firefox"

    def test_folders_that_cannot_be_read(self):
        support.need_root()
        locked = [
            ".config/chromium", ".config/google-chrome/Default", self.firefox, ".kodi/userdata",
            THORIUM,
        ]
        self.put(".config/chromium/Default/CdmStorage.db")
        self.put(".config/google-chrome/Default/CdmStorage.db")
        self.put_gmp(self.firefox, "a")
        self.put(".kodi/userdata", ADAPTIVE, "a")
        self.put(THORIUM, "publications/a")
        for folder in locked:
            os.chmod(self.at(folder), 0)
        self.assertEqual(self.paths(user=support.NOBODY), self.sound)
        # May be entered, not listed: what is known by its name is found.
        os.chmod(self.at(THORIUM), 0o711)
        self.assertEqual(
            self.paths(user=support.NOBODY), self.sound + [self.at(THORIUM, "publications")])

    def test_other_files_in_the_way(self):
        for make in (os.mkfifo, support.write, lambda path: os.symlink(path, path)):
            for folder in (".config/chromium", ".kodi", ".mozilla", ".var", "snap"):
                make(self.at(folder))
            self.assertEqual(self.paths(), self.sound)
            for folder in (".config/chromium", ".kodi", ".mozilla", ".var", "snap"):
                os.unlink(self.at(folder))

    def test_databases_that_are_none(self):
        folder = self.at(".config/chromium")
        for name in "abcd":
            os.makedirs(os.path.join(folder, name))
        os.mkfifo(folder + "/a/CdmStorage.db")
        os.mkdir(folder + "/b/CdmStorage.db")
        os.symlink("nowhere", folder + "/c/CdmStorage.db")
        os.symlink("CdmStorage.db", folder + "/d/CdmStorage.db")
        os.symlink(".", folder + "/loop")
        os.symlink("/dev", folder + "/e")
        self.assertEqual(self.paths(), self.sound)

    def test_loops_of_links(self):
        path = self.put(".config/chromium/Default/CdmStorage.db")
        os.symlink("..", self.at(".config/chromium/up"))
        os.symlink(".", self.at(".config/chromium/here"))
        os.symlink("..", self.at(".config/chromium/Default/WebStorage"))
        gmp = self.put_gmp(self.firefox, "a")
        os.symlink("..", os.path.join(gmp, "storage/up"))
        os.symlink("../..", self.at(self.firefox, "a/gmp/up"))
        os.symlink("a", self.at(self.firefox, "a.link"))
        self.assertEqual(self.paths(), [path] + self.sound + [gmp])

    def test_profiles_ini_that_is_none(self):
        path = self.put_gmp(self.firefox, "a")
        ini = self.at(self.firefox, "profiles.ini")
        for make in (os.mkfifo, os.mkdir, lambda ini: os.symlink("/dev/zero", ini),
                     lambda ini: os.symlink("profiles.ini", ini),
                     lambda ini: support.write(ini, os.urandom(100000)),
                     lambda ini: support.write(ini, b"[Profile0]\nName=\nPath=\n[Profile1")):
            make(ini)
            self.assertEqual(self.paths(), self.sound + [path])
            subprocess.run(["rm", "-r", ini], check=True)

    def test_a_huge_profiles_ini(self):
        one, other = (os.path.join(self.root, name) for name in ("one", "other"))
        for folder in (one, other):
            support.write(os.path.join(folder, GMP, "id/1/salt"))
        ini = self.put(self.firefox, "profiles.ini",
                       content=b"[Profile0]\nName=One\nPath=%s\n" % one.encode())
        with open(ini, "r+b") as file:
            file.truncate(8 << 30)
            file.seek(0, os.SEEK_END)
            file.write(b"\n[Profile1]\nName=Other\nPath=%s\n" % other.encode())
        start = time.monotonic()
        self.assertEqual(self.paths(), self.sound + [os.path.join(one, GMP)])
        self.assertLess(time.monotonic() - start, 10)

    def test_many_profiles_in_it(self):
        path = self.put_gmp(self.firefox, "a")
        lines = ["[Profile%d]\nName=%d\nPath=%s\n" % (n, n, "a" if n % 2 else "gone/%d" % n)
                 for n in range(20000)]
        self.put(self.firefox, "profiles.ini", content="".join(lines).encode())
        self.assertEqual(self.told()[1:], [("Firefox", "1", "directory", path)])

    def test_names_in_it(self):
        for name, told in ((b"\xff", "\ufffd"), (b"a\0b", "a\ufffdb"), (b"", ""),
                           ("é\t".encode() + b"x", "é\tx")):
            self.put_gmp(self.firefox, "a")
            self.put(self.firefox, "profiles.ini",
                     content=b"[Profile0]\nName=" + name + b"\nPath=a\n")
            self.assertEqual(self.told()[1][1], told)

    def test_paths_in_it(self):
        for path in (b"\xff", b"a\0", b"x" * 5000, b"a/" * 3000, b"/", b".", b"..", b"~/a"):
            self.put(self.firefox, "profiles.ini",
                     content=b"[Profile0]\nName=x\nPath=" + path + b"\n")
            self.assertEqual(self.paths(), self.sound, path)

    def test_names_that_are_not_utf_8(self):
        # StorePath could not name them.
        home = os.fsencode(self.home)
        support.write(home + b"/.config/chromium/\xff/CdmStorage.db")
        support.write(home + b"/.mozilla/firefox/\xfe/" + GMP.encode() + b"/id/1/salt")
        support.write(home + b"/.kodi/userdata/profiles/\xff/" + ADAPTIVE.encode() + b"/a")
        self.assertEqual(self.paths(), self.sound)
        strange = home + b"/\xff"
        os.mkdir(strange)
        os.rename(self.at(".config"), strange + b"/.config")
        self.assertEqual(self.paths(HOME=os.fsdecode(strange)), [])

    def test_names_with_strange_characters(self):
        names = ["a\nb", " ", "a\tb", "%s", "日本"]
        for name in names:
            self.put(".config/chromium", name, "CdmStorage.db")
        found = [profile for player, profile, _, _ in self.told() if player == "Chromium"]
        self.assertEqual(found, sorted(names))

    def test_many_names(self):
        path = self.put(".config/chromium/Default", OLD % 99999)
        for number in range(5000):
            os.mkdir(self.at(".config/chromium/Default/WebStorage/%d" % number))
        self.assertEqual(self.paths(), [path] + self.sound)


class Links(HomeCase):
    """Below a place of a player none is followed, except where players and users have them."""

    def test_profiles_that_are_links(self):
        outside = os.path.join(self.root, "outside")
        support.write(outside + "/Default/CdmStorage.db", b"x")
        support.write(outside + "/" + OLD % 1, b"x")
        os.makedirs(self.at(".config/chromium/Default"))
        os.symlink(outside + "/Default", self.at(".config/chromium/Profile 1"))
        os.symlink(outside + "/WebStorage", self.at(".config/chromium/Default/WebStorage"))
        os.symlink(outside + "/Default/CdmStorage.db",
                   self.at(".config/chromium/Default/CdmStorage.db"))
        os.symlink(outside, self.at(".config/other"))
        self.assertEqual(self.discover(), [])

    def test_a_profile_that_is_listed(self):
        """As profile-sync-daemon has it: the profile is in memory, and a link in its place."""
        outside = os.path.join(self.root, "outside")
        support.write(os.path.join(outside, GMP, "id/1/salt"))
        os.makedirs(self.at(".mozilla/firefox"))
        os.symlink(outside, self.at(".mozilla/firefox/a"))
        self.assertEqual(self.discover(), [])
        self.put(".mozilla/firefox/profiles.ini", content=b"[Profile0]\nName=n\nPath=a\n")
        self.assertEqual(
            self.told(), [("Firefox", "n", "directory", self.at(".mozilla/firefox/a", GMP))])
        # Not within it.
        for name in ("gmp", GMP, GMP + "/id"):
            with self.subTest(name):
                os.rename(os.path.join(outside, name), outside + "-moved")
                os.symlink(outside + "-moved", os.path.join(outside, name))
                self.assertEqual(self.discover(), [])
                os.unlink(os.path.join(outside, name))
                os.rename(outside + "-moved", os.path.join(outside, name))

    def test_publications_elsewhere(self):
        os.mkdir(os.path.join(self.root, "books"))
        os.makedirs(self.at(THORIUM))
        os.symlink(os.path.join(self.root, "books"), self.at(THORIUM, "publications"))
        self.assertEqual(self.paths(), [self.at(THORIUM, "publications")])

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_links_to_folders_cost_what_they_are(self):
        """So many links to a folder with so many folders are no square of looks."""
        def looks(count):
            folder = self.at(".config/chromium/Default/WebStorage")
            os.makedirs(folder, exist_ok=True)
            os.makedirs(self.at(".mozilla/firefox/a/gmp"), exist_ok=True)
            for number in range(count):
                for made in (folder, self.at(".mozilla/firefox/a/gmp")):
                    os.makedirs(os.path.join(made, str(number)), exist_ok=True)
                for target, link in (("Default", ".config/chromium/l%d"),
                                     ("a", ".mozilla/firefox/l%d"), ("chromium", ".config/l%d")):
                    if not os.path.lexists(self.at(link % number)):
                        os.symlink(target, self.at(link % number))
            calls = os.path.join(self.root, "calls")
            command = ["strace", "-f", "-qq", "-e", "trace=file", "-o", calls, sys.executable, "-c",
                       "import wmlb_ctypes as w; assert w.discover()[0] == 0"]
            environment = {**os.environ, "HOME": self.home,
                           "PYTHONPATH": os.path.dirname(w.__file__)}
            subprocess.run(command, check=True, env=environment)
            with open(calls) as file:
                return sum(1 for _ in file)

        none, some, twice = (looks(count) for count in (0, 50, 100))
        self.assertGreater(some, none)
        self.assertLess(twice - none, 3 * (some - none))


class Twins(HomeCase):
    def test_a_linked_folder(self):
        path = self.put(".config/chromium/Default/CdmStorage.db")
        os.symlink("chromium", self.at(".config/google-chrome"))
        os.symlink(".config", self.at("config"))
        self.assertEqual(
            self.told(XDG_CONFIG_HOME=self.at(".config"), CHROME_CONFIG_HOME=self.at(".config"),
                      CHROME_USER_DATA_DIR=self.at("config/chromium")),
            [("Chromium", "Default", "sqlite", path)])

    def test_a_folder_elsewhere(self):
        # As profile-sync-daemon has it.
        self.put("elsewhere/Default/CdmStorage.db")
        os.mkdir(self.at(".config"))
        os.symlink("../elsewhere", self.at(".config/chromium"))
        self.assertEqual(self.paths(), [self.at(".config/chromium/Default/CdmStorage.db")])

    def test_hard_links(self):
        first = self.put(".config/chromium/Default/CdmStorage.db")
        os.makedirs(self.at(".config/vivaldi/Default"))
        os.link(first, self.at(".config/vivaldi/Default/CdmStorage.db"))
        self.assertEqual(self.paths(), [first])

    def test_the_store_path(self):
        path = self.put_gmp(".mozilla/firefox/a")
        self.assertEqual([store[:2] for store in self.told(WMLB_STORE_PATH=path)],
                         [("Firefox", "a")])
        self.put(".local/share/wmlb/licenses/a")
        default = self.at(".local/share/wmlb/licenses")
        self.assertEqual(self.paths(WMLB_STORE_PATH=default), [path, default])

    def test_a_profile_in_the_list_and_in_the_folder(self):
        path = self.put_gmp(".mozilla/firefox/a")
        self.put(".mozilla/firefox/profiles.ini",
                 content=b"[Profile0]\nName=one\nPath=a\n[Profile1]\nName=two\nPath=../firefox/a\n")
        self.assertEqual(self.told(), [("Firefox", "one", "directory", path)])


if __name__ == "__main__":
    unittest.main()
