"""Damage of encrypted backups: every byte, every length, every chunk.

Every one is verified; the default run restores from some, WMLB_FULL=1 from all.
"""

import os
import random
import re
import unittest

import interrupt
import support
import wmlb_ctypes as w
from encryption_support import (
    CHUNK, INVALID_PASSWORD, LINE, NOT_SUPPORTED, STORED, EncryptedCase, chunks, decrypt, encrypt,
    header_length, key,
)
from restore_support import snapshot
from verify.test_damage import FULL


class DamageCase(EncryptedCase):
    def check(self, data, words, allowed=(w.BACKUP_CORRUPT,), restore=True, restorer=None):
        """Both operations fail with one of these and name the file; gives the words."""
        # In place: to make a file anew each time takes longer.
        with open(self.target, "r+b") as file:
            file.write(data)
            file.truncate()
        restorer = restorer or self.restorer
        outcomes = [restorer.verify()]
        if restore:
            outcomes.append(restorer.restore(w.RESTORE_INDIVIDUALIZE))
        for hr, events in outcomes:
            if hr not in allowed:
                self.fail("%s: %s %r" % (words, w.describe(hr), events[-1].value))
            self.assertEqual(events[-1].status, w.STATUS_ERROR)
            self.assertIn(self.target, events[-1].text, words)
        self.assertFalse(os.path.exists(self.store), words)
        return outcomes[0][1][-1].text


class Small(DamageCase):
    """A backup of a few licenses."""

    def setUp(self):
        super().setUp()
        content = random.Random(1)
        self.save({b"%d/license-%02d" % (n % 3, n): content.randbytes(n * 7) for n in range(24)})
        self.data = support.read(self.target)
        # The line of the version, the stanza of our key, the rest of the header, the chunks.
        lines = [at for at, byte in enumerate(self.data[:1000]) if byte == 10]
        self.stanza = range(lines[0] + 1, lines[2] + 1)

    def allowed(self, position, value):
        """What may be said of a byte that has become this."""
        if position == LINE.index(b"1\n") and chr(value).isdigit():
            return (w.BAD_DATA,)
        if position in self.stanza:
            # What is not opened might be somebody else's.
            return (w.BACKUP_CORRUPT, INVALID_PASSWORD)
        return (w.BACKUP_CORRUPT,)

    def test_each_byte_flipped(self):
        choice = random.Random(2)
        for position in range(len(self.data)):
            damaged = bytearray(self.data)
            damaged[position] ^= choice.choice([1 << bit for bit in range(8)] + [0xFF])
            words = "byte %d of %d is %#x" % (position, len(self.data), damaged[position])
            allowed = self.allowed(position, damaged[position])
            self.check(bytes(damaged), words, allowed, FULL or position % 8 == 0)

    def test_each_bit_of_the_header(self):
        for position in range(header_length(self.data)):
            for bit in range(8):
                damaged = bytearray(self.data)
                damaged[position] ^= 1 << bit
                words = "bit %d of %d" % (bit, position)
                allowed = self.allowed(position, damaged[position])
                self.check(bytes(damaged), words, allowed, False)

    def test_each_length_cut(self):
        for length in range(len(self.data)):
            allowed = [w.BACKUP_CORRUPT]
            if 0 < length < 4:
                # Too little to tell it from anything.
                allowed.append(w.BAD_DATA)
            words = "cut to %d of %d" % (length, len(self.data))
            self.check(self.data[:length], words, allowed, FULL or length % 8 == 0)

    def test_bytes_moved(self):
        choice = random.Random(4)
        for _ in range(300 if FULL else 60):
            at, length = choice.randrange(len(self.data)), choice.randrange(1, 100)
            for kind, damaged in (
                ("cut", self.data[:at] + self.data[at + length :]),
                ("doubled", self.data[: at + length] + self.data[at:]),
                ("zeros", self.data[:at] + bytes(length) + self.data[at + length :]),
            ):
                if damaged == self.data:
                    continue
                allowed = [w.BACKUP_CORRUPT]
                if at < self.stanza.stop:
                    allowed += [INVALID_PASSWORD, w.BAD_DATA]
                self.check(damaged, "%d bytes at %d %s" % (length, at, kind), allowed, False)

    def test_the_header_of_a_passphrase(self):
        """Here each try costs the work of the derivation."""
        data = self.save_with("passphrase")
        restorer = self.open_with(Passphrase="passphrase")
        line, body, mac = re.match(
            rb"age[^\n]*\n(-> scrypt \S{22} 17\n)(\S{43}\n)(--- \S{43}\n)", data).groups()
        corrupt, password = (w.BACKUP_CORRUPT,), (INVALID_PASSWORD,)
        for words, before, after, allowed in (
            ("the kind", b"-> scrypt", b"-> scrypu", password),
            ("the arrow", b"-> scrypt", b"-< scrypt", corrupt),
            ("the salt", line[10:12], bytes([line[10] ^ 1, line[11]]), password + corrupt),
            ("a salt too short", line, line[:10] + line[11:], corrupt),
            ("less work", b" 17\n", b" 16\n", password),
            ("more work", b" 17\n", b" 18\n", password),
            ("much more work", b" 17\n", b" 97\n", (NOT_SUPPORTED,)),
            ("no number", b" 17\n", b" w7\n", corrupt),
            ("the key", body, bytes([body[0] ^ 1]) + body[1:], password + corrupt),
            ("a key too short", body, body[1:], corrupt),
            ("two of them", line + body, 2 * (line + body), corrupt),
            ("the MAC", mac, mac[:10] + bytes([mac[10] ^ 1]) + mac[11:], corrupt),
            ("no MAC", mac, b"", corrupt),
        ):
            damaged = data.replace(before, after, 1)
            self.assertNotEqual(damaged, data, words)
            self.check(damaged, words, allowed, False, restorer)
        self.write_archive(data)
        self.assert_ends(restorer.verify())


