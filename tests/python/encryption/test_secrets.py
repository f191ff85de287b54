"""Secrets: what may be set, who is told what, and what a wrong or missing one answers."""

import ctypes
import os
import re
import resource
import threading
import unittest
from ctypes import byref, c_int32, c_size_t

import archive_forge as forge
import support
import wmlb_ctypes as w
from encryption_support import (
    INVALID_PASSWORD, LINE, NOT_SUPPORTED, EncryptedCase, decrypt, encrypt, key,
)
from restore_support import memory

LOW_ORDER = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqy5qvf"


class Setting(unittest.TestCase):
    def setUp(self):
        self.restorer = w.Restorer()
        self.addCleanup(self.restorer.release)

    def assert_hr(self, hr, expected):
        self.assertEqual(w.describe(hr), w.describe(expected), self.restorer.last_error())

    def refuse(self, name, value, *words):
        self.assert_hr(self.restorer.set(name, value), w.E_INVALIDARG)
        said = self.restorer.last_error()
        self.assertIn(name, said)
        for word in words:
            self.assertIn(word, said)
        for line in os.fsdecode(value).splitlines():
            if len(line) > 8 and not line.startswith("#"):
                self.assertNotIn(line, said)

    def test_what_may_be_set(self):
        one, other = key(), key(1)
        for name, values in (
            ("Passphrase", ("x", " ", "ä" * 1000, "line\nline", "p" * (1 << 20))),
            ("Recipients", (
                one.recipient, one.recipient + "\n", one.recipient + "\r\n" + other.recipient,
                "# mine\n\n" + one.recipient + "\n#" + other.recipient, one.recipient.upper(),
                "\n".join([one.recipient] * 500),
            )),
            ("Identities", (one.identity, one.text, one.text + other.text + "\n\n# end")),
        ):
            for value in values:
                self.assert_hr(self.restorer.set(name, value), w.S_OK)

    def test_what_may_not(self):
        one = key()
        self.refuse("Passphrase", "")
        for nothing in ("", "\n", "# only a comment\n"):
            self.refuse("Recipients", nothing)
            self.refuse("Identities", nothing)
        good, line = one.recipient, "line 2 "
        for bad in (
            "age", "age1", good[:-1], good[:-1] + ("q" if good[-1] != "q" else "p"), good + "q",
            " " + good, good + " ", one.identity, good.upper()[:10] + good[10:], LOW_ORDER,
            "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN me",
            "https://example.com/keys", "x" * 100000,
        ):
            self.refuse("Recipients", good + "\n" + bad, line)
        good = one.identity
        for bad in (
            one.recipient, good[:-1], good + "Q", good[:20], "AGE-PLUGIN-YUBIKEY-1QQQQ", " " + good,
            good[:-1] + ("Q" if good[-1] != "Q" else "P"), "-----BEGIN OPENSSH PRIVATE KEY-----",
        ):
            self.refuse("Identities", "# mine\n" + bad + "\n" + good, line)
        many = "\n".join([one.recipient] * 501)
        self.refuse("Recipients", many, "500")
        self.assertEqual(self.restorer.count(), 0)

    def test_types_and_nuls(self):
        for name, value in (("Passphrase", b"secret"), ("Recipients", key().recipient.encode()),
                            ("Identities", key().identity.encode())):
            for kind in (0, 2, 3, 7, -1):
                hr = self.restorer.set_prop(name.encode(), kind, value, len(value))
                self.assert_hr(hr, w.E_INVALIDARG)
            for bad in (value + b"\0x", b"\0" + value, value + b"\0\0", value + b"\xff"):
                hr = self.restorer.set_prop(name.encode(), w.TYPE_STRING, bad, len(bad))
                self.assert_hr(hr, w.E_INVALIDARG)
                self.assertNotIn(value.decode(), self.restorer.last_error())
            hr = self.restorer.set_prop(name.encode(), w.TYPE_STRING, value + b"\0", len(value) + 1)
            self.assert_hr(hr, w.S_OK)
            self.assert_hr(self.restorer.set_prop(name.encode(), 1, None, 3), w.E_POINTER)

    def test_a_refused_value_leaves_the_old_one(self):
        self.restorer.set("Recipients", key().recipient)
        self.refuse("Recipients", "age1")
        self.assertEqual(self.restorer.get("Recipients")[2], key().recipient)

    def test_who_reads_them(self):
        """Secrets count, and are in the list by their turn, but nobody gets their value."""
        kind, length, name_length = c_int32(-7), c_size_t(77), c_size_t(78)
        self.restorer.set("Threads", 1)
        self.restorer.set("Recipients", "# mine\n" + key().recipient)
        self.assertEqual(self.restorer.get("Recipients")[2], "# mine\n" + key().recipient)
        for name, value in (("Passphrase", "a passphrase"), ("Identities", key().identity)):
            before = self.restorer.count()
            for is_set in (False, True):
                if is_set:
                    self.assert_hr(self.restorer.set(name, value), w.S_OK)
                    self.assertEqual(self.restorer.count(), before + 1)
                for room in (0, 4096):
                    buffer = ctypes.create_string_buffer(b"\xaa" * 4096, 4096)
                    length.value = room
                    hr = self.restorer.get_prop_by_name(
                        name.encode(), byref(kind), buffer, byref(length))
                    self.assert_hr(hr, w.E_ACCESSDENIED)
                    self.assertEqual((kind.value, length.value), (-7, room))
                    self.assertEqual(buffer.raw, b"\xaa" * 4096)
        results = []
        for index in range(self.restorer.count()):
            buffer = ctypes.create_string_buffer(b"\xaa" * 4096, 4096)
            name_length.value = length.value = 4096
            hr = self.restorer.get_prop_by_index(
                index, None, byref(name_length), byref(kind), buffer, byref(length))
            results.append(hr)
            self.assertNotIn(b"passphrase", buffer.raw)
            self.assertNotIn(b"SECRET", buffer.raw)
        self.assertEqual(sorted(results), sorted([w.E_ACCESSDENIED] * 2 + [w.S_OK] * 2))
        self.assert_hr(self.restorer.remove_prop(b"Passphrase"), w.S_OK)
        self.assert_hr(self.restorer.remove_prop(b"Passphrase"), w.S_FALSE)
        self.assertEqual(self.restorer.count(), 3)


