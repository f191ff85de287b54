"""What is told of licenses that are one file of their own: WMDRM v1, XMR, LCP, and others."""

import calendar
import json
import os
import sqlite3
import struct
import unittest

import license_forge as forge
import wmlb_ctypes as w
from license_support import OPAQUE, LicenseCase, says
from sqlite_support import make, settled

KEY_IDS = forge.KEY_IDS


def seconds(*date):
    return calendar.timegm(date + (0,) * (6 - len(date)))


class WmdrmV1(LicenseCase):
    def says(self, right=w.RIGHT_ALLOWED, key_ids=KEY_IDS[:1], end=w.NOT_STATED):
        return says("wmdrm-v1", b"", key_ids, right, end=end)

    def test_where_it_begins(self):
        license = forge.v1()
        self.assert_told([
            (license, self.says()),
            (forge.v1(version=(0, 1, 0, 1)), self.says()),
            (forge.certified(license), self.says()),
            (forge.certified(license, first=False), self.says()),
            (license + b"something after it", self.says()),
            (forge.noise(207) + license, OPAQUE),
            (forge.noise(209) + license, OPAQUE),
            (b"\n" + license, OPAQUE),
        ])

    def test_what_is_none(self):
        cases = [forge.v1(version=version)
            for version in ((0, 1, 0, 2), (1, 0, 0, 0), (0, 2, 0, 0))]
        cases += [forge.v1(data_length=length) for length in (0, 0x74, 0x76, 0x75 << 24)]
        cases += [forge.v1()[:-1], forge.v1()[:100], forge.v1()[:8], forge.v1()[:4]]
        cases += [forge.certified(forge.v1(), first=False)[:-1]]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_rights(self):
        cases = []
        for rights in (0, 0x01, 0x03, 0xFB, 0xFFFFFF00, 0x0400, 0x04000000):
            cases.append((forge.v1(rights=rights), self.says()))
        for rights in (0x04, 0x05, 0xFF, 0xFFFFFFFF, 0x0104):
            cases.append((forge.v1(rights=rights), self.says(w.RIGHT_DENIED)))
        self.assert_told(cases)

    def test_dates(self):
        cases = [((20, 2, 12, 30), seconds(2002, 12, 30)), ((19, 70, 1, 1), 0)]
        cases += [((20, 24, 2, 29), seconds(2024, 2, 29)), ((19, 69, 12, 31), -86400)]
        cases += [((20, 99, 12, 31), seconds(2099, 12, 31))]
        for date in (
            forge.NEVER, (0, 0, 0, 0), (20, 2, 0, 1), (20, 2, 13, 1), (20, 2, 1, 0),
            (20, 2, 1, 32), (20, 2, 2, 29), (20, 2, 4, 31), (255, 255, 1, 1), (20, 2, 255, 255),
        ):
            cases.append((date, w.NOT_STATED))
        self.assert_told(
            [(forge.v1(expiry=date), self.says(end=expected)) for date, expected in cases])

    def test_key_ids(self):
        cases = [(key_id, key_id) for key_id in (b"x", b"{0-0}", b"k" * 25, b"a+b/c==")]
        # It ends at a NUL, whatever follows.
        cases += [(b"id\0\xff\xff", b"id")]
        told = [(forge.v1(key_id), self.says(key_ids=[expected])) for key_id, expected in cases]
        told += [(forge.v1(b""), self.says(key_ids=[]))]
        told += [(forge.v1(b"\0hidden"), self.says(key_ids=[]))]
        told += [(forge.v1("ü"), self.says(key_ids=["ü"]))]
        # What is no ID spoils nothing else.
        for key_id in (b"\xff" * 25, b"a\nb", b"\x01", b"\xc3", b"a\x7f"):
            denied = forge.v1(key_id, rights=4)
            told.append((denied, self.says(w.RIGHT_DENIED, key_ids=[])))
        self.assert_told(told)

    def test_base64(self):
        content = forge.v1(rights=4)
        plain = forge.encoded(content)
        self.assertTrue(b"+" in plain and b"/" in plain)
        texts = [plain, forge.encoded(content, other_alphabet=True), plain + b"\n",
            b"\n \t" + plain]
        texts += [forge.encoded(forge.v1(rights=4, version=(0, 1, 0, 1)))]
        texts += [forge.encoded(forge.certified(content)), forge.MARKS["utf-8"] + plain]
        texts += [forge.encoded(forge.certified(content, first=False))]
        texts += [plain.replace(b"/", b"*"), plain.replace(b"+", b"!")]
        for line in (1, 4, 20, 64, 76, 100):
            for ending in (b"\n", b"\r\n", b" \t\r\n"):
                texts.append(forge.encoded(content, line=line, ending=ending))
        for more in (b"1", b"12"):
            padded = content + more
            self.assertEqual(forge.encoded(padded)[-1:], b"=")
            texts += [forge.encoded(padded), forge.encoded(padded, padded=False)]
            texts += [forge.encoded(padded, True, False, 64)]
        text = plain.decode()
        texts += [forge.MARKS[name] + text.encode(name) for name in ("utf-16-le", "utf-16-be")]
        self.assert_told([(text, self.says(w.RIGHT_DENIED)) for text in texts])

    def test_what_is_no_base64_of_it(self):
        plain = forge.encoded(forge.v1(rights=4))
        self.assert_told([(text, OPAQUE) for text in (
            plain[:200], plain[:40] + b"?" + plain[41:], plain[:40] + b"-" + plain[41:],
            plain + b"!?", plain[:40] + b"\0" + plain[41:], b"A" * 400, plain[:20], b"=" * 300,
            forge.encoded(plain), forge.encoded(b"<LICENSE/>" * 20),
        )])

    def test_in_xml(self):
        denied = forge.v1(rights=4, expiry=(20, 2, 12, 30))
        expected = self.says(w.RIGHT_DENIED, end=seconds(2002, 12, 30))
        self.assert_told([
            (forge.wrapped(denied, "0.1.0.0").encode(), expected),
            (forge.response(forge.wrapped(denied, "0.1.0.0")).encode(), expected),
            # The version says what is encoded; that it is base64 of another is no reason to
            # let a denial pass.
            (forge.wrapped(denied).encode(), expected),
        ])


