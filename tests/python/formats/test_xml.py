"""What is told of WMDRM licenses in XML, and of responses with several licenses."""

import unittest

import license_forge as forge
import wmlb_ctypes as w
from license_support import OPAQUE, LicenseCase, said, says

KEY_IDS = forge.KEY_IDS
ALLOWED, DENIED, NOT_STATED = w.RIGHT_ALLOWED, w.RIGHT_DENIED, w.RIGHT_NOT_STATED
LARGE = 1 << 20
# Of a license that is larger, so much is looked at.
HEAD = 768 << 10


def v7_says(right=ALLOWED, key_ids=KEY_IDS[:1], license_id=forge.LICENSE_ID):
    return says("wmdrm-v7", license_id, key_ids, right)


ENCRYPTED = '<LICENSE version="2.0.0.0">%s</LICENSE>' % forge.encoded(forge.noise(300)).decode()


class Xml(LicenseCase):
    def assert_told(self, cases):
        as_bytes = lambda text: text.encode() if isinstance(text, str) else text
        super().assert_told([(as_bytes(text), expected) for text, expected in cases])


class Texts(Xml):
    """The same license in the forms that XML has."""

    def test_encodings(self):
        cases = []
        for text in (forge.v7(forge.DENIED), forge.response(forge.v7(forge.DENIED))):
            in_utf8 = '<?xml version="1.0" encoding="utf-8"?>\n'
            for declared in ("", "<?xml version='1.0'?>", in_utf8):
                whole = declared + text
                cases.append(whole.encode())
                cases += [mark + whole.encode(name) for name, mark in forge.MARKS.items()]
            whole = '<?xml version="1.0" encoding="utf-16"?>\r\n' + text
            cases += [forge.MARKS[name] + whole.encode(name) for name in ("utf-16-le", "utf-16-be")]
        self.assert_told([(content, v7_says(DENIED)) for content in cases])

    def test_characters(self):
        """IDs as they are spelled; and a title in another encoding spoils nothing."""
        text = forge.v7(key_ids=["é日\U0001F600", "plain"], more="<META>ü</META>")
        expected = v7_says(key_ids=["é日\U0001F600", "plain"])
        cases = [(mark + text.encode(name), expected) for name, mark in forge.MARKS.items()]
        latin = forge.v7(forge.DENIED, ["\xe9", "plain"],
            more="<META>\xfc</META>").encode("latin-1")
        cases.append((latin, v7_says(DENIED, ["plain"])))
        declared = b'<?xml version="1.0" encoding="iso-8859-1"?>'
        cases.append((declared + latin, v7_says(DENIED, ["plain"])))
        self.assert_told(cases)

    def test_what_may_stand_between(self):
        plain = forge.v7(forge.DENIED)
        note = "<!-- <ONACTION type=\"Backup\"/> <KID>comment</KID> --><?note KID?>"
        spaced = plain.replace("><", ">\n  <")
        cases = [spaced, note + plain, "\n \t" + plain, plain.replace("<DATA>", "<DATA>" + note)]
        cases += [plain.replace("<LICENSORINFO>", note + "<LICENSORINFO>" + note)]
        cases += [plain.replace("<KID>", "<KID>" + note), plain.replace("</KID>", "\n</KID>")]
        cases += [plain.replace("<KID>", "<KID><![CDATA[").replace("</KID>", "]]></KID>")]
        cases += [plain.replace('version="2.0.0.0"', "other='1'  version = '2.0.0.0' ")]
        cases += [plain.replace("<DATA>", "<DATA a='>' b=\"/>\">").replace("</DATA>", "</DATA >")]
        cases += [forge.response(note, "text", "<OTHER><LICENSE/></OTHER>", plain, note)]
        self.assert_told([(text, v7_says(DENIED)) for text in cases])

    def test_prefixes(self):
        plain = forge.v7(forge.DENIED)
        cases = []
        for text in (plain, forge.response(plain)):
            for prefix in ("x:", "a-b:"):
                named = text.replace("<", "<" + prefix).replace("<%s/" % prefix, "</" + prefix)
                named = named.replace("<%s![CDATA" % prefix, "<![CDATA")
                cases.append(named.replace("<x:LICENSE ", '<x:LICENSE xmlns:x="urn:x" ', 1))
            cases.append(text.replace("<LICENSE ", '<LICENSE xmlns="urn:x" '))
        self.assertIn("</x:KID>", cases[0])
        self.assert_told([(text, v7_says(DENIED)) for text in cases])

    def test_what_does_not_parse(self):
        plain = forge.v7(forge.DENIED)
        document_types = (
            "<!DOCTYPE LICENSE>", "<!DOCTYPE LICENSE [<!ENTITY a 'FALSE'>]>",
            "<!DOCTYPE LICENSE SYSTEM 'file:///etc/hostname'>",
        )
        cases = [text + plain for text in document_types]
        cases += ["<?xml version='1.0'?>" + text + forge.response(plain) for text in document_types]
        end = plain.index("</DATA>")
        cases += [plain[:length] for length in range(1, end)]
        cases += [plain.replace("</KID>", "</LID>"), plain.replace("</DATA>", "</META>")]
        cases += [plain.replace("</LID>", ""), plain.replace("<LID>", ""),
            plain.replace("<KID>", "<KID")]
        cases += [plain.replace('"Backup"', '"Backup'), plain.replace('="Backup"', "=Backup")]
        cases += [forge.response(plain)[:-5], forge.response(plain + "</OTHER>"),
            plain.replace("<", "&lt;")]
        self.assert_told([(text, OPAQUE) for text in cases])

    def test_other_documents(self):
        plain = forge.v7(forge.DENIED)
        cases = [plain.replace("2.0.0.0", version)
            for version in ("9.9", "2.0.0.1", "", "2.0", "02.0.0.0")]
        cases += [plain.replace(' version="2.0.0.0"', ""), plain.replace("version", "VERSION")]
        cases += [plain.replace("LICENSE ", "License ").replace("LICENSE>", "License>")]
        cases += ["<html>%s</html>" % plain, "<LICENSERESPONSE/>", forge.response(),
            forge.response("text")]
        cases += [forge.response("<X>%s</X>" % plain), "<LICENSEX/>",
            "<xLICENSE version='2.0.0.0'/>"]
        cases += [forge.response(plain.replace("2.0.0.0", "9.9"))]
        self.assert_told([(text, OPAQUE) for text in cases])

    def test_depth(self):
        """64 elements within one another, and no more."""
        def nested(count):
            # Three are around them.
            return forge.v7(forge.DENIED, more="<A>" * (count - 3) + "</A>" * (count - 3))

        self.assert_told([
            (nested(64), v7_says(DENIED)), (nested(65), OPAQUE), (nested(100000), OPAQUE),
            ("<LICENSE>" * 50000, OPAQUE),
        ])

    def test_encrypted_ones(self):
        """As services send them: nothing is stated in the clear."""
        unknown = says("wmdrm-v7")
        self.assert_told([
            (ENCRYPTED, unknown), (forge.response(ENCRYPTED), unknown),
            ('<LICENSE version="2.0.0.0"/>', unknown),
            ('<LICENSE version="2.0.0.0"><LICENSORINFO>c2VjcmV0</LICENSORINFO></LICENSE>', unknown),
            ('<LICENSE version="2.0.0.0"><OTHER><DATA/></OTHER></LICENSE>', unknown),
        ])


