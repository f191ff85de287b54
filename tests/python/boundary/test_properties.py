"""The property bag: what may be set, to what, and how it is read."""

import ctypes
import unittest
from ctypes import byref, c_int32, c_size_t

import wmlb_ctypes as w

# In the order of the contract's table: name, type, a value that may be set.
SETTABLE = [
    ("BackupPath", w.TYPE_STRING, "/some/where"),
    ("RestorePath", w.TYPE_STRING, "relative/ö"),
    ("StorePath", w.TYPE_STRING, "/"),
    ("CompressionLevel", w.TYPE_DWORD, 19),
    ("Threads", w.TYPE_DWORD, 3),
    ("Niceness", w.TYPE_DWORD, 17),
    ("UnstatedRights", w.TYPE_STRING, "deny"),
]
ENCRYPTION = ["Passphrase", "Recipients", "Identities"]
NAMES = [row[0] for row in SETTABLE] + ENCRYPTION
# The size of a string's buffer is its bytes and the NUL.
FILLER = b"\xaa"


class Bag(unittest.TestCase):
    def setUp(self):
        self.restorer = w.Restorer()
        self.addCleanup(self.restorer.release)

    def assert_hr(self, hr, expected):
        self.assertEqual(w.describe(hr), w.describe(expected))

    def read_into(self, name, room):
        """(hr, type, size, buffer) of a getter with a buffer of this many bytes; -7 is what
        the type was, the filler what the buffer was."""
        kind, length = c_int32(-7), c_size_t(room)
        buffer = ctypes.create_string_buffer(FILLER * (room + 16), room + 16)
        hr = self.restorer.get_prop_by_name(name, byref(kind), buffer, byref(length))
        return hr, kind.value, length.value, buffer.raw


