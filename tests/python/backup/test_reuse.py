"""Repeat backups: what has not changed is taken from the backup that is replaced."""

import ctypes
import os
import sqlite3
import struct
import tempfile
import unittest

import archive
import encryption_support as encryption
import reuse_support
import support
import wmlb_ctypes as w
from target.test_host import MemoryTarget

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
    names = archive.Backup(scene.opened("one")).names()
    assert names == sorted(os.listdir(os.fsencode(scene.store)))


def target(scene):
    """A host's target appends what it has already, and is not sent it."""
    place = MemoryTarget(w.TARGET_CREATE_ONLY | w.TARGET_REUSE)
    scene.place = place
    assert scene.reused() == 0 and place.reused == 0
    first = place.published
    assert scene.reused() == scene.LICENSES
    one, other = map(reuse_support.unlike_information, (place.published, first))
    assert one == other
    assert len(first) - place.reused < 3 * archive.ALIGNMENT
    support.write(scene.store + "/0100", os.urandom(20_000))
    reused = scene.reused()
    assert 150 < reused < scene.LICENSES, reused
    scene.check("one changed")
    # It fails, and so does the backup.
    place.on["reuse"] = lambda before: w.E_ACCESSDENIED
    before = place.published
    hr, _, words = scene.backup()
    assert (hr, place.published) == (w.E_ACCESSDENIED, before), words
    place.on.clear()
    # Without reuse all is sent, since nobody has read it.
    place.capabilities = w.TARGET_CREATE_ONLY
    assert scene.reused() == 0
    assert place.problems == []


def databases(scene):
    """Unchanged ones are taken too, with an empty journal and with a log."""
    folder = scene.store + "/0200"
    os.rename(folder, scene.store + "/0200-was")
    os.mkdir(folder)
    opened = []
    for mode in ("delete", "truncate", "wal"):
        database = sqlite3.connect("%s/%s" % (folder, mode), isolation_level=None)
        opened.append(database)
        database.execute("PRAGMA journal_mode = " + mode)
        database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content)")
        for size in (100, 3_000_000):
            database.execute("INSERT INTO t (content) VALUES (?)", (os.urandom(size),))
    opened[2].execute("PRAGMA wal_checkpoint(FULL)")
    assert os.path.getsize(folder + "/truncate-journal") == 0
    assert os.path.getsize(folder + "/wal-wal") > 0
    scene.LICENSES += 3
    reuse_support.wait_for_tick(scene.root)
    scene.check("new databases")
    assert scene.check("databases") == scene.LICENSES
    for number, database in enumerate(opened):
        reuse_support.wait_for_tick(scene.root)
        database.execute("UPDATE t SET content = ? WHERE n = 1", (b"%d" % number,))
        assert 0 < scene.check("database %d changed" % number) < scene.LICENSES
        database.close()


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

    def test_databases(self):
        self.run_ahead("databases")

    def test_target(self):
        self.run_ahead("target")

    def test_settings(self):
        self.run_ahead("settings")

    def test_random_scripts(self):
        reuse_support.run_ahead("reuse_scripts", "2000" if FULL else "12")

    def run_ahead(self, *names):
        reuse_support.run_ahead("backup.test_reuse", *names)


if __name__ == "__main__":
    unittest.main()