class Ids(Xml):
    def test_ids(self):
        cases = []
        for written, told in (
            ("{0F5B}", "{0F5B}"), (" \n id \t", "id"), ("a b", "a b"), ("i" * 1024, "i" * 1024),
            ("i" * 1025, ""), ("é" * 513, ""), ("", ""), ("a\nb", ""), ("a\tb", ""), ("a\x01b", ""),
            ("a\x7f", ""), ("a\x85b", ""), ("a&amp;b", ""), ("&#65;", ""),
            ("a<X/>b", ""), ("<X>a</X>", ""),
        ):
            expected = [told] if told else []
            cases.append((forge.v7(key_ids=[written]), v7_says(key_ids=expected)))
            cases.append((forge.v7(license_id=written), v7_says(license_id=told)))
            denied = forge.v7(forge.DENIED, [KEY_IDS[1], written, KEY_IDS[2]])
            cases.append((denied, v7_says(DENIED, [KEY_IDS[1], *expected, KEY_IDS[2]])))
        self.assert_told(cases)

    def test_several_and_none(self):
        with_ids = "<META><KID>meta</KID><LID>meta</LID></META>"
        self.assert_told([
            (forge.v7(key_ids=KEY_IDS[:5]), v7_says(key_ids=KEY_IDS[:5])),
            (forge.v7(key_ids=["b", "a", "b"]), v7_says(key_ids=["b", "a"])),
            (forge.v7(key_ids=[]), v7_says(key_ids=[])),
            (forge.v7(license_id=None), v7_says(license_id="")),
            (forge.v7(more="<LID>second</LID>"), v7_says()),
            (forge.v7(forge.ALLOWED + "<KID>last</KID>"), v7_says(key_ids=[KEY_IDS[0], "last"])),
            (forge.v7(more=with_ids), v7_says()),
            (forge.v7(after="<KID>after</KID>" + with_ids), v7_says()),
        ])

    def test_very_many(self):
        """No more than 1,024 are told, the first ones."""
        ids = ["key-%d" % number for number in range(1500)]
        self.assert_told([
            (forge.v7(forge.DENIED, ids), v7_says(DENIED, ids[:1024])),
            (forge.v7(forge.DENIED, ids[:1024]), v7_says(DENIED, ids[:1024])),
            # Repeated ones count.
            (forge.v7(forge.DENIED, ids[:3] * 341 + ids[3:]), v7_says(DENIED, ids[:4])),
            (forge.v7(forge.DENIED, ids[:3] * 1000 + ids), v7_says(DENIED, ids[:3])),
        ])