@unittest.skipUnless(os.path.exists("/proc/self/smaps"), "Linux tells what memory is for")
class Memory(unittest.TestCase):
    """Where a property keeps its secret."""

    def setUp(self):
        self.restorer = w.Restorer()
        self.addCleanup(self.restorer.release)

    def flags_of(self, secret):
        """The flags of each mapping that is not dumped and has the secret in it."""
        with open("/proc/self/smaps") as file:
            text = file.read()
        # Of the mappings without a file or a name.
        mappings = re.findall(r"^(\w+)-(\w+) rw-p 00000000 00:00 0 *\n(?:[A-Z].*\n)+?VmFlags: (.*)",
                              text, re.M)
        found = []
        for start, end, flags in mappings:
            start, size = int(start, 16), int(end, 16) - int(start, 16)
            if "dd" in flags.split() and secret.encode() in ctypes.string_at(start, size):
                found.append(flags.split())
        return found

    def test_it_is_locked_and_neither_dumped_nor_inherited(self):
        for name, secret, other in (
            ("Passphrase", "it is %s" % os.urandom(8).hex(), "now %s" % os.urandom(8).hex()),
            ("Identities", key().identity, key(1).identity),
        ):
            self.assertEqual(self.flags_of(secret), [])
            self.assertEqual(self.restorer.set(name, secret), w.S_OK)
            (flags,) = self.flags_of(secret)
            self.assertLessEqual({"dd", "wf", "lo"}, set(flags))
            self.assertEqual(self.restorer.set(name, other), w.S_OK)
            self.assertEqual((self.flags_of(secret), len(self.flags_of(other))), ([], 1))
            self.assertEqual(self.restorer.remove_prop(name.encode()), w.S_OK)
            self.assertEqual(self.flags_of(other), [])

    def test_it_is_kept_where_nothing_may_be_locked(self):
        def body():
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
            restorer = w.Restorer()
            secret = "it is %s" % os.urandom(8).hex()
            self.assertEqual(restorer.set("Passphrase", secret), w.S_OK)
            (flags,) = self.flags_of(secret)
            self.assertIn("dd", flags)
            self.assertNotIn("lo", flags)

        support.in_child(body, user=support.drop_to_nobody())


class Starting(EncryptedCase):
    def test_both_at_once(self):
        """Refused with the properties: before the look for a backup file."""
        self.save({b"a": b"1"})
        before = support.read(self.target)
        self.saver.set("Passphrase", "secret words")
        for flags in (0, w.OVERWRITE):
            self.assert_refused(self.saver.backup(flags), w.E_INVALIDARG)
            said = self.saver.last_error()
            self.assertIn("Passphrase", said)
            self.assertIn("Recipients", said)
            self.assertNotIn("secret words", said)
        self.assertEqual(support.read(self.target), before)
        self.saver.remove_prop(b"BackupPath")
        hr, _ = self.saver.backup()
        self.assertIn(hr, (w.E_INVALIDARG, w.NOT_CONFIGURED))
        self.assert_refused(self.saver.backup(0x80), w.E_INVALIDARG)
        # Reading takes the passphrase, whatever recipients are set.
        self.saver.set("RestorePath", self.backups)
        self.saver.set("Identities", key().identity)
        self.assert_ends(self.saver.verify())

    def test_identities_encrypt_nothing(self):
        self.saver.remove_prop(b"Recipients")
        self.saver.set("Identities", key().identity)
        self.save({b"a": b"1"})
        self.assertEqual(support.read(self.target)[:4], b"\x28\xb5\x2f\xfd")

    def test_what_is_set_meanwhile_is_for_the_next(self):
        support.write(self.source + "/a", b"1")

        def on_event(event):
            self.saver.set("Recipients", key(1).recipient)

        self.assert_ends(self.saver.backup(0, on_event))
        decrypt(support.read(self.target), key().path)


