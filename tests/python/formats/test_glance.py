"""Licenses in XML as services write them, which a backup sees through at a glance, and such as
look like them."""

import unittest

import wmlb_ctypes as w
from license_support import LicenseCase, says

ALLOWED, DENIED = w.RIGHT_ALLOWED, w.RIGHT_DENIED

BEGINNING = '<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>'
END = "</DATA></LICENSORINFO></LICENSE>"
GRANTED = '<ONACTION type="Backup"><CONDITION><![CDATA[TRUE]]></CONDITION></ONACTION>'
REFUSED = GRANTED.replace("TRUE", "FALSE")
PLAY = ('<ONACTION type="Play"><CONDITION><![CDATA[(app.minseclevel >= 500) && (x > "1")]]></CONDITION>'
        "<ACTION><![CDATA[counter.playcount--;]]></ACTION></ONACTION>")


def done(grant, action):
    """With something that is done then."""
    return grant.replace("</ONACTION>", "<ACTION>" + action + "</ACTION></ONACTION>")


class Glance(LicenseCase):
    def check(self, *cases):
        self.assert_told([
            (BEGINNING.encode() + text.encode() + END.encode(), says("wmdrm-v7", right=right))
            for text, right in cases
        ])

    def test_the_usual_form(self):
        self.check(
            (GRANTED, ALLOWED), (REFUSED, DENIED), (PLAY + GRANTED, ALLOWED), (PLAY + REFUSED, DENIED),
            (PLAY, DENIED), (GRANTED + PLAY, ALLOWED),
            (done(GRANTED, "<![CDATA[x = 1;]]>"), ALLOWED), (done(GRANTED, "<![CDATA[]]>"), ALLOWED),
            (done(REFUSED, "<![CDATA[x = 1;]]>"), DENIED), (done(GRANTED, "x = 1;"), ALLOWED),
            ('<META><NAME type="Title">Paper</NAME></META><A/><B x="1"/>' + GRANTED, ALLOWED),
            ('<META><NAME type="Title">Paper</NAME></META><A/><B x="1"/>' + REFUSED, DENIED),
        )

    def test_another_word_of_it(self):
        self.check(
            (done(GRANTED, "<![CDATA[" + REFUSED.replace("]]>", "]]") + "]]>"), ALLOWED),
            (done(GRANTED, "<![CDATA[x]]>") + REFUSED, DENIED),
            (done(GRANTED, "<![CDATA[x]]>" + "</ACTION><CONDITION>FALSE</CONDITION><ACTION>"), DENIED),
            (REFUSED + GRANTED, DENIED), (GRANTED + REFUSED, DENIED), (GRANTED + PLAY + REFUSED, DENIED),
            (GRANTED + "<META>Backup</META>", ALLOWED),
            (GRANTED + "<!-- " + REFUSED + " -->", ALLOWED),
            (GRANTED + "<META>" + REFUSED + "</META>", ALLOWED),
        )

    def test_where_it_does_not_count(self):
        self.check(
            ("<META>" + GRANTED + "</META>", DENIED),
            ("<A/><META>" + GRANTED + "</META>", DENIED),
            ("<META><A></A>" + GRANTED + "</META>" + PLAY, DENIED),
            ("<!-- " + GRANTED + " -->" + PLAY, DENIED),
            (PLAY + "<?note " + GRANTED + " ?>", DENIED),
            ("<![CDATA[" + GRANTED.replace("<![CDATA[TRUE]]>", "TRUE") + "]]>" + PLAY, DENIED),
            (PLAY + "</DATA>" + GRANTED + "<DATA>", DENIED),
            (PLAY + "</DATA><MORE>" + GRANTED + "</MORE><DATA>", DENIED),
        )

    def test_what_only_looks_like_an_end(self):
        text = "</DATA>" + GRANTED.replace("<![CDATA[TRUE]]>", "TRUE")
        for name in ("Title", "a > b", "a >> b", "</META>", "<A>", "/", "'", "'>'", "]]>"):
            for quote in "\"'":
                if quote in name:
                    continue
                tag = "<NAME type=%s%s%s>" % (quote, name, quote)
                with self.subTest(tag=tag):
                    self.check(
                        ("<META>" + tag + "</NAME></META>" + GRANTED, ALLOWED),
                        ("<META>" + tag + GRANTED + "</NAME></META>" + PLAY, DENIED),
                        ("<META>" + tag[:-1] + "/></META>" + GRANTED, ALLOWED),
                        ("<META>" + tag[:-1] + "/>" + GRANTED + "</META>" + PLAY, DENIED),
                        ("<META>" + tag + "<![CDATA[" + text + "]]></NAME></META>" + REFUSED, DENIED),
                    )
        self.check(
            ("<A><![CDATA[" + text + "]]></A>" + GRANTED, ALLOWED),
            ("<A><![CDATA[" + text + "]]></A>" + REFUSED, DENIED),
            ("<A><![CDATA[</A>>]]]></A>" + REFUSED, DENIED),
            ("<A><![CDATA[<!-- ]]></A>" + GRANTED + "<!-- -->", ALLOWED),
            ("<A><![CDATA[<!-- ]]></A>" + REFUSED + "<!-- -->", DENIED),
            ('<A x="<![CDATA[">' + GRANTED + '<B x="]]>"></B></A>' + PLAY, DENIED),
        )


if __name__ == "__main__":
    unittest.main()
