#!/usr/bin/env python3
"""Makes the seeds that the fuzz targets start from, and their dictionaries.

    make_seeds.py [--out DIR]

They are made up: structures as the readers know them, with random numbers for keys. The same
files come out every time. What the first bytes of a seed mean is in fuzz_targets/.
"""
import argparse
import base64
import json
import pathlib
import random
import sqlite3
import struct
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests/python"))
import archive_forge as forge  # noqa: E402

LARGE = 1 << 20  # what is larger is not read whole
numbers = random.Random(4)


def encoded(count):
    return base64.b64encode(numbers.randbytes(count)).decode()


# WMDRM, version 1

def v1(key_id=None, rights=0, date=(20, 31, 12, 31)):
    key_id = encoded(16) if key_id is None else key_id
    data = struct.pack("<4s4s40s25s", b"\0\1\0\0", b"\x75\0\0\0", numbers.randbytes(40), key_id.encode())
    return data + numbers.randbytes(80) + bytes([rights, 0, 0, 0]) + numbers.randbytes(4) + bytes(date)


def v1_seeds():
    for rights in 0, 4:
        yield f"rights{rights}", bytes([0]) + v1(rights=rights)
    yield "other-version", bytes([4]) + v1()
    yield "after-certificates", bytes([1]) + numbers.randbytes(208) + v1()
    yield "before-certificates", bytes([0]) + v1() + numbers.randbytes(208)
    yield "no-date", bytes([0]) + v1(date=(255,) * 4)
    yield "no-key", bytes([0]) + v1(key_id="")
    yield "as-it-is", bytes([2]) + v1(rights=4)


# XML

def v7(actions='<ONACTION type="Backup"><CONDITION>true</CONDITION></ONACTION>', before="", after=""):
    return (
        f'<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>{before}<LID>{encoded(16)}</LID>'
        f"<KID>{encoded(16)}</KID><PRIORITY>1</PRIORITY>{actions}"
        f"<ENABLINGBITS><ALGORITHM type=\"MSDRM\"/></ENABLINGBITS></DATA>{after}"
        "<SIGNATURE><VALUE/></SIGNATURE></LICENSORINFO></LICENSE>")


def action(condition):
    return f'<ONACTION type="Backup"><CONDITION><![CDATA[{condition}]]></CONDITION></ONACTION>'


def response(*licenses):
    return f'<?xml version="1.0"?><LICENSERESPONSE xmlns="x">{"".join(licenses)}</LICENSERESPONSE>'


def wrapped(version, content):
    return f'<LICENSE version="{version}">{base64.b64encode(content).decode()}</LICENSE>'


def xml_seeds():
    yield "usual", v7(
        "<ONSTORE><ACTION><![CDATA[counter.plays = 3;]]></ACTION></ONSTORE>"
        '<ONACTION type="Play"><CONDITION><![CDATA[counter.plays > 0]]></CONDITION><ACTION/></ONACTION>'
        + action("TRUE") + '<ONACTION type="Restore"><CONDITION>true</CONDITION></ONACTION>',
        before="<META><TITLE>A &amp; B</TITLE></META>",
        after="<CERTIFICATECHAIN><CERTIFICATE>AAAA</CERTIFICATE></CERTIFICATECHAIN>").encode()
    yield "denied", v7(action("FALSE")).encode()
    yield "no-condition", v7('<ONACTION type="Backup"/>').encode()
    yield "unclear", v7(action("counter.backups &gt; 0")).encode()
    yield "encrypted", b'<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>AAAA</DATA></LICENSORINFO></LICENSE>'
    yield "utf-16-le", b"\xff\xfe" + v7(before="<!-- é -->").encode("utf-16-le")
    yield "utf-16-be", b"\xfe\xff" + v7().encode("utf-16-be")
    yield "marked-latin1", b"\xef\xbb\xbf" + v7(before="<TITLE>?</TITLE>").encode().replace(b"?", b"\xe9")
    yield "response", response(v7(), v7(action("false")), wrapped("3.0.0.0", xmr()), wrapped("0.1.0.0", v1())).encode()
    yield "prefixed", v7().replace("<", "<a:").replace("<a:/", "</a:").encode()
    yield "document-type", b'<!DOCTYPE x [<!ENTITY e "e">]>' + v7(before="<KID>&e;&#65;</KID>").encode()
    yield "data", b"<KID>one</KID><KID>two</KID><KID>one</KID>" + action("TRUE").encode()
    yield "deep", v7(before="<a>" * 61 + "</a>" * 61).encode()


# XMR

def xmr_object(kind, content, flags=1):
    return struct.pack(">HHI", flags, kind, 8 + len(content)) + content