class Setting(Bag):
    def test_what_is_set_is_read(self):
        for name, kind, value in SETTABLE:
            self.assert_hr(self.restorer.set(name, value), w.S_OK)
            self.assertEqual(self.restorer.get(name), (w.S_OK, kind, value))

    def test_setting_again_replaces(self):
        self.restorer.set("BackupPath", "/one")
        self.assert_hr(self.restorer.set("BackupPath", "/another/longer"), w.S_OK)
        self.assertEqual(self.restorer.get("BackupPath")[2], "/another/longer")
        self.assertEqual(self.restorer.count(), 1)

    def test_every_other_type_is_refused(self):
        for name, kind, _ in SETTABLE:
            for other in (-1, 0, 1, 2, 3, 4, 5, 6, 7, 0x7FFFFFFF):
                if other != kind:
                    hr = self.restorer.set_prop(name.encode(), other, b"\1\0\0\0", 4)
                    self.assert_hr(hr, w.E_INVALIDARG)
        self.assertEqual(self.restorer.count(), 0)

    def test_unknown_names(self):
        for name in (b"", b"backupPath", b"BackupPath ", b"Backup", b"\xff\xfe", b"A" * 100000):
            self.assert_hr(self.restorer.set_prop(name, 1, b"x", 1), w.UNSUPPORTED_PROPERTY)
            self.assert_hr(self.restorer.remove_prop(name), w.UNSUPPORTED_PROPERTY)
            kind, length = c_int32(), c_size_t()
            hr = self.restorer.get_prop_by_name(name, byref(kind), None, byref(length))
            self.assert_hr(hr, w.UNSUPPORTED_PROPERTY)

    def test_strings_that_are_refused(self):
        for name in ("BackupPath", "RestorePath", "StorePath"):
            for value in (b"", b"\0", b"/a\0b", b"/a\0\0", b"\0/a", b"/\xff", b"/\xc3", b"\xed\xa0\x80"):
                hr = self.restorer.set_prop(name.encode(), w.TYPE_STRING, value, len(value))
                self.assert_hr(hr, w.E_INVALIDARG)
        self.assertEqual(self.restorer.count(), 0)

    def test_one_nul_at_the_end_is_no_part_of_the_value(self):
        self.assert_hr(self.restorer.set_prop(b"StorePath", w.TYPE_STRING, b"/ab\0", 4), w.S_OK)
        self.assertEqual(self.restorer.get("StorePath")[2], "/ab")
        self.assertEqual(self.restorer.set_prop(b"UnstatedRights", 1, b"deny\0", 5), w.S_OK)
        self.assertEqual(self.restorer.get("UnstatedRights")[2], "deny")

    def test_no_more_than_the_length_is_read(self):
        self.assert_hr(self.restorer.set_prop(b"StorePath", w.TYPE_STRING, b"/abcdef", 3), w.S_OK)
        self.assertEqual(self.restorer.get("StorePath")[2], "/ab")

    def test_the_value_is_copied(self):
        buffer = ctypes.create_string_buffer(b"/before")
        self.restorer.set_prop(b"StorePath", w.TYPE_STRING, buffer, 7)
        buffer.value = b"/after!"
        self.assertEqual(self.restorer.get("StorePath")[2], "/before")

    def test_a_dword_has_four_bytes(self):
        for length in (0, 1, 3, 5, 8):
            hr = self.restorer.set_prop(b"Threads", w.TYPE_DWORD, b"\1" + bytes(7), length)
            self.assert_hr(hr, w.E_INVALIDARG)
        self.assertEqual(self.restorer.count(), 0)

    def test_ranges(self):
        for value in (1, 10, 19):
            self.assert_hr(self.restorer.set("CompressionLevel", value), w.S_OK)
        for value in (0, 20, 22, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            self.assert_hr(self.restorer.set("CompressionLevel", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("CompressionLevel")[2], 19)
        for value in (0, 1, 8, 64):
            self.assert_hr(self.restorer.set("Threads", value), w.S_OK)
        for value in (65, 0x80000000, 0xFFFFFFFF):
            self.assert_hr(self.restorer.set("Threads", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("Threads")[2], 64)
        for value in (5, 0, 19):
            self.assert_hr(self.restorer.set("Niceness", value), w.S_OK)
        # Less than nothing would be a higher priority.
        for value in (20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            self.assert_hr(self.restorer.set("Niceness", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("Niceness")[2], 19)
        for value in (1, 100, 5):
            self.assert_hr(self.restorer.set("Sample", value), w.S_OK)
        for value in (0, 101, 0xFFFFFFFF):
            self.assert_hr(self.restorer.set("Sample", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("Sample")[2], 5)

    def test_unstated_rights_is_one_of_two_words(self):
        for value in ("allow", "deny"):
            self.assert_hr(self.restorer.set("UnstatedRights", value), w.S_OK)
        for value in ("", "Allow", "deny ", "no"):
            self.assert_hr(self.restorer.set("UnstatedRights", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("UnstatedRights")[2], "deny")

    def test_details_are_one_of_two_words(self):
        for value in ("all", "names"):
            self.assert_hr(self.restorer.set("Details", value), w.S_OK)
        for value in ("", "Names", "none"):
            self.assert_hr(self.restorer.set("Details", value), w.E_INVALIDARG)
        self.assertEqual(self.restorer.get("Details")[2], "names")

    def test_a_refused_value_leaves_the_old_one(self):
        self.restorer.set("BackupPath", "/kept")
        self.restorer.set("BackupPath", "")
        self.restorer.set_prop(b"BackupPath", w.TYPE_DWORD, b"\1\0\0\0", 4)
        self.assertEqual(self.restorer.get("BackupPath")[2], "/kept")

    def test_a_length_that_cannot_be(self):
        # What a caller passes who reads the length from the wrong place; nothing that long
        # may be looked at.
        for length in (1 << 40, (1 << 64) - 1, 1 << 63):
            hr = self.restorer.set_prop(b"BackupPath", w.TYPE_STRING, b"/a", length)
            self.assert_hr(hr, w.E_INVALIDARG)

    def test_secrets_are_never_read(self):
        # Write-only: the getters say so, whether it is set or not.
        for name in ("Passphrase", "Identities"):
            kind, length = c_int32(), c_size_t()
            hr = self.restorer.get_prop_by_name(name.encode(), byref(kind), None, byref(length))
            self.assert_hr(hr, w.E_ACCESSDENIED)

    def test_the_three_paths_have_setters(self):
        for name in ("backup", "restore", "store"):
            setter = getattr(self.restorer, "set_%s_path" % name)
            self.assert_hr(setter("/ä".encode()), w.S_OK)
            self.assertEqual(self.restorer.get(name.capitalize() + "Path")[2], "/ä")
            self.assert_hr(setter(b""), w.E_INVALIDARG)
            self.assert_hr(setter(b"\xff"), w.E_INVALIDARG)
            self.assert_hr(setter(None), w.E_POINTER)
            self.assertEqual(self.restorer.get(name.capitalize() + "Path")[2], "/ä")


class Getting(Bag):
    def test_defaults(self):
        get = self.restorer.get
        self.assertEqual(get("CompressionLevel"), (w.S_OK, w.TYPE_DWORD, 1))
        self.assertEqual(get("Threads"), (w.S_OK, w.TYPE_DWORD, 0))
        self.assertEqual(get("Niceness"), (w.S_OK, w.TYPE_DWORD, 5))
        self.assertEqual(get("Sample"), (w.S_OK, w.TYPE_DWORD, 100))
        self.assertEqual(get("UnstatedRights"), (w.S_OK, w.TYPE_STRING, "allow"))

    def test_what_is_not_set_and_has_no_default(self):
        for name in (b"BackupPath", b"RestorePath", b"Recipients"):
            for room in (0, 10):
                hr, kind, size, buffer = self.read_into(name, room)
                self.assert_hr(hr, w.S_FALSE)
                self.assertEqual(kind, w.TYPE_STRING)
                self.assertEqual(size, 0)
                self.assertEqual(buffer.strip(FILLER), b"")

    def test_the_size_includes_the_nul(self):
        self.restorer.set("BackupPath", "/äb")
        kind, length = c_int32(-7), c_size_t(999)
        hr = self.restorer.get_prop_by_name(b"BackupPath", byref(kind), None, byref(length))
        self.assert_hr(hr, w.S_OK)
        self.assertEqual((kind.value, length.value), (w.TYPE_STRING, 5))
        hr = self.restorer.get_prop_by_name(b"Threads", byref(kind), None, byref(length))
        self.assertEqual((hr, kind.value, length.value), (w.S_OK, w.TYPE_DWORD, 4))

    def test_a_buffer_that_is_large_enough(self):
        self.restorer.set("BackupPath", "/abc")
        for room in (5, 6, 100):
            hr, kind, size, buffer = self.read_into(b"BackupPath", room)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual((kind, size), (w.TYPE_STRING, 5))
            self.assertEqual(buffer, b"/abc\0".ljust(room + 16, FILLER))

    def test_a_buffer_that_is_too_small(self):
        self.restorer.set("BackupPath", "/abc")
        for room in (0, 1, 4):
            hr, kind, size, buffer = self.read_into(b"BackupPath", room)
            self.assert_hr(hr, w.INSUFFICIENT_BUFFER)
            self.assertEqual(size, 5)
            self.assertEqual(kind, -7, "the type was written")
            self.assertEqual(buffer.strip(FILLER), b"", "the buffer was written to")
        hr, kind, size, buffer = self.read_into(b"Threads", 3)
        self.assertEqual((hr, kind, size), (w.INSUFFICIENT_BUFFER, -7, 4))
        self.assertEqual(buffer.strip(FILLER), b"")

    def test_null_where_a_value_is_needed(self):
        r, kind, length, name_length = self.restorer, c_int32(), c_size_t(), c_size_t()
        calls = [
            r.set_prop(None, w.TYPE_STRING, b"x", 1),
            r.set_prop(b"BackupPath", w.TYPE_STRING, None, 1),
            r.set_prop(b"BackupPath", w.TYPE_STRING, None, 0),
            r.get_prop_by_name(None, byref(kind), None, byref(length)),
            r.get_prop_by_name(b"Threads", None, None, byref(length)),
            r.get_prop_by_name(b"Threads", byref(kind), None, None),
            r.get_prop_count(None),
            r.remove_prop(None),
        ]
        r.set("Threads", 1)
        calls += [
            r.get_prop_by_index(0, None, None, byref(kind), None, byref(length)),
            r.get_prop_by_index(0, None, byref(name_length), None, None, byref(length)),
            r.get_prop_by_index(0, None, byref(name_length), byref(kind), None, None),
        ]
        for hr in calls:
            self.assert_hr(hr, w.E_POINTER)


class Listing(Bag):
    def at(self, index):
        """(name, type, value) of the index-th property."""
        kind, length, name_length = c_int32(-7), c_size_t(), c_size_t()
        get = self.restorer.get_prop_by_index
        hr = get(index, None, byref(name_length), byref(kind), None, byref(length))
        self.assert_hr(hr, w.S_OK)
        name = ctypes.create_string_buffer(name_length.value)
        value = ctypes.create_string_buffer(length.value)
        hr = get(index, name, byref(name_length), byref(kind), value, byref(length))
        self.assert_hr(hr, w.S_OK)
        self.assertTrue(name.raw.endswith(b"\0"))
        self.assertEqual(len(name.raw), name_length.value)
        return name.value.decode(), kind.value, value.raw

    def all(self):
        return [self.at(index) for index in range(self.restorer.count())]

    def test_it_holds_what_is_set_and_no_default(self):
        self.assertEqual(self.restorer.count(), 0)
        for name, _, value in SETTABLE:
            self.restorer.set(name, value)
        expected = {
            (name, kind, value.to_bytes(4, "little") if w.LITTLE else value.to_bytes(4, "big"))
            if kind == w.TYPE_DWORD
            else (name, kind, value.encode() + b"\0")
            for name, kind, value in SETTABLE
        }
        listed = self.all()
        self.assertEqual(len(listed), len(SETTABLE))
        self.assertEqual(set(listed), expected)

    def test_the_order_is_not_that_of_setting(self):
        for name, _, value in SETTABLE:
            self.restorer.set(name, value)
        forwards = self.all()
        self.restorer.remove_all_props()
        for name, _, value in reversed(SETTABLE):
            self.restorer.set(name, value)
        self.assertEqual(self.all(), forwards)

    def test_an_index_that_is_too_large(self):
        self.restorer.set("Threads", 1)
        kind, length, name_length = c_int32(-7), c_size_t(77), c_size_t(78)
        for index in (1, 2, 9, (1 << 64) - 1):
            hr = self.restorer.get_prop_by_index(
                index, None, byref(name_length), byref(kind), None, byref(length)
            )
            self.assert_hr(hr, w.E_INVALIDARG)
        self.assertEqual(kind.value, -7)

    def test_buffers_that_are_too_small(self):
        self.restorer.set("Threads", 1)
        for name_room, room in ((7, 4), (8, 3), (0, 0)):
            name = ctypes.create_string_buffer(FILLER * 32, 32)
            value = ctypes.create_string_buffer(FILLER * 32, 32)
            kind, length, name_length = c_int32(-7), c_size_t(room), c_size_t(name_room)
            hr = self.restorer.get_prop_by_index(
                0, name, byref(name_length), byref(kind), value, byref(length)
            )
            self.assert_hr(hr, w.INSUFFICIENT_BUFFER)
            self.assertEqual((name_length.value, length.value), (8, 4))
            self.assertEqual(kind.value, -7)
            self.assertEqual((name.raw + value.raw).strip(FILLER), b"")

    def test_only_the_name_or_only_the_value(self):
        self.restorer.set("Threads", 7)
        name = ctypes.create_string_buffer(8)
        kind, length, name_length = c_int32(-7), c_size_t(), c_size_t(8)
        get = self.restorer.get_prop_by_index
        hr = get(0, name, byref(name_length), byref(kind), None, byref(length))
        self.assertEqual((hr, name.raw, length.value), (w.S_OK, b"Threads\0", 4))
        value = ctypes.create_string_buffer(4)
        hr = get(0, None, byref(name_length), byref(kind), value, byref(length))
        self.assertEqual((hr, int.from_bytes(value.raw, "little" if w.LITTLE else "big")), (0, 7))

    def test_removing(self):
        self.restorer.set("Threads", 5)
        self.restorer.set("BackupPath", "/a")
        self.assert_hr(self.restorer.remove_prop(b"Threads"), w.S_OK)
        self.assertEqual([row[0] for row in self.all()], ["BackupPath"])
        self.assertEqual(self.restorer.get("Threads")[2], 0)
        self.assert_hr(self.restorer.remove_prop(b"Threads"), w.S_FALSE)

    def test_removing_what_was_never_set(self):
        for name in NAMES:
            self.assert_hr(self.restorer.remove_prop(name.encode()), w.S_FALSE)

    def test_removing_all(self):
        for name, _, value in SETTABLE:
            self.restorer.set(name, value)
        self.assert_hr(self.restorer.remove_all_props(), w.S_OK)
        self.assertEqual(self.restorer.count(), 0)
        self.assertEqual(self.restorer.get("CompressionLevel")[2], 1)
        self.assert_hr(self.restorer.remove_all_props(), w.S_OK)

    def test_each_restorer_has_its_own(self):
        other = w.Restorer()
        self.addCleanup(other.release)
        other.set("BackupPath", "/other")
        self.assertEqual(self.restorer.count(), 0)
        self.assert_hr(self.restorer.get("BackupPath")[0], w.S_FALSE)


if __name__ == "__main__":
    unittest.main()
