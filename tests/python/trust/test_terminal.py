"""What others have named reaches no terminal as it is: neither from the command, nor from any of
the programs that users start from."""

import json
import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
import tempfile
import unicodedata
import unittest

import archive_forge as forge
import support
import trust_support as trust
import wmlb_ctypes as w

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SEPARATORS = "\u2028\u2029"
NAMES = [
    b"a\x1b]0;title\x07", b"b\xc2\x9b31mred", b"c\xc2\x9d0;title\xc2\x9c", b"d\x9b31m\x9d0;x\x9c",
    b"e\rover", b"f\nline", b"g\ttab", b"h\x7f\x08\x08", b"i\xc2\x85next", b"j\x0b\x0c",
] + [b"k%d" % number + mark.encode() + b"gnp.exe"
     for number, mark in enumerate(BIDIRECTIONAL + SEPARATORS)]
HOSTILE = b"x\x1b[31m\xc2\x9b5n\xe2\x80\xae\xe2\x80\xa8y"
PROGRAMS = ("backup", "poll", "progress", "restore", "encrypted", "host_store", "stores")


def problems(output):
    """What of an output a terminal would act on."""
    text = output.decode("utf-8", "surrogateescape")
    found = set()
    for character in text:
        if character == "\n":
            continue
        if unicodedata.category(character) in ("Cc", "Cs") or character in (
                BIDIRECTIONAL + SEPARATORS):
            found.add("U+%04X" % ord(character))
    return sorted(found)


class TerminalCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.programs)
        cls.program = trust.build_command(cls.programs)
        examples = os.path.join(cls.programs, "examples-c")
        shutil.copytree(os.path.join(w.ROOT, "examples-c"), examples)
        for name in ("include", "cli"):
            if os.path.isdir(os.path.join(w.ROOT, name)):
                os.symlink(os.path.join(w.ROOT, name), os.path.join(cls.programs, name))
        target = os.path.dirname(os.path.dirname(os.path.abspath(w.LIBRARY)))
        # The library is there, and not built again.
        subprocess.run(
            ["make", "--silent", "-o", "library", "-C", examples, "WMLB=tree",
             "CARGO_TARGET_DIR=" + target, *PROGRAMS],
            check=True, stdout=subprocess.DEVNULL)
        cls.examples = examples

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.store, self.backups = self.path("store"), self.path("backups")
        for name in NAMES:
            support.write(os.path.join(os.fsencode(self.store), name), b"license")
        os.symlink("nowhere", os.path.join(os.fsencode(self.store), HOSTILE))
        content = {name: b"another" for name in NAMES}
        support.write(self.path("forged/" + w.BACKUP_NAME), forge.small(
            content, library="1\x1b[0m\u202e", device="x\x1b[31m"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_it(self, *command, code=None, **options):
        """Both outputs of a program, which must be plain."""
        environment = trust.command_environment(self.folder, TERM="xterm", LANG="C.UTF-8")
        done = subprocess.run(command, env=environment, timeout=trust.HANGS,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        words = " ".join(map(str, command[:3]))
        if code is not None:
            self.assertEqual(done.returncode, code, (words, done.stderr))
        for name, output in (("output", done.stdout), ("messages", done.stderr)):
            self.assertEqual(problems(output), [], "in the %s of %s: %r" % (
                name, words, output[:2000]))
        return done


class TheCommand(TerminalCase):
    def test_lists(self):
        """One line each, and each name can be told."""
        for arguments in (["--store", self.store], [self.path("forged")]):
            done = self.run_it(self.program, "list", *arguments, code=0)
            lines = done.stdout.decode().split("\n")[:-1]
            self.assertEqual(len(lines), len(NAMES) + 1)

    def test_lists_as_json(self):
        """Escaped, so that it is still the name that is there."""
        for arguments in (["--store", self.store], [self.path("forged")]):
            done = self.run_it(self.program, "list", "--json", *arguments, code=0)
            found = json.loads(done.stdout)
            found = found if isinstance(found, list) else found["licenses"]
            names = {bytes.fromhex(each["name_hex"]) if "name_hex" in each
                     else each["name"].encode() for each in found}
            self.assertEqual(names, set(NAMES))

    def test_operations(self):
        self.run_it(self.program, "backup", "--store", self.store, self.backups, code=0)
        self.run_it(self.program, "verify", self.path("forged"), code=0)
        # Each license differs, is kept, and told.
        done = self.run_it(self.program, "restore", "--individualize", "--store", self.store,
                           self.path("forged"))
        self.assertGreaterEqual(done.stderr.count(b"left out"), len(NAMES))

    def test_failures(self):
        """Words that name a path."""
        hostile = os.path.join(os.fsencode(self.folder), HOSTILE)
        for arguments in (
            ["list", "--store", hostile], ["list", hostile], ["verify", hostile],
            ["backup", "--store", hostile, self.backups],
            ["restore", "--store", self.path("new"), hostile], [HOSTILE], ["list", b"--" + HOSTILE],
        ):
            done = self.run_it(self.program, *arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"x", done.stderr)

    def test_a_damaged_database(self):
        path = os.path.join(os.fsencode(self.store), HOSTILE + b".db")
        support.write(path, b"SQLite format 3\0" + bytes(84))
        self.run_it(self.program, "backup", "--store", self.store, self.backups, code=1)
        self.run_it(self.program, "backup", "--partial", "--store", self.store, self.backups,
                    code=3)

    def test_rows_of_a_database(self):
        path = self.path("rows/x.db")
        os.makedirs(self.path("rows"))
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data)")
        for name in NAMES:
            connection.execute("INSERT INTO cdm_storage VALUES (?, ?, ?, ?)", (
                name.decode(errors="replace"), "t", HOSTILE.decode(), b"data"))
        connection.commit()
        connection.close()
        for option in ([], ["--json"]):
            self.run_it(self.program, "list", *option, "--store", self.path("rows"), code=0)

    def test_stores_of_players(self):
        for profile in ("p\u009bx", "q\u202ex", "r\u2028x", "s\x1b[31mx", "t\nx"):
            support.write(self.path(".mozilla/firefox/%s/gmp/a/b/storage/x" % profile), b"x")
            support.write(self.path(".config/chromium/Profile %s/CdmStorage.db" % profile),
                          b"SQLite format 3\0" + bytes(84))
        for option in ([], ["--json"]):
            done = self.run_it(self.program, "stores", *option, code=0)
            self.assertIn(b"Chromium", done.stdout)
            if option:
                found = json.loads(done.stdout)
                found = found if isinstance(found, list) else found["stores"]
                self.assertTrue(any("\u202e" in each["path"] for each in found))

    def test_a_bar_on_a_terminal(self):
        """Among what draws it."""
        child, terminal = pty.fork()
        if child == 0:
            os.execve(self.program, [self.program, "backup", "--store", self.store, self.backups],
                      trust.command_environment(self.folder, TERM="xterm", NO_COLOR="1"))
        said = b""
        while select.select([terminal], [], [], trust.HANGS)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # it has ended
                break
            if not piece:
                break
            said += piece
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, said)
        self.assertIn(b"left out", said)
        own = said.replace(b"\r\n", b"\n").replace(b"\r\x1b[K", b"")
        self.assertEqual(problems(own), [], said)


class Examples(TerminalCase):
    def example(self, name, *arguments, **options):
        return self.run_it(os.path.join(self.examples, name), *arguments, **options)

    def test_backup(self):
        self.example("backup", self.store, self.backups, code=0)
        self.example("backup", self.store, self.backups)

    def test_progress(self):
        self.example("progress", self.store, self.backups, code=0)

    def test_restore(self):
        self.example("restore", "-i", self.path("forged"), self.path("new"), code=0)
        done = self.example("restore", "-i", self.path("forged"), self.store)
        self.assertIn(b"kept", done.stderr)

    def test_stores(self):
        support.write(self.path(".mozilla/firefox/p\u009b\u202e\x1bx/gmp/a/b/storage/x"), b"x")
        done = self.example("stores", code=0)
        self.assertIn(b"Firefox", done.stdout)

    def test_encrypted(self):
        self.example("encrypted", "save", self.store, self.backups, code=0, input=b"a passphrase\n")
        self.example("encrypted", "restore", self.backups, self.store, input=b"a passphrase\n")
        self.example("encrypted", "restore", self.backups, self.store, input=b"another\n")

    def test_their_failures(self):
        hostile = os.path.join(os.fsencode(self.folder), HOSTILE)
        for name, arguments, said in (
            ("poll", [hostile, self.backups], None),
            ("backup", [hostile, self.backups], None), ("progress", [hostile, self.backups], None),
            ("restore", [hostile, self.store], None), ("host_store", [hostile + b"/\xff"], None),
            ("encrypted", ["save", hostile, self.backups], b"a passphrase\n"),
        ):
            self.example(name, *arguments, input=said)

    def test_the_first_program_of_the_readme(self):
        text = support.read(os.path.join(w.ROOT, "README.md")).decode()
        program = re.search(r"```c\n(.*?)```", text, re.S)[1]
        support.write(self.path("first.c"), program.encode())
        subprocess.run(
            ["cc", "-I" + os.path.join(w.ROOT, "include"), "-I" + self.examples,
             self.path("first.c"), os.path.realpath(w.LIBRARY), "-o", self.path("first")],
            check=True)
        done = self.run_it(self.path("first"), self.store, self.backups, code=0)
        self.assertIn(b"E_ACCESSDENIED", done.stderr)
        self.run_it(self.path("first"), os.path.join(os.fsencode(self.folder), HOSTILE),
                    self.backups)

    def test_all_are_tried(self):
        """A new one is to be tried, too."""
        text = support.read(os.path.join(w.ROOT, "examples-c/Makefile")).decode()
        named = re.search(r"^programs = (.*)$", text, re.M)[1].split()
        self.assertEqual(set(named), set(PROGRAMS))


if __name__ == "__main__":
    unittest.main()
