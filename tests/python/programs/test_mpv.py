"""The plugin for mpv, in Debian's mpv, driven through its JSON IPC."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

import support
import wmlb_ctypes as w

EXAMPLES = os.path.join(w.ROOT, "examples-c")
INCLUDE = os.path.join(w.ROOT, "include")
PLAYER = [
    "mpv", "--no-config", "--idle", "--vo=null", "--ao=null", "--load-scripts=no",
    "--term-osd=force",  # what would be on the screen goes to the terminal's output
]
BUSY = "NS_E_DRM_BACKUPRESTORE_BUSY"


def build(compiler, target):
    mpv = subprocess.run(
        ["pkg-config", "--cflags", "mpv"], check=True, stdout=subprocess.PIPE, text=True
    )
    folder = os.path.dirname(os.path.abspath(w.LIBRARY))
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command += ["-shared", "-fPIC", "-fvisibility=hidden", "-Wl,--no-as-needed", "-I", INCLUDE]
    command += mpv.stdout.split() + [os.path.join(EXAMPLES, "mpv-backup.c"), "-o", target]
    command += [w.LIBRARY, "-Wl,-rpath," + folder]
    subprocess.run(command, check=True)


class Player:
    """An mpv with the plugin; what it answers and tells over its IPC."""

    def __init__(self, test, plugin, *options, env=None, before=None):
        path = os.path.join(test.root, "ipc")
        self.output = os.path.join(test.root, "mpv.txt")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                PLAYER + ["--script=" + plugin, "--input-ipc-server=" + path, *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, cwd=test.root, preexec_fn=before,
            )
        test.addCleanup(self.end)
        self.socket = socket.socket(socket.AF_UNIX)
        test.addCleanup(self.socket.close)
        self.socket.settimeout(20)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError("mpv does not listen: " + self.shown())
                time.sleep(0.01)
        self.lines = self.socket.makefile("rb")
        self.events = []
        self.number = 0

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def shown(self):
        return support.read(self.output).decode(errors="replace")

    def command(self, *words):
        """What the player answers to a command."""
        self.number += 1
        request = {"command": words, "request_id": self.number}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = json.loads(self.lines.readline())
            if line.get("request_id") == self.number and "error" in line:
                if line["error"] != "success":
                    raise AssertionError("%s: %s" % (words, line["error"]))
                return line.get("data")
            self.events.append(line)

    def next_event(self, name):
        while True:
            event = self.events.pop(0) if self.events else json.loads(self.lines.readline())
            if event.get("event") == name:
                return event

    def status(self, progress=False):
        """The next that the plugin tells, or the next progress: [state, code, words]."""
        while True:
            name, *words = self.next_event("client-message")["args"]
            if name == "wmlb-backup-status" and (words[0] == "progress") == progress:
                return words

    def back_up(self, *words):
        self.command("script-message", "wmlb-backup", *words)
        return self.status()


class Mpv(support.StoreCase):
    @classmethod
    def setUpClass(cls):
        if not support.has_program("mpv"):
            raise unittest.SkipTest("there is no mpv")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.plugin = os.path.join(folder.name, "mpv-backup.so")
        build("gcc", cls.plugin)

    def play(self, *options, env=None, before=None):
        """A player that backs up this test's store, unless the environment is another."""
        if env is None:
            options += ("--script-opts=wmlb-store=" + self.store,)
        return Player(self, self.plugin, *options, env=env, before=before)

    def make_endless(self):
        """A license that takes minutes to read, and no room on the disk."""
        with open(os.path.join(self.store, "large.lic"), "wb") as file:
            file.truncate(1 << 38)

    def assert_shown(self, player, words):
        """On the screen, which the player draws when it comes to it."""
        deadline = time.monotonic() + 20
        while words not in player.shown().replace("\n", ""):
            self.assertLess(time.monotonic(), deadline, "%s: %s" % (words, player.shown()))
            time.sleep(0.01)

    def assert_verifies(self, names):
        restorer = self.new_restorer(RestorePath=self.backups)
        self.assert_ends(restorer.verify())
        self.assertEqual(self.opened().files(), names)

    def test_it_builds_with_clang_too(self):
        build("clang", os.path.join(self.root, "mpv-backup.so"))

    def test_a_backup_is_there_and_verifies(self):
        made = self.fill(300)
        player = self.play()
        self.assertEqual(player.back_up(self.backups)[:2], ["running", "S_OK"])
        told = player.status()
        words = "300 licenses backed up, 0 that may not be, 0 left out"
        self.assertEqual(told, ["done", "S_OK", words])
        self.assert_verifies(made)
        self.assert_shown(player, words)
        state, code, words = player.back_up(self.backups)
        self.assertEqual((state, code), ("refused", "NS_E_DRM_BACKUP_EXISTS"))
        self.assertIn(self.target + " exists already: add the word overwrite to replace it", words)
        self.assert_shown(player, words)
        before = os.stat(self.target).st_ino
        self.assertEqual(player.back_up(self.backups, "overwrite")[0], "running")
        self.assertEqual(player.status()[0], "done")
        self.assertNotEqual(os.stat(self.target).st_ino, before)
        self.assert_verifies(made)

    def test_the_player_goes_on_meanwhile(self):
        self.make_endless()
        player = self.play()
        player.command("loadfile", "av://lavfi:sine=frequency=200")
        player.next_event("playback-restart")
        self.assertEqual(player.back_up(self.backups)[0], "running")
        times, positions = [], []
        deadline = time.monotonic() + 20
        # It plays on for a second, and answers each time, while the backup runs.
        while not positions or positions[-1] - positions[0] < 1:
            self.assertLess(time.monotonic(), deadline, "playback stands still: %s" % positions)
            started = time.monotonic()
            positions.append(player.command("get_property", "playback-time"))
            times.append(time.monotonic() - started)
            time.sleep(0.02)
        if os.environ.get("WMLB_FIGURES"):
            print("answers: %d, slowest %.1f ms" % (len(times), 1000 * max(times)), file=sys.stderr)
        self.assert_shown(player, "Backing up licenses: 0 of 1")
        told = player.status(progress=True)
        while told[2].startswith("0 0 "):  # nothing is known at first
            told = player.status(progress=True)
        self.assertRegex(" ".join(told), r"^progress S_OK 0 1 \d+$")
        refused = time.monotonic()
        again = player.back_up(self.backups)
        self.assertEqual(again, ["refused", BUSY, "A backup of licenses is running already"])
        self.assert_shown(player, again[2])
        # It stays to be read, and then the progress is shown again.
        deadline = refused + 20
        while "0 of 1" not in player.shown().rpartition(again[2])[2]:
            self.assertLess(time.monotonic(), deadline, player.shown())
            time.sleep(0.01)
        self.assertGreater(time.monotonic() - refused, 1)
        # It was the second that was refused: the first is still to be canceled.
        player.command("script-message", "wmlb-backup-cancel")
        self.assertEqual(player.status()[:2], ["failed", "NS_E_DRM_OPERATION_CANCELED"])
        self.assert_clean()
        os.remove(os.path.join(self.store, "large.lic"))
        made = self.fill()
        self.assertEqual(player.back_up(self.backups)[0], "running")
        self.assertEqual(player.status()[0], "done")
        self.assert_verifies(made)

    def test_quitting_in_the_middle(self):
        support.need_filters()
        made = self.fill()
        # The temporary file has a name then: it stays if the backup is not ended in order.
        player = self.play(before=support.without_unnamed_files)
        self.assertEqual(player.back_up(self.backups)[0], "running")
        self.assertEqual(player.status()[0], "done")
        self.make_endless()
        self.assertEqual(player.back_up(self.backups, "overwrite")[0], "running")
        deadline = time.monotonic() + 20
        while len(os.listdir(self.backups)) < 2:
            self.assertLess(time.monotonic(), deadline, "there is no temporary file")
            time.sleep(0.01)
        started = time.monotonic()
        player.command("quit", 7)
        self.assertEqual(player.process.wait(20), 7, player.shown())
        if os.environ.get("WMLB_FIGURES"):
            took = 1000 * (time.monotonic() - started)
            print("quit while a backup runs: %.1f ms" % took, file=sys.stderr)
        self.assert_clean(names=[w.BACKUP_NAME])
        self.assert_verifies(made)

    def test_what_is_refused(self):
        player = self.play()
        usage = ["refused", "E_INVALIDARG", "usage: script-message wmlb-backup FOLDER [overwrite]"]
        self.assertEqual(player.back_up(), usage)
        self.assertEqual(player.back_up(self.backups, "replace"), usage)
        self.assertEqual(player.back_up(""), ["refused", "E_INVALIDARG", unittest.mock.ANY])
        self.assert_clean()
        # What mpv would expand, were it written in input.conf, is shown as it is.
        file = os.path.join(self.root, "${pid}")
        support.write(file)
        state, code, words = player.back_up(file)
        self.assertEqual(state, "refused")
        self.assertIn(file, words)
        self.assert_shown(player, words)
        os.rmdir(self.store)
        self.assertEqual(player.back_up(self.backups)[0], "running")
        state, code, words = player.status()
        self.assertEqual((state, code), ("failed", "NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE"))
        self.assertIn(self.store, words)

    def test_folders_below_home_are_as_they_are_named(self):
        made = self.fill()
        store = "~/" + os.path.relpath(self.store, self.root)
        player = self.play("--script-opts=wmlb-store=" + store, env={"HOME": self.root})
        self.assertEqual(player.back_up("~/backups")[0], "running")
        self.assertEqual(player.status()[0], "done")
        self.assert_verifies(made)

    def test_the_store_is_found(self):
        home = os.path.join(self.root, "home")
        kodi = ".kodi/userdata/addon_data/inputstream.adaptive/widevine/a"
        support.write(os.path.join(home, kodi), b"license")
        environment = {"HOME": home, "WMLB_STORE_PATH": ""}
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "CHROME_CONFIG_HOME",
                     "CHROME_USER_DATA_DIR", "KODI_DATA"):
            environment[name] = ""
        found = []
        with unittest.mock.patch.dict(os.environ, environment):
            w.discover(lambda store: found.append(store))
        self.assertEqual(len(found), 1, found)
        player = self.play(env=environment)
        self.assertEqual(player.back_up(self.backups)[0], "running")
        self.assertEqual(player.status()[0], "done")
        self.assertEqual(list(self.opened().files().values()), [b"license"])
        support.write(os.path.join(home, ".config/chromium/Default/CdmStorage.db"))
        state, code, words = player.back_up(self.backups, "overwrite")
        self.assertEqual((state, code), ("refused", "NS_E_DRM_NOT_CONFIGURED"))
        self.assertIn("wmlb-store", words)


if __name__ == "__main__":
    unittest.main()