def xmr(rights=0, version=3, policy=b""):
    policy += xmr_object(0x000D, struct.pack(">H", rights))
    policy += xmr_object(0x0012, struct.pack(">II", 1_300_000_000, 1_900_000_000))
    content_key = xmr_object(0x000A, numbers.randbytes(16) + struct.pack(">HHH", 1, 3, 16) + numbers.randbytes(16))
    outer = xmr_object(0x0002, policy, 2)
    outer += xmr_object(0x0004, xmr_object(0x0005, bytes(10), 3), 3)
    outer += xmr_object(0x0009, content_key, 2)
    return b"XMR\0" + struct.pack(">I", version) + numbers.randbytes(16) + xmr_object(0x0001, outer, 2)


def xmr_seeds():
    yield "denied", xmr(rights=1)
    yield "allowed", xmr()
    yield "other-version", xmr(version=4)
    yield "unknown-object", xmr(policy=xmr_object(0x0777, xmr_object(0x0778, b"", 2) + b"?", 2))
    yield "deep", xmr(policy=xmr_object(9, xmr_object(9, xmr_object(9, xmr_object(9, b"", 2), 2), 2), 2))
    # A container that stays open, and a key, rights and dates in it.
    key = bytes([5, 16]) + numbers.randbytes(16)
    yield "built", bytes(16) + bytes([0xA4, 0]) + key + bytes([6, 2, 0, 1, 7, 8]) + struct.pack(">II", 1, 2)
    yield "built-twice", bytes(16) + 2 * (bytes([0xA1, 0]) + key + bytes([9, 0])) + bytes([11, 3]) + b"???"


# LCP

def lcp(**changes):
    document = {
        "id": "00000000-1111-2222-3333-444444444444", "issued": "2020-01-01T00:00:00Z",
        "provider": "https://provider.example", "encryption": {"profile": "http://readium.org/lcp/basic-profile"},
        "links": [{"rel": "hint", "href": "https://provider.example/hint"}],
        "rights": {"start": "2020-01-01T00:00:00Z", "end": "2031-12-31T23:59:60.5+01:00", "copy": 1},
        "user": {"id": "user", "name": "Given \"Name\""}, "signature": {"value": "AAAA"}}
    document.update(changes)
    return json.dumps(document).encode()


def lcp_seeds():
    yield "usual", lcp()
    yield "marked", b"\xef\xbb\xbf" + lcp(rights={"start": None})
    yield "no-rights", lcp(rights=None)
    yield "twice", lcp()[:-1] + b',"id":"again"}'
    yield "escaped", lcp(id="\u00e9\\\n").replace(b"provider.", b"\\u0041\\ud83d\\ude00")
    yield "deep", lcp(links=json.loads("[" * 100 + "]" * 100))
    yield "other", b'{"swagger": {"paths": [1, -2.5e300, true, null]}}'


# Packages

def stored(files, gap=0, deflated=False, comment=b""):
    """A ZIP file; `gap` bytes that are not there lie before its directory."""
    out, directory = b"", b""
    for name, content in files:
        packed, method = content, 0
        if deflated:
            packer = zlib.compressobj(wbits=-15)
            packed, method = packer.compress(content) + packer.flush(), 8
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, zlib.crc32(content), len(packed), len(content), len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + fields + name + packed
    count = len(files)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(out) + gap, len(comment))
    return out, directory + b"PK\5\6" + end + comment


def far(offset):
    """A package whose license is at an offset that takes 64 bits to say."""
    name, extra = b"license.lcpl", struct.pack("<HHQ", 1, 8, offset)
    fields = struct.pack("<HHHHHHIIIHH", 45, 45, 0, 0, 0, 33, 0, 2, 2, len(name), len(extra))
    directory = b"PK\1\2" + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0xFFFFFFFF) + name + extra
    return b"PK\3\4" + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), 4, 0)


def package_seeds():
    files = [(b"mimetype", b"application/epub+zip"), (b"META-INF/license.lcpl", lcp())]
    whole = struct.Struct("<BHH")
    yield "epub", whole.pack(0, 0, 0) + b"".join(stored(files))
    yield "deflated", whole.pack(0, 0, 0) + b"".join(stored(files, deflated=True))
    yield "audiobook", whole.pack(0, 0, 0) + b"".join(stored([(b"license.lcpl", lcp())], comment=b"PK\5\6 comment"))
    yield "no-license", whole.pack(0, 0, 0) + b"".join(stored(files[:1]))
    head, tail = stored(files)
    beyond = 4096
    gap = LARGE + beyond - len(head) - len(tail)
    head, tail = stored(files, gap)
    yield "large", whole.pack(1, len(tail), beyond) + head + tail
    yield "far", whole.pack(0, 0, 0) + far(1 << 40)
    yield "farthest", whole.pack(0, 0, 0) + far((1 << 64) - 201)
    yield "built", whole.pack(2, 0, 0) + lcp()
    yield "built-deflated", whole.pack(2 + 0x40 + 8, 0, 0) + lcp()
    yield "built-zip64", whole.pack(2 + 0x20 + 4 * 3, 0, 0) + lcp()


