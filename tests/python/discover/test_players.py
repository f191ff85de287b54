"""The stores of players: each player, however it was installed; profiles; calls."""

import json
import os
import resource
import subprocess
import threading
import unittest

import support
import wmlb_ctypes as w
from discover_support import (
    ADAPTIVE, CHROMIUM, FIREFOX, GMP, KODI, OLD, SQLITE, THORIUM, VARIABLES, HomeCase,
)
from restore_support import snapshot


class Places(HomeCase):
    """Each player, however it was installed."""

    def alone(self, expected, *make):
        """What is told of a home that has only this."""
        self.home = os.path.join(self.root, "home-%d" % len(os.listdir(self.root)))
        os.mkdir(self.home)
        paths = [each() for each in make]
        self.assertEqual(
            self.discover(),
            [w.Store(w.ctypes.sizeof(w.StoreInfo), *each[:3], path, each[3])
             for each, path in zip(expected, paths)],
        )

    def test_nothing(self):
        self.assertEqual(self.discover(), [])

    def test_browsers_made_from_chromium(self):
        for player, folder in CHROMIUM:
            with self.subTest(folder):
                self.alone([(player, "Default", "sqlite", 0)],
                           lambda: self.put(folder, "Default", "CdmStorage.db"))

    def test_firefox(self):
        for folder in FIREFOX:
            with self.subTest(folder):
                self.alone([("Firefox", "abcd.default-release", "directory", 0)],
                           lambda: self.put_gmp(folder, "abcd.default-release"))

    def test_kodi(self):
        for folder in KODI:
            with self.subTest(folder):
                def make(*parts):
                    self.put(folder, "userdata", *parts, ADAPTIVE, "widevine/0a/license")
                    return self.at(folder, "userdata", *parts, ADAPTIVE)

                self.alone(
                    [("Kodi", "", "directory", -1), ("Kodi", "Children", "directory", -1)],
                    make, lambda: make("profiles", "Children"))

    def test_thorium(self):
        def make():
            self.put(THORIUM, "publications/8a2b/book.epub")
            return self.at(THORIUM, "publications")

        self.alone([("Thorium", "", "directory", 0)], make)

    def test_thorium_in_sandboxes(self):
        for folder in ("snap/thorium/current/.config/EDRLab.ThoriumReader",
                       ".var/app/org.example.Thorium/config/EDRLab.ThoriumReader"):
            with self.subTest(folder):
                def make():
                    self.put(folder, "publications/8a2b/book.epub")
                    return self.at(folder, "publications")

                self.alone([("Thorium", "", "directory", 0)], make)

    def test_kodi_with_nothing_in_its_folder(self):
        """As the add-on makes it: licenses may be restored to it."""
        def make():
            os.makedirs(self.at(".kodi/userdata", ADAPTIVE, "widevine/0a"))
            return self.at(".kodi/userdata", ADAPTIVE)

        self.alone([("Kodi", "", "directory", -1)], make)

    def test_the_default_store(self):
        def make():
            self.put(".local/share/wmlb/licenses/a")
            return self.at(".local/share/wmlb/licenses")

        self.alone([("wmlb", "", "directory", -1)], make)

    def test_set_top_boxes(self):
        support.need_root()
        folders = [
            "/root/OCDM/playready/storage",
            "/root/OCDM/playready/playready/storage",
            "/opt/persistent/rdkservices/OCDM/playready/storage",
            "/data/persistent/OCDM/playready/storage",
        ]
        if not os.path.exists("/data"):
            self.addCleanup(os.rmdir, "/data")

        def before():
            self.mount("/root", "/opt", "/data")
            for folder in folders:
                support.write(folder + "/drmstore", b"x")
            support.write("/opt/drm/playready/drmstore.dat", b"x")

        folders.append("/opt/drm/playready")
        self.assertEqual(
            self.discover(before=before),
            [w.Store(w.ctypes.sizeof(w.StoreInfo), "PlayReady", "", "directory", folder, -1)
             for folder in folders])

    @staticmethod
    def mount(*folders):
        """Empty folders in these places, for this process alone."""
        support.unshare_mounts()
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)

    def test_set_top_boxes_that_say_where(self):
        support.need_root()
        plugin = {"locator": "libWPEFrameworkOCDM.so", "configuration": {"systems": [
            {"name": "ClearKey", "designators": ["org.w3.clearkey"]},
            {"name": "PlayReady", "configuration": {
                "read-dir": "/opt/pr", "store-location": "/opt/pr/storage/drmstore"}},
            {"name": "WideVine", "configuration": {"storagelocation": "/opt/wv"}},
            {"name": "Gone", "configuration": {"storagelocation": "/opt/gone"}},
        ]}}
        for folder in ("/etc/WPEFramework", "/etc/Thunder"):
            def before():
                # Not at /etc itself, which names the user's home.
                self.mount("/opt", folder)
                os.makedirs("/opt/pr/storage")
                os.makedirs("/opt/wv")
                support.write(folder + "/plugins/OCDM.json", json.dumps(plugin).encode())

            self.assertEqual(self.told(before=before), [
                ("PlayReady", "", "directory", "/opt/pr/storage"),
                ("WideVine", "", "directory", "/opt/wv"),
            ])

    def test_folders_without_a_store(self):
        for _, folder in CHROMIUM:
            self.put(folder, "Default", "Cookies")
            self.put(folder, "Default", "WebStorage/1/IndexedDB/x")
            self.put(folder, "Default", "WebStorage/2/Media Licenses/other.db")
        for folder in FIREFOX:
            self.put(folder, "a.default", "prefs.js")
            self.put(folder, "a.default", GMP, "1.4/libwidevinecdm.so")
            self.put(folder, "a.default", "gmp-widevinecdm/4.10/libwidevinecdm.so")
        for folder in KODI:
            self.put(folder, "userdata", "addon_data/other/settings.xml")
        self.put(THORIUM, "state.json")
        os.makedirs(self.at(".local/share/wmlb"))
        self.assertEqual(self.discover(), [])