class Conditions(Xml):
    def assert_rights(self, cases):
        """cases: the actions of a license, and the right they mean."""
        self.assert_told([(forge.v7(actions), v7_says(right)) for actions, right in cases])

    def test_one_condition(self):
        cases = []
        for condition, right in (
            (None, ALLOWED), ("TRUE", ALLOWED), ("true", ALLOWED), ("True", ALLOWED),
            (" \n TRUE\t ", ALLOWED), ("<![CDATA[TRUE]]>", ALLOWED),
            ("<![CDATA[ true ]]>", ALLOWED),
            ("<!-- note -->TRUE", ALLOWED), ("TRUE<?note x?>", ALLOWED),
            ("FALSE", DENIED), ("false", DENIED), (" false ", DENIED),
            ("<![CDATA[FALSE]]>", DENIED),
            ("<!-- TRUE -->FALSE", DENIED), ("<![CDATA[FAL]]>SE", DENIED),
            ("", NOT_STATED), (" ", NOT_STATED), ("<![CDATA[]]>", NOT_STATED), ("1", NOT_STATED),
            ("<!-- TRUE -->", NOT_STATED), ("TRUE TRUE", NOT_STATED), ("TRUEISH", NOT_STATED),
            ("!TRUE", NOT_STATED), ("TRUE &amp;&amp; x", NOT_STATED), ("&true;", NOT_STATED),
            ("TRUE&x;", NOT_STATED), ("<X>TRUE</X>", NOT_STATED), ("<X/>TRUE", NOT_STATED),
            ("TRUE<X/>", NOT_STATED), ("FALSE<X/>", NOT_STATED),
            ("counter.backups > 0", NOT_STATED),
            ("<![CDATA[machine.datetime < \"#20301231Z#\"]]>", NOT_STATED),
        ):
            cases.append((forge.action("Backup", condition), right))
            cases.append((forge.PLAY + forge.action("Backup", condition) + forge.action("Restore"),
                right))
        self.assert_rights(cases)

    def test_forms_of_the_action(self):
        of_backup = lambda inside: '<ONACTION type="Backup">%s</ONACTION>' % inside
        self.assert_rights([
            ('<ONACTION type="Backup"/>', ALLOWED),
            ("<ONACTION type='Backup'></ONACTION>", ALLOWED),
            ('<ONACTION other="Play" type = "Backup" />', ALLOWED),
            ('<ONACTION type="Backup"><CONDITION/></ONACTION>', NOT_STATED),
            ('<ONACTION type="Backup"><ACTION>FALSE</ACTION></ONACTION>', ALLOWED),
            # Where there is more than conditions and actions, nothing is sure but a denial.
            (of_backup("<X><CONDITION>FALSE</CONDITION></X>"), NOT_STATED),
            (of_backup("<X/><CONDITION>TRUE</CONDITION>"), NOT_STATED),
            (of_backup("TRUE"), NOT_STATED), (of_backup("FALSE"), NOT_STATED),
            (of_backup("<![CDATA[x]]>"), NOT_STATED), (of_backup("&x;"), NOT_STATED),
            (of_backup("<CONDITION>FALSE</CONDITION>text"), DENIED),
            (of_backup("<X/><CONDITION>FALSE</CONDITION>"), DENIED),
            (of_backup(" <!-- note --> <?note x?>\n"), ALLOWED),
        ])

    def test_no_such_action(self):
        """The documented default is that backup is not allowed."""
        cases = ["", forge.PLAY, forge.UNNAMED]
        names = ("backup", "BACKUP", "Backup2", "Back", "Restore", "")
        cases += [forge.action(name) for name in names]
        cases += ["<ONACTION>Backup</ONACTION>", '<ONACTION name="Backup"/>',
            '<ONSELECT type="Backup"/>']
        cases += ["<onaction type='Backup'/>", "<!--%s-->" % forge.ALLOWED,
            "<X>%s</X>" % forge.action()]
        cases += ["<META>%s</META>" % forge.action(),
            "<![CDATA[%s]]>" % forge.action().replace("]]>", "")]
        self.assert_rights([(actions, DENIED) for actions in cases])

    def test_elsewhere_it_does_not_count(self):
        after = forge.AFTER_DATA + forge.action() + "<DATA>%s</DATA>" % forge.action()
        beside = forge.v7(forge.PLAY).replace("</LICENSE>", forge.action() + "</LICENSE>")
        self.assert_told([
            (forge.v7(forge.PLAY, after=after), v7_says(DENIED)), (beside, v7_says(DENIED)),
            (forge.v7(forge.ALLOWED, after=forge.action("Backup", "FALSE")), v7_says(ALLOWED)),
        ])

    def test_several_actions(self):
        """The strongest word counts."""
        actions = {ALLOWED: "TRUE", DENIED: "FALSE", NOT_STATED: "x > 1"}
        strength = (ALLOWED, NOT_STATED, DENIED)
        cases = []
        for first in actions:
            for second in actions:
                strongest = max(first, second, key=strength.index)
                for between in ("", forge.PLAY):
                    two = (forge.action("Backup", actions[each]) for each in (first, second))
                    cases.append((between.join(two), strongest))
                conditions = "</CONDITION><CONDITION>".join((actions[first], actions[second]))
                cases.append((forge.action("Backup", conditions), strongest))
        self.assert_rights(cases)


