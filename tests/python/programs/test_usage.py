"""The wmlb command as people and programs use it: its words, JSON, dry runs, stores by name."""

import json
import os
import re
import unittest

import support
import trust_support as trust
import wmlb_ctypes as w
from encryption_support import key
from programs import test_command

# Not a class here, since its tests are run there.
SHARED = vars(test_command.Command)
CODES = re.compile(rb"WMLB_|NS_E_|HRESULT|os error|property ")


class Usage(unittest.TestCase):
    setUpClass = SHARED["setUpClass"]
    setUp = SHARED["setUp"]
    path = SHARED["path"]
    text = SHARED["text"]
    run_it = SHARED["run_it"]
    backup = SHARED["backup"]
    assert_same = SHARED["assert_same"]
    on_terminal = SHARED["on_terminal"]
    read_until = SHARED["read_until"]
    set_signals = SHARED["set_signals"]

    def says(self, code, words, *arguments, **options):
        """A failure in the words of the command alone."""
        said = self.run_it(code, *arguments, **options).stderr
        self.assertIn(words, said)
        self.assertIsNone(CODES.search(said), said)
        self.assertTrue(said.startswith(b"wmlb: "), said)

    def objects(self, code, *arguments, **options):
        done = self.run_it(code, *arguments, **options)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def test_a_sample(self):
        store = self.path("store")
        for number in range(400):
            support.write(os.path.join(store, "%03d" % number), os.urandom(20_000))
        self.run_it(0, "backup", "--store", store, self.backups)
        said = self.run_it(0, "verify", "--sample", "5%", self.backups).stdout.decode()
        self.assertRegex(said, r"^verified \d+ licenses? of 400 \(")
        self.assertRegex(self.run_it(0, "verify", "--sample", "100", self.backups).stdout.decode(),
                         r"^verified 400 licenses \(")
        done = self.run_it(0, "verify", "--json", "--sample=1%", self.backups).stdout
        result = json.loads(done.splitlines()[-1])
        self.assertLess(result["licenses"], result["licenses_total"])
        for wrong in ("0", "0%", "101%", "-5%", "5.5%", "5 %", "5%%", "%", "", "five", "1e1", "00005"):
            self.assertIn(b"not a percentage from 1% to 100%: " + wrong.encode(),
                          self.run_it(2, "verify", "--sample", wrong, self.backups).stderr)

    def test_nothing_is_asked_of_it(self):
        done = self.run_it(2)
        self.assertEqual((done.stdout, done.stderr), (b"", self.run_it(0, "--help").stdout))

    def test_options_in_any_form_and_place(self):
        said = [self.run_it(0, *arguments).stdout for arguments in (
            ["list", "--store", self.filled, "--json"], ["list", "-js", self.filled],
            ["-j", "-s", self.filled, "list"], ["-js" + self.filled, "list"],
            ["--json", "--sto=" + self.filled, "list"], ["--store", self.filled, "list", "-j"])]
        self.assertEqual(len(json.loads(said[0])), 60)
        self.assertEqual(set(said), {said[0]})
        self.assertEqual(self.run_it(0, "-v", "verify", "--help").stdout,
                         self.run_it(0, "help", "verify").stdout)

    def test_own_words(self):
        self.backup()
        store = ["--store", self.filled]
        self.says(4, b"exists already: give --replace or --force", "backup", *store, self.backups)
        os.mkdir(self.path("empty"))
        self.says(1, b"give --empty to replace it", "backup", "-f", "-s", self.path("empty"),
                  self.backups)
        self.says(1, b"there is no store Nobody: neither", "backup", "-s", "Nobody", self.backups)
        self.says(1, b"cannot be opened: No such file or directory\n", "backup", "-s",
                  self.path("none"), self.path("new"))
        self.says(2, b"--recipient: line 1 is not a valid recipient", "backup", *store, "-r", "me",
                  self.path("new"))
        self.says(2, b"FOLDER: ", "backup", *store, "")
        self.says(2, b"BACKUP: ", "verify", "")
        self.says(2, b"a pattern is needed: --only", "restore", "--only", "", *store, self.backups)
        secret, other = self.text("secret", "correct horse\n"), self.text("other", "wrong\n")
        self.says(5, b"give --allow-clear", "verify", "-p", secret, self.backups)
        self.run_it(0, "verify", "-p", secret, "--allow-clear", self.backups)
        self.says(2, b"both", "backup", *store, "-p", secret, "-r", key().recipient,
                  self.path("new"))
        self.backup("-f", "-p", secret)
        self.says(5, b"give --passphrase-file", "verify", self.backups)
        self.says(5, b"its passphrase is not this one", "verify", "-p", other, self.backups)
        own = key()
        self.backup("-f", "-r", own.recipient)
        self.says(5, b"give --identity", "list", self.backups)
        self.says(1, b"/nosuch: No such file", "verify", "--passphrase-file", "/nosuch", "x")
        done = self.run_it(4, "backup", "-v", *store, self.backups)
        self.assertIn(b" (NS_E_DRM_BACKUP_EXISTS)\n", done.stderr)

    def test_places_that_are_none(self):
        self.backup()
        file = os.path.join(self.backups, w.BACKUP_NAME)
        for words, arguments in (
                (b"an address: https://host.example/x", ["backup", "https://host.example/x"]),
                (b"an address: https://host/", ["restore", "https://host/"]),
                (b"an address: x+y://z", ["list", "--store", "x+y://z"]),
                (b"a folder is needed", ["backup", self.path("out.wmlb")]),
                (b"a folder is needed", ["backup", file]),
                (b"a folder is needed", ["backup", "--all", "-"]),
                (b"a store is", ["backup", "--store", "-", self.path("new")]),
                (b"a store is needed", ["restore", "--store", file, self.backups]),
                (b"not both", ["backup", "--all", "--store", "x", self.path("new")])):
            self.says(2, words, *arguments)
        self.assertEqual(sorted(os.listdir(self.folder)), ["backups"])
        # A folder may be called so, and a colon makes no address.
        for name in ("x.wmlb", "a:b"):
            os.mkdir(self.path(name))
            self.run_it(0, "backup", "--store", self.filled, self.path(name))
        self.run_it(0, "verify", file)

    def test_results_as_json(self):
        events, said = self.objects(0, "backup", "--json", "-s", self.filled, self.backups)
        self.assertEqual(said, b"")
        self.assertEqual({event["event"] for event in events[:-1]}, {"progress"})
        file = os.path.join(self.backups, w.BACKUP_NAME)
        size = sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(self.filled) for name in names)
        expected = {"event": "done", "command": "backup", "file": file,
                    "file_size": os.path.getsize(file), "store": self.filled, "licenses": 60,
                    "licenses_total": 60, "bytes": size, "bytes_total": size, "restricted": 0,
                    "left_out": 0, "unchanged": 0}
        self.assertGreaterEqual(events[-1].pop("seconds"), 0)
        self.assertEqual(events[-1], expected)
        again = self.path("again")
        done = self.objects(0, "restore", "--json", "-s", again, self.backups)[0][-1]
        self.assertEqual((done["command"], done["store"], done["licenses"]), ("restore", again, 60))
        done = self.objects(0, "--json", "verify", self.backups)[0][-1]
        self.assertEqual((done["command"], done["file"], done["bytes"]), ("verify", file, size))
        self.assertNotIn("store", done)
        events, said = self.objects(4, "backup", "--json", "-s", self.filled, self.backups)
        self.assertEqual([event["code"] for event in events], ["NS_E_DRM_BACKUP_EXISTS"])
        self.assertEqual(said, b"wmlb: %s\n" % events[0]["message"].encode())
        done = self.run_it(0, "backup", "--json", "-s", self.filled, "-")
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["licenses"], 60)

    def test_licenses_that_are_left_out(self):
        store = self.path("store")
        for number in range(150):
            support.write(os.path.join(store, "%03d" % number), b"one")
        self.run_it(0, "backup", "-s", store, self.backups)
        for number in range(150):
            support.write(os.path.join(store, "%03d" % number), b"other")
        done = self.run_it(3, "restore", "-s", store, self.backups)
        lines = done.stderr.splitlines()
        self.assertEqual(lines[0], b"left out: 000 (it differs: --force replaces it)")
        self.assertEqual((len(lines), lines[-1]), (101, b"and more, which --verbose tells"))
        self.assertTrue(done.stdout.endswith(b", 150 left out\n"), done.stdout)
        done = self.run_it(3, "restore", "--verbose", "-s", store, self.backups)
        self.assertEqual(done.stderr.count(b"left out: "), 150)
        events, _ = self.objects(3, "restore", "--json", "-s", store, self.backups)
        told = [event["name"] for event in events if event["event"] == "left_out"]
        self.assertEqual(told, ["%03d" % number for number in range(150)])
        self.run_it(0, "restore", "--force", "-s", store, self.backups)
        self.assertEqual(support.read(os.path.join(store, "149")), b"one")

    def test_one_license_is_one(self):
        support.write(self.path("store/x"), b"x")
        done = self.run_it(0, "backup", "-s", self.path("store"), self.backups)
        self.assertTrue(done.stdout.startswith(b"backed up 1 license (1 B) in "), done.stdout)

    def test_dry_runs(self):
        self.backup()
        store = self.path("store")
        dry = ["restore", "--dry-run", "--store", store]
        self.assertEqual(self.run_it(0, *dry, self.backups).stdout,
                         b"would restore 60 licenses to %s: 60 new, 0 there already\n"
                         % store.encode())
        self.assertFalse(os.path.exists(store))
        self.run_it(0, "restore", "--store", store, self.backups)
        names = sorted(os.path.relpath(os.path.join(folder, name), store)
                       for folder, _, names in os.walk(store) for name in names)
        os.unlink(os.path.join(store, names[0]))
        with open(os.path.join(store, names[1]), "r+b") as file:
            file.write(b"X")
        before = support.read(os.path.join(store, names[1]))
        done = self.run_it(3, *dry, self.backups)
        self.assertTrue(done.stdout.endswith(
            b": 1 new, 58 there already; 1 that differ stay, unless --force is given\n"))
        done = self.run_it(0, *dry, "--force", "--verbose", self.backups)
        self.assertIn(b"new      %s\n" % names[0].encode(), done.stdout)
        self.assertIn(b"differs  %s\n" % names[1].encode(), done.stdout)
        self.assertTrue(done.stdout.endswith(b": 1 new, 58 there already, 1 replaced\n"))
        events, _ = self.objects(0, *dry, "--only", names[0], "--json", self.backups)
        told = [event for event in events if event["event"] in ("license", "plan")]
        self.assertEqual([(event.get("name"), event.get("state"), event.get("new"))
                          for event in told], [(names[0], "new", None), (None, None, 1)])
        self.assertEqual(support.read(os.path.join(store, names[1])), before)
        self.assertFalse(os.path.exists(os.path.join(store, names[0])))
        data = support.read(os.path.join(self.backups, w.BACKUP_NAME))
        self.run_it(0, *dry, "--force", "-", input=data)
        self.run_it(6, *dry, "-", input=data[:-1])

    def players(self):
        for place in ("chromium/Default", "chromium/Profile 1", "google-chrome/Default"):
            trust.plain_database(self.path(".config", place, "CdmStorage.db"))

    def test_a_store_by_its_players_name(self):
        self.players()
        name = os.path.join(self.path(".config"), "google-chrome/Default/CdmStorage.db")
        listed = self.run_it(0, "list", "--store", name).stdout
        for said in ("Chrome", "chrome", "Chrome Default"):
            self.assertEqual(self.run_it(0, "list", "--store", said).stdout, listed)
        done = self.run_it(2, "list", "--store", "Chromium")
        self.assertIn(b"several stores are called Chromium", done.stderr)
        self.assertIn(b"chromium/Profile 1/CdmStorage.db (Profile 1)\n", done.stderr)
        self.assertNotIn(b"google", done.stderr)
        self.run_it(0, "list", "--store", "Chromium Profile 1")
        # What is there comes first.
        os.mkdir(self.path("Chrome"))
        support.write(self.path("Chrome/x"), b"x")
        done = self.run_it(0, "list", "--json", "--store", "Chrome", cwd=self.folder)
        self.assertEqual([entry["name"] for entry in json.loads(done.stdout)], ["x"])

    def test_every_store(self):
        self.assertIn(b"no stores found", self.run_it(1, "backup", "--all", self.backups).stderr)
        self.players()
        done = self.run_it(0, "backup", "--all", self.backups)
        self.assertEqual(done.stdout.count(b"backed up 1 license "), 3)
        folders = sorted(os.listdir(self.backups))
        self.assertEqual([re.sub("[0-9a-f]{8}$", "", name) for name in folders],
                         ["Chrome-Default-", "Chromium-Default-", "Chromium-Profile_1-"])
        # The same store comes to the same folder, whatever others there are.
        self.run_it(4, "backup", "--all", self.backups)
        os.unlink(self.path(".config/chromium/Default/CdmStorage.db"))
        events, _ = self.objects(0, "backup", "--all", "--force", "--json", self.backups)
        stores = {event["file"].split("/")[-2]: event["store"] for event in events
                  if event["event"] == "done"}
        self.assertEqual(stores.keys(), {folders[0], folders[2]})
        self.assertTrue(stores[folders[2]].endswith("Profile 1/CdmStorage.db"))

    def test_a_passphrase_that_is_asked_for(self):
        self.backup("--passphrase-file", self.text("secret", "correct horse\n"))
        for command, wanted in ((["verify"], b"60 licenses"), (["list"], b"lcpl"),
                                (["restore", "-s", self.path("again")], b"restored")):
            child, terminal = self.on_terminal(*command, self.backups)
            self.assertIn(b"Passphrase: ", self.read_until(terminal, b": "))
            os.write(terminal, b"correct horse\n")
            said = self.read_until(terminal, wanted)
            self.assertIn(wanted, said)
            while self.read_until(terminal, b"\n"):
                pass
            self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assert_same(self.path("again"))
        child, terminal = self.on_terminal("verify", self.backups)
        self.read_until(terminal, b": ")
        os.write(terminal, b"wrong\n")
        self.assertIn(b"not this one", self.read_until(terminal, b"one\r\n"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 5)
        # No key can be typed.
        self.backup("-f", "-r", key().recipient)
        child, terminal = self.on_terminal("verify", self.backups)
        self.assertIn(b"--identity", self.read_until(terminal, b"--identity\r\n"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 5)

    def test_colors_on_a_terminal_only(self):
        def said(**environment):
            child, terminal = self.on_terminal("verify", self.path("none"), **environment)
            text = self.read_until(terminal, b"directory")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)
            return text

        self.assertTrue(said(TERM="xterm", NO_COLOR="").startswith(b"\x1b[1;31mwmlb:\x1b[0m "))
        self.assertTrue(said(TERM="xterm", NO_COLOR="1").startswith(b"wmlb: "))
        self.assertTrue(said(TERM="dumb").startswith(b"wmlb: "))
        self.assertTrue(self.run_it(1, "verify", "none").stderr.startswith(b"wmlb: "))


if __name__ == "__main__":
    unittest.main()
