"""Whether a player runs, by the locks it leaves."""

import fcntl
import os
import socket
import subprocess
import sys
import unittest

import support
import wmlb_ctypes as w
from discover_support import THORIUM, HomeCase


def sees_every_process():
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


# Of a process that is not there: in a container it may run outside.
DEAD = 0 if sees_every_process() else -1


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class RunningChromium(HomeCase):
    folder = ".config/chromium"

    def setUp(self):
        super().setUp()
        self.put(self.folder, "Default", "CdmStorage.db")
        self.host = os.uname().nodename

    def running(self, lock=None, sock=None):
        for name, target in (("SingletonLock", lock), ("SingletonSocket", sock)):
            path = self.at(self.folder, name)
            if os.path.lexists(path):
                os.unlink(path)
            if target is not None:
                os.symlink(target, path)
        store, = self.discover()
        return store.running

    def test_no_lock(self):
        self.assertEqual(self.running(), 0)

    def test_a_process(self):
        self.assertEqual(self.running("%s-%d" % (self.host, os.getpid())), 1)
        self.assertEqual(self.running("%s-%d" % (self.host, dead_process())), DEAD)
        # Somebody else's.
        self.assertEqual(self.running("%s-1" % self.host), 1)

    def test_another_host(self):
        for pid in (os.getpid(), dead_process()):
            for host in ("other", self.host + "x", "x-" + self.host, ""):
                self.assertEqual(self.running("%s-%d" % (host, pid)), -1)

    def test_a_host_with_a_dash(self):
        self.assertEqual(self.running("%s-2-%d" % (self.host, os.getpid())), -1)

    def test_garbage(self):
        alive = os.getpid()
        for lock in ("x", "-", self.host, "%s-" % self.host, "%s-0" % self.host,
                     "%s--%d" % (self.host, alive), "%s-+%d" % (self.host, alive),
                     "%s-%dx" % (self.host, alive), "%s-99999999999999" % self.host,
                     "%s- %d" % (self.host, alive), "/%s-%d/" % (self.host, alive), b"\xff-1",
                     "x" * 4000):
            self.assertEqual(self.running(lock), -1, lock)

    def test_a_lock_that_is_no_link(self):
        self.put(self.folder, "SingletonLock")
        self.assertEqual(self.discover()[0].running, -1)

    def test_the_socket(self):
        path = os.path.join(self.root, "socket")
        stale = "%s-%d" % (self.host, dead_process())
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            unix.listen()
            self.assertEqual(self.running(stale, path), 1)
            self.assertEqual(self.running("garbage", path), 1)
            self.assertEqual(self.running(stale, path[1:]), DEAD)
            self.assertEqual(self.running(stale, path[:-1]), DEAD)
            # Without the lock the socket is not asked for.
            self.assertEqual(self.running(None, path), 0)
        self.assertEqual(self.running(stale, path), DEAD)

    def test_a_number_that_another_process_has_got(self):
        path = os.path.join(self.root, "socket")
        alive = "%s-%d" % (self.host, os.getpid())
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            unix.listen()
            self.assertEqual(self.running(alive, path), 1)
        # It does not listen where the player would.
        self.assertEqual(self.running(alive, path), -1)
        self.assertEqual(self.running("%s-1" % self.host, path), -1)
        # Where that is nothing is known.
        for other in (None, path[1:], "socket"):
            self.assertEqual(self.running(alive, other), 1)

    def test_a_number_in_another_network(self):
        support.need_root()
        path = os.path.join(self.root, "socket")
        listen = ("import socket, sys; unix = socket.socket(socket.AF_UNIX); unix.bind(sys.argv[1]); "
                  "unix.listen(); print(flush=True); sys.stdin.read()")
        with subprocess.Popen(["unshare", "--net", sys.executable, "-c", listen, path],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as player:
            player.stdout.readline()
            lock = "%s-%d" % (self.host, player.pid)
            self.assertEqual(self.running(lock, path), 1)
            self.assertEqual(self.running(lock, path + "x"), -1)
            player.stdin.close()

    def test_profiles_share_it(self):
        self.put(self.folder, "Profile 1", "CdmStorage.db")
        os.symlink("%s-%d" % (self.host, os.getpid()), self.at(self.folder, "SingletonLock"))
        self.assertEqual([store.running for store in self.discover()], [1, 1])


class RunningFlatpak(RunningChromium):
    """Its process has a number that means nothing outside."""

    folder = ".var/app/org.chromium.Chromium/config/chromium"

    def test_a_process(self):
        for pid in (os.getpid(), dead_process(), 1, 2):
            self.assertEqual(self.running("%s-%d" % (self.host, pid)), -1)

    def test_the_socket(self):
        path = os.path.join(self.root, "socket")
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            self.assertEqual(self.running("%s-2" % self.host, path), 1)
        self.assertEqual(self.running("%s-2" % self.host, path), -1)

    def test_a_number_that_another_process_has_got(self):
        pass

    def test_a_number_in_another_network(self):
        pass

    def test_profiles_share_it(self):
        pass


class RunningThorium(HomeCase):
    def test_it(self):
        os.makedirs(self.at(THORIUM, "publications"))
        for pid, expected in ((os.getpid(), 1), (dead_process(), DEAD)):
            link = self.at(THORIUM, "SingletonLock")
            os.symlink("%s-%d" % (os.uname().nodename, pid), link)
            self.assertEqual(self.discover()[0].running, expected)
            os.unlink(link)


class RunningFirefox(HomeCase):
    folder = ".mozilla/firefox/a"

    def setUp(self):
        super().setUp()
        self.put_gmp(self.folder)
        self.alive, self.dead = os.getpid(), dead_process()

    def running(self, link=None, **arguments):
        path = self.at(self.folder, "lock")
        if os.path.lexists(path):
            os.unlink(path)
        if link is not None:
            os.symlink(link, path)
        store, = self.discover(**arguments)
        return store.running

    def test_no_locks(self):
        self.assertEqual(self.running(), 0)
        self.put(self.folder, ".parentlock")
        self.assertEqual(self.running(), 0)

    def test_the_lock_on_the_file(self):
        with open(self.put(self.folder, ".parentlock"), "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            for link in (None, "127.0.1.1:+%d" % self.alive, "192.0.2.1:+%d" % self.dead, "x"):
                self.assertEqual(self.running(link), 1, link)
        # After a crash the link stays.
        for link in ("127.0.1.1:+%d" % self.dead, "192.0.2.1:+%d" % self.alive):
            self.assertEqual(self.running(link), 0, link)

    def test_the_link_alone(self):
        # As on a file system without locks, or with the file taken away.
        for plus in ("", "+"):
            self.assertEqual(self.running("127.0.0.1:%s%d" % (plus, self.alive)), 1)
            self.assertEqual(self.running("127.0.1.1:%s%d" % (plus, self.dead)), DEAD)
            self.assertEqual(self.running("192.0.2.1:%s%d" % (plus, self.alive)), -1)
            self.assertEqual(self.running("192.0.2.1:%s%d" % (plus, self.dead)), -1)

    def test_a_link_without_a_plus_says_nothing_of_the_file(self):
        self.put(self.folder, ".parentlock")
        self.assertEqual(self.running("127.0.0.1:%d" % self.alive), 1)
        self.assertEqual(self.running("192.0.2.1:%d" % self.dead), -1)

    def test_garbage(self):
        self.put(self.folder, ".parentlock")
        for link in ("x", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:+", "127.0.0.1:+0",
                     "127.0.0.1:++%d" % self.alive, "127.0.0.1:-%d" % self.alive,
                     "127.0.0.1:+%d " % self.alive, "127.0.0.1:+99999999999", b"\xff:1"):
            self.assertEqual(self.running(link), -1, link)

    def test_a_link_that_is_none(self):
        self.put(self.folder, "lock")
        self.put(self.folder, ".parentlock")
        self.assertEqual(self.discover()[0].running, -1)

    def test_files_that_are_none(self):
        for make in (os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path),
                     lambda path: os.symlink(".parentlock", path)):
            path = self.at(self.folder, ".parentlock")
            make(path)
            self.assertEqual(self.running(), -1)
            self.assertEqual(self.running("127.0.0.1:+%d" % self.alive), 1)
            subprocess.run(["rm", "-r", path], check=True)

    def test_the_hosts_own_lock_stays(self):
        path = self.put(self.folder, ".parentlock")

        def body():
            os.environ["HOME"] = self.home
            os.symlink("127.0.0.1:+%d" % os.getpid(), self.at(self.folder, "lock"))
            with open(path, "r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                hr, (store,) = w.discover()
                # Another process still meets it.
                locked = support.run_python(
                    "import fcntl\nfile = open(sys.argv[1], 'r+b')\n"
                    "fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)", path)
                return store.running, locked.returncode

        self.assertEqual(support.in_child(body), (1, 1))

    def test_no_permission(self):
        support.need_root()
        path = self.put(self.folder, ".parentlock")
        os.chmod(path, 0)
        self.assertEqual(self.running(user=support.NOBODY), -1)
        self.assertEqual(self.running("127.0.0.1:+1", user=support.NOBODY), 1)

    def test_each_profile_has_its_own(self):
        self.put_gmp(".mozilla/firefox/b")
        with open(self.put(self.folder, ".parentlock"), "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            self.assertEqual([store.running for store in self.discover()], [1, 0])


if __name__ == "__main__":
    unittest.main()