class Responses(Xml):
    def test_rights_combine(self):
        kinds = {
            ALLOWED: [forge.v7(forge.ALLOWED, ["v7a"]), forge.wrapped(forge.v1("v1a"), "0.1.0.0")],
            NOT_STATED: [forge.v7(forge.UNSTATED, ["v7u"]), forge.wrapped(forge.xmr(keys=[])),
                         ENCRYPTED],
            DENIED: [
                forge.v7(forge.DENIED, ["v7d"]), forge.v7(forge.PLAY, ["v7n"]),
                forge.wrapped(forge.v1("v1d", rights=4), "0.1.0.0"),
                forge.wrapped(forge.xmr([forge.rights_settings(1)], keys=[])),
            ],
        }
        ids = ("v7a", "v1a", "v7u", "v7d", "v7n", "v1d")
        all_of_them = [(right, text) for right, texts in kinds.items() for text in texts]
        strength = (ALLOWED, NOT_STATED, DENIED)
        cases = []
        for first in all_of_them:
            for second in all_of_them:
                if first != second:
                    right = max(first[0], second[0], key=strength.index)
                    cases.append((right, first[1], second[1]))
        files = {b"%d" % number: forge.response(*case[1:]).encode()
            for number, case in enumerate(cases)}
        found = self.look(files)
        for number, (right, *texts) in enumerate(cases):
            license = found[b"%d" % number]
            self.assertEqual(license.right, right, texts)
            known = [key_id for text in texts for key_id in ids if self.names(text, key_id)]
            self.assertEqual(license.key_ids.decode(), "\n".join(known), texts)

    @staticmethod
    def names(text, key_id):
        return "<KID>%s<" % key_id in text or (key_id, text) in (
            ("v1a", forge.wrapped(forge.v1("v1a"), "0.1.0.0")),
            ("v1d", forge.wrapped(forge.v1("v1d", rights=4), "0.1.0.0")),
        )

    def test_what_is_told_of_several(self):
        dated = forge.wrapped(forge.v1("first", expiry=(20, 2, 12, 30)), "0.1.0.0")
        other = forge.wrapped(forge.xmr([forge.expiration(5, 6)], [forge.content_key(b"k" * 16)]))
        key_id, license_id = forge.spelled(b"k" * 16), forge.spelled(forge.XMR_ID)
        first = forge.v7(key_ids=["a", "b"])
        second = forge.v7(key_ids=["b", "c"], license_id="second")
        self.assert_told([
            # Nobody could tell whose the dates are.
            (forge.response(dated, other), says("wmdrm-v1", license_id, ["first", key_id])),
            (forge.response(other, dated), says("xmr", license_id, [key_id, "first"])),
            (forge.response(other), says("xmr", license_id, [key_id], begin=5, end=6)),
            (forge.response(first, second), v7_says(key_ids=["a", "b", "c"])),
            (forge.response(ENCRYPTED, second), v7_says(NOT_STATED, ["b", "c"], "second")),
        ])

    def test_data_that_cannot_be_read(self):
        """As services send it, it is encrypted: text. What it grants is not known."""
        for data in ("<DATA/>", "<DATA>c2VjcmV0</DATA>", "<DATA><!-- note --> </DATA>"):
            text = '<LICENSE version="2.0.0.0"><LICENSORINFO>%s</LICENSORINFO></LICENSE>' % data
            self.assert_told([
                (text, says("wmdrm-v7")), (forge.response(text), says("wmdrm-v7")),
            ])

    def test_beside_one_that_is_not_understood(self):
        """Nobody knows what that one says; a denial beside it holds."""
        allowed, denied = forge.v7(key_ids=["a"]), forge.v7(forge.DENIED, ["d"])
        cases = []
        for other in (
            forge.v7(key_ids=["x"]).replace("2.0.0.0", "9.9"),
            forge.wrapped(b"no license at all, but long enough to be one"),
            '<LICENSE version="3.0.0.0"><X/></LICENSE>',
        ):
            cases += [
                (forge.response(allowed, other), v7_says(NOT_STATED, ["a"])),
                (forge.response(other, allowed), v7_says(NOT_STATED, ["a"])),
                (forge.response(denied, other), v7_says(DENIED, ["d"])),
            ]
        self.assert_told(cases)

    def test_the_event_names_all_keys(self):
        """Wherever they stand, and whichever of the licenses denies."""
        late = forge.v7(forge.ALLOWED + "<KID>late</KID>", ["early"])
        denied = forge.v7(forge.DENIED + "<KID>last</KID>", ["denied"])
        unnamed = forge.v7(forge.PLAY, ["unnamed"])
        self.assert_told([
            (forge.response(late, denied), v7_says(DENIED, ["early", "late", "denied", "last"])),
            (forge.response(denied, late), v7_says(DENIED, ["denied", "last", "early", "late"])),
            (forge.response(late, unnamed), v7_says(DENIED, ["early", "late", "unnamed"])),
            (forge.response(late, unnamed, late), v7_says(DENIED, ["early", "late", "unnamed"])),
        ])

    def test_very_many(self):
        licenses = [forge.v7(key_ids=["key-%d" % number]) for number in range(500)]
        ids = ["key-%d" % number for number in range(500)]
        denied = forge.v7(forge.DENIED, ["denied"])
        self.assert_told([
            (forge.response(*licenses), v7_says(key_ids=ids)),
            (forge.response(*licenses, denied), v7_says(DENIED, ids + ["denied"])),
        ])