class Xmr(LicenseCase):
    def says(self, key_ids=(bytes(16),), right=w.RIGHT_NOT_STATED, **dates):
        ids = [forge.spelled(key_id) for key_id in key_ids]
        return says("xmr", forge.spelled(forge.XMR_ID), ids, right, **dates)

    def test_rights(self):
        cases = [(forge.xmr(), self.says())]
        for bits in (0, 2, 8, 0x0100, 0xFFFE):
            cases.append((forge.xmr([forge.rights_settings(bits)]), self.says()))
        for bits in (1, 3, 9, 0xFFFF):
            denied = forge.xmr([forge.rights_settings(bits)])
            cases.append((denied, self.says(right=w.RIGHT_DENIED)))
        both = forge.rights_settings(1), forge.rights_settings(0)
        for policy in (both, both[::-1]):
            cases.append((forge.xmr(policy), self.says(right=w.RIGHT_DENIED)))
        beside = forge.xmr(more=[forge.rights_settings(1)])
        cases.append((beside, self.says(right=w.RIGHT_DENIED)))
        self.assert_told(cases)

    def test_dates(self):
        cases = []
        for begin, end, expected in (
            (0, 0xFFFFFFFF, {}),
            (5, 0xFFFFFFFF, {"begin": 5}),
            (0, 1446224230, {"end": 1446224230}),
            (1, 0xFFFFFFFE, {"begin": 1, "end": 0xFFFFFFFE}),
            (7, 0, {"begin": 7, "end": 0}),
        ):
            cases.append((forge.xmr([forge.expiration(begin, end)]), self.says(**expected)))
        # Several restrictions hold together.
        several = [forge.expiration(*each) for each in ((5, 90), (0, 80), (7, 0xFFFFFFFF))]
        for order in (several, several[::-1]):
            cases.append((forge.xmr(order), self.says(begin=7, end=80)))
        # The date of issue, and that of removal, are others.
        others = [forge.xmr_object(kind, struct.pack(">I", 99)) for kind in (0x13, 0x50)]
        cases.append((forge.xmr(others), self.says()))
        self.assert_told(cases)

    def test_keys(self):
        first, second, third = (bytes([number]) * 16 for number in (1, 2, 3))
        key = forge.content_key
        unknown = forge.container(0x00AB, key(second))
        deep = forge.container(0x00AB, forge.container(0x00AC, key(second)))
        self.assert_told([
            (forge.xmr(keys=[]), self.says([])),
            (forge.xmr(keys=[key(first), key(second), key(third)]),
             self.says([first, second, third])),
            (forge.xmr(keys=[key(first), key(second), key(first)]), self.says([first, second])),
            (forge.xmr(keys=[key(first)], more=[unknown]), self.says([first, second])),
            (forge.xmr(keys=[key(first)], more=[deep]), self.says([first, second])),
            # A leaf's root is another license's key.
            (forge.xmr(keys=[key(first), forge.xmr_object(0x3B, second + bytes(4))]),
             self.says([first])),
            # Without the container's flag it is no container.
            (forge.xmr(keys=[key(first)], more=[forge.container(0xAB, key(second), flags=1)]),
             self.says([first])),
        ])

    def test_unknown_objects(self):
        lying = struct.pack(">HHI", 1, 0x0034, 500)
        denied = forge.rights_settings(1)
        for_sure = self.says(right=w.RIGHT_DENIED)
        self.assert_told([
            (forge.xmr([forge.xmr_object(0x7777, b"anything", 1)]), self.says()),
            (forge.xmr([forge.xmr_object(0x7777, b"", 0)]), self.says()),
            (forge.xmr([forge.container(0x7777)]), self.says()),
            (forge.xmr([forge.xmr_object(0x7777, b"not objects", 3)]), self.says()),
            (forge.xmr([forge.xmr_object(0x7777, lying, 3)]), self.says()),
            (forge.xmr([forge.container(0x7777, denied)]), for_sure),
            (forge.xmr([forge.container(0x7777, denied, lying)]), for_sure),
        ])

    def test_broken_ones(self):
        whole = forge.xmr([forge.rights_settings(1), forge.expiration(1, 2)])
        # Lengths of the outer container, and of that of the policy.
        lies = []
        for at in (28, 36):
            length = struct.unpack_from(">I", whole, at)[0]
            for lie in (0, 7, length - 1, length + 1, 0xFFFFFFFF, 0x80000000):
                lies.append(whole[:at] + struct.pack(">I", lie) + whole[at + 4 :])
        # The header alone is a license without keys.
        lengths = [length for length in range(4, len(whole)) if length not in (24, 25)]
        cases = [whole[:length] for length in lengths]
        cases += [whole + b"x", whole + whole, whole + b"\n\0\nx"] + lies
        cases += [forge.xmr([forge.xmr_object(kind, b"\0")]) for kind in (0x0D, 0x12)]
        cases += [forge.xmr(keys=[forge.xmr_object(0x0A, bytes(15))])]
        cases += [forge.xmr([forge.xmr_object(0x0002, struct.pack(">HHI", 1, 0x34, 500), 3)])]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_forms_that_other_readers_take(self):
        """Several objects without one around them, and containers told by their type alone."""
        policy = forge.container(0x0002, forge.rights_settings(1), flags=1)
        denied = forge.container(0x0001, policy, flags=1)
        whole = forge.xmr()
        header = whole[:24]
        for_sure = self.says([], right=w.RIGHT_DENIED)
        self.assert_told([
            (header, self.says([])),
            (header + forge.LEVEL, self.says([])),
            (header + policy, for_sure),
            (header + forge.rights_settings(1), for_sure),
            (header + denied, for_sure),
            (whole + forge.LEVEL, self.says()),
            (whole + policy, self.says(right=w.RIGHT_DENIED)),
            (whole + denied + b"\n", self.says(right=w.RIGHT_DENIED)),
        ])

    def test_blanks_after_the_end(self):
        """As who stored it may have left them there."""
        denied = forge.xmr([forge.rights_settings(1)])
        self.assert_told([
            (denied + blanks, self.says(right=w.RIGHT_DENIED))
            for blanks in (b"\n", b"\r\n", b"\0", bytes(500), b" \t\n\0")
        ])

    def test_other_versions(self):
        """The layout of no other is known, so nothing of it is told."""
        policy = [forge.rights_settings(1), forge.expiration(5, 6)]
        self.assert_told([
            (forge.xmr(policy, version=version), says("xmr"))
            for version in (0, 1, 2, 4, 5, 0x03000000, 0xFFFFFFFF)
        ])

    def test_deep_ones(self):
        nested = forge.content_key(b"k" * 16)
        for _ in range(2000):
            nested = forge.container(0x00AB, nested)
        self.assert_told([(forge.xmr(keys=[], more=[nested]), self.says([]))])

    def test_very_many_keys(self):
        """No more than 1,024 are told, the first ones."""
        ids = [struct.pack(">QQ", number, number) for number in range(3000)]
        content = forge.xmr(keys=map(forge.content_key, ids))
        self.assert_told([(content, self.says(ids[:1024]))])

    def test_in_texts(self):
        content = forge.xmr([forge.rights_settings(1), forge.expiration(5, 6)])
        wrapped = forge.wrapped(content)
        dialect = forge.encoded(content, True, False, 76, b"\r\n").decode()
        texts = [forge.encoded(content), forge.encoded(content, line=64)]
        texts += [text.encode() for text in (
            wrapped, forge.response(wrapped), forge.response("\n  ", wrapped, "\n"),
            '<LICENSE version="3.0.0.0">\n%s</LICENSE>' % dialect,
            '<LICENSE version="3.0.0.0"><![CDATA[%s]]></LICENSE>' % dialect,
        )]
        # What is handed to StoreLicense is UTF-16.
        texts += [forge.MARKS["utf-16-le"] + forge.response(wrapped).encode("utf-16-le")]
        expected = self.says(right=w.RIGHT_DENIED, begin=5, end=6)
        cases = [(text, expected) for text in texts]
        for text in (
            wrapped[:-len("</LICENSE>") - 8] + "</LICENSE>", '<LICENSE version="3.0.0.0"/>',
            '<LICENSE version="3.0.0.0"><X/>%s</LICENSE>' % dialect, forge.wrapped(content[:-1]),
        ):
            cases.append((text.encode(), OPAQUE))
        self.assert_told(cases)


