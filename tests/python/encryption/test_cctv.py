"""The test vectors of C2SP/CCTV for age: all of them as they are, and with a backup as payload.

tests/vectors/cctv-age.tar.xz has the files of https://github.com/C2SP/CCTV, age/testdata, as the
npm package cctv-age 0.2.0 has them (0BSD, CC0-1.0 or Unlicense). A vector says what should become
of it; the age command says so, too.
"""

import base64
import functools
import os
import random
import subprocess
import tarfile
import unittest
import zlib

import age_forge as forge
import support
import wmlb_ctypes as w
from encryption_support import (
    INVALID_PASSWORD, NOT_SUPPORTED, EncryptedCase, age_with_passphrase, encrypt, key,
)

VECTORS = os.path.join(w.ROOT, "tests/vectors/cctv-age.tar.xz")
BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"

CODES = {
    "success": {w.S_OK},
    "no match": {INVALID_PASSWORD},
    "HMAC failure": {w.BACKUP_CORRUPT},
    "header failure": {w.BACKUP_CORRUPT},
    "payload failure": {w.BACKUP_CORRUPT},
    "armor failure": {w.BACKUP_CORRUPT},
}
# Where there is more to say than that the header fails.
OTHER_CODES = {
    "version_unsupported": {w.BAD_DATA},
    "armor_garbage_leading": {w.BAD_DATA},
    "armor_lowercase": {w.BAD_DATA},
    "armor_whitespace_begin": {w.BAD_DATA},
    "scrypt_work_factor_23": {NOT_SUPPORTED},
}
# Blanks before armor: age takes them, and its command, up to 1.2, does not.
AGE_DIFFERS = {"armor_whitespace_outside"}


class Vector:
    def __init__(self, name, data):
        self.name = name
        head, self.file = data.split(b"\n\n", 1)
        fields = [line.split(": ", 1) for line in head.decode().split("\n")]
        self.fields = dict(fields)
        self.identities = [value for field, value in fields if field == "identity"]
        self.passphrases = [value for field, value in fields if field == "passphrase"]
        self.expected = self.fields["expect"]
        self.file_key = bytes.fromhex(self.fields["file key"])
        self.is_armored = self.fields.get("armored") == "yes"
        if self.fields.get("compressed") == "zlib":
            self.file = zlib.decompress(self.file)

    @property
    def is_post_quantum(self):
        return any("-PQ-" in identity for identity in self.identities)

    @property
    def codes(self):
        """What a verification may say."""
        return OTHER_CODES.get(self.name, CODES[self.expected])

    def header(self):
        """The header to the end of its last line; None if there is none to be found."""
        file = self.file
        if self.is_armored:
            if self.expected == "armor failure":
                return None
            lines = file.strip().split(b"\n")
            file = base64.b64decode(b"".join(line.strip() for line in lines[1:-1]))
        at = file.find(b"\n---")
        end = file.find(b"\n", at + 1)
        return None if -1 in (at, end) else file[: end + 1]

    def armored_alike(self, file):
        """In armor, if the vector is, with what is odd about that of the vector."""
        if not self.is_armored:
            return file
        armor = armored(file)
        if b"\r\n" in self.file:
            armor = armor.replace(b"\n", b"\r\n")
        text = self.file.strip()
        before, after = self.file.split(text)
        return before + armor.strip() + after


def armored(file):
    text = base64.b64encode(file)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([BEGIN, *lines, END, b""])


@functools.lru_cache(maxsize=None)
def vectors():
    with tarfile.open(VECTORS) as archive:
        return [Vector(file.name, archive.extractfile(file).read()) for file in archive]


