"""Verification: every damage is found, told in words, and no store is touched.

The default run takes samples; WMLB_FULL=1 runs everything.
"""

import hashlib
import os
import random
import re
import subprocess
import sys
import unittest

import archive
import archive_forge as forge
import interrupt
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of, run_apart, snapshot

FULL = os.environ.get("WMLB_FULL") == "1"
ALL_BELOW = 64 << 10
LICENSES = 200


def positions(size, most):
    """Positions in a file of this size: all, or so many spread evenly, with both ends."""
    if most >= size:
        return list(range(size))
    return sorted({round(number * (size - 1) / (most - 1)) for number in range(most)})


def sizes():
    """How many positions to try in a file of this size, and how many of them to restore."""
    if FULL:
        return lambda size: (size if size <= ALL_BELOW else 20000, 20000)
    return lambda size: (3000, 300)


class WholeFile(RestoreCase):
    def test_a_whole_one(self):
        self.save({b"%d/%d" % (n % 3, n): os.urandom(n * 100) for n in range(100)})
        self.save({b"large": bytes(3 << 20)})
        before = snapshot(self.root)
        for threads in (1, 2, 8):
            restorer = self.new_target(Threads=threads)
            events = self.assert_ends(restorer.verify())
            statuses = [event.status for event in events]
            self.assertEqual(statuses[0], w.STATUS_BEGIN)
            self.assertEqual(set(statuses[1:-1]), {w.STATUS_PROGRESS})
            self.assertEqual(events[-1].text, self.target)
            last = events[-2].progress
            self.assertEqual((last.licenses_done, last.licenses_total), (101, 101))
            self.assertEqual(last.bytes_done, last.bytes_total)
            self.assertEqual(last.bytes_done, sum(map(len, files_of(self.source).values())))
            self.assertEqual((last.licenses_restricted, last.licenses_skipped), (0, 0))
            self.assertEqual(restorer.progress().licenses_done, 101)
        self.assert_same(snapshot(self.root), before, "something was touched")

    def test_an_empty_store(self):
        self.save({})
        self.assert_ends(self.restorer.verify())

    def test_a_forged_one(self):
        self.write_archive(forge.small({b"a": b"1", b"b": b"2"}))
        self.assert_ends(self.restorer.verify())

    def test_it_needs_no_store(self):
        self.save({b"a": b"1"})

        def body():
            for name in ("WMLB_STORE_PATH", "XDG_DATA_HOME", "HOME"):
                os.environ.pop(name, None)
            restorer = w.Restorer()
            restorer.set("RestorePath", self.backups)
            return restorer.verify()

        self.assert_ends(support.in_child(body))

    def test_memory_does_not_grow_with_it(self):
        piece = os.urandom(1 << 20)
        self.save({b"%03d" % number: piece for number in range(256)})
        for operation in ("verify", "enumerate", "restore"):
            found, kib = run_apart(self.target, self.place, [operation], 0, 2)
            self.assert_hr(found[operation][0], w.S_OK)
            self.assertLess(kib, 64 << 10, operation)

    def test_a_store_that_cannot_be_one(self):
        self.save({b"a": b"1"})
        support.write(self.store, b"no folder")
        self.assert_ends(self.restorer.verify())

    def test_odd_names(self):
        self.save({b"a" * 255: b"1", b"\xff": b"2"})
        self.assert_ends(self.restorer.verify())


