"""The wmlb command, for tests that call it."""

import os
import shutil
import tempfile

import support
from programs.test_command import compile_command


class CommandCase(support.StoreCase):
    """With `program`, the command as it is compiled once for the class."""

    @classmethod
    def setUpClass(cls):
        programs = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, programs)
        cls.program = os.path.join(programs, "wmlb")
        compile_command("gcc", cls.program)