class Chunks(DamageCase):
    """Whole chunks that are missing, elsewhere, or too many."""

    def setUp(self):
        super().setUp()
        content = random.Random(3)
        self.save({b"license-%02d" % n: content.randbytes(30000) for n in range(14)})
        self.data = support.read(self.target)
        self.header = self.data[: header_length(self.data)]
        self.chunks = chunks(self.data)
        self.assertGreater(len(self.chunks), 5)
        self.assertEqual(b"".join([self.header] + self.chunks), self.data)

    def check_chunks(self, parts, words):
        for threads in (1, 2):
            self.restorer.set("Threads", threads)
            self.check(b"".join([self.header] + parts), words)

    def test_cut_at_a_chunk(self):
        for number in range(len(self.chunks)):
            self.check_chunks(self.chunks[:number], "cut before chunk %d" % number)

    def test_cut_around_a_chunk(self):
        for number in range(1, len(self.chunks)):
            at = len(self.header) + number * STORED
            for length in (at - 17, at - 16, at - 1, at + 1, at + 15, at + 16, at + 17):
                self.check(self.data[:length], "cut to %d" % length)

    def test_removed(self):
        for number in range(len(self.chunks)):
            parts = self.chunks[:number] + self.chunks[number + 1 :]
            self.check_chunks(parts, "without chunk %d" % number)

    def test_swapped(self):
        for number in range(len(self.chunks) - 1):
            parts = list(self.chunks)
            parts[number : number + 2] = parts[number + 1], parts[number]
            self.check_chunks(parts, "chunks %d and the next swapped" % number)
        self.check_chunks(self.chunks[::-1], "backwards")

    def test_doubled(self):
        for number in range(len(self.chunks)):
            parts = self.chunks[: number + 1] + self.chunks[number:]
            self.check_chunks(parts, "chunk %d twice" % number)

    def test_of_another_file(self):
        other = chunks(encrypt(decrypt(self.data), key().recipient))
        for number in range(len(self.chunks)):
            parts = list(self.chunks)
            parts[number] = other[number]
            self.check_chunks(parts, "chunk %d of another file with this content" % number)

    def test_something_after_the_end(self):
        for after in (b"\0", b"x", bytes(16), bytes(STORED), bytes(CHUNK), self.chunks[0],
                      self.chunks[-1], self.data, self.header):
            self.check(self.data + after, "%d bytes after the end" % len(after))

    def test_what_the_words_say(self):
        """Where in the file the damage is, and which licenses it touches."""
        for number in (0, 1, 3, len(self.chunks) - 1):
            at = len(self.header) + number * STORED
            damaged = bytearray(self.data)
            damaged[at + 100] ^= 1
            text = self.check(bytes(damaged), "in chunk %d" % number)
            with self.subTest(chunk=number, words=text):
                told = [int(digits) for digits in re.findall(r"\b\d+\b", text)]
                self.assertIn(at, told, "where the damage is")

    def test_nothing_that_was_encrypted(self):
        """It is as it was made, so it is not damaged: it is no backup."""
        empty = encrypt(b"", key().recipient)
        self.assertIn("nothing", self.check(empty, "empty", allowed=(w.BAD_DATA,)))

    def test_damage_inside_is_placed_in_the_file(self):
        """What was encrypted when it was damaged already."""
        clear = bytearray(decrypt(self.data))
        at = 2 * CHUNK + 5000
        clear[at] ^= 1
        damaged = encrypt(bytes(clear), key().recipient)
        text = self.check(damaged, "inside")
        # The frame that it is in begins before it, and after the header.
        told = int(re.search(r"at byte (\d+)", text)[1])
        self.assertLess(told, header_length(damaged) + 2 * STORED + 5000)
        self.assertGreaterEqual(told, header_length(damaged))


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class CannotRead(EncryptedCase):
    def setUp(self):
        super().setUp()
        self.save({b"%d" % n: os.urandom(50000) for n in range(20)})

    def test_a_disk_that_fails(self):
        """That the file cannot be read is not that it is damaged, at whatever read."""
        before = snapshot(self.place)
        body = lambda: self.new_target(Threads=1).verify()[0]
        failed = 0
        for number in range(1, 40) if FULL else (1, 2, 3, 4, 9):
            options = interrupt.fail_at("read", number, "EIO") + ["-P", self.target]
            hr = interrupt.run(body, options).result
            self.assertIn(hr, (w.IO_DEVICE, w.S_OK), "read %d" % number)
            failed += hr == w.IO_DEVICE
        self.assertGreater(failed, 3)
        self.assert_same(snapshot(self.place), before)

    def test_a_read_that_is_interrupted(self):
        body = lambda: self.new_target(Threads=1).verify()[0]
        for number in (1, 2, 3, 4):
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
