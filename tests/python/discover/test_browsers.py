"""The licenses of real browsers: made by them, saved, lost, restored, and used by them."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest

import support
import wmlb_ctypes as w
from browser_support import Chromium, Firefox, Site
from restore_support import snapshot
from sqlite.test_rows import BLOB, TEXT, chromium_time

# Makes a persistent license of Clear Key, or with "load=ID" takes one up again.
PERSISTENT_LICENSE = rb"""<!doctype html><script>
const say = (what) => fetch('/', {method: 'POST', body: JSON.stringify(what)});
const spell = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
(async () => {
    const access = await navigator.requestMediaKeySystemAccess('org.w3.clearkey', [{
        initDataTypes: ['keyids'], persistentState: 'required',
        sessionTypes: ['persistent-license'],
        videoCapabilities: [{contentType: 'video/webm; codecs="vp8"'}]}]);
    const keys = await access.createMediaKeys();
    const session = keys.createSession('persistent-license');
    const what = location.search.slice(1);
    if (what.startsWith('load=')) {
        const found = await session.load(what.slice(5));
        const usable = [];
        session.keyStatuses.forEach((status, id) => usable.push([spell(id), status]));
        return {found, usable};
    }
    const message = new Promise((resolve) =>
        session.addEventListener('message', resolve, {once: true}));
    const kid = spell(new Uint8Array(16).map((_, index) => index + 1));
    const encode = (value) => new TextEncoder().encode(JSON.stringify(value));
    await session.generateRequest('keyids', encode({kids: [kid]}));
    await message;
    const key = {kty: 'oct', k: spell(new Uint8Array(16).fill(7)), kid};
    await session.update(encode({keys: [key], type: 'persistent-license'}));
    await session.close();
    return {made: session.sessionId, kid};
})().then(say, (problem) => say({problem: String(problem)}));
</script>"""

DISCOVER = """
import json, wmlb_ctypes as w
print(json.dumps([store._asdict() for store in w.discover()[1]]))
"""


class BrowserCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.home = os.path.join(self.root, "home")
        os.mkdir(self.home)

    def discover(self):
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("XDG_", "CHROME_", "WMLB_STORE"))
        }
        done = support.run_python(DISCOVER, env={**environment, "HOME": self.home})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def restorer_for(self, store):
        return self.new_restorer(store=store, RestorePath=self.backups)


@unittest.skipUnless(support.has_program("firefox-esr"), "firefox-esr is needed")
class RealFirefox(BrowserCase):
    def setUp(self):
        super().setUp()
        self.profile = os.path.join(self.home, ".mozilla/firefox/test.default")
        self.site = Site(self, PERSISTENT_LICENSE)

    def visit(self, query=""):
        """Firefox, with what the page says; it goes on running."""
        url = self.site.url + "?" + query
        return Firefox(self, self.home, self.profile, url), self.site.said()

    def take_up(self, session):
        firefox, said = self.visit("load=" + session)
        firefox.stop()
        return said

    def test_a_license_that_was_lost(self):
        firefox, made = self.visit()
        self.assertIn("made", made, made)
        store, = self.discover()
        self.assertEqual((store["player"], store["kind"]), ("Firefox", "directory"))
        self.assertEqual(store["running"], 1)
        self.assertTrue(store["path"].endswith("gmp-clearkey"), store)
        restorer = self.restorer_for(store["path"])
        # While it runs a backup may be made, and nothing restored.
        self.assert_ends(restorer.backup(w.OVERWRITE))
        events = self.assert_fails(restorer.restore(w.RESTORE_OVERWRITE), w.BUSY, store["path"])
        self.assertEqual(len(self.opened().names()), 5, events)
        firefox.stop()
        self.assertEqual(self.discover()[0]["running"], 0)
        loaded = {"found": True, "usable": [[made["kid"], "usable"]]}
        self.assertEqual(self.take_up(made["made"]), loaded)
        self.assert_ends(restorer.backup(w.OVERWRITE))
        before = snapshot(store["path"])

        subprocess.run(["rm", "-r", os.path.join(self.profile, "gmp")], check=True)
        self.assertEqual(self.take_up(made["made"]), {"found": False, "usable": []})
        subprocess.run(["rm", "-rf", os.path.join(self.profile, "gmp")], check=True)

        self.assert_ends(restorer.restore(0))
        found, expected = ({name: entry[-1] for name, entry in each.items()
                            if entry[0] == "file"} for each in (snapshot(store["path"]), before))
        self.assertEqual(found, expected)
        self.assertEqual(self.take_up(made["made"]), loaded)
        # Over the one that Firefox has opened since, too.
        self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(self.take_up(made["made"]), loaded)
        self.assertEqual(os.listdir(os.path.join(self.profile, "gmp")), ["Linux_x86_64-gcc3"])


@unittest.skipUnless(support.has_program("chromedriver"), "chromium and chromedriver are needed")
class RealChromium(BrowserCase):
    """Debian's Chromium has no CDM that keeps anything; so the table is made as this Chromium
    says it, and Chromium opens it, locks it and deletes from it."""

    PROGRAM = "/usr/lib/chromium/chromium"

    def setUp(self):
        super().setUp()
        self.user_data = os.path.join(self.home, ".config/chromium")
        self.database = os.path.join(self.user_data, "Default/CdmStorage.db")
        self.site = Site(self, b"<!doctype html>")

    def schema(self):
        with open(self.PROGRAM, "rb") as file:
            found = re.search(rb"CREATE TABLE IF NOT EXISTS cdm_storage\([ -~]*\)\)", file.read())
        self.assertIsNotNone(found, "this Chromium has another schema")
        return found[0].decode()

    def make(self, origins):
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA page_size = 32768")
            connection.execute("PRAGMA journal_mode = truncate")
            connection.execute("CREATE TABLE meta("
                               "key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR)")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", [
                ("version", "2"), ("last_compatible_version", "2"), ("mmap_status", "-1"),
            ])
            connection.execute(self.schema())
            connection.executemany("INSERT INTO cdm_storage VALUES (?, ?, ?, ?, ?, ?)", [
                (origin, BLOB, "license", b"d" * 5000, 5000, chromium_time(1600000000))
                for origin in origins
            ])
            connection.commit()

    def origins(self):
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT storage_key FROM cdm_storage")]

    def listed(self, restorer):
        hr, licenses = restorer.enumerate("store")
        self.assert_hr(hr, w.S_OK, restorer.last_error())
        return [each.name.decode() for each in licenses]

    def chromium(self):
        chromium = Chromium(self, self.home, self.user_data)
        chromium.open(self.site.url)
        return chromium

    def delete_own(self, chromium):
        """Has Chromium delete the licenses of the site; it does so after it has answered."""
        chromium.command("Storage.clearDataForOrigin", origin=self.site.url, storageTypes="all")
        with open("/proc/locks") as file:
            inode = ":%d " % os.stat(self.database).st_ino
            deadline = time.monotonic() + 60
            while not any(inode in line for line in file):
                self.assertLess(time.monotonic(), deadline, "Chromium does not open it")
                file.seek(0)
                os.sched_yield()

    def test_a_database_that_was_lost(self):
        self.chromium().stop()
        other = "https://other.example/"
        self.make([self.site.url, other])
        store, = self.discover()
        self.assertEqual(
            (store["player"], store["profile"], store["kind"], store["path"], store["running"]),
            ("Chromium", "Default", "sqlite", self.database, 0),
        )
        restorer = self.restorer_for(self.database)
        names = ["CdmStorage.db"] + [
            "CdmStorage.db/%s/%s/license" % (origin, TEXT) for origin in (self.site.url, other)
        ]
        self.assertEqual(self.listed(restorer), names)
        self.assert_ends(restorer.backup(0))

        # Chromium takes the database for its own, writes to it, and keeps it locked.
        chromium = self.chromium()
        self.delete_own(chromium)
        self.assertEqual(self.discover()[0]["running"], 1)
        self.assert_fails(restorer.backup(w.OVERWRITE), w.BUSY, self.database)
        self.assert_fails(restorer.restore(w.RESTORE_OVERWRITE), w.BUSY, self.database)
        chromium.stop()
        self.assertEqual(self.origins(), [other])

        # What it deleted comes back, and its own journal beside the database goes.
        self.assertTrue(os.path.exists(self.database + "-journal"))
        self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE))
        self.assertFalse(os.path.exists(self.database + "-journal"))
        self.assertEqual(self.listed(restorer), names)
        os.unlink(self.database)
        self.assert_ends(restorer.restore(0))
        self.assertEqual(self.listed(restorer), names)

        # And Chromium takes that for its own again.
        chromium = self.chromium()
        self.delete_own(chromium)
        chromium.stop()
        self.assertEqual(self.origins(), [other])

    def test_the_whole_profile(self):
        """Databases that Chromium itself made, among other files."""
        self.chromium().stop()
        profile = os.path.join(self.user_data, "Default")
        restorer = self.restorer_for(profile)
        events = self.assert_ends(restorer.backup(w.PARTIAL))
        databases = [
            name for name, content in self.opened().files().items()
            if content.startswith(b"SQLite format 3\0")
        ]
        self.assertIn(b"History", databases)
        self.assertGreater(len(databases), 5, events)
        subprocess.run(["rm", "-r", profile], check=True)
        self.assert_ends(restorer.restore(0))
        for name in databases:
            path = os.path.join(profile, name.decode())
            with contextlib.closing(sqlite3.connect(path)) as connection:
                self.assertEqual(
                    connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)], name
                )
        chromium = self.chromium()
        chromium.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(profile, "History"))) as connection:
            visits = connection.execute(
                "SELECT visit_count FROM urls WHERE url = ?", [self.site.url]
            ).fetchall()
        # Those of before, and the one of now.
        self.assertEqual(visits, [(2,)])


if __name__ == "__main__":
    unittest.main()