class Applications(HomeCase):
    """Programs made with Electron, or from Chromium, of any name."""

    def test_places(self):
        places = [
            (".config/cider", "", "cider"), (".config/tidal-hifi", "Partitions/tidal", "tidal-hifi"),
            (".config/@scope/player", "", "player"), (".config/Some Browser", "Profile 1", "Some Browser"),
            ("snap/thing/current/.config/thing", "", "thing"),
            ("snap/thing/current/.config/thing", "Default", "thing"),
            (".var/app/org.example.Thing/config/Thing", "Partitions/a", "Thing"),
        ]
        for folder, below, player in places:
            with self.subTest(folder):
                path = self.put(folder, below, "CdmStorage.db")
                profile = os.path.basename(below)
                self.assertEqual(self.told(), [(player, profile, "sqlite", path)])
                os.unlink(path)

    def test_order_and_buckets(self):
        folder = ".config/thing"
        paths = [self.put(folder, "CdmStorage.db"), self.put(folder, OLD % 3)]
        paths += [self.put(folder, "Default", OLD % 1)]
        paths += [self.put(folder, "Partitions/a", "CdmStorage.db")]
        paths += [self.put(".config/zz", "CdmStorage.db")]
        self.assertEqual(
            self.told(),
            [("thing", profile, "sqlite", path) for profile, path in
                zip(("", "", "Default", "a"), paths)] + [("zz", "", "sqlite", paths[-1])])

    def test_known_players_keep_their_names(self):
        path = self.put(".config/chromium/Default/CdmStorage.db")
        other = self.put("elsewhere/thing/CdmStorage.db")
        self.assertEqual(
            self.told(XDG_CONFIG_HOME=self.at("elsewhere")),
            [("Chromium", "Default", "sqlite", path), ("thing", "", "sqlite", other)])

    def test_what_is_none(self):
        self.put(".config/thing/Cookies")
        self.put(".config/thing/deep/er/CdmStorage.db")
        self.put(".config/CdmStorage.db")
        self.put(".config/file")
        os.symlink("thing/deep/er", self.at(".config/link"))
        os.mkfifo(self.at(".config/fifo"))
        self.assertEqual(self.discover(), [])


