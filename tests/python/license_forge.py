"""Makes licenses of each format, with exactly what a test wants in them.

Nothing in them is real: no public sample of WMDRM exists, so its licenses are made by the
published layout, and by what tests/make_store.py takes for it where that is not published.
"""

import base64
import functools
import io
import json
import random
import struct
import zipfile

# Key IDs as a WRMHEADER spells them: base64 of 16 bytes.
KEY_IDS = [base64.b64encode(bytes([number]) * 16).decode() for number in range(8)]
LICENSE_ID = base64.b64encode(bytes(range(100, 116))).decode()
MARKS = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@functools.lru_cache(32)
def noise(length, seed=0):
    """Bytes that do not compress, and suggest no format."""
    return b"\x81" + random.Random(seed).randbytes(length - 1) if length else b""


# WMDRM version 1.

V1_LENGTH = 165
V1_RIGHTS = 153
V1_DENIED = 0x04
NEVER = (0xFF, 0xFF, 0xFF, 0xFF)


def v1(key_id=KEY_IDS[0], rights=0, expiry=NEVER, version=(0, 1, 0, 0), data_length=0x75):
    """A LICENSE. Its key holds what base64 spells with + and /."""
    if isinstance(key_id, str):
        key_id = key_id.encode()
    content = bytes(version) + struct.pack("<I", data_length) + bytes(range(200, 240))
    content += key_id.ljust(25, b"\0") + (b"\xfb\xef\xff" * 27)[:80]
    content += struct.pack("<II", rights, 150) + bytes(expiry)
    assert len(content) == V1_LENGTH
    return content


def certified(license, first=True):
    """A CERTIFIED_LICENSE: a LICENSE and two CERTs, in either order."""
    certificates = noise(208, 1)
    return license + certificates if first else certificates + license


def encoded(content, other_alphabet=False, padded=True, line=0, ending=b"\n"):
    """Base64 in a dialect; line: so many characters in each."""
    text = base64.b64encode(content)
    if other_alphabet:
        text = text.translate(bytes.maketrans(b"+/", b"!*"))
    if not padded:
        text = text.rstrip(b"=")
    if line:
        text = b"".join(text[at : at + line] + ending for at in range(0, len(text), line))
    return text


# WMDRM version 7.


def action(name="Backup", condition="TRUE"):
    """condition: the XML in CONDITION; None for no such element."""
    inside = "" if condition is None else "<CONDITION>%s</CONDITION>" % condition
    return '<ONACTION type="%s">%s<ACTION><![CDATA[x = 1;]]></ACTION></ONACTION>' % (name, inside)


PLAY = action("Play", "<![CDATA[counter.plays > 0]]>")
ALLOWED = PLAY + action()
DENIED = PLAY + action("Backup", "FALSE")
UNSTATED = PLAY + action("Backup", '<![CDATA[machine.datetime < "#20301231Z#"]]>')
UNNAMED = PLAY + action("Restore")


def data(actions=ALLOWED, key_ids=KEY_IDS[:1], license_id=LICENSE_ID, more=""):
    """DATA of a license; more comes before the actions."""
    keys = "".join("<KID>%s</KID>" % key_id for key_id in key_ids)
    lid = "" if license_id is None else "<LID>%s</LID>" % license_id
    dated = "<ISSUEDATE>20050212 09:45:12Z</ISSUEDATE>"
    return "<DATA>%s</DATA>" % "".join((lid, keys, dated, more, actions))


AFTER_DATA = (
    "<SIGNATURE><VALUE>c2lnbmF0dXJl</VALUE></SIGNATURE>"
    "<CERTIFICATECHAIN><CERTIFICATE>Y2VydA==</CERTIFICATE></CERTIFICATECHAIN>"
)


def v7(actions=ALLOWED, key_ids=KEY_IDS[:1], license_id=LICENSE_ID, more="", after=AFTER_DATA):
    """A LICENSE, as text."""
    inside = data(actions, key_ids, license_id, more) + after
    return '<LICENSE version="2.0.0.0"><LICENSORINFO>%s</LICENSORINFO></LICENSE>' % inside


def wrapped(content, version="3.0.0.0"):
    """A LICENSE of a binary license, as text."""
    return '<LICENSE version="%s">%s</LICENSE>' % (version, encoded(content).decode())


def response(*licenses):
    return "<LICENSERESPONSE>%s</LICENSERESPONSE>" % "".join(licenses)


