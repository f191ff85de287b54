"""Callbacks that are left as none may be: what the header says of it happens."""

import os
import signal
import subprocess
import unittest

import support
import wmlb_ctypes as w

PROGRAM = os.path.join(w.ROOT, "tests/faults/misbehave.cpp")
ON_THE_OPERATIONS_THREAD = (
    "status", "authorizer", "rights", "open", "next", "put", "commit", "close",
)
ON_THE_CALLING_THREAD = ("license", "listed", "store")


class Misbehavior(support.StoreCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = support.tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = folder.name + "/misbehave"
        command = ["g++", "-std=c++11", "-O1", "-Wall", "-Wextra", "-Werror", PROGRAM]
        command += ["-I" + os.path.dirname(w.HEADER), w.LIBRARY, "-pthread", "-o", cls.program]
        command += ["-Wl,-rpath," + os.path.dirname(os.path.abspath(w.LIBRARY))]
        subprocess.run(command, check=True)

    def run_program(self, which, how):
        home = self.root + "/home"
        player = home + "/.kodi/userdata"
        self.fill()
        os.makedirs(player, exist_ok=True)
        environment = {"HOME": home, "WMLB_STORE_PATH": self.store}
        return subprocess.run(
            [self.program, which, how, self.root], env=environment, capture_output=True, timeout=90
        )

    def test_they_are_called(self):
        """The program is what it seems to be: with no misbehavior it ends well."""
        for which in ON_THE_OPERATIONS_THREAD + ON_THE_CALLING_THREAD:
            ended = self.run_program(which, "return")
            self.assertEqual((which, ended.returncode, ended.stderr), (which, 0, b""))

    def test_an_exception_or_the_end_of_the_thread_ends_the_process(self):
        for which in ON_THE_OPERATIONS_THREAD + ON_THE_CALLING_THREAD:
            for how in ("throw", "exit"):
                ended = self.run_program(which, how)
                self.assertEqual(
                    (which, how, ended.returncode, ended.stdout + ended.stderr),
                    (which, how, -signal.SIGABRT, b""),
                )

    def test_a_jump_out_of_a_list_or_search_leaves_the_library_at_work(self):
        for which in ON_THE_CALLING_THREAD:
            ended = self.run_program(which, "longjmp")
            self.assertEqual((which, ended.returncode, ended.stderr), (which, 7, b""))


if __name__ == "__main__":
    unittest.main()