class ChosenFolders(HomeCase):
    """Where the user of Thorium has chosen to have publications."""

    def setUp(self):
        super().setUp()
        self.chosen = os.path.join(self.root, "chosen")
        support.write(self.chosen + "/8a2b/book.epub", b"x")
        self.put(THORIUM, "publications/1/book.epub")
        self.usual = self.at(THORIUM, "publications")

    def choose(self, text, name="user-publication-directory.json", folder="config-data-json"):
        for old in os.listdir(os.path.dirname(self.put(THORIUM, folder, "state.json"))):
            os.unlink(self.at(THORIUM, folder, old))
        return self.put(THORIUM, folder, name, content=text.encode())

    def test_a_chosen_folder(self):
        expected = [("Thorium", "", "directory", path)
            for path in sorted((self.usual, self.chosen))]
        for text in (json.dumps({"directory": [self.chosen]}, indent=4),
                     json.dumps({"directory": [self.chosen, "/other"], "more": 1}),
                     json.dumps({"vault": [self.chosen]})):
            for name in ("user-publication-directory.json", "vault.json", "any.json"):
                self.choose(text, name)
                self.assertEqual(self.told(), expected)
        link = os.path.join(self.root, "link")
        os.symlink("chosen", link)
        self.choose(json.dumps({"directory": [link]}))
        self.assertEqual(sorted(self.paths()), sorted((self.usual, link)))

    def test_of_builds_for_testing(self):
        self.put(THORIUM, "publications-dev/a/book.epub")
        self.choose(json.dumps({"directory": [self.chosen]}), folder="config-data-json-dev")
        self.assertEqual(
            set(self.paths()), {self.usual, self.usual + "-dev", self.chosen})

    def test_what_is_none(self):
        for text in ("", "{", "[]", "{}", '{"directory": []}', '{"directory": ["relative"]}',
                     '{"directory": ["/nowhere/at/all"]}', '{"directory": ["/dev/null"]}',
                     '{"directory": "/tmp"}', '{"directory": [5]}', '{"directory": ["/\\u0000"]}',
                     '{"directory": ["%s"]}' % ("/x" * 50000)):
            self.choose(text)
            self.assertEqual(self.paths(), [self.usual], text)
        # Files of other kinds are not read.
        for name in ("directory.txt", "directory", ".json", "directory.json.bak"):
            self.choose(json.dumps({"directory": [self.chosen]}), name)
            self.assertEqual(self.paths(), [self.usual], name)

    def test_settings_that_are_no_file(self):
        path = self.choose("{}")
        for make in (os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path),
                     lambda path: os.symlink(path, path)):
            subprocess.run(["rm", "-r", path], check=True)
            make(path)
            self.assertEqual(self.paths(), [self.usual])