def filler(length):
    """An element of so many bytes, in which nothing states anything."""
    text = "<ATTRIBUTES>%s</ATTRIBUTES>"
    return text % ("0123456789abcde\n" * (length // 16 + 1))[: length - len(text % "")]


# XMR.


def xmr_object(kind, content=b"", flags=1, length=None):
    length = 8 + len(content) if length is None else length
    return struct.pack(">HHI", flags, kind, length) + content


def container(kind, *objects, flags=3):
    return xmr_object(kind, b"".join(objects), flags)


def content_key(key_id=bytes(16)):
    return xmr_object(0x000A, key_id + struct.pack(">HHH", 1, 3, 16) + bytes(range(16)))


def rights_settings(bits):
    return xmr_object(0x000D, struct.pack(">H", bits))


def expiration(begin, end):
    return xmr_object(0x0012, struct.pack(">II", begin, end))


XMR_ID = bytes(range(1, 17))
LEVEL = xmr_object(0x0034, struct.pack(">H", 2000))
SIGNATURE = xmr_object(0x000B, struct.pack(">HH", 1, 16) + bytes(range(32, 48)))


def xmr(policy=(), keys=(content_key(),), more=(), version=3, license_id=XMR_ID):
    """policy, keys: objects of the two containers; more: those beside them."""
    outer = container(
        0x0001,
        container(0x0002, LEVEL, *policy),
        container(0x0004, xmr_object(0x0005, struct.pack(">5H", 250, 400, 300, 200, 100))),
        container(0x0009, *keys),
        *more,
        SIGNATURE,
    )
    return b"XMR\0" + struct.pack(">I", version) + license_id + outer


def spelled(license_id):
    """16 bytes as the library tells them."""
    return base64.b64encode(license_id)


# LCP.

LCP_ID = "c6b0a3b2-5d6f-4a2a-9b2e-5d2f0f6a7c11"
# What may be in a license and must not get out of it.
PERSONAL = {
    "name": "Edith Wharton-Personal", "email": "edith.personal@reader.example",
    "text_hint": "the cat of my childhood, personal", "href": "personal-address.example",
    "id": "user-personal-4711", "extension": "personal remark",
}


def lcp_value(**changes):
    """A document; None takes a member out."""
    value = {
        "provider": "https://provider.example",
        "id": LCP_ID,
        "issued": "2020-02-03T04:05:06Z",
        "encryption": {
            "profile": "http://readium.org/lcp/basic-profile",
            "content_key": {"algorithm": "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
                            "encrypted_value": "a2V5"},
            "user_key": {"algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
                         "text_hint": PERSONAL["text_hint"], "key_check": "Y2hlY2s="},
        },
        "links": [
            {"rel": "hint", "href": "https://%s/hint" % PERSONAL["href"], "type": "text/html"},
        ],
        "rights": {"print": 10, "copy": 2000},
        "user": {"id": PERSONAL["id"], "name": PERSONAL["name"], "email": PERSONAL["email"],
                 "https://provider.example/note": PERSONAL["extension"]},
        "signature": {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                      "certificate": "Y2VydA==", "value": "c2ln"},
    }
    value.update(changes)
    return {name: member for name, member in value.items() if member is not None}


def lcp(indent=None, **changes):
    return json.dumps(lcp_value(**changes), indent=indent).encode()


# A status document, which comes with a license and is none.
LCP_STATUS = json.dumps({
    "id": LCP_ID, "status": "ready", "message": "personal",
    "updated": {"license": "2020-02-03T04:05:06Z", "status": "2020-02-03T04:05:06Z"},
    "links": [{"rel": "license", "href": "https://provider.example/license"}],
}).encode()

EPUB = "META-INF/license.lcpl"
OTHER_PACKAGE = "license.lcpl"


def package(license, path=EPUB, before=(), after=(), compression=zipfile.ZIP_DEFLATED):
    """A ZIP file; before, after: the sizes of what lies around the license."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for number, size in enumerate(before):
            add(archive, "before/%d" % number, noise(size, number), zipfile.ZIP_STORED)
        if license is not None:
            add(archive, path, license, compression)
        for number, size in enumerate(after):
            add(archive, "after/%d" % number, noise(size, number + 50), zipfile.ZIP_STORED)
    return file.getvalue()


def add(archive, path, content, compression):
    entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
    entry.compress_type = compression
    archive.writestr(entry, content)
