"""The process that the library is in: its secrets, its forks, and the command's own file."""

import ctypes
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import unittest

import support
import trust_support as trust
import wmlb_ctypes as w
from trust_support import TrustCase

NEW_PROCESS_IDS = 0x20000000


class Namespaces(TrustCase):
    """A process that is number 1, as in a container, forks a child that is number 1 of the next
    one: their numbers do not tell them apart."""

    def setUp(self):
        super().setUp()
        support.need_root()
        self.fill()

    def next_is_first(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(NEW_PROCESS_IDS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")

    def as_first(self, body):
        """body() in a process that is number 1."""
        def inner():
            assert os.getpid() == 1, os.getpid()
            return body()

        def outer():
            self.next_is_first()
            return support.in_child(inner, timeout=2 * trust.HANGS)

        return support.in_child(outer, timeout=3 * trust.HANGS)

    def test_a_handle_from_before(self):
        def child(handles):
            assert os.getpid() == 1, os.getpid()
            answers = []
            for handle in handles:
                restorer = w.Restorer(handle)
                result = ctypes.c_int32()
                answers += [
                    restorer.wait(0, ctypes.byref(result)), restorer.cancel(),
                    restorer.set("Threads", 1),
                ]
            own = self.new_restorer(backups=self.root + "/child")
            answers.append(w.lib.wmlb_default_restorer() in handles)
            answers.append(own.backup()[0])
            return answers

        def parent():
            restorer = self.new_restorer()
            self.assert_ends(restorer.backup())
            handles = [restorer.handle, w.lib.wmlb_default_restorer()]
            self.next_is_first()
            return support.in_child(lambda: child(handles), timeout=trust.HANGS)

        answers = self.as_first(parent)
        self.assertEqual(answers, [w.E_HANDLE] * 6 + [False, w.S_OK])

    def test_in_the_middle_of_an_operation(self):
        def child(handle):
            restorer = w.Restorer(handle)
            result = ctypes.c_int32()
            return [restorer.wait(1000, ctypes.byref(result)), restorer.release()]

        def parent():
            restorer = self.new_restorer()
            begun, go_on = threading.Event(), threading.Event()

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    begun.set()
                    go_on.wait(trust.HANGS)

            self.assert_hr(restorer.start(0, on_event), w.S_OK)
            begun.wait(trust.HANGS)
            self.next_is_first()
            try:
                return support.in_child(lambda: child(restorer.handle), timeout=trust.HANGS)
            finally:
                go_on.set()
                # No thread can be started here any more: how it ends is no matter.
                restorer.finish()

        self.assertEqual(self.as_first(parent), [w.E_HANDLE, w.E_HANDLE])

    def test_a_grandchild(self):
        """One namespace in another in another."""
        def level(depth, handles):
            answers = [w.Restorer(handle).cancel() for handle in handles]
            if depth == 0:
                return answers
            own = self.new_restorer()
            self.next_is_first()
            return answers + support.in_child(
                lambda: level(depth - 1, handles + [own.handle]), timeout=trust.HANGS)

        answers = self.as_first(lambda: level(2, []))
        self.assertEqual(answers, [w.E_HANDLE] * 3)


SECRET = """
import ctypes, os, sys, wmlb_ctypes as w
size = int(sys.argv[1])
buffer = ctypes.create_string_buffer(size)
# No other copy of it is made here.
assert os.readv(0, [memoryview(buffer).cast("B")]) == size
restorer = w.Restorer()
name = sys.argv[2].encode()
assert restorer.set_prop(name, w.TYPE_STRING, ctypes.addressof(buffer), size) == 0
ctypes.memset(buffer, 0, size)
print("set", flush=True)
sys.stdin.readline()
"""


class Secrets(TrustCase):
    """What is kept of a secret is in no core dump, and on no disk that memory is swapped to."""

    def regions_with(self, process, secret):
        """The lines of smaps about each region of a process's memory that a secret is in."""
        found = []
        with open("/proc/%d/smaps" % process) as file:
            text = file.read()
        with open("/proc/%d/mem" % process, "rb") as memory:
            for block in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M):
                match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", block)
                if not match or "[v" in block.split("\n")[0]:
                    continue
                start, end = (int(each, 16) for each in match.groups())
                memory.seek(start)
                try:
                    if secret in memory.read(end - start):
                        found.append(block)
                except OSError:
                    pass
        return found

    def look(self, name, secret):
        code = "import sys; sys.path.insert(0, %r)\n%s" % (w.HERE, SECRET)
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(len(secret)), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.communicate)
        process.stdin.write(secret)
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"set\n")
        return self.regions_with(process.pid, secret)

    def check(self, name, secret):
        regions = self.look(name, secret)
        self.assertEqual(len(regions), 1, "it is kept once")
        flags = re.search(r"^VmFlags: (.*)$", regions[0], re.M)[1].split()
        self.assertIn("dd", flags, "it would be in a core dump")
        self.assertIn("lo", flags, "it is not locked")

    def test_a_passphrase(self):
        self.check("Passphrase", b"correct-horse-" + os.urandom(16).hex().encode())

    def test_identities(self):
        keys = subprocess.run(["age-keygen"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True).stdout
        secret = re.search(rb"AGE-SECRET-KEY-1\S+", keys)[0]
        self.check("Identities", secret)

    def test_without_the_right_to_lock(self):
        """It is as good as it gets: what cannot be locked is kept all the same."""
        def body():
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
            restorer = self.new_restorer(Passphrase="a long passphrase")
            return restorer.backup()[0]

        self.fill()
        os.chmod(self.backups, 0o777)
        self.assert_hr(support.in_child(body, user=support.drop_to_nobody()), w.S_OK)


class TheCommand(unittest.TestCase):
    """The command's file is hardened as the library's is."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", folder], check=True)
        cls.program = trust.build_command(folder)

    def readelf(self, *options):
        return subprocess.run(["readelf", "--wide", *options, self.program],
                              stdout=subprocess.PIPE, text=True, check=True).stdout

    def test_is_bound_and_read_only_before_its_code_runs(self):
        self.assertRegex(self.readelf("--dynamic"), r"\(FLAGS\).*BIND_NOW")
        self.assertRegex(self.readelf("--dynamic"), r"\(FLAGS_1\).*NOW")
        self.assertIn("GNU_RELRO", self.readelf("--program-headers"))

    def test_is_loaded_anywhere(self):
        self.assertRegex(self.readelf("--file-header"), r"Type: +DYN")
        self.assertRegex(self.readelf("--dynamic"), r"\(FLAGS_1\).*PIE")

    def test_looks_after_its_stack_and_buffers(self):
        symbols = self.readelf("--syms")
        self.assertIn("__stack_chk_fail", symbols)
        self.assertRegex(symbols, r"__\w+_chk\b")

    def test_has_no_stack_that_runs(self):
        stack = re.search(r"GNU_STACK .*", self.readelf("--program-headers"))[0]
        self.assertNotIn("E", stack.split()[-2])

    def test_finds_its_library_beside_it_alone(self):
        paths = re.findall(r"Library (?:rpath|runpath): \[(.*)\]", self.readelf("--dynamic"))
        self.assertEqual(paths, ["$ORIGIN/../lib"])


class TheHeader(unittest.TestCase):
    """What a host must not do, it is told where it looks."""

    def test_says_what_hosts_owe(self):
        text = support.read(w.HEADER).decode().replace("\n", " ")
        text = re.sub(r"[\s*/]+", " ", text)
        self.assertRegex(
            text, r"(?i)\bcall\w*\b[^.]*\b(in|from) (a |any )?signal handlers?\b",
            "that nothing is to be called there")
        self.assertRegex(text, r"(?i)\b(bytes|buffers?|strings?|what is passed|arguments)\b[^.]*"
                         r"\b(not change|unchanged)\b", "that what is passed stays as it is")


if __name__ == "__main__":
    unittest.main()