class Environment(HomeCase):
    def chromium(self, *parts):
        return self.put(*parts, "Default", "CdmStorage.db")

    def test_config_home(self):
        # The player's environment need not be the host's, so both places count.
        paths = [self.chromium("config", "chromium"), self.chromium(".config", "chromium")]
        paths += [self.chromium("config", "vivaldi")]
        paths += [self.put_gmp("config", "mozilla/firefox", "a")]
        self.assertEqual(self.paths(XDG_CONFIG_HOME=self.at("config")), paths)
        self.assertEqual(self.paths(), paths[1:2])

    def test_data_home(self):
        for folder in ("data", ".local/share"):
            self.put(folder, "wmlb/licenses/a")
        expected = [self.at("data/wmlb/licenses"), self.at(".local/share/wmlb/licenses")]
        self.assertEqual(self.paths(XDG_DATA_HOME=self.at("data")), expected)
        self.assertEqual(self.paths(), expected[1:])

    def test_relative_values_and_empty_ones_count_for_nothing(self):
        for name in VARIABLES[1:-1]:
            self.chromium("relative", "chromium")
            self.put("relative", "userdata", ADAPTIVE, "a")
            self.put("relative", "wmlb/licenses/a")
            self.chromium("relative")
            for value in ("relative", "./relative", ""):
                found = self.discover(before=lambda: os.chdir(self.home), **{name: value})
                self.assertEqual(found, [], (name, value))

    def test_chrome_config_home(self):
        paths = [self.chromium("special", "chromium"), self.chromium("special", "google-chrome")]
        self.chromium("special", "BraveSoftware/Brave-Browser")
        self.assertEqual(self.paths(CHROME_CONFIG_HOME=self.at("special")), paths)

    def test_chrome_user_data_dir(self):
        path = self.chromium("data of Chrome")
        self.assertEqual(
            self.told(CHROME_USER_DATA_DIR=self.at("data of Chrome")),
            [("Chromium", "Default", "sqlite", path)])
        # Which of the two it is, is known by its name.
        path = self.chromium(".config/google-chrome")
        self.assertEqual(
            self.told(CHROME_USER_DATA_DIR=self.at(".config/google-chrome")),
            [("Chrome", "Default", "sqlite", path)])

    def test_kodi_data(self):
        self.put("special/userdata", ADAPTIVE, "a")
        self.put(".kodi/userdata", ADAPTIVE, "a")
        expected = [self.at(folder, "userdata", ADAPTIVE) for folder in ("special", ".kodi")]
        self.assertEqual(self.paths(KODI_DATA=self.at("special")), expected)
        # Where its program is.
        self.assertEqual(self.paths(KODI_HOME=self.at("special")), expected[1:])

    def test_store_path(self):
        self.put("store/a")
        expected = [("wmlb", "", "directory", self.at("store"))]
        self.assertEqual(self.told(WMLB_STORE_PATH=self.at("store")), expected)
        found = self.told(WMLB_STORE_PATH="store", before=lambda: os.chdir(self.home))
        self.assertEqual(found, expected)
        self.put("database", content=SQLITE)
        self.assertEqual(self.told(WMLB_STORE_PATH=self.at("database")),
                         [("wmlb", "", "sqlite", self.at("database"))])

    def test_store_path_to_no_store(self):
        self.put("file")
        self.put("short", content=SQLITE[:10])
        self.put("empty", content=b"")
        os.mkfifo(self.at("fifo"))
        os.symlink("nowhere", self.at("link"))
        for name in ("file", "short", "empty", "fifo", "link", "missing", "file/below", ""):
            self.assertEqual(self.discover(WMLB_STORE_PATH=name and self.at(name)), [], name)
        self.assertEqual(self.discover(WMLB_STORE_PATH="/dev/null"), [])

    def test_without_home(self):
        support.need_root()
        path = self.chromium(".config/chromium")
        passwd = os.path.join(self.root, "passwd")
        support.write(passwd, b"root:x:0:0:root:%s:/bin/sh\n" % self.home.encode())

        def before():
            support.unshare_mounts()
            subprocess.run(["mount", "--bind", passwd, "/etc/passwd"], check=True)

        # One below the working directory is as good as none.
        for home in (None, "", "relative"):
            self.assertEqual(self.paths(HOME=home, before=before), [path])

    def test_a_home_that_is_not_there(self):
        for home in ("/nowhere/at/all", "/dev/null", "/"):
            self.assertEqual(self.discover(HOME=home), [], home)