class Damaged(RestoreCase):
    """One backup file, and whatever can happen to it."""

    def setUp(self):
        super().setUp()
        content = random.Random(1)
        files = {}
        for number in range(LICENSES):
            name = b"%d/license-%03d.lic" % (number % 4, number)
            files[name] = content.choice((content.randbytes, self.text))(content.randrange(400))
        self.save(files)
        self.data = support.read(self.target)
        self.restored_files = {b"other": b"in the store", b"0/license-004.lic": b"differs"}
        self.put(self.restored_files)
        self.before = snapshot(self.place)

    @staticmethod
    def text(size):
        return b"<LICENSE><DATA>0</DATA></LICENSE>"[:size] * (size // 32 + 1)

    def write_damaged(self, data):
        with open(self.target, "r+b") as file:
            file.write(data)
            file.truncate()

    def result_of(self, operation, flags=0):
        hr, events = operation(flags)
        return hr, events[-1]

    def check(self, data, words, allowed, restore=True):
        """Both operations fail with one of these, with good words, and touch nothing."""
        self.write_damaged(data)
        self.restorer.set("Threads", 1 + len(words) % 2)
        results = [("verify", *self.result_of(self.restorer.verify))]
        if restore:
            results.append(("restore", *self.result_of(
                self.restorer.restore, w.RESTORE_OVERWRITE | w.RESTORE_INDIVIDUALIZE)))
        for operation, hr, last in results:
            if hr not in allowed:
                self.fail("%s, %s: %s %r" % (words, operation, w.describe(hr), last.value))
            self.assertEqual(last.status, w.STATUS_ERROR)
            if hr == w.BACKUP_CORRUPT and self.target not in last.text:
                self.fail("%s, %s: the words do not name the file: %s" % (
                    words, operation, last.text))
        if restore:
            # Comparing all of the store each time would take most of the time.
            self.assertEqual(sorted(os.listdir(self.place)), ["store"])
            self.assertEqual(sorted(os.listdir(self.store)), ["0", "other"])
        return results

    def assert_store_untouched(self):
        self.assert_same(snapshot(self.place), self.before, "the store was touched")

    def test_each_byte_flipped(self):
        verified, restored = sizes()(len(self.data))
        choice = random.Random(2)
        tried = positions(len(self.data), verified)
        restores = set(choice.sample(tried, min(restored, len(tried))))
        for position in tried:
            damaged = bytearray(self.data)
            # Each bit gets its turn, and several at once do too.
            flip = choice.choice([1 << bit for bit in range(8)] + [0xFF, choice.randrange(1, 256)])
            damaged[position] ^= flip
            allowed = {w.BACKUP_CORRUPT}
            if position < 4:
                allowed.add(w.BAD_DATA)
            words = "byte %d of %d ^ %#x" % (position, len(self.data), flip)
            self.check(bytes(damaged), words, allowed, position in restores)
        self.assert_store_untouched()
        if FULL:
            print("\n%d flips of %d bytes verified, %d restored" % (
                len(tried), len(self.data), len(restores)), flush=True)

    def test_each_bit_of_where_it_matters_most(self):
        """Every bit of the frames' headers, checksums and of the whole summary's frame."""
        frames = archive.frames_of(self.data)
        places = []
        for frame in frames[:-1]:
            places += range(frame.offset, frame.offset + 22)
            places += range(frame.offset + frame.stored - 12, frame.offset + frame.stored)
        places += range(frames[-1].offset, len(self.data))
        for position in places if FULL else places[::7]:
            for bit in range(8):
                damaged = bytearray(self.data)
                damaged[position] ^= 1 << bit
                allowed = {w.BACKUP_CORRUPT} | ({w.BAD_DATA} if position < 4 else set())
                self.check(bytes(damaged), "bit %d of %d" % (bit, position), allowed, False)

    def test_each_length_cut(self):
        verified, restored = sizes()(len(self.data))
        choice = random.Random(3)
        tried = positions(len(self.data), verified)
        restores = set(choice.sample(tried, min(restored, len(tried))))
        for length in tried:
            allowed = {w.BACKUP_CORRUPT}
            words = "cut to %d of %d" % (length, len(self.data))
            self.check(self.data[:length], words, allowed, length in restores)
        self.assert_store_untouched()
        if FULL:
            print("\n%d cuts verified, %d restored" % (len(tried), len(restores)), flush=True)

    def test_whole_frames_cut(self):
        for frame in archive.frames_of(self.data):
            words = "cut before the frame at %d" % frame.offset
            self.check(self.data[: frame.offset], words, {w.BACKUP_CORRUPT})
        self.assert_store_untouched()

    def test_something_after_the_end(self):
        frames = archive.frames_of(self.data)
        last = frames[-1]
        skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"data"
        for after in (
            b"\0", b"x", bytes(511), bytes(512), bytes(1024), bytes(1 << 20), self.data,
            self.data[last.offset :], self.data[: frames[1].offset], forge.frame(b""), skippable,
            forge.frame(bytes(1024)), b"\x28", b"\x28\xb5\x2f\xfd",
        ):
            words = "%d bytes %r after the end" % (len(after), after[:8])
            self.check(self.data + after, words, {w.BACKUP_CORRUPT})
        self.assert_store_untouched()

    def test_bytes_moved(self):
        choice = random.Random(4)
        for _ in range(200 if FULL else 40):
            at, length = choice.randrange(len(self.data)), choice.randrange(1, 200)
            cut = self.data[:at] + self.data[at + length :]
            doubled = self.data[: at + length] + self.data[at:]
            zeros = self.data[:at] + bytes(length) + self.data[at + length :]
            for kind, damaged in (("cut", cut), ("doubled", doubled), ("zeros", zeros)):
                if damaged != self.data:
                    words = "%d bytes at %d %s" % (length, at, kind)
                    allowed = {w.BACKUP_CORRUPT} | ({w.BAD_DATA} if at < 4 else set())
                    self.check(damaged, words, allowed)
        self.assert_store_untouched()


class Frames(RestoreCase):
    """A file of many frames, whose order and number are changed."""

    def setUp(self):
        super().setUp()
        content = random.Random(6)
        self.save({b"license-%02d" % n: content.randbytes(300000) for n in range(48)})
        self.save({b"m/large": content.randbytes((3 << 20) + 5)})
        self.data = support.read(self.target)
        self.frames = [
            self.data[frame.offset : frame.offset + frame.stored]
            for frame in archive.frames_of(self.data)
        ]
        self.offsets = [frame.offset for frame in archive.frames_of(self.data)]
        self.assertGreater(len(self.frames), 10)

    def check(self, frames, words, allowed=(w.BACKUP_CORRUPT,)):
        self.write_archive(b"".join(frames))
        before = snapshot(self.place)
        for threads in (1, 2, 8):
            self.restorer.set("Threads", threads)
            for operation in (self.restorer.verify, self.restorer.restore):
                hr, events = operation()
                if hr not in allowed:
                    self.fail("%s: %s %r" % (words, w.describe(hr), events[-1].value))
            self.assertIn(self.restorer.enumerate("backup")[0], allowed, words)
        self.assert_same(snapshot(self.place), before, words)

    def test_swapped(self):
        for first in range(1, len(self.frames) - 1):
            frames = list(self.frames)
            frames[first], frames[first + 1] = frames[first + 1], frames[first]
            self.check(frames, "frames %d and the next swapped" % first)
        frames = [self.frames[0]] + self.frames[1:-1][::-1] + [self.frames[-1]]
        self.check(frames, "backwards")

    def test_the_first_elsewhere(self):
        frames = list(self.frames)
        frames[0], frames[1] = frames[1], frames[0]
        self.check(frames, "the second first", (w.BACKUP_CORRUPT, w.BAD_DATA))

    def test_doubled(self):
        for number in range(len(self.frames)):
            frames = list(self.frames)
            frames.insert(number, frames[number])
            self.check(frames, "frame %d twice" % number)

    def test_removed(self):
        for number in range(1, len(self.frames)):
            frames = list(self.frames)
            del frames[number]
            self.check(frames, "without frame %d" % number)
        self.check(self.frames[1:], "without the first", (w.BACKUP_CORRUPT, w.BAD_DATA))

    def test_of_another_backup(self):
        """Frames that are right, but of another time of the same store."""
        support.write(self.source + "/license-05", b"changed")
        self.save({})
        other = support.read(self.target)
        for number, frame in enumerate(archive.frames_of(other)[1:], 1):
            stored = other[frame.offset : frame.offset + frame.stored]
            if number < len(self.frames) and stored != self.frames[number]:
                frames = list(self.frames)
                frames[number] = stored
                self.check(frames, "frame %d of another backup" % number)

    def test_packed_in_another_way(self):
        """The content is the same, the bytes of the file are not."""
        for number in range(1, len(self.frames)):
            content = archive.decompress(self.frames[number])
            packed = subprocess.run(
                ["zstd", "-19", "-c", "--check", "--single-thread"], input=content,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
            ).stdout
            self.assertNotEqual(packed, self.frames[number])
            frames = list(self.frames)
            frames[number] = packed
            self.check(frames, "frame %d packed again" % number)

    def test_what_the_words_say(self):
        """The file, where in it, and which licenses it touches."""
        for number in (1, 2, len(self.frames) // 2, len(self.frames) - 2):
            data = bytearray(self.data)
            offset = self.offsets[number]
            for kind, position in (
                ("content", offset + len(self.frames[number]) // 2),
                ("checksum", offset + len(self.frames[number]) - 1),
                ("magic", offset), ("descriptor", offset + 4), ("size", offset + 6),
            ):
                data[position] ^= 0x10
                self.check_words(bytes(data), number, "%s of frame %d" % (kind, number))
                data[position] ^= 0x10
            half = offset + len(self.frames[number]) // 2
            self.check_words(self.data[:half], number, "cut in frame %d" % number)
            self.check_words(self.data[:offset], number, "cut before frame %d" % number, False)

    def check_words(self, data, number, what, with_offset=True):
        self.write_archive(data)
        hr, events = self.restorer.verify()
        self.assert_hr(hr, w.BACKUP_CORRUPT)
        text = events[-1].text
        with self.subTest(what=what, words=text):
            self.assertIn(self.target, text)
            if with_offset:
                told = [int(digits) for digits in re.findall(r"\b\d+\b", text)]
                self.assertIn(self.offsets[number], told, "where the damage is")
            if number > 1:
                self.assertRegex(text, r"license-\d\d|m/large", "which licenses it touches")
            self.assertEqual(self.restorer.last_error(), text)


class OtherFiles(RestoreCase):
    """What is no backup file at all."""

    def check(self, data, allowed, words):
        self.write_archive(data)
        before = snapshot(self.place)
        for operation in (self.restorer.verify, self.restorer.restore):
            hr, events = operation()
            if hr not in allowed:
                self.fail("%s: %s %r" % (words, w.describe(hr), events[-1].value))
            self.assertIn(self.target, events[-1].text)
        hr, licenses = self.restorer.enumerate("backup")
        self.assertIn(hr, allowed, words)
        self.assertEqual(licenses, [])
        self.assert_same(snapshot(self.place), before, words)

    def made_by(self, command, data=b""):
        done = subprocess.run(
            ["sh", "-c", command], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=True, cwd=self.source,
        )
        return done.stdout

    def test_other_formats(self):
        support.write(self.source + "/a", b"1" * 1000)
        tar = self.made_by("tar -cf - a")
        formats = {
            "gzip": self.made_by("gzip -c", tar), "tar": tar, "xz": b"\xfd7zXZ\0" + bytes(100),
            "zip": b"PK\x03\x04" + bytes(100), "text": b"hello\n", "zeros": bytes(5000),
            "elf": support.read(sys.executable)[:4000], "lz4": b"\x04\x22\x4d\x18",
            "noise": hashlib.sha512(b"x").digest() * 20, "two bytes": b"PK",
            "sqlite": b"SQLite format 3\0" + bytes(1000),
        }
        for name, data in formats.items():
            self.check(data, (w.BAD_DATA,), name)

    def test_one_byte(self):
        # It may be all that is left of a backup, or of anything.
        self.check(b"x", (w.BAD_DATA, w.BACKUP_CORRUPT), "one byte")
        self.check(b"\x28", (w.BACKUP_CORRUPT,), "the first byte of a backup")

    def test_an_empty_file(self):
        self.check(b"", (w.BACKUP_CORRUPT,), "an empty file")

    def test_another_archive_in_zstd(self):
        support.write(self.source + "/a", b"1" * 1000)
        for options in ("-q", "-q --check", "-q --no-check", "-q -19 --long=27"):
            data = self.made_by("tar -cf - a | zstd -c " + options)
            self.check(data, (w.BAD_DATA,), options)
        size = len(self.made_by("tar -cf - a"))
        data = self.made_by("tar -cf - a | zstd -c -q --check --stream-size=%d" % size)
        self.check(data, (w.BAD_DATA,), "with its size")
        self.check(forge.frame(self.made_by("tar -cf - a")), (w.BAD_DATA,), "in a right frame")
        self.check(forge.frame(b"hello"), (w.BAD_DATA,), "no archive in a right frame")

    def test_newer_versions(self):
        for version in (2, 3, 0, 2**32, 2**63):
            data = forge.small({b"a": b"1"}, format=version)
            self.check(data, (w.BAD_DATA,), "format %d" % version)
        newer = forge.info_value(format=2, something={"new": [1, 2]})
        content = forge.member(b"wmlb.json", forge.to_json(newer), forge.CREATED * 10**9)
        self.check(forge.close(forge.pack(content), 0, 0), (w.BAD_DATA,), "another layout")

    def test_without_a_version(self):
        for value in ({}, [], {"format": "1"}, {"format": None}, {"format": -1}, 1, "format"):
            content = forge.member(b"wmlb.json", forge.to_json(value), forge.CREATED * 10**9)
            data = forge.close(forge.pack(content), 0, 0)
            self.check(data, (w.BAD_DATA, w.BACKUP_CORRUPT), repr(value))


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class CannotRead(RestoreCase):
    """That a file cannot be read is not that it is damaged."""

    def setUp(self):
        super().setUp()
        self.save({b"%d" % n: os.urandom(100000) for n in range(50)})

    def test_no_permission(self):
        support.need_root()
        os.chmod(self.target, 0)
        outcome = support.in_child(lambda: self.new_target().verify(), support.NOBODY)
        self.assert_fails(outcome, w.E_ACCESSDENIED, self.target)

    def test_not_there(self):
        os.unlink(self.target)
        self.assert_fails(self.restorer.verify(), w.FILE_NOT_FOUND, self.target)

    def test_a_disk_that_fails(self):
        before = snapshot(self.place)
        for operation in ("verify", "restore", "enumerate"):
            def body():
                restorer = self.new_target(Threads=1)
                if operation == "enumerate":
                    return restorer.enumerate("backup")[0]
                return getattr(restorer, operation)()[0]

            calls = interrupt.calls_of(body, self.root)
            if operation == "restore":
                subprocess.run(["rm", "-rf", self.store], check=True)
            path = ["-P", self.target]
            numbers = range(1, calls["read"] + 1)
            for number in numbers if FULL else (1, 2, calls["read"] // 2):
                for error, expected in (("EIO", w.IO_DEVICE), ("ESTALE", None)):
                    options = interrupt.fail_at("read", number, error) + path
                    outcome = interrupt.run(body, options)
                    if outcome.result == w.S_OK:
                        # Fewer calls are on this file than are made in all.
                        self.assertGreater(number, 2)
                        subprocess.run(["rm", "-rf", self.store], check=True)
                        continue
                    if expected is not None:
                        self.assert_hr(outcome.result, expected, "%s %d" % (operation, number))
                    self.assertNotIn(outcome.result, (w.BACKUP_CORRUPT, w.BAD_DATA))
                    self.assert_same(snapshot(self.place), before, operation)

    def test_a_read_that_is_interrupted_or_short_is_no_failure(self):
        body = lambda: self.new_target(Threads=1).verify()[0]
        for number in (1, 2, 3):
            options = interrupt.fail_at("read", number, "EINTR") + ["-P", self.target]
            self.assert_hr(interrupt.run(body, options).result, w.S_OK)

    def test_a_file_that_shrinks_meanwhile(self):
        size = os.path.getsize(self.target)

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                os.truncate(self.target, size // 2)

        self.assert_fails(self.restorer.verify(0, on_event), w.BACKUP_CORRUPT, self.target)


if __name__ == "__main__":
    unittest.main()