class Lcp(LicenseCase):
    def says(self, **dates):
        return says("lcp", forge.LCP_ID, **dates)

    def test_a_document(self):
        crlf = forge.lcp(indent=1).replace(b"\n", b"\r\n")
        self.assert_told([(text, self.says()) for text in (
            forge.lcp(), forge.lcp(indent=4), crlf, b"\n\t " + forge.lcp() + b"\n",
            forge.MARKS["utf-8"] + forge.lcp(), forge.lcp(updated="2021-01-01T00:00:00Z"),
            forge.lcp(user=None), forge.lcp(rights=None), forge.lcp(rights={}),
            forge.lcp(issued="2020-02-03T04:05:06+01:00"), forge.lcp(**{"new-member": {"a": [1]}}),
        )])

    def test_dates(self):
        cases = []
        for text, expected in (
            ("2031-12-31T00:00:00Z", seconds(2031, 12, 31)),
            ("2031-12-31T02:30:00+02:30", seconds(2031, 12, 31)),
            ("2031-12-30T19:00:00-05:00", seconds(2031, 12, 31)),
            ("2031-12-31T00:00:00.999Z", seconds(2031, 12, 31)),
            ("2031-12-31T00:00:00.123456789+00:00", seconds(2031, 12, 31)),
            ("1969-12-31T23:59:59Z", -1),
            ("1969-12-31T23:59:58.5Z", -2),
            ("2031-12-31", w.NOT_STATED),
            ("2031-12-31T00:00:00", w.NOT_STATED),
            ("2031-02-30T00:00:00Z", w.NOT_STATED),
            ("tomorrow", w.NOT_STATED),
            ("", w.NOT_STATED),
            (None, w.NOT_STATED),
        ):
            cases.append((forge.lcp(rights={"start": text, "print": 1}), self.says(begin=expected)))
            cases.append((forge.lcp(rights={"end": text}), self.says(end=expected)))
        both = {"start": "1970-01-01T00:00:01Z", "end": "1970-01-01T00:00:02Z", "copy": 5}
        cases.append((forge.lcp(rights=both), self.says(begin=1, end=2)))
        self.assert_told(cases)

    def test_ids(self):
        cases = []
        for license_id, expected in (
            ("x", "x"), ("urn:uuid:é日", "urn:uuid:é日"), ("a b", "a b"), ("i" * 1024, "i" * 1024),
            ('"\\/', '"\\/'), ("i" * 1025, ""), ("", ""), ("two\nlines", ""), ("\0", ""),
            ("bell\a", ""), ("\x7f", ""), ("\x85", ""),
        ):
            for text in (forge.lcp(id=license_id), json.dumps(
                    forge.lcp_value(id=license_id), ensure_ascii=False).encode()):
                cases.append((text, says("lcp", expected)))
        self.assert_told(cases)

    def test_as_little_as_the_toolkits_ask_for(self):
        """Readium's toolkits take an object with four members for a license document."""
        least = {"id": "x", "issued": "", "provider": "", "encryption": {}}
        cases = [(json.dumps(least).encode(), says("lcp", "x"))]
        for name in ("links", "rights", "user", "signature"):
            cases.append((forge.lcp(**{name: None}), self.says()))
            for value in (5, "x", [], {}, [{}], True):
                cases.append((forge.lcp(**{name: value}), self.says()))
        for name in ("issued", "provider", "encryption"):
            for value in (5, "", [], {}, False):
                cases.append((forge.lcp(**{name: value}), self.says()))
            null = {**forge.lcp_value(), name: None}
            cases.append((json.dumps(null).encode(), self.says()))
        # What is no text is no ID; of two the last counts.
        for value in (5, [], {"id": "y"}, True):
            cases.append((forge.lcp(id=value), says("lcp")))
        cases.append((forge.lcp()[:-1] + b',"id":"twice"}', says("lcp", "twice")))
        whole = forge.lcp().decode()
        cases += [(forge.MARKS[name] + whole.encode(name), self.says())
            for name in ("utf-16-le", "utf-16-be")]
        self.assert_told(cases)

    def test_what_is_none(self):
        members = ("id", "issued", "provider", "encryption")
        cases = [forge.lcp(**{name: None}) for name in members]
        cases += [json.dumps({"license": forge.lcp_value()}).encode(), forge.LCP_STATUS]
        cases += [forge.lcp()[:-1], forge.lcp()[1:]]
        cases += [forge.lcp() + b"}", forge.lcp() + forge.lcp(), b"[" + forge.lcp() + b"]", b"{}",
            b"{"]
        cases += [b'{"a":' * 5000, forge.lcp(rights=[]) + b"x"]
        cases += [forge.lcp().replace(b"{", b"// comment\n{", 1)]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_large_ones(self):
        """Up to 1 MiB is looked at; what has no end in that is opaque."""
        def of_size(size):
            user = {"id": "x" * (size - len(forge.lcp(user={"id": ""})))}
            return forge.lcp(user=user)

        self.assertEqual(len(of_size(1 << 20)), 1 << 20)
        self.assert_told([
            (of_size(1 << 20), self.says()), (of_size((1 << 20) + 1), OPAQUE),
            (of_size(3 << 20), OPAQUE),
        ])