class Profiles(HomeCase):
    def test_of_chromium(self):
        folder = ".config/chromium"
        names = ["Default", "Profile 1", "Profile 10", "Profile 2", "System Profile", "é"]
        paths = [self.put(folder, name, "CdmStorage.db") for name in reversed(names)][::-1]
        self.put(folder, "Profile 3", "Cookies")
        self.put(folder, "Local State")
        self.assertEqual(
            self.told(), [("Chromium", name, "sqlite", path) for name, path in zip(names, paths)])

    def test_databases_of_2022(self):
        folder = ".config/google-chrome"
        paths = [
            self.put(folder, "Default", "CdmStorage.db"),
            self.put(folder, "Default", OLD % 1),
            self.put(folder, "Default", OLD % 17),
            self.put(folder, "Default", OLD % 2),
            self.put(folder, "Profile 1", OLD % 1),
        ]
        profiles = ["Default"] * 4 + ["Profile 1"]
        self.assertEqual(
            self.told(), [("Chrome", *each) for each in zip(profiles, ["sqlite"] * 5, paths)])

    def test_opera_without_profiles(self):
        path = self.put(".config/opera", "CdmStorage.db")
        self.assertEqual(self.told(), [("Opera", "", "sqlite", path)])

    def test_of_firefox(self):
        root = ".mozilla/firefox"
        names = {"a.default": "default", "Profiles/b": "Work", "../elsewhere": "Odd"}
        outside = os.path.join(self.root, "outside")
        support.write(os.path.join(outside, GMP, "id/1/salt"), b"x")
        names[outside] = "Outside"
        ini = "[General]\r\nStartWithLastProfile=1\nName=No\nPath=missing\n; [Profile9]\n"
        for number, (path, name) in enumerate(names.items()):
            relative = not os.path.isabs(path)
            ini += "[Profile%d]\nName=%s\r\nIsRelative=%d\n  Path=%s\r\nDefault=1\n\n" % (
                number, name, relative, path)
            if relative:
                self.put_gmp(root, path)
        ini += "[InstallABC]\nPath=ignored\n[Profile7]\nName=Gone\nPath=gone\n[Profile8]\nName=x\n"
        # The end of the file ends the line.
        self.put_gmp(root, "last")
        ini += "[Profile10]\nName=zz\nPath=last"
        self.put(root, "profiles.ini", content=ini.encode())
        self.put_gmp(root, "ignored")
        expected = [
            ("Odd", self.at(root, "../elsewhere")), ("Outside", outside),
            ("Work", self.at(root, "Profiles/b")), ("default", self.at(root, "a.default")),
            ("ignored", self.at(root, "ignored")), ("zz", self.at(root, "last")),
        ]
        self.assertEqual(
            self.told(),
            [("Firefox", name, "directory", os.path.join(path, GMP)) for name, path in expected])

    def test_stores_of_firefox(self):
        root = ".mozilla/firefox/a"
        widevine = self.put_gmp(root, what=("storage",))
        self.put(root, "gmp/Linux_x86_64-gcc3/gmp-clearkey/id/1/salt")
        self.put(root, "gmp/Linux_aarch64-gcc3/gmp-widevinecdm/storage/1/2")
        self.put(root, "gmp/Linux_x86_64-gcc3/gmp-file/id")
        self.assertEqual(self.paths(), [
            self.at(root, "gmp/Linux_aarch64-gcc3/gmp-widevinecdm"),
            self.at(root, "gmp/Linux_x86_64-gcc3/gmp-clearkey"),
            widevine,
        ])

    def test_a_store_can_be_backed_up(self):
        self.put_gmp(".mozilla/firefox", "a")
        store, = self.discover()
        restorer = self.new_restorer(store=store.path)
        self.assert_ends(restorer.backup())
        hr, licenses = restorer.enumerate("store")
        self.assertEqual([each.name for each in licenses], [b"id/123/salt", b"storage/abc/456"])