class Opening(EncryptedCase):
    """What an operation answers that cannot open the backup."""

    def setUp(self):
        super().setUp()
        self.save({b"%d" % number: os.urandom(1000) for number in range(5)})
        self.to_key = support.read(self.target)

    def assert_refused_secret(self, restorer):
        asked = []
        restorer.authorize(lambda request: asked.append(request))
        self.assert_all(restorer, INVALID_PASSWORD, self.target)
        _, events = restorer.restore()
        self.assertEqual([event.status for event in events], [w.STATUS_CONNECTING, w.STATUS_ERROR])
        self.assert_hr(events[-1].hr, INVALID_PASSWORD)
        self.assertEqual(asked, [], "somebody was asked about a backup that cannot be opened")
        self.assertFalse(os.path.exists(self.store))

    def test_no_secret(self):
        self.assert_refused_secret(self.open_with())
        self.assert_refused_secret(self.open_with(Recipients=key().recipient))

    def test_the_other_kind_of_secret(self):
        self.assert_refused_secret(self.open_with(Passphrase="secret words"))
        self.save_with("secret words")
        self.assert_refused_secret(self.open_with(Identities=key().identity))

    def test_wrong_identities(self):
        several = key(1).text + key(2).text
        self.assert_refused_secret(self.open_with(Identities=several))

    def test_a_wrong_passphrase(self):
        self.save_with("secret words")
        restorer = self.open_with(Passphrase="Secret words")
        self.assert_refused_secret(restorer)
        for operation, hr, said in self.all_operations(restorer):
            self.assertNotIn("secret words", said.lower())

    def test_the_right_one_after_a_wrong_one(self):
        restorer = self.open_with(Identities=key(1).identity)
        self.assert_refused_secret(restorer)
        restorer.set("Identities", key().identity)
        restorer.authorize(lambda request: w.S_OK)
        self.assert_ends(restorer.restore())

    def test_too_much_work(self):
        """Refused at once, that is without the memory that it would take."""
        data = self.save_with("secret words")
        for factor in (19, 22, 30, 63, 64, 255):
            self.write_archive(data.replace(b" 17\n", b" %d\n" % factor, 1))

            def body():
                restorer = self.open_with(Passphrase="secret words")
                before = memory("VmHWM")
                return list(self.all_operations(restorer)), memory("VmHWM") - before

            outcomes, more = support.in_child(body)
            for name, hr, said in outcomes:
                self.assert_hr(hr, NOT_SUPPORTED, said)
                self.assertIn("%d" % factor, said)
                self.assertIn(self.target, said)
            self.assertLess(more, 32 << 10, "KiB")
        self.write_archive(data.replace(b" 17\n", b" 256\n", 1))
        self.assert_all(self.open_with(Passphrase="secret words"), w.BACKUP_CORRUPT)

    def test_the_work_is_fixed(self):
        self.assertIn(b" 17\n", self.save_with("secret words")[:80])

    def test_what_is_inside_is_no_backup(self):
        clear = decrypt(self.to_key)
        for words, inside in (
            ("nothing", b""), ("a byte", b"x"), ("text", b"hello\n"), ("zeros", bytes(200000)),
            ("another envelope", self.to_key), ("tar", forge.member(b"a", b"1", 0)),
            # What is authentic was not damaged by accident.
            ("a backup that begins with another byte", b"\x29" + clear[1:]),
        ):
            self.write_archive(encrypt(inside, key().recipient))
            with self.subTest(words):
                self.assert_all(self.restorer, w.BAD_DATA, self.target)
        newer = forge.small({b"a": b"1"}, format=2)
        self.write_archive(encrypt(newer, key().recipient))
        self.assert_all(self.restorer, w.BAD_DATA, self.target)
        self.write_archive(encrypt(clear + b"x", key().recipient))
        self.assert_all(self.restorer, w.BACKUP_CORRUPT, self.target)
        self.write_archive(encrypt(clear[:-1], key().recipient))
        self.assert_all(self.restorer, w.BACKUP_CORRUPT, self.target)

    def test_other_versions_and_headers(self):
        rest = self.to_key[len(LINE) :]
        stanza = rest[: rest.index(b"\n", rest.index(b"\n") + 1) + 1]
        mac = rest[rest.index(b"--- ") :]
        for words, data, expected in (
            ("version 2", b"age-encryption.org/v2\n" + rest, w.BAD_DATA),
            ("version 10", b"age-encryption.org/v10\n" + rest, w.BAD_DATA),
            ("no armor", b"-----BEGIN AGE ENCRYPTED FILE-----\n" + rest, w.BACKUP_CORRUPT),
            ("another file", b"age-old question\n" * 10, w.BAD_DATA),
            ("no stanza", LINE + mac, w.BACKUP_CORRUPT),
            ("no end", LINE + stanza, w.BACKUP_CORRUPT),
            ("lines that end otherwise", (LINE + rest).replace(b"\n", b"\r\n", 3), w.BACKUP_CORRUPT),
            ("noise", LINE + os.urandom(5000), w.BACKUP_CORRUPT),
            ("only its first line", LINE, w.BACKUP_CORRUPT),
            ("very many stanzas", LINE + stanza * 5000 + mac, w.BAD_DATA),
            ("many that are ours", LINE + stanza * 300 + mac, w.BACKUP_CORRUPT),
            ("a line without an end", LINE + b"-> " + b"a" * 500000, w.BAD_DATA),
        ):
            self.write_archive(data)
            with self.subTest(words):
                self.assert_all(self.restorer, expected, self.target)

    def test_as_many_recipients_as_may_be_set(self):
        recipients = "\n".join([key(1).recipient] * 499 + [key().recipient])
        self.assert_hr(self.saver.set("Recipients", recipients), w.S_OK)
        self.save()
        self.assert_ends(self.restorer.verify())


