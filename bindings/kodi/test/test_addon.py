"""The packaged add-on, run in sub-interpreters, with a stand-in for Kodi: see README.md."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))

# An interpreter of its own for each run, as in Kodi.
KODI = """
import _xxsubinterpreters as interpreters, json, sys
run = "import sys; sys.path.insert(0, {here!r}); import kodi; kodi.run(*{told!r})"
own = interpreters.create(isolated=False)
interpreters.run_string(own, run.format(here=sys.argv[1], told=json.loads(sys.argv[2])))
interpreters.destroy(own)
"""


class Addon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="wmlb-kodi-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run([os.path.join(HERE, "../package.sh"), cls.root], check=True)
        cls.addon = os.path.join(cls.root, "script.wmlb")

    def setUp(self):
        self.home = tempfile.mkdtemp(dir=self.root)
        self.backups = os.path.join(self.home, "backups")
        self.data = os.path.join(self.home, ".kodi/userdata")
        self.store = os.path.join(self.data, "addon_data/inputstream.adaptive")

    def fill(self, folder=None, count=3):
        folder = folder or self.store
        os.makedirs(folder)
        for number in range(count):
            with open(os.path.join(folder, "license-%d" % number), "w") as file:
                file.write("license %d" % number)

    def run_script(self, *arguments, settings=None, **user):
        settings = {"folder": "special://backups", "keep": "last=3"} | (settings or {})
        told = [self.addon, settings, user, self.home, arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": self.home}
        done = subprocess.run(
            [sys.executable, "-c", KODI, HERE, json.dumps(told)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_backup_and_a_restore(self):
        self.fill()
        shown = self.run_script("backup")
        self.assertEqual(shown[0], ["progress", "License backup", "Back up licenses"])
        self.assertEqual(shown[-3], ["update", 100, "Back up licenses\n3 licenses"])
        self.assertEqual(shown[-1], ["notification", "License backup", "3 licenses are saved"])
        os.remove(os.path.join(self.store, "license-1"))
        shown = self.run_script("restore", yes=True)
        self.assertEqual(shown[-1][2], "3 licenses are restored")
        with open(os.path.join(self.store, "license-1")) as file:
            self.assertEqual(file.read(), "license 1")

    def test_the_menu(self):
        self.fill()
        shown = self.run_script(select=0)
        self.assertEqual(shown[0][2], ["Back up licenses", "Restore licenses"])
        self.assertTrue(os.path.exists(os.path.join(self.backups, "licenses.wmlb")))
        self.assertEqual(len(self.run_script(select=-1)), 1)

    def test_a_restore_that_is_not_wanted(self):
        self.fill()
        self.run_script("backup")
        shutil.rmtree(self.store)
        os.makedirs(self.store)
        self.assertEqual([kind for kind, *_ in self.run_script("restore")], ["yesno"])
        self.assertEqual(os.listdir(self.store), [])

    def test_canceled_by_the_user_and_by_kodi(self):
        self.fill()
        for user in ({"cancel": True}, {"abort": True}):
            shown = self.run_script("backup", **user)
            self.assertEqual(shown[-1], ["close"])
            self.assertEqual(os.listdir(self.backups), [])

    def test_earlier_ones_are_kept(self):
        self.fill()
        self.run_script("backup")
        self.run_script("backup")
        self.assertEqual(len(os.listdir(self.backups)), 2)

    def test_the_user_chooses_among_profiles(self):
        self.fill()
        self.fill(os.path.join(self.data, "profiles/child/addon_data/inputstream.adaptive"), 1)
        shown = self.run_script("backup", select=1)
        self.assertEqual(shown[0], ["select", "Licenses of which profile?", [self.store, "child"]])
        self.assertEqual(shown[-1][2], "1 licenses are saved")

    def test_what_is_missing_is_told(self):
        shown = self.run_script("backup", settings={"folder": ""})
        self.assertEqual([kind for kind, *_ in shown], ["ok"])
        self.assertIn("Choose the folder", shown[0][2])
        self.assertIn("holds no licenses", self.run_script("backup")[0][2])

    def test_a_failure_is_told_and_the_backup_stays(self):
        self.fill()
        self.run_script("backup")
        shutil.rmtree(self.store)
        os.makedirs(self.store)
        shown = self.run_script("backup")
        self.assertEqual(shown[-1][0], "ok")
        self.assertIn("licenses", shown[-1][2])
        self.assertTrue(os.path.exists(os.path.join(self.backups, "licenses.wmlb")))

    def test_a_passphrase(self):
        self.fill()
        self.run_script("backup", settings={"passphrase": "a secret"})
        shown = self.run_script("restore", yes=True)
        self.assertEqual(shown[-1][0], "ok")
        shown = self.run_script("restore", settings={"passphrase": "a secret"}, yes=True)
        self.assertEqual(shown[-1][2], "3 licenses are restored")

    def test_settings_and_strings_belong_together(self):
        settings = xml.etree.ElementTree.parse(os.path.join(self.addon, "resources/settings.xml"))
        with open(os.path.join(self.addon, "default.py")) as file:
            asked = set(re.findall(r'getSetting\("(\w+)"\)', file.read()))
        ids = {one.get("id") for one in settings.iter("setting")}
        self.assertEqual(asked | {"backup", "restore"}, ids)
        path = "resources/language/resource.language.en_gb/strings.po"
        with open(os.path.join(self.addon, path)) as file:
            numbers = set(re.findall(r'msgctxt "#(\d+)"', file.read()))
        used = {one.get(name) for one in settings.iter() for name in ("label", "help")}
        used |= {one.text for one in settings.iter("heading")}
        self.assertLessEqual(used - {None, ""}, numbers)
        about = xml.etree.ElementTree.parse(os.path.join(self.addon, "addon.xml")).getroot()
        self.assertEqual(about.get("id"), "script.wmlb")


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print("Kodi: %d passed, %d failed" % (result.testsRun - bad, bad))
    sys.exit(bad != 0)