# Anything

def inspect_seeds():
    whole = struct.pack("<BHH", 0, 0, 0)
    for name, content in [("v1", v1()), ("v7", v7().encode()), ("xmr", xmr()), ("lcp", lcp()),
                          ("base64", base64.encodebytes(xmr(rights=1))),
                          ("wmdrm-base64", base64.b64encode(v1(), b"!*").rstrip(b"=")),
                          ("sqlite", b"SQLite format 3\0" + bytes(84)), ("none", numbers.randbytes(64))]:
        yield name, whole + content
    for kind in 2, 3:
        yield f"cut-{kind}", struct.pack("<BHH", kind, 100, 60_000) + response(v7(), v7()).encode()
    yield "utf-16-cut", struct.pack("<BHH", 2, 101, 1000) + b"\xff\xfe" + v7().encode("utf-16-le")


# Backup files

def archive_info(device=b"\0" * 16):
    return bytes([len(device)]) + struct.pack("<q", 1_700_000_000) + device


def archive_member(kind, suffix, data, nanoseconds=None):
    out = bytes([kind]) + (bytes([len(suffix)]) if kind == 0 else struct.pack("<H", len(suffix)))
    out += bytes([len(suffix)]) + suffix
    if nanoseconds is None:
        out += bytes([0]) + struct.pack("<I", 1_700_000_000)
    else:
        out += bytes([3]) + struct.pack("<II", 1_700_000_000, nanoseconds)
    return out + bytes([1]) + struct.pack("<H", len(data)) + bytes([len(data)]) + data


def archive_seeds():
    files = {b"a/two": (b"22", 1_234_567_891_000), b"\xff": b"x" * 600}
    # The file itself.
    yield "file", b"\0" + forge.small(files)
    yield "file-empty", b"\0" + forge.small({})
    yield "file-age", b"\0age-encryption.org/v1\n"
    # Contents of frames.
    contents = [forge.license_of(name, b"data") for name in (b"a", b"b/c", b"\xff" * 120)]
    framed = b"".join(struct.pack("<H", len(content)) + content for content in contents)
    yield "frames", b"\1\3" + archive_info() + framed
    yield "frames-stored", b"\1\2" + archive_info() + framed
    first = forge.info()
    yield "frames-of-all", b"\1\0" + struct.pack("<H", len(first)) + first + framed
    # Members.
    begin = b"\2\1" + archive_info()
    members = archive_member(0, b".lic", b"one") + archive_member(0, b"\xff.lic", b"two", 500_000_000)
    yield "members", begin + members
    encrypted = b"\2\4" + archive_info() + members
    yield "members-encrypted", encrypted + b"\7" + struct.pack("<HB", 301, 1)
    yield "members-two-frames", b"\2\0" + archive_info("é".encode()) + members + b"\3" + members
    yield "members-raw-names", begin + archive_member(2, b"a/b", b"1") + archive_member(2, b"a/c", b"2")
    large = b"\0\1\1l\0" + bytes(4) + bytes([0]) + struct.pack("<HH", 1, 2) + b"\3abc"
    yield "members-large", b"\2\3" + archive_info() + large + members
    yield "members-changed", begin + members + b"\7" + struct.pack("<HB", 700, 1) + b"\7" + struct.pack("<HB", 31, 128)
    yield "members-wrong-header", begin + members + b"\5\0" + struct.pack("<HB", 100, 1) + b"\4" + struct.pack("<HB", 3, 9)


# Databases

PAGE = 512