class Case(EncryptedCase):
    def setUp(self):
        super().setUp()
        self.saver.remove_prop(b"Recipients")
        self.made = {b"b/c": b"opaque"}
        self.save({b"a": b"1", **self.made})
        self.clear = support.read(self.target)
        self.age_file = os.path.join(self.root, "for-age")
        self.identities = os.path.join(self.root, "identities")

    def verified(self, file, vector):
        """What a verification says of the file with the secrets of the vector."""
        self.write_archive(file)
        secrets = {}
        if vector.identities:
            secrets["Identities"] = "\n".join(vector.identities)
        if vector.passphrases:
            # The vectors with several have the same ones.
            secrets["Passphrase"] = vector.passphrases[0]
        restorer = self.new_target()
        for name in (b"Recipients", b"Identities"):
            restorer.remove_prop(name)
        for name, value in secrets.items():
            hr = restorer.set(name, value)
            if hr != w.S_OK:
                return hr, restorer.last_error()
        hr, events = restorer.verify()
        return hr, events[-1].text

    def age_opens(self, file, vector):
        """Whether the age command opens it with the same."""
        support.write(self.age_file, file)
        if vector.passphrases and not vector.identities:
            out = os.path.join(self.root, "opened")
            return age_with_passphrase(vector.passphrases[0], "-d", "-o", out, self.age_file) == 0
        support.write(self.identities, "\n".join(vector.identities).encode())
        command = ["age", "-d", "-i", self.identities, self.age_file]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Vectors(Case):
    def test_there_are_all(self):
        self.assertEqual(len(vectors()), 143)
        self.assertEqual(set(vector.expected for vector in vectors()), set(CODES))

    def test_as_they_are(self):
        """None of them is a backup: a whole one has another content."""
        for vector in vectors():
            codes = vector.codes
            if w.S_OK in codes or vector.expected == "payload failure":
                # What is in them does not begin as one.
                codes = codes - {w.S_OK} | {w.BAD_DATA}
            with self.subTest(vector.name):
                hr, words = self.verified(vector.file, vector)
                self.assertIn(hr, codes, "%s: %s" % (w.describe(hr), words))

    def test_with_a_backup_in_them(self):
        for vector in vectors():
            header = vector.header()
            if header is None or vector.name.startswith("stream_"):
                continue
            if vector.expected == "payload failure":
                continue
            payload = forge.stream(vector.file_key, forge.chunks_of(self.clear))
            file = vector.armored_alike(header + payload)
            with self.subTest(vector.name):
                hr, words = self.verified(file, vector)
                codes = vector.codes
                self.assertIn(hr, codes, "%s: %s" % (w.describe(hr), words))
                # age has had post-quantum keys since 1.3.
                if vector.name not in AGE_DIFFERS and not vector.is_post_quantum:
                    self.assertEqual(hr == w.S_OK, self.age_opens(file, vector), "age differs")


