"""The wmlb command: stores and backups as a user has them, a terminal, signals, exit codes."""

import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

import license_forge as forge
import support
import wmlb_ctypes as w
from encryption_support import key

SIZE = rb"\d+(?:\.\d [kMG])? ?B"
WARNINGS = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
KEYGEN = shutil.which("age-keygen")


def compile_command(compiler, program):
    library = os.path.realpath(w.LIBRARY)
    command = [compiler, *WARNINGS, "-I" + os.path.join(w.ROOT, "include")]
    command += [*glob.glob(os.path.join(w.ROOT, "cli/*.c")), library, "-o", program]
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
        file = re.escape(os.path.join(self.backups, w.BACKUP_NAME).encode())
        words = rb" 60 licenses \(\d+\.\d kB\) in \d\.\d s"
        size = rb" \(%s\)" % SIZE
        self.assertRegex(self.backup("--verify").stdout,
                         rb"^backed up%s to %s%s\n$" % (words, file, size))
        self.assertRegex(self.run_it(0, "verify", self.backups).stdout,
                         rb"^verified%s: %s%s\n$" % (words, file, size))
        again = self.path("again")
        self.assertRegex(self.run_it(0, "restore", "--store", again, self.backups).stdout,
                         rb"^restored%s from %s%s to %s\n$" % (
                             words, file, size, re.escape(again.encode())))
        self.assert_same(self.path("again"))

    def test_one_that_is_there(self):
        self.backup()
        self.backup(code=4)
        self.backup("--force")

    def test_some_licenses_of_a_backup(self):
        self.backup()
        listed = json.loads(self.run_it(0, "list", "--json", self.backups).stdout)
        one, other = listed[0], listed[-1]
        self.run_it(0, "restore", "--only", one["name"], "--only", other["name"][:-1] + "?",
                    "--store", self.path("some"), self.backups)
        found = sorted(os.path.relpath(os.path.join(folder, name), self.path("some"))
                       for folder, _, names in os.walk(self.path("some")) for name in names)
        self.assertEqual(found, sorted(entry["name"] for entry in listed if
                                       entry["name"][:-1] == other["name"][:-1] or entry == one))
        for entry in listed:
            for pattern in [entry["name"]] + ["key:" + key for key in entry["key_ids"][:1]]:
                some = self.run_it(0, "list", "--json", "--only", pattern, self.backups).stdout
                self.assertIn(entry["name"], [it["name"] for it in json.loads(some)])
            said = self.run_it(0, "cat", self.backups, entry["name"]).stdout
            self.assertEqual(said, support.read(os.path.join(self.filled, entry["name"])))
        self.assertIn(b"no such license", self.run_it(1, "cat", self.backups, "no*").stderr)
        self.assertIn(b"no such license", self.run_it(1, "restore", "--only", "none", "--store",
                                                      self.path("none"), self.backups).stderr)
        self.run_it(2, "list", "--only", "a", "--store", self.filled)
        self.run_it(2, "cat", self.backups)

    def test_a_store_that_lost_licenses(self):
        self.backup()
        whole = support.read(os.path.join(self.backups, w.BACKUP_NAME))
        store = self.path("rest")
        os.mkdir(store)

        def again(code, *options):
            return self.run_it(code, "backup", "--store", store, *options, self.backups,
                               stdin=subprocess.DEVNULL)

        for option in ("--replace", "--force"):
            self.assertIn(b"no licenses", again(1, option).stderr)
        support.write(os.path.join(store, "license"), b"x")
        self.assertIn(b"has 1 license, the one that it replaces 60", again(1, "--replace").stderr)
        for answer, code in ((b"n\n", 1), (b"\n", 1), (b"\x03", 128 + signal.SIGINT), (b"y\n", 0)):
            self.assertEqual(support.read(os.path.join(self.backups, w.BACKUP_NAME)), whole)
            child, terminal = self.on_terminal("backup", "--replace", "--store", store,
                                               self.backups)
            self.read_until(terminal, b"[y/N] ")
            os.write(terminal, answer)
            said = self.read_until(terminal, b"backed up")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code, said)
        self.backup("--force")
        self.assertIn(b"has 1 license,", again(0, "--force").stderr)
        os.unlink(os.path.join(store, "license"))
        again(1, "--force")
        again(0, "--force", "--empty")

    def test_passphrase(self):
        right, wrong = self.text("right", "correct horse\nno more\n"), self.text("wrong", "guess\n")
        self.backup("--passphrase-file", right)
        self.run_it(5, "verify", self.backups)
        self.run_it(5, "restore", "--passphrase-file", wrong, "--store", self.path("none"),
                    self.backups)
        self.assertFalse(os.path.exists(self.path("none")))
        self.run_it(0, "verify", "--passphrase-file", "-", self.backups, input=b"correct horse\r\n")

    def test_asked_to_encrypt_without_a_secret(self):
        """There is no backup then, not one in clear."""
        empty, line = self.text("empty", ""), self.text("line", "\nsecond line\n")
        no_files = ("/dev/null", self.path("none"), self.folder, "")
        options = [("--passphrase-file", name) for name in (empty, line, *no_files)]
        for option, value in options + [("--recipient", text) for text in ("", "age1", "#")]:
            with self.subTest(option=option, value=value):
                done = subprocess.run(
                    [self.program, "backup", "--store", self.filled, option, value, self.backups],
                    env=self.environment, timeout=60, capture_output=True)
                self.assertNotEqual(done.returncode, 0)
                self.assertFalse(os.path.exists(self.backups))

    def test_byte_order_marks(self):
        """As editors and shells of Windows write them: no part of a secret."""
        def file(name, text, encoding):
            support.write(self.path(name), text.encode(encoding))
            return self.path(name)

        words = "corréct horse\r\n"
        self.backup("--passphrase-file", file("marked", words, "utf-8-sig"))
        self.run_it(0, "verify", "--passphrase-file", file("plain", words, "utf-8"), self.backups)
        self.run_it(0, "verify", "--passphrase-file", "-", self.backups,
                    input=words.encode("utf-8-sig"))
        own = key()
        self.backup("--force", "--recipient", own.recipient)
        for text in (own.text, own.identity):
            marked = file("identity", text, "utf-8-sig")
            self.run_it(0, "verify", "--identity", marked, "--identity", marked, self.backups)
        for option in ("--passphrase-file", "--identity"):
            for encoding in ("utf-16", "utf-16-be"):
                mark = "" if encoding == "utf-16" else "\ufeff"
                wide = file("wide", mark + own.text, encoding)
                done = self.run_it(1, "verify", option, wide, self.backups)
                self.assertIn(b"is in UTF-16", done.stderr)
        done = subprocess.run(
            [self.program, "backup", "--store", self.filled, "--passphrase-file", wide,
             self.path("none")], env=self.environment, timeout=60, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertFalse(os.path.exists(self.path("none")))

    def test_a_line_of_standard_input(self):
        """What comes after it is not waited for."""
        command = [self.program, "backup", "--quiet", "--passphrase-file", "-", "--store",
                   self.filled, self.backups]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=self.environment) as child:
            child.stdin.write(b"correct horse\n")
            child.stdin.flush()
            self.assertEqual(child.wait(timeout=60), 0)
        self.run_it(0, "verify", "--passphrase-file", "-", self.backups, input=b"correct horse")

    def on_terminal(self, *arguments, columns=80, **environment):
        """The command with a terminal that it controls, and the terminal's other end."""
        child, terminal = pty.fork()
        if child == 0:
            self.set_signals()
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(self.program, [self.program, *arguments], {**self.environment, **environment})
        self.addCleanup(os.close, terminal)
        return child, terminal

    def read_until(self, terminal, wanted):
        said = b""
        while wanted not in said:
            self.assertTrue(select.select([terminal], [], [], 60)[0], said)
            try:
                said += os.read(terminal, 65536)
            except OSError:  # it has ended
                break
        return said

    def test_a_passphrase_that_is_typed(self):
        for answers, code in (([b"correct horse", b"correct horse"], 0), ([b"one", b"two"], 1),
                              ([b"one", b"\x03"], 128 + signal.SIGINT)):
            child, terminal = self.on_terminal("backup", "--force", "--passphrase-file", "-",
                                               "--store", self.filled, self.backups)
            self.assertIn(b"Passphrase: ", self.read_until(terminal, b": "))
            os.write(terminal, answers[0] + b"\n")
            self.assertEqual(self.read_until(terminal, b": "), b"\r\nOnce more: ")
            os.write(terminal, answers[1] + b"\n" * (answers[1] != b"\x03"))
            said = self.read_until(terminal, b"B)\r\n")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code, said)
        child, terminal = self.on_terminal("verify", "--passphrase-file", "-", self.backups)
        self.read_until(terminal, b": ")
        os.write(terminal, b"correct horse\n")
        self.assertIn(b"60 licenses", self.read_until(terminal, b"B)\r\n"))
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    @unittest.skipUnless(KEYGEN, "there is no age-keygen")
    def test_several_identities(self):
        keys = [self.path("key-%d" % number) for number in range(3)]
        for key in keys:
            subprocess.run([KEYGEN, "-o", key], check=True, stderr=subprocess.DEVNULL)
        public = re.search(rb"age1\w+", support.read(keys[1])).group().decode()
        # Without a line's end, and with many others.
        support.write(keys[1], support.read(keys[1]).rstrip())
        many = support.read(keys[2]) * 400
        support.write(keys[2], many)
        self.backup("--recipient", public)
        options = [option for key in keys for option in ("--identity", key)]
        self.run_it(0, "verify", *options, self.backups)
        self.run_it(5, "verify", *options[:2], *options[4:], self.backups)

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
        self.assertIn(b"left out: bad (no permission, or neither file nor folder)\n", done.stderr)

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
        for arguments in (["juggle"], ["--verbose"], ["backup"], ["backup", "a", "b"], ["verify", "--level", "1", "a"],
                          ["backup", "--level", "20", "a"], ["backup", "--level", "-1", "a"],
                          ["backup", "--level", "", "a"],
                          ["backup", "--store"], ["stores", "a"], ["list", "--store", "a", "b"]):
            self.assertIn(b"--help", self.run_it(2, *arguments).stderr)
        for arguments, named in (
                (["verify", "--store", "x", "y"], b"not an option here: --store\n"),
                (["--store", "x", "verify", "y"], b"not an option here: --store\n"),
                (["--fine", "verify", "y"], b"not an option here: --fine\n"),
                (["list", "-xy"], b"not an option here: -x\n"),
                (["backup", "folder", "-xy"], b"not an option here: -x\n"),
                (["backup", "folder", "--force=1"], b"not an option here: --force=1\n"),
                (["backup", "folder", "--store"], b"a value is missing: --store\n")):
            self.assertIn(named, self.run_it(2, *arguments).stderr)
        # The beginning of an option's name, if this command has no other like it.
        self.run_it(1, "verify", "--i", self.path("none"), self.backups)

    def test_help(self):
        self.assertIn(b"Exit codes", self.run_it(0, "--help").stdout)
        for command in ("backup", "restore", "verify", "list", "stores"):
            said = self.run_it(0, command, "--help").stdout.decode()
            self.assertTrue(said.startswith("usage: wmlb " + command))
            # Whatever help names is known: the next thing amiss is something else.
            shown = re.findall(r"^  (?:-(\w),|   ) --(\w[-\w]*)", said, re.MULTILINE)
            self.assertIn(("h", "help"), shown)
            for option in ["-" + one for one, _ in shown if one] + ["--" + one for _, one in shown]:
                done = self.run_it(0, command, option, "1", "--help")
                self.assertEqual(done.stdout.decode(), said)
            for same in (["help", command], [command, "-h"], [command, "a", "-h"]):
                self.assertEqual(self.run_it(0, *same).stdout.decode(), said)
        for same in (["help"], ["-h"]):
            self.assertEqual(self.run_it(0, *same).stdout, self.run_it(0, "--help").stdout)
        for version in ("--version", "-V"):
            self.assertEqual(self.run_it(0, version).stdout, b"wmlb 1.0.0\n")
        self.assertIn(b"there is no command juggle", self.run_it(2, "help", "juggle").stderr)

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
        done = self.run_it(0, "stores", "--json")
        self.assertEqual((json.loads(done.stdout), done.stderr), ([], b""))
        done = self.run_it(0, "stores")
        self.assertEqual((done.stdout, done.stderr), (b"", b"no stores found\n"))
        looked = self.run_it(0, "stores", "--verbose").stderr.decode().splitlines()
        self.assertEqual(looked[-1], "no stores found")
        self.assertIn("looked in: %s (Chromium)" % self.path(".config/chromium"), looked)
        self.assertIn("looked in: %s" % self.path(".config"), looked)
        support.write(self.path(".config/chromium/Default/CdmStorage.db"))
        found = json.loads(self.run_it(0, "stores", "--json").stdout)
        self.assertEqual([(s["player"], s["profile"], s["kind"], s["running"]) for s in found],
                         [("Chromium", "Default", "sqlite", False)])
        titles, row = self.run_it(0, "stores").stdout.decode().splitlines()
        for title, value in (("PROFILE", "Default"), ("RUNNING", "no"), ("KIND", "sqlite")):
            self.assertEqual(row.index(value), titles.index(title))
        looked = self.run_it(0, "stores", "--verbose")
        self.assertEqual(len(looked.stdout.splitlines()), 2)
        self.assertNotIn(b"no stores found", looked.stderr)

    def test_names_of_players_are_not_shown_raw(self):
        support.write(self.path(".config/x\x1b[2J\x9b1m/CdmStorage.db"))
        done = self.run_it(0, "stores", "--verbose")
        for shown in (done.stdout, done.stderr):
            self.assertNotIn(b"\x1b", shown)
            self.assertNotIn("\x9b".encode(), shown)
        player, = (entry["player"] for entry in
                   json.loads(self.run_it(0, "stores", "--json").stdout))
        self.assertEqual(player, "x\x1b[2J\x9b1m")

    def test_key_ids_in_a_line(self):
        store = self.path("store")
        support.write(os.path.join(store, "license"), forge.v7(forge.DENIED, ["one", "two"]).encode())
        done = self.run_it(0, "backup", "--verbose", "--store", store, self.backups)
        self.assertIn(b"may not be backed up: one two\n", done.stderr)
        self.assertIn(b", 1 may not be backed up\n", done.stdout)

    def test_a_backup_in_the_store_is_no_license(self):
        store = self.path("store")
        support.write(os.path.join(store, "license"), b"x")
        self.run_it(0, "backup", "--store", store, store)
        listed = json.loads(self.run_it(0, "list", "--json", "--store", store).stdout)
        self.assertEqual([entry["name"] for entry in listed], ["license"])

    def test_streams_that_are_closed(self):
        """Nothing that is meant for them is written into the backup."""
        self.backup()
        done = subprocess.run([self.program, "backup", "--force", "--store", self.filled,
                               self.backups], env=self.environment, timeout=60,
                              preexec_fn=lambda: os.closerange(0, 3))
        self.assertEqual(done.returncode, 0)
        self.run_it(0, "verify", self.backups)

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
        # The number of licenses is known from the backup file.
        for arguments, end in ((["verify"], b"verified"),
                               (["restore", "--store", self.path("again")], b"restored")):
            child, terminal = self.on_terminal(*arguments, self.backups)
            self.assertRegex(self.read_until(terminal, end), rb"\[#{30}\] 100 %  60 licenses, ")
            self.assertEqual(os.waitpid(child, 0)[1], 0)
        for columns in (1, 20, 40, 55):
            child, terminal = self.on_terminal("backup", "--force", "--store", self.filled,
                                               self.backups, columns=columns)
            rows = re.split(rb"\r\x1b\[K", self.read_until(terminal, b"backed up"))
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertGreater(len(rows), 1)
            self.assertLess(max(map(len, rows[:-1])), max(columns, 2), rows)
        child, terminal = self.on_terminal("backup", "--force", "--store", self.filled,
                                           self.backups, TERM="dumb")
        self.assertNotIn(b"\x1b", self.read_until(terminal, b"backed up"))
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.backup("--force").stderr, b"")
        plain = self.backup("--force", "--verbose").stderr
        self.assertNotRegex(plain, rb"[\r\x1b]")
        self.assertIn(b"licenses, ", plain)
        done = self.backup("--force", "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))

    @staticmethod
    def set_signals(*ignored):
        """In a child: those of whoever runs the tests may be others."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    def at_work(self, *ignored):
        """The command that makes a backup of a large store again, and the backup before."""
        store = self.path("large")
        os.makedirs(store)
        for name in range(8):  # they take no place, and seconds to read
            with open(os.path.join(store, str(name)), "wb") as file:
                file.truncate(1 << 31)
        self.backup()
        before = support.read(os.path.join(self.backups, w.BACKUP_NAME))
        command = [self.program, "backup", "--force", "--verbose", "--level", "9", "--store", store,
                   self.backups]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env=self.environment,
                                 preexec_fn=lambda: self.set_signals(*ignored))
        child.stderr.readline()  # progress: it is at work
        return child, before

    def interrupt(self, number):
        child, before = self.at_work()
        with child:
            child.send_signal(number)
            said = child.communicate(timeout=60)[1]
        self.assertEqual(child.returncode, 128 + number, said)
        self.assertIn(b"wmlb: interrupted: nothing has changed (NS_E_DRM_OPERATION_CANCELED)\n", said)
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
