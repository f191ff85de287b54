"""Mounts folders through the file system of manners.c."""

import contextlib
import os
import select
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = ["manners.c", "attributes.c", "switches.c", "names.c", "listings.c", "looks.c"]


def why_not():
    """Why nothing can be mounted here, None where it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as problem:
        return "the kernel has no FUSE: %s" % problem
    return None


def need_fuse():
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)


def build(folder):
    """The file system's program, compiled into a folder."""
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    program = os.path.join(folder, "manners")
    sources = [os.path.join(HERE, source) for source in SOURCES]
    subprocess.run(["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program]
                   + sources + flags, check=True)
    return program


def unmount(where, patience=20):
    """What was just closed may still be let go of."""
    deadline = time.monotonic() + patience
    while True:
        ended = subprocess.run(["umount", where], stderr=subprocess.PIPE, text=True)
        if ended.returncode == 0:
            return
        if time.monotonic() > deadline:
            subprocess.run(["umount", "--lazy", where])
            raise AssertionError("%s cannot be unmounted: %s" % (where, ended.stderr))
        time.sleep(0.01)


class Mounted:
    """A folder of its own, `behind`, that is seen with these manners at `through`. Ends with
    close(), or as a context manager."""

    def __init__(self, program, options="", base=None, behind=None):
        self.program, self.options = program, options
        self.folder = tempfile.mkdtemp(prefix="manners-", dir=base)
        os.chmod(self.folder, 0o755)
        self.owns = behind is None
        self.behind = behind or os.path.join(self.folder, "behind")
        self.through = os.path.join(self.folder, "through")
        # Whoever operates on it may open and close the gate.
        self.gate = os.path.join(self.folder, "gates", "gate")
        self.hidden = os.path.join(self.folder, "hidden")
        os.mkdir(self.through)
        os.mkdir(self.hidden)
        if self.owns:
            os.mkdir(self.behind)
        os.mkdir(os.path.dirname(self.gate))
        os.chmod(os.path.dirname(self.gate), 0o777)
        os.mkfifo(self.gate + ".reached")
        os.chmod(self.gate + ".reached", 0o666)
        self.is_mounted = False
        self.mount()

    def mount(self):
        options = ",".join(filter(None, ["gate=" + self.gate, "hidden=" + self.hidden, self.options]))
        # It goes to the background when it is mounted.
        subprocess.run([self.program, self.behind, self.through, "-o", options], check=True)
        self.is_mounted = True

    def remount(self):
        """As after a restart, or as when a stick is drawn and put in again."""
        self.is_mounted = False
        unmount(self.through)
        self.mount()

    def close_gate(self, moves):
        """From here on so many moves pass, and the next one waits."""
        with open(self.gate, "w") as file:
            file.write(str(moves))

    def wait_at_gate(self, has_ended):
        """Until a move waits at the gate: True; or until has_ended(): False."""
        reached = os.open(self.gate + ".reached", os.O_RDWR | os.O_NONBLOCK)
        try:
            while not select.select([reached], [], [], 0.02)[0]:
                if has_ended():
                    return False
            os.read(reached, 1)
            return True
        finally:
            os.close(reached)

    def open_gate(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.gate)

    def close(self):
        self.open_gate()
        if self.is_mounted:
            self.is_mounted = False
            unmount(self.through)
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