class Others(LicenseCase):
    def test_databases(self):
        path = os.path.join(self.root, "database")
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE licenses (file_name TEXT, data BLOB)")
            database.execute("INSERT INTO licenses VALUES ('x', ?)", (forge.v1(rights=4),))
        database.close()
        content = settled(self, path)
        self.assert_told([(content, says("sqlite")), (content[:15], OPAQUE),
            (b" " + content, OPAQUE)])

    def test_anything_else(self):
        cases = [b"", b"\0", b" ", b"\n" * 1000, b"hello", bytes(5000), b"<", b"<a/>", b"<!",
                 b"<?xml", b"{", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"XMR", b"XMR\0",
                 b"XMR\1" + forge.xmr()[4:],
                 b"SQLite format 2\0", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe<", b"\xff\xfe<\0",
                 b"\xff\xfe\0\xd8\0\xd8", b"\xef\xbb\xbf", b"x" + forge.xmr(), b"A" * 100000]
        cases += [forge.noise(size, size)
            for size in (1, 31, 32, 165, 1000, 70000, 1 << 20, 3 << 20)]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_names_say_nothing(self):
        database = settled(self, make(os.path.join(self.root, "database"), 1))
        contents = {
            b"wmdrm-v1": forge.v1(), b"wmdrm-v7": forge.v7().encode(), b"xmr": forge.xmr(),
            b"lcp": forge.lcp(), b"opaque": b"unknown", b"sqlite": database,
        }
        endings = (b"lic", b"xml", b"xmr", b"lcpl", b"epub", b"db", b"wmlb")
        files = {b"%s/license.%s" % (kind, ending): content
                 for kind, content in contents.items() for ending in endings}
        for name, license in self.look(files).items():
            self.assertEqual(license.format, os.path.dirname(name), name)


if __name__ == "__main__":
    unittest.main()
