"""Repeat backups: what has not changed is taken from the backup that is replaced."""

import ctypes
import os
import struct
import tempfile
import unittest

import archive
import encryption_support as encryption
import reuse_support
import support
import wmlb_ctypes as w

FULL = os.environ.get("WMLB_FULL") == "1"
IN_OPEN, IN_NONBLOCK, IN_Q_OVERFLOW = 0x20, 0o4000, 0x4000


class Opens:
    """What is opened in a folder, as the kernel tells it."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None)
        self.file = libc.inotify_init1(IN_NONBLOCK)
        assert self.file >= 0 and libc.inotify_add_watch(self.file, folder.encode(), IN_OPEN) > 0

    def names(self):
        found = set()
        while True:
            try:
                data = os.read(self.file, 1 << 16)
            except BlockingIOError:
                return found - {""}
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                assert not mask & IN_Q_OVERFLOW
                found.add(data[16 : 16 + length].rstrip(b"\0").decode())
                data = data[16 + length :]


class Scene(reuse_support.Scene):
    """A store of several frames, one license of which has several of its own."""

    LICENSES = 301

    def __init__(self, root):
        super().__init__(root)
        for number in range(300):
            support.write("%s/%04d" % (self.store, number), os.urandom(20_000))
        support.write(self.store + "/0150-large", os.urandom(7_000_000))
        reuse_support.wait_for_tick(root)
        assert self.backup()[0] == w.S_OK
        self.path = os.path.join(self.backups, w.BACKUP_NAME)

    def reused(self, flags=0):
        hr, progress, words = self.backup(flags=flags)
        assert hr == w.S_OK, words
        assert progress.licenses_done == self.LICENSES
        return progress.licenses_reused

    def frames(self):
        """Where its frames of licenses are."""
        return archive.frames_of(self.file())[1:-1]

    def opened(self, passphrase):
        """The path of the backup file in clear."""
        to = os.path.join(self.memory.name, "opened")
        encryption.age_with_passphrase(passphrase, "-d", "-o", to, self.path)
        return to

    def change(self, offset, data=None):
        """Changes a byte of the backup, or what is from there on."""
        with open(self.path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]) if data is None else data)


def nothing_changed(scene):
    opens = Opens(scene.store)
    before = scene.file()
    assert scene.reused() == scene.LICENSES
    assert opens.names() == set(), "licenses were opened"
    one, other = map(reuse_support.unlike_information, (scene.file(), before))
    assert one == other
    assert scene.reused(w.VERIFY) == scene.LICENSES
    assert scene.reused(w.REREAD) == 0
    assert len(opens.names()) == scene.LICENSES


def one_changed(scene):
    support.write(scene.store + "/0100", os.urandom(20_000))
    opens = Opens(scene.store)
    reused = scene.reused()
    assert 150 < reused < scene.LICENSES, reused
    assert len(opens.names()) == scene.LICENSES - reused


def damaged(scene):
    """Each frame, and what pads it, read anew where it is damaged; also one of a large license."""
    frames = scene.frames()
    for frame in frames if FULL else frames[2:7:2]:
        offset = frame.offset + frame.stored // 2
        scene.change(offset)
        assert 0 < scene.check("damage at %d" % offset) < scene.LICENSES, offset
    scene.change(frames[1].offset + frames[1].stored + 9)
    assert 0 < scene.check("damage in padding") < scene.LICENSES
    size = os.path.getsize(scene.path)
    for offset in (20, archive.frames_of(scene.file())[-1].offset + 900, size - 5):
        scene.change(offset)
        assert scene.check("damage at %d" % offset) == 0, offset
    for size in (100, size // 2, size - 1):
        os.truncate(scene.path, size)
        assert scene.check("%d bytes" % size) == 0, size
    assert scene.check("whole again") == scene.LICENSES


def clock_set_back(scene):
    ahead = scene.ahead
    for back in (ahead, 200):
        scene.ahead -= back
        assert scene.check("set back by %d" % back) == 0


def just_changed(scene):
    """What was changed a moment before the earlier backup may have changed after it, too."""
    for ahead, reused in ((0, 0), (2, 0), (10, scene.LICENSES)):
        support.write(scene.store + "/0000", os.urandom(20_000))
        # Its backup is one at this moment, and nothing is older there.
        for number in range(300):
            os.utime("%s/%04d" % (scene.store, number))
        os.utime(scene.store + "/0150-large")
        os.unlink(scene.path)
        scene.ahead = ahead - 10
        scene.backup()
        scene.ahead = 100
        assert scene.reused() == reused, (ahead, reused)
    scene.ahead = 200


def settings(scene):
    for name, value, usual in (("CompressionLevel", 3, 1), ("UnstatedRights", "deny", "allow")):
        scene.settings = {name: value}
        assert scene.check("%s %s" % (name, value)) == 0
        scene.settings = {name: usual}
        assert scene.check("%s %s" % (name, usual)) == 0
    scene.settings = {"Threads": 1, "Keep": "last=3"}
    assert scene.check("Threads") == scene.LICENSES
    restored = w.Restorer()
    for path in os.listdir(scene.backups):
        path = os.path.join(scene.backups, path)
        assert restored.set("RestorePath", path) == w.S_OK
        hr, events = restored.backup(0, operation="verify_backup")
        assert hr == w.S_OK, events[-1].value
    restored.release()


def encrypted(scene):
    """It is taken from what can be opened: encrypted to a key that is set, and authentic."""
    scene.decrypt = encryption.decrypt
    one, other = encryption.key(), encryption.key(1)
    # Nobody knows that a file in clear is what was written.
    scene.settings = {"Recipients": one.recipient, "Identities": one.identity}
    assert scene.check("from a file in clear") == 0
    assert scene.check("encrypted") == scene.LICENSES
    scene.change(os.path.getsize(scene.path) // 2)
    assert 0 < scene.check("damaged") < scene.LICENSES
    scene.settings["Identities"] = other.identity
    assert scene.check("another key") == 0
    scene.settings = {"Identities": one.identity}
    assert scene.check("into a file in clear") == scene.LICENSES
    scene.settings = {"Recipients": one.recipient}
    for words in ("from a file in clear", "without a key"):
        assert scene.check(words) == 0, words
    scene.settings = {"Passphrase": "one"}
    for words, reused in (("of a key", 0), ("of a passphrase", scene.LICENSES)):
        hr, progress, said = scene.backup()
        assert (hr, progress.licenses_reused) == (w.S_OK, reused), (words, said)
        assert archive.Backup(scene.opened("one")).names() == sorted(
            os.listdir(os.fsencode(scene.store)))


def main(*names):
    for name in names:
        with tempfile.TemporaryDirectory(prefix="wmlb-reuse-") as root:
            globals()[name](Scene(root))


class Reuse(unittest.TestCase):
    def test_nothing_changed(self):
        self.run_ahead("nothing_changed", "one_changed")

    def test_damaged(self):
        self.run_ahead("damaged")

    def test_times(self):
        self.run_ahead("clock_set_back", "just_changed")

    def test_encrypted(self):
        self.run_ahead("encrypted")

    def test_settings(self):
        self.run_ahead("settings")

    def test_random_scripts(self):
        reuse_support.run_ahead("reuse_scripts", "2000" if FULL else "12")

    def run_ahead(self, *names):
        reuse_support.run_ahead("backup.test_reuse", *names)


if __name__ == "__main__":
    unittest.main()