class Large(Xml):
    """Licenses above 1 MiB, of which the beginning is looked at."""

    def of_size(self, make, size):
        text = make(forge.filler(size - len(make(""))))
        self.assertEqual(len(text), size)
        return text

    def in_data(self, actions):
        """A filler in DATA, before the end of it."""
        return lambda filler: forge.v7(actions + filler)

    def test_at_the_limit(self):
        cases = []
        for actions, right, cut in (
            (forge.ALLOWED, ALLOWED, NOT_STATED), (forge.UNSTATED, NOT_STATED, NOT_STATED),
            # An action that is missing so far may still come.
            (forge.PLAY, DENIED, NOT_STATED), (forge.DENIED, DENIED, DENIED),
        ):
            cases.append((self.of_size(self.in_data(actions), LARGE), v7_says(right)))
            cases.append((self.of_size(self.in_data(actions), LARGE + 1), v7_says(cut)))
            cases.append((self.of_size(self.in_data(actions), 5 << 20), v7_says(cut)))
        self.assert_told(cases)

    def test_data_that_ends_early(self):
        """A long list of revoked certificates after it hides nothing."""
        cases = []
        for actions, right in (
            (forge.ALLOWED, ALLOWED), (forge.UNSTATED, NOT_STATED),
            (forge.PLAY, DENIED), (forge.DENIED, DENIED),
        ):
            text = self.of_size(lambda filler: forge.v7(actions, after=filler), 3 << 20)
            cases.append((text, v7_says(right)))
        self.assert_told(cases)

    def test_where_the_look_ends(self):
        """What stands before that counts, and nothing after it."""
        cases = []
        lead = forge.v7("SPLIT").index("SPLIT")
        for position, right in (
            (HEAD - 2000, DENIED), (HEAD + 10, NOT_STATED), (2 * LARGE, NOT_STATED),
        ):
            actions = forge.filler(position - lead) + forge.action("Backup", "FALSE")
            cases.append((forge.v7(actions + forge.filler(2 * LARGE)), v7_says(right)))
        ids = forge.filler(HEAD - lead) + "<KID>far</KID>"
        cases.append((forge.v7(forge.DENIED + ids + forge.filler(LARGE)), v7_says(DENIED)))
        self.assert_told(cases)

    def test_cut_within_something(self):
        """Wherever the beginning ends: within a tag, a character, a comment, a condition."""
        cases = []
        lead = forge.v7(forge.DENIED + "SPLIT").index("SPLIT")
        for within in (
            "<KID>", "<KID a='1' ", "</X>", "<!-- note -->", "<![CDATA[ x ]]>", "é日\U0001F600",
            "&amp;",
            "&#65;", '<ONACTION type="Play">', '<CONDITION>TRUE</CONDITION>', "<?note x?>",
        ):
            for shift in range(3, 3 + len(within.encode()) + 1):
                more = forge.filler(HEAD - shift - lead) + "<X>" + within
                text = forge.v7(forge.DENIED + more + "</X>").encode()
                self.assertEqual(text[HEAD - shift :][:3], b"<X>")
                cases.append((text.ljust(LARGE + 1), v7_says(DENIED)))
        # So many large ones take too long to be looked at in each way.
        files = {b"%03d" % number: content for number, (content, _) in enumerate(cases)}
        self.fill_source(files)
        found = self.list("store")
        wrong = [(said(license), files[license.name][HEAD - 30 : HEAD]) for license in found
                 if said(license) != v7_says(DENIED)]
        self.assertEqual(wrong, [])
        self.check_backup(files, found)

    def test_utf16_cut_within_a_character(self):
        for name in ("utf-16-le", "utf-16-be"):
            cases = []
            for shift in range(4):
                lead = len(forge.v7(forge.DENIED + "SPLIT").partition("SPLIT")[0].encode(name)) + 2
                pad = "x" * ((HEAD - 8 - lead) // 2 + shift)
                text = forge.v7(forge.DENIED + pad + "\U0001F600" * 9 + "y" * LARGE)
                cases.append((forge.MARKS[name] + text.encode(name), v7_says(DENIED)))
            self.assert_told(cases)

    def test_responses(self):
        long, last = forge.filler(2 * LARGE), forge.v7(forge.DENIED)
        early = forge.response(forge.v7(forge.ALLOWED, ["early"]), long, last)
        denied = forge.response(forge.v7(forge.DENIED, ["early"]), long, forge.v7())
        self.assert_told([
            # Another may follow that denies.
            (early, v7_says(NOT_STATED, ["early"])), (denied, v7_says(DENIED, ["early"])),
            (forge.response(forge.filler(2 * LARGE), forge.v7()), OPAQUE),
        ])

    def test_malformed_before_the_cut(self):
        text = forge.v7(forge.DENIED + "</X>" + forge.filler(2 * LARGE))
        self.assert_told([(text, OPAQUE)])


if __name__ == "__main__":
    unittest.main()