class Derivation(EncryptedCase):
    """The derivation from a passphrase takes time and memory."""

    def test_canceled_meanwhile(self):
        self.save_with("secret words", {b"%d" % n: b"x" for n in range(50)})

        def body(operation):
            restorer = self.open_with(Passphrase="secret words")
            restorer.set("StorePath", self.source if operation == "backup" else self.store)
            restorer.set("BackupPath", self.root + "/other")
            before, began = memory("VmRSS"), threading.Event()

            def cancel():
                # When much memory is in use, the derivation is under way.
                while memory("VmRSS") < before + (40 << 10) and not stop.is_set():
                    pass
                began.set()
                restorer.cancel()

            stop = threading.Event()
            canceler = threading.Thread(target=cancel)
            canceler.start()
            hr, events = getattr(restorer, operation)()
            ended_by_itself = not began.is_set()
            stop.set()
            canceler.join()
            return hr, [event.status for event in events], ended_by_itself, os.path.exists(self.store)

        for operation, first in (("verify", w.STATUS_BEGIN), ("restore", w.STATUS_CONNECTING),
                                 ("backup", w.STATUS_BEGIN)):
            hr, statuses, ended, exists = support.in_child(lambda: body(operation))
            self.assertFalse(ended, "there was no derivation to cancel")
            self.assert_hr(hr, w.CANCELED)
            self.assertEqual(statuses, [first, w.STATUS_ERROR], operation)
            self.assertFalse(exists)

    CODE = """
import resource, support, wmlb_ctypes as w
operation, store, folder, spare = sys.argv[1:]
restorer = w.Restorer()
for name, value in (("StorePath", store), ("BackupPath", folder), ("RestorePath", folder),
                    ("Passphrase", "secret words"), ("Threads", 1)):
    assert restorer.set(name, value) == w.S_OK
native, result = w.native_callback(), w.c_int32()
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (size + int(spare), hard))
flags = w.OVERWRITE if operation == "backup_licenses" else 0
hr = getattr(restorer, operation)(flags, native, None)
if hr == w.S_OK:
    hr = restorer.wait(w.HANGS, w.ctypes.byref(result))
    hr = result.value if hr == w.S_OK else hr
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
print(hr)
"""

    def test_too_little_memory(self):
        self.save_with("secret words", {b"a": b"1"})
        for operation in ("verify_backup", "backup_licenses"):
            codes = []
            # Some of it is the operation's thread's.
            for mebibytes in (60, 120, 400):
                ended = support.run_python(
                    self.CODE, operation, self.source, self.backups, str(mebibytes << 20))
                self.assertEqual((ended.returncode, ended.stderr), (0, b""), mebibytes)
                codes.append(int(ended.stdout))
            self.assertEqual(codes, [w.E_OUTOFMEMORY, w.E_OUTOFMEMORY, w.S_OK], operation)


if __name__ == "__main__":
    unittest.main()
