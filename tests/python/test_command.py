"""The wmlb command: stores and backups as a user has them, a terminal, signals, exit codes."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import support
import wmlb_ctypes as w

WARNINGS = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
KEYGEN = shutil.which("age-keygen")


def compile_command(compiler, program):
    library = os.path.realpath(w.LIBRARY)
    command = [compiler, *WARNINGS, "-I" + os.path.join(w.ROOT, "include")]
    command += [os.path.join(w.ROOT, "examples-c/wmlb.c"), library, "-o", program]
    subprocess.run(command, check=True)


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.programs)
        cls.program = os.path.join(cls.programs, "wmlb")
        compile_command("gcc", cls.program)
        compile_command("clang", cls.program + "-clang")
        cls.filled = os.path.join(cls.programs, "store")
        maker = os.path.join(w.ROOT, "tests/make_store.py")
        subprocess.run([sys.executable, maker, "--out", cls.filled, "--count", "60"],
                       check=True, stdout=subprocess.DEVNULL)

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.backups = self.path("backups")
        self.environment = {
            **os.environ, "HOME": self.folder,
            "LD_LIBRARY_PATH": os.path.dirname(os.path.abspath(w.LIBRARY)),
        }
        for name in list(self.environment):
            if name.startswith(("XDG_", "WMLB_STORE", "CHROME_", "KODI_")):
                del self.environment[name]

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def text(self, name, content):
        support.write(self.path(name), content.encode())
        return self.path(name)

    def run_it(self, code, *arguments, **options):
        done = subprocess.run([self.program, *arguments], env=self.environment, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.assertEqual(done.returncode, code, done)
        return done

    def backup(self, *options, code=0):
        return self.run_it(code, "backup", "--store", self.filled, *options, self.backups)

    def assert_same(self, other):
        subprocess.run(["diff", "-r", self.filled, other], check=True)

    def test_there_and_back(self):
        self.assertEqual(self.backup("--verify").stdout, b"backed up 60 licenses\n")
        self.assertEqual(self.run_it(0, "verify", self.backups).stdout, b"verified 60 licenses\n")
        self.run_it(0, "restore", "--store", self.path("again"), self.backups)
        self.assert_same(self.path("again"))

    def test_one_that_is_there(self):
        self.backup()
        self.backup(code=4)
        self.backup("--force")

    def test_passphrase(self):
        right, wrong = self.text("right", "correct horse\nno more\n"), self.text("wrong", "guess\n")
        self.backup("--passphrase-file", right)
        self.run_it(5, "verify", self.backups)
        self.run_it(5, "restore", "--passphrase-file", wrong, "--store", self.path("none"),
                    self.backups)
        self.assertFalse(os.path.exists(self.path("none")))
        self.run_it(0, "verify", "--passphrase-file", "-", self.backups, input=b"correct horse\r\n")

    @unittest.skipUnless(KEYGEN, "there is no age-keygen")
    def test_recipients(self):
        keys = [self.path("one"), self.path("two")]
        options = []
        for key in keys:
            subprocess.run([KEYGEN, "-o", key], check=True, stderr=subprocess.DEVNULL)
            public = re.search(rb"age1\w+", support.read(key)).group().decode()
            options += ["--recipient", public]
        self.backup(*options)
        self.run_it(5, "verify", self.backups)
        for key in keys:
            self.run_it(0, "restore", "--identity", key, "--store", key + "-store", self.backups)
            self.assert_same(key + "-store")

    def test_partial(self):
        user = support.drop_to_nobody()
        store = self.path("store")
        support.write(os.path.join(store, "good"), b"1")
        support.write(os.path.join(store, "bad"), b"2")
        os.chmod(os.path.join(store, "bad"), 0)
        os.chmod(self.folder, 0o777)
        os.chmod(self.programs, 0o755)
        done = self.run_it(3, "backup", "--partial", "--store", store, self.backups, user=user)
        self.assertIn(b"left out: bad (E_ACCESSDENIED)\n", done.stderr)

    def test_damage(self):
        self.backup()
        target = os.path.join(self.backups, w.BACKUP_NAME)
        content = bytearray(support.read(target))
        content[len(content) // 2] ^= 1
        support.write(target, bytes(content))
        self.run_it(6, "verify", self.backups)
        support.write(target, b"nothing of the kind")
        self.run_it(6, "verify", self.backups)

    def test_wrong_usage(self):
        for arguments in ([], ["juggle"], ["backup"], ["backup", "a", "b"], ["verify", "--json", "a"],
                          ["backup", "--level", "20", "a"], ["backup", "--level", "-1", "a"],
                          ["backup", "--level", "", "a"],
                          ["backup", "--store"], ["stores", "a"], ["list", "--store", "a", "b"]):
            self.assertIn(b"--help", self.run_it(2, *arguments).stderr)

    def test_help(self):
        self.assertIn(b"Exit codes", self.run_it(0, "--help").stdout)
        for command in ("backup", "restore", "verify", "list", "stores"):
            said = self.run_it(0, command, "--help").stdout.decode()
            self.assertTrue(said.startswith("usage: wmlb " + command))
            # Whatever help names is known: the next thing amiss is something else.
            for option in re.findall(r"^  (--\w[-\w]*)", said, re.MULTILINE):
                done = self.run_it(0, command, option, "1", "--help")
                self.assertEqual(done.stdout.decode(), said)
        self.assertEqual(self.run_it(0, "--version").stdout, b"wmlb 1.0.0\n")

    def test_a_full_disk_behind_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([self.program, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.environment)
        self.assertEqual(done.returncode, 1)

    def test_json_of_any_name(self):
        store = os.fsencode(self.path("odd"))
        names = {b'quo"te\\', b"tab\tline\n\x1b[31m\x7f", "ünï/ﬁ\U0001f3b5".encode(), b"not\xff\xc3utf",
                 b"real \xef\xbf\xbd"}
        for name in names:
            support.write(os.path.join(store, name), b"x")
        self.run_it(0, "backup", "--store", store, self.backups)
        for source in (["--store", store], [self.backups]):
            found = json.loads(self.run_it(0, "list", "--json", *source).stdout)
            exact = {bytes.fromhex(entry["name_hex"]) if "name_hex" in entry
                     else entry["name"].encode() for entry in found}
            self.assertEqual(exact, names)
            self.assertEqual(sum("name_hex" in entry for entry in found), 1)
            self.assertEqual({entry["size"] for entry in found}, {1})
            self.assertNotIn(b"\x1b", self.run_it(0, "list", *source).stdout)

    def test_stores(self):
        self.assertEqual(json.loads(self.run_it(0, "stores", "--json").stdout), [])
        support.write(self.path(".config/chromium/Default/CdmStorage.db"))
        found = json.loads(self.run_it(0, "stores", "--json").stdout)
        self.assertEqual([(s["player"], s["profile"], s["kind"], s["running"]) for s in found],
                         [("Chromium", "Default", "sqlite", False)])

    def test_a_bar_on_a_terminal_only(self):
        terminal, side = pty.openpty()
        self.addCleanup(os.close, terminal)
        command = [self.program, "backup", "--store", self.filled, self.backups]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=side, timeout=60,
                              env=self.environment)
        os.close(side)
        self.assertEqual(done.returncode, 0)
        said = os.read(terminal, 65536)
        self.assertRegex(said, rb"\[#{30}\] 100 %  60 licenses, \d+\.\d MB\r\x1b\[K$")
        plain = self.backup("--force").stderr
        self.assertNotRegex(plain, rb"[\r\x1b]")
        self.assertEqual(self.backup("--force", "--quiet").stderr, b"")

    def at_work(self, *ignored):
        """The command that makes a backup of a large store again, and the backup before."""
        store = self.path("large")
        os.makedirs(store)
        for name in range(8):  # they take no place, and seconds to read
            with open(os.path.join(store, str(name)), "wb") as file:
                file.truncate(1 << 31)
        self.backup()
        before = support.read(os.path.join(self.backups, w.BACKUP_NAME))
        command = [self.program, "backup", "--force", "--level", "9", "--store", store, self.backups]

        def set_signals():  # those of whoever runs the tests may be others
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

        child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env=self.environment, preexec_fn=set_signals)
        child.stderr.readline()  # progress: it is at work
        return child, before

    def interrupt(self, number):
        child, before = self.at_work()
        with child:
            child.send_signal(number)
            said = child.communicate(timeout=60)[1]
        self.assertEqual(child.returncode, 128 + number, said)
        self.assertIn(b"(NS_E_DRM_OPERATION_CANCELED)", said)
        self.assertEqual(os.listdir(self.backups), [w.BACKUP_NAME])
        self.assertEqual(support.read(os.path.join(self.backups, w.BACKUP_NAME)), before)

    def test_control_c(self):
        self.interrupt(signal.SIGINT)

    def test_terminate(self):
        self.interrupt(signal.SIGTERM)

    def test_the_terminal_is_closed(self):
        self.interrupt(signal.SIGHUP)

    def test_what_is_ignored_stays_ignored(self):
        """So it is of what nohup, or a shell in the background, starts."""
        child, _ = self.at_work(signal.SIGINT, signal.SIGHUP)
        with child:
            child.send_signal(signal.SIGHUP)
            child.send_signal(signal.SIGINT)
            child.stderr.readline()
            self.assertIsNone(child.poll())
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=60)
        self.assertEqual(child.returncode, 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
