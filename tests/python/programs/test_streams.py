"""The wmlb command with "-": standard output and standard input."""

import os
import subprocess
import unittest

import archive
import support
from programs import test_command

# Not a class here, since its tests are run there.
SHARED = vars(test_command.Command)
WORDS = rb"^%s 60 licenses \([\d.]+ kB\) in [\d.]+ s%s\n$"


class Streams(unittest.TestCase):
    setUpClass = SHARED["setUpClass"]
    setUp = SHARED["setUp"]
    path = SHARED["path"]
    text = SHARED["text"]
    run_it = SHARED["run_it"]
    assert_same = SHARED["assert_same"]
    on_terminal = SHARED["on_terminal"]
    read_until = SHARED["read_until"]
    set_signals = SHARED["set_signals"]

    def saved(self, *options):
        done = self.run_it(0, "backup", "--store", self.filled, *options, "-")
        return done.stdout, done.stderr

    def test_through_a_pipe(self):
        backup = [self.program, "backup", "--quiet", "--store", self.filled, "-"]
        restore = [self.program, "restore", "--store", self.path("again"), "-"]
        with subprocess.Popen(backup, stdout=subprocess.PIPE, env=self.environment) as sender:
            done = subprocess.run(restore, stdin=sender.stdout, env=self.environment, timeout=60,
                                  stdout=subprocess.PIPE, check=True)
        self.assertEqual(sender.returncode, 0)
        self.assertRegex(done.stdout, WORDS % (b"restored", b" to " + self.path("again").encode()))
        self.assert_same(self.path("again"))

    def test_what_is_said_is_not_in_it(self):
        data, words = self.saved()
        self.assertRegex(words, WORDS % (b"backed up", b""))
        support.write(self.path("file"), data)
        self.assertEqual(len(archive.Backup(self.path("file")).files()), 60)
        self.assertEqual(self.saved("--quiet")[1], b"")
        said = self.run_it(0, "verify", "-", input=data).stdout
        self.assertRegex(said, WORDS % (b"verified", b""))
        listed = self.run_it(0, "list", "-", input=data).stdout
        self.assertEqual(listed, self.run_it(0, "list", self.path("file")).stdout)
        self.run_it(6, "verify", "-", input=data[:-1])
        self.run_it(6, "restore", "--store", self.path("none"), "-", input=b"no backup")

    def test_to_and_from_a_file(self):
        with open(self.path("file"), "wb") as file:
            file.write(b"a header")
            file.flush()
            subprocess.run([self.program, "backup", "--quiet", "--store", self.filled, "-"],
                           stdout=file, env=self.environment, timeout=60, check=True)
        with open(self.path("file"), "rb", buffering=0) as file:
            file.seek(8)
            done = subprocess.run([self.program, "verify", "-"], stdin=file, timeout=60, check=True,
                                  env=self.environment, stdout=subprocess.PIPE)
        self.assertRegex(done.stdout, WORDS % (b"verified", b""))

    def test_by_their_other_names(self):
        backup = [self.program, "backup", "--store", self.filled, "/dev/stdout"]
        data = subprocess.run(backup, stdout=subprocess.PIPE, env=self.environment, timeout=60,
                              check=True).stdout
        self.assertEqual(self.run_it(0, "list", "/dev/stdin", input=data).stdout,
                         self.run_it(0, "list", "-", input=data).stdout)
        said = self.run_it(0, "verify", "/dev/stdin", input=data).stdout
        self.assertRegex(said, WORDS % (b"verified", b""))
        for path in ("-", "/dev/stdin"):
            for secret in ("-", "/dev/stdin"):
                done = self.run_it(2, "verify", "--passphrase-file", secret, path, input=data)
                self.assertIn(b"standard input", done.stderr)
        done = self.run_it(1, "verify", "/proc/self/fd/0", input=data)
        self.assertIn(b"/proc/self/fd/0 is no", done.stderr)

    def test_encrypted(self):
        secret = self.text("secret", "correct horse\n")
        data, _ = self.saved("--passphrase-file", secret)
        self.assertTrue(data.startswith(b"age-encryption.org/v1"))
        self.run_it(0, "verify", "--passphrase-file", secret, "-", input=data)
        done = self.run_it(2, "verify", "--passphrase-file", "-", "-", input=b"correct horse\n")
        self.assertIn(b"standard input", done.stderr)
        # A backup's passphrase does come from there.
        done = self.run_it(0, "backup", "--store", self.filled, "--passphrase-file", "-", "-",
                           input=b"correct horse\n")
        self.run_it(0, "verify", "--passphrase-file", secret, "-", input=done.stdout)

    def test_a_stream_that_is_closed(self):
        for command, close in (("backup", ">&-"), ("verify", "<&-")):
            done = subprocess.run(
                ["sh", "-c", 'exec "$0" "$@" ' + close, self.program, command, "-"],
                env={**self.environment, "WMLB_STORE_PATH": self.filled}, timeout=60,
                stderr=subprocess.PIPE,
            )
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(b"closed", done.stderr)

    def test_a_terminal(self):
        for command in "backup", "restore", "verify", "list":
            child, terminal = self.on_terminal(command, "-", WMLB_STORE_PATH=self.filled)
            said = self.read_until(terminal, b"--help\r\n")
            self.assertIn(b"terminal", said)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 2, said)

    def test_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([self.program, "backup", "--store", self.filled, "-"], timeout=60,
                              stdout=writer, stderr=subprocess.PIPE, env=self.environment)
        os.close(writer)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