def database(rows):
    """One with the schema of a browser's, as SQLite makes it; of what is different in versions of
    SQLite nothing shows."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x"
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript(f"""
            PRAGMA page_size = {PAGE}; PRAGMA journal_mode = OFF;
            CREATE TABLE cdm_storage (storage_key TEXT, cdm_type BLOB, file_name TEXT, data BLOB,
                last_modified INTEGER, PRIMARY KEY (storage_key, cdm_type, file_name));
            CREATE TABLE licenses (cdm_type, file_name, data, PRIMARY KEY (cdm_type, file_name)) WITHOUT ROWID;""")
        for number in range(rows):
            values = "https://a.example/", numbers.randbytes(16), f"f{number}", numbers.randbytes(50 + 700 * (number % 3)), number
            connection.execute("INSERT INTO cdm_storage VALUES (?, ?, ?, ?, ?)", values)
        connection.close()
        content = bytearray(path.read_bytes())
    content[92:100] = bytes(8)
    return bytes(content)


def pages(content):
    return [content[at : at + PAGE] for at in range(0, len(content), PAGE)]


def journal_of(content):
    """One that puts a database back to this."""
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 0xFFFFFFFF, 7, len(content) // PAGE, 512, PAGE)
    records = (struct.pack(">I", number + 1) + page + struct.pack(">I", 7 + page[312] + page[112])
               for number, page in enumerate(pages(content)))
    return head.ljust(512, b"\0") + b"".join(records)


def log_of(content):
    """One transaction that makes a database this."""
    out = struct.pack(">IIII8s", 0x377F0682, 3007000, PAGE, 1, b"saltsalt")
    sums = [0, 0]

    def add(data):
        for one, other in struct.iter_unpack("<II", data):
            sums[0] = (sums[0] + one + sums[1]) & 0xFFFFFFFF
            sums[1] = (sums[1] + other + sums[0]) & 0xFFFFFFFF

    add(out)
    out += struct.pack(">II", *sums)
    all_pages = pages(content)
    for number, page in enumerate(all_pages):
        head = struct.pack(">II", number + 1, len(all_pages) if page is all_pages[-1] else 0)
        add(head + page)
        out += head + b"saltsalt" + struct.pack(">II", *sums) + page
    return out


def database_seeds():
    def seed(content, journal=b"", log=b""):
        return struct.pack("<II", len(journal), len(log)) + content + journal + log

    one, other = database(2), database(7)
    yield "alone", seed(other)
    yield "journal", seed(other, journal_of(one))
    yield "log", seed(one, b"", log_of(other))
    yield "both", seed(other, journal_of(one), log_of(other))


DICTIONARIES = {
    "wmdrm_xml": [
        '<LICENSE version="2.0.0.0">', '<LICENSE version="3.0.0.0">', '<LICENSE version="0.1.0.0">', "</LICENSE>",
        "<LICENSERESPONSE>", "</LICENSERESPONSE>", "<LICENSORINFO>", "</LICENSORINFO>", "<DATA>", "</DATA>", "<LID>",
        "</LID>", "<KID>", "</KID>", '<ONACTION type="Backup">', "</ONACTION>", "<CONDITION>", "</CONDITION>", "TRUE",
        "false", "<![CDATA[", "]]>", "<!--", "-->", "<?xml", "?>", "<!DOCTYPE", "&amp;", "&#65;", "/>", ' xmlns:a="a"',
        "<a:", "</a:", "WE1SAAAAAAM"],
    "lcp": [
        '"id":', '"provider":', '"encryption":', '"profile":', '"rights":', '"start":', '"end":', '"links":',
        '"signature":', '"2020-01-01T00:00:00Z"', "null", "true", "\\u0041", "\\ud83d", "1e300", "[[", "]]", "{}"],
    "xmr": ["XMR\0\0\0\0\3"] + [
        struct.pack(">HH", flags, kind).decode("latin-1")
        for kind in (1, 2, 4, 5, 9, 10, 13, 18) for flags in (1, 2)],
    "lcp_package": ["PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "META-INF/license.lcpl", "license.lcpl",
                    "\1\0\x10\0", "up", "\xff\xff\xff\xff"],
    "database": ["CREATE TABLE ", "cdm_storage", "licenses", "storage_key", "cdm_type", "file_name", "data", "table",
                 "index", "SQLite format 3\0", "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "\x37\x7f\x06\x82", "WITHOUT ROWID"],
    "archive": [
        "\x28\xb5\x2f\xfd", "wmlb.json", "wmlb-summary.json", "licenses/", "PaxHeaders/license", "0000600", "ustar\x0000",
        "20 hdrcharset=BINARY\n", "hdrcharset", "mtime", "path", "size", ".wmlb-"],
}
DICTIONARIES["inspect"] = [word for name in ("wmdrm_xml", "lcp", "xmr", "lcp_package") for word in DICTIONARIES[name]]

SEEDS = {
    "archive": archive_seeds, "inspect": inspect_seeds, "lcp": lcp_seeds, "lcp_package": package_seeds,
    "wmdrm_v1": v1_seeds, "wmdrm_xml": xml_seeds, "xmr": xmr_seeds, "database": database_seeds,
}


def quoted(word):
    def escape(byte):
        return chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"

    return '"' + "".join(map(escape, word.encode("latin-1"))) + '"'


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=HERE, type=pathlib.Path, metavar="DIR")
    out = parser.parse_args().out
    for target, seeds in SEEDS.items():
        for name, content in seeds():
            write(out / "seeds" / target / name, content)
    for target, words in DICTIONARIES.items():
        lines = "".join(quoted(word) + "\n" for word in dict.fromkeys(words))
        write(out / "dictionaries" / f"{target}.dict", lines.encode())


if __name__ == "__main__":
    main()