class Payloads(Case):
    """What the vectors of payloads are about, done to that of a backup."""

    def setUp(self):
        super().setUp()
        self.vector = next(vector for vector in vectors() if vector.name == "x25519")
        self.save({b"a": random.Random(1).randbytes(70000)})
        self.clear = support.read(self.target)

    def check(self, name, file, expected, age_opens=None):
        with self.subTest(name):
            hr, words = self.verified(file, self.vector)
            self.assertEqual(hr, expected, "%s: %s" % (w.describe(hr), words))
            age_opens = hr == w.S_OK if age_opens is None else age_opens
            self.assertEqual(self.age_opens(file, self.vector), age_opens, "age differs")

    def test_payloads(self):
        one, two = self.clear[: forge.CHUNK], self.clear[forge.CHUNK :]
        self.assertLess(len(two), forge.CHUNK)

        def made(*chunks):
            return forge.stream(self.vector.file_key, chunks)

        whole = made((one, 0), (two, 1))
        nonce, first = 16, 16 + forge.CHUNK + 16
        header = self.vector.header()
        self.check("whole", header + whole, w.S_OK)
        # A backup says where it ends.
        self.check("the first as the last", header + made((one, 1)), w.BACKUP_CORRUPT, True)
        for name, payload in (
            ("no nonce", b""), ("a short nonce", whole[:15]), ("no chunks", whole[:nonce]),
            ("no last one", made((one, 0), (two, 0))), ("only the first", made((one, 0))),
            ("two last ones", made((one, 1), (two, 1))), ("two are last", made((one, 1), (two, 0))),
            ("one after the last", made((one, 0), (two, 1), (two, 1))),
            ("an empty one after the last", made((one, 0), (two, 1), (b"", 1))),
            ("an empty last one", made((one, 0), (two, 0), (b"", 1))),
            ("a short one before the last", made((one[:-1], 0), (one[-1:] + two, 1))),
            ("a large one", made((one + two[:1], 0), (two[1:], 1))),
            ("all in one", made((self.clear, 1))),
            ("swapped", whole[:nonce] + whole[first:] + whole[nonce:first]),
            ("twice the first", whole[:first] + whole[nonce:]),
            ("a cut tag", whole[:-1]), ("no tag", whole[:-16]), ("only a tag", whole[: first + 16]),
            ("a byte more", whole + b"\0"), ("a chunk more", whole + bytes(forge.CHUNK + 16)),
            ("another tag", whole[:-1] + bytes([whole[-1] ^ 1])),
            ("another tag of the first",
             whole[: first - 1] + bytes([whole[first - 1] ^ 1]) + whole[first:]),
        ):
            self.check(name, header + payload, w.BACKUP_CORRUPT)

    def test_armor(self):
        file = self.vector.header() + forge.stream(
            self.vector.file_key, forge.chunks_of(self.clear))
        if len(file) % 3 == 0:  # so that there is padding
            self.fail("the content of this test should be of another length")
        text = armored(file)
        lines = text.split(b"\n")
        middle = len(lines) // 2

        def changed(line, to):
            return b"\n".join(lines[:line] + to + lines[line + 1 :])

        def wrapped(columns):
            every = b"".join(lines[1:-2])
            pieces = [every[at : at + columns] for at in range(0, len(every), columns)]
            return b"\n".join([BEGIN, *pieces, END, b""])

        last = lines[-3]
        self.assertTrue(last.endswith(b"="))
        other = bytes([last.rstrip(b"=")[-1] + 1])
        not_canonical = last.rstrip(b"=")[:-1] + other + b"=" * last.count(b"=")
        for name, armor, expected in (
            ("as it is made", text, w.S_OK),
            ("CRLF", text.replace(b"\n", b"\r\n"), w.S_OK),
            ("no end of the last line", text[:-1], w.S_OK),
            ("blanks after it", text + b" \r\n\t\n", w.S_OK),
            ("more after it", text + b"x", w.BACKUP_CORRUPT),
            ("a second one", text + text, w.BACKUP_CORRUPT),
            ("a blank after a line", changed(middle, [lines[middle] + b" "]), w.BACKUP_CORRUPT),
            ("a blank before a line", changed(middle, [b" " + lines[middle]]), w.BACKUP_CORRUPT),
            ("an empty line", changed(middle, [lines[middle], b""]), w.BACKUP_CORRUPT),
            ("a line without a character", changed(middle, [lines[middle][1:]]), w.BACKUP_CORRUPT),
            ("a line less", changed(middle, []), w.BACKUP_CORRUPT),
            ("two lines in one", changed(middle, [lines[middle] * 2]), w.BACKUP_CORRUPT),
            ("another alphabet", changed(middle, [b"-" * 64]), w.BACKUP_CORRUPT),
            ("not UTF-8", changed(middle, [b"\xff" * 64]), w.BACKUP_CORRUPT),
            ("lines of 60", wrapped(60), w.BACKUP_CORRUPT),
            ("lines of 76", wrapped(76), w.BACKUP_CORRUPT),
            ("one line", wrapped(len(text)), w.BACKUP_CORRUPT),
            ("no padding", changed(-3, [last.rstrip(b"=")]), w.BACKUP_CORRUPT),
            ("not canonical", changed(-3, [not_canonical]), w.BACKUP_CORRUPT),
            ("a checksum as of PGP", changed(-3, [last, b"=abcd"]), w.BACKUP_CORRUPT),
            ("no last line", b"\n".join(lines[:-2]), w.BACKUP_CORRUPT),
            ("another last line", text.replace(b"END AGE", b"END PGP"), w.BACKUP_CORRUPT),
            ("headers", changed(0, [BEGIN, b"Comment: x", b""]), w.BACKUP_CORRUPT),
            ("nothing in it", BEGIN + b"\n" + END + b"\n", w.BACKUP_CORRUPT),
            ("only its first line", BEGIN + b"\n", w.BACKUP_CORRUPT),
            ("cut", text[: len(text) // 2], w.BACKUP_CORRUPT),
            ("armor in armor", armored(text), w.BACKUP_CORRUPT),
            ("lines joined by CR", b"\r".join(lines), w.BACKUP_CORRUPT),
            ("small letters", text.replace(b"BEGIN AGE", b"begin age"), w.BAD_DATA),
            ("something before it", b"x\n" + text, w.BAD_DATA),
        ):
            self.check(name, armor, expected)

    def test_places_in_armor(self):
        file = self.vector.header() + forge.stream(
            self.vector.file_key, forge.chunks_of(self.clear))
        lines = armored(file).split(b"\n")
        at = file.index(b"\n--- ") + 5 + 43 + 1 + 16
        damaged = bytearray(file)
        damaged[at + 70000] ^= 1
        _, words = self.verified(armored(bytes(damaged)), self.vector)
        # The chunk that it is in begins there.
        start = at + forge.CHUNK + 16
        place = len(BEGIN) + 1 + start // 48 * 65 + start % 48 * 4 // 3
        self.assertIn("from byte %d on" % place, words)
        self.assertLess(place, sum(len(line) + 1 for line in lines))

    def test_restored_from_armor(self):
        self.write_archive(armored(encrypt(self.clear, key().recipient)))
        self.assert_all(self.open_with(Identities=key(1).identity), INVALID_PASSWORD)
        restorer = self.open_with(Identities=key().identity)
        self.assertEqual(len(restorer.enumerate("backup")[1]), 1 + len(self.made))
        self.assert_ends(restorer.restore())
        self.assertEqual(support.read(self.store + "/a"), support.read(self.source + "/a"))


if __name__ == "__main__":
    unittest.main()