class Calls(HomeCase):
    def setUp(self):
        super().setUp()
        self.all = [self.put(folder, "Default", "CdmStorage.db") for _, folder in CHROMIUM]
        for folder in FIREFOX:
            self.all.append(self.put_gmp(folder, "a"))
        for folder in KODI:
            self.put(folder, "userdata", ADAPTIVE, "a")
            self.all.append(self.at(folder, "userdata", ADAPTIVE))
        self.put(THORIUM, "publications/a")
        self.put(".local/share/wmlb/licenses/a")
        self.all += [self.at(THORIUM, "publications"), self.at(".local/share/wmlb/licenses")]

    def test_order(self):
        for _ in range(3):
            self.assertEqual(self.paths(), self.all)

    def test_answers(self):
        def body():
            os.environ["HOME"] = self.home
            results = []
            for answer in (1, 2**31 - 1, 0, -1, -(2**31), w.CANCELED):
                seen = []

                def on_store(store):
                    seen.append(store)
                    return answer if len(seen) == 4 else 5

                hr, _ = w.discover(on_store)
                results.append((answer, hr, len(seen)))
            return results

        for answer, hr, seen in support.in_child(body):
            self.assertEqual((hr, seen), (answer, 4) if answer < 0 else (w.S_OK, len(self.all)))

    def test_no_callback(self):
        for function in (w.lib.wmlb_discover_stores, w.lib.wmlb_discover_places):
            self.assert_hr(function(w.NO_STORE_CALLBACK, None), w.E_INVALIDARG)

    def test_places(self):
        """Each place once, whether there is anything or not; every store is below one."""
        def body():
            os.environ["HOME"] = self.home
            hr, places = w.discover(function=w.lib.wmlb_discover_places)
            stopped, first = w.discover(lambda place: -5, w.lib.wmlb_discover_places)
            return hr, places, stopped, len(first)

        hr, places, stopped, seen = support.in_child(body)
        self.assertEqual((hr, stopped, seen), (w.S_OK, -5, 1))
        self.assertEqual({place[2:4] + place[5:] for place in places}, {("", "", -1)})
        paths = [place.path for place in places]
        self.assertEqual(len(paths), len(set(paths)))
        for store in self.all:
            self.assertTrue(any(store.startswith(path + "/") or store == path for path in paths))
        players = {place.player for place in places}
        self.assertLessEqual({"", "Chromium", "Firefox", "Kodi", "Thorium", "wmlb"}, players)

    def test_the_thread(self):
        threads = []
        before = set(support.threads())
        hr, _ = w.discover(lambda store: threads.append(threading.get_native_id()))
        self.assert_hr(hr, w.S_OK)
        self.assertLessEqual(set(threads), {threading.get_native_id()})
        self.assertEqual(set(support.threads()), before)

    def test_calls_inside(self):
        def on_store(store):
            hr, stores = w.discover()
            assert hr == w.S_OK and len(stores) == len(self.all)
            restorer = w.Restorer()
            assert restorer.set("StorePath", store.path) == w.S_OK
            assert restorer.release() == w.S_OK

        self.assertEqual(len(self.discover(on_store=on_store)), len(self.all))

    def test_changes_inside_do_not_count(self):
        def on_store(store):
            os.environ["HOME"] = "/nowhere"
            subprocess.run(["rm", "-rf", self.home], check=True)

        self.assertEqual(len(self.discover(on_store=on_store)), len(self.all))

    def test_from_many_threads(self):
        def body():
            os.environ["HOME"] = self.home
            found = []

            def work():
                for _ in range(20):
                    found.append([store.path for store in w.discover()[1]])

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return len(found), all(each == self.all for each in found)

        self.assertEqual(support.in_child(body), (160, True))

    def test_nothing_is_touched(self):
        os.symlink("x-1", self.at(".config/chromium/SingletonLock"))
        self.put(".mozilla/firefox/profiles.ini", content=b"[Profile0]\nPath=a\n")
        self.put(".mozilla/firefox/a/.parentlock", content=b"")
        before = snapshot(self.home)
        descriptors = len(os.listdir("/proc/self/fd"))
        self.assertEqual(len(self.discover()), len(self.all))
        self.assertEqual(snapshot(self.home), before)
        self.assertEqual(len(os.listdir("/proc/self/fd")), descriptors)

    def test_no_descriptor_is_left_or_needed_in_number(self):
        def body():
            os.environ["HOME"] = self.home
            count = len(os.listdir("/proc/self/fd"))
            found = len(w.discover()[1]), len(os.listdir("/proc/self/fd")) - count
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            # Without any, nothing can be listed: what is known by its name is left.
            return found, w.discover()[0]

        self.assertEqual(support.in_child(body), ((len(self.all), 0), w.S_OK))


if __name__ == "__main__":
    unittest.main()
