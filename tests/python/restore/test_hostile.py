"""Crafted backup files. Each is right but for one thing: frames, checksums and summary are as
a writer would make them. Every bad one is refused by verification, by enumeration and by
restores, which write nothing outside the store, leave nothing, and need little memory.
"""

import os
import unittest

import archive_forge as forge
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of, run_apart, run_here, snapshot

LITTLE_MEMORY = 100 << 10  # KiB


def one_frame(members, licenses=None, size=0):
    """A file with these members in one frame; licenses: how many a reader would count."""
    content = b"".join(members)
    if licenses is None:
        licenses = len(members)
    return forge.build(content, licenses, size)


def good(name, data=b"x"):
    return forge.license_of(name, data)


def between(*bad, size=0):
    """Bad members between good ones."""
    return one_frame([good(b"a"), *bad, good(b"z")], 2 + len(bad), 2 + size)


def named(name):
    """A license with a bad name, among others in the right order."""
    names = sorted([b"a", name, b"z"], key=lambda each: each.split(b"/"))
    return one_frame([good(each) for each in names], 3, 3)


def raw_names():
    yield "absolute", named(b"/etc/wmlb-hostile")
    yield "absolute, in the header", one_frame(
        [forge.ustar(b"/tmp/wmlb-hostile", 1) + forge.padded(b"x")], 1, 1)
    for name in (
        b"..", b"../x", b"a/../../x", b"b/..", b"b/../x", b".", b"./x", b"b/./x", b"b/.", b"//x",
        b"b//x", b"b/", b"/", b"", b"../../../../../../../../tmp/wmlb-hostile", b"b/../../store2/x",
        b"../store/x",
    ):
        yield "name %r" % name, named(name)
    yield "outside licenses/", between(forge.member(b"outside", b"x"), size=1)
    for path in (b"licenses", b"licensesx/a", b"Licenses/a", b"./licenses/a", b"license/a",
                 b"wmlb.json/x", b"../licenses/a", b"licenses\\a"):
        yield "member %r" % path, between(forge.member(path, b"x"), size=1)
    yield "longer than a name may be", named(b"n" * 16385)
    deep = b"d/" * 8192 + b"x"
    yield "longer than a name may be, in many folders", named(deep)
    yield "ten thousand nested folders", named(b"d/" * 10000 + b"x")
    yield "NUL in the pax path", between(
        forge.pax(forge.record(b"path", b"licenses/b\0../../x"))
        + forge.ustar(b"licenses/b", 1) + forge.padded(b"x"), size=1)
    yield "NUL at the end of the pax path", between(
        forge.pax(forge.record(b"path", b"licenses/" + b"b" * 101 + b"\0"))
        + forge.ustar(b"licenses/" + b"b" * 91, 1) + forge.padded(b"x"), size=1)
    long = b"licenses/" + b"b" * 120
    yield "NUL in a long pax path, canonical but for it", between(
        forge.pax(forge.record(b"path", long + b"\0x"))
        + forge.ustar(b"licenses/" + b"b" * 91, 1) + forge.padded(b"x"), size=1)


def orders():
    yield "a name twice", one_frame([good(b"a"), good(b"a")], 2, 2)
    yield "a name twice, apart", one_frame([good(b"a"), good(b"b"), good(b"a")], 3, 3)
    yield "a name twice, equal", one_frame([good(b"a", b""), good(b"a", b"")], 2, 0)
    yield "backwards", one_frame([good(b"b"), good(b"a")], 2, 2)
    yield "a file, then below it", one_frame([good(b"a"), good(b"a/b")], 2, 2)
    yield "below a file, then it", one_frame([good(b"a/b"), good(b"a")], 2, 2)
    yield "below a file, after others", one_frame(
        [good(b"a"), good(b"a!"), good(b"a/b")], 3, 3)
    yield "a folder comes back", one_frame(
        [good(b"a/b"), good(b"b"), good(b"a/c")], 3, 3)
    yield "as by bytes, not by folders", one_frame([good(b"a!"), good(b"a/b")], 2, 2)
    frames = forge.pack(forge.info(), good(b"a"), good(b"a"))
    yield "a name twice, in two frames", forge.close(frames, 2, 2)
    frames = forge.pack(forge.info(), good(b"a"), good(b"a/b"))
    yield "below a file, in the next frame", forge.close(frames, 2, 2)


def kinds():
    for kind, what in (
        (b"1", "hard link"), (b"2", "symbolic link"), (b"3", "character device"),
        (b"4", "block device"), (b"5", "folder"), (b"6", "FIFO"), (b"7", "contiguous file"),
        (b"\0", "old regular file"), (b"g", "global pax header"), (b"L", "GNU long name"),
        (b"K", "GNU long link"), (b"S", "GNU sparse"), (b"V", "volume header"),
        (b"D", "GNU dump"), (b"X", "Solaris pax"), (b"A", "vendor"), (b"8", "reserved"),
        (b" ", "blank"), (b"\xff", "no letter"), (b"N", "old long names"), (b"M", "multi-volume"),
    ):
        yield what, between(forge.ustar(b"licenses/b", kind=kind))
        with_target = forge.ustar(b"licenses/b", kind=kind, at157=b"/etc/passwd")
        yield what + " with a target", between(with_target)
    yield "a link and a file through it", one_frame([
        forge.ustar(b"licenses/b", kind=b"2", at157=b"../outside"), good(b"b/x")], 2, 1)
    yield "a regular file with a link name", between(
        forge.ustar(b"licenses/b", at157=b"/etc/passwd"))
    yield "a folder by a slash", between(forge.ustar(b"licenses/b/", kind=b"5"))
    yield "a GNU long name and its file", between(
        forge.ustar(b"././@LongLink", 120, kind=b"L") + forge.padded(b"licenses/" + b"n" * 111)
        + forge.ustar(b"licenses/n", 1) + forge.padded(b"x"), size=1)
    yield "a global header first", one_frame([
        forge.pax(forge.record(b"path", b"licenses/../../x"), kind=b"g"), good(b"a")], 1, 1)
    yield "GNU magic", between(forge.ustar(b"licenses/b", at257=b"ustar  \0"))
    yield "no magic", between(forge.ustar(b"licenses/b", at257=bytes(8)))
    yield "old GNU sparse 1.0", between(
        forge.pax(forge.record(b"GNU.sparse.major", b"1") + forge.record(b"GNU.sparse.name", b"x"))
        + forge.ustar(b"licenses/b"))


def pax_headers():
    plain = forge.ustar(b"licenses/b", 1) + forge.padded(b"x")
    record = forge.record
    for key, value in (
        (b"atime", b"1"), (b"ctime", b"1"), (b"uid", b"0"), (b"uname", b"root"),
        (b"linkpath", b"/etc/passwd"), (b"comment", b"hello"), (b"SCHILY.xattr.user.a", b"b"),
        (b"charset", b"BINARY"), (b"", b"x"), (b"Path", b"licenses/b"), (b"path ", b"licenses/b"),
        (b"GNU.sparse.realsize", b"1000000000000"), (b"GNU.sparse.map", b"0,1"),
        (b"LIBARCHIVE.symlinktype", b"file"), (b"security.capability", b"x"),
    ):
        yield "unknown key %r" % key, between(forge.pax(record(key, value)) + plain, size=1)
        with_time = forge.pax(record(key, value) + record(b"mtime", b"1.5"))
        yield "unknown key %r and a time" % key, between(
            with_time + forge.ustar(b"licenses/b", 1, 1) + forge.padded(b"x"), size=1)
    for records, what in (
        (b"", "without records"),
        (record(b"mtime", b"5"), "a time that fits the header"),
        (record(b"mtime", b"0"), "a time that is that of the header"),
        (record(b"size", b"1"), "a size that fits the header"),
        (record(b"size", b"1000000"), "a size that contradicts the header"),
        (record(b"size", b"-1"), "a negative size"),
        (record(b"size", b"0x1"), "a size in another base"),
        (record(b"path", b"licenses/b"), "a path that fits the header"),
        (record(b"path", b"licenses/c"), "a path that contradicts the header"),
        (record(b"path", b"/etc/passwd"), "an absolute path"),
        (record(b"hdrcharset", b"BINARY"), "a charset without a path"),
        (record(b"mtime", b"1.50"), "a time with a zero too many"),
        (record(b"mtime", b"1."), "a time with an empty fraction"),
        (record(b"mtime", b".5"), "a time without seconds"),
        (record(b"mtime", b"+1.5"), "a time with a plus"),
        (record(b"mtime", b" 1.5"), "a time with a blank"),
        (record(b"mtime", b"01.5"), "a time with a leading zero"),
        (record(b"mtime", b"1e5"), "a time with an exponent"),
        (record(b"mtime", b"-0"), "minus zero"),
        (record(b"mtime", b"-0.0"), "minus zero, with a fraction"),
        (record(b"mtime", b"nan"), "a time that is none"),
        (record(b"mtime", b""), "an empty time"),
        (record(b"mtime", b"1.5555555555"), "ten digits"),
        (record(b"mtime", b"9" * 40), "a time beyond all numbers"),
        (record(b"mtime", b"9223372036854775808"), "a time beyond 64 bits"),
        (record(b"mtime", b"-9223372036854775809"), "a time below 64 bits"),
        (record(b"mtime", b"-9223372036854775808.5"), "a time just below 64 bits"),
        (record(b"mtime", b"1.5") * 2, "a key twice"),
        (record(b"mtime", b"1.5") + record(b"mtime", b"2.5"), "a key twice, differently"),
        (b"11 mtime=1.5\n", "a length too large"),
        (b"9 mtime=1.5\n", "a length too small"),
        (b"012 mtime=1.5\n", "a length with a zero"),
        (b" 12 mtime=1.5\n", "a length with a blank"),
        (b"-12 mtime=1.5\n", "a negative length"),
        (b"+13 mtime=1.5\n", "a length with a plus"),
        (b"99999999999999999999 mtime=1.5\n", "a length beyond 64 bits"),
        (b"18446744073709551615 mtime=1.5\n", "the largest length"),
        (b"4294967308 mtime=1.5\n", "a length that wraps 32 bits"),
        (b"0 mtime=1.5\n", "a length of zero"),
        (b"1 \n", "a record of a digit"),
        (b"2 \n", "an empty record"),
        (b"3 \n\n", "a record of a newline"),
        (b"13 mtime=1.5\n\n", "a newline too many"),
        (b"12 mtime=1.5x", "no newline"),
        (b"12 mtime:1.5\n", "no equals sign"),
        (b"mtime=1.5\n", "no length"),
        (b"\n", "a newline"),
        (b"\0" * 20, "zeros"),
        (record(b"mtime", b"1.5")[:-1] + b"\0\n", "a NUL"),
        (record(b"mtime", b"1.5") + b"\0" * 12, "a record and zeros"),
        (record(b"mtime", b"1.5") + record(b"comment", b"x" * (200 << 10)), "a giant record"),
        (record(b"comment", b"x" * (200 << 10)), "a giant record alone"),
        (record(b"comment", b"x") * 50000, "fifty thousand records"),
        (record(b"path", b"x" * (200 << 10)), "a giant path"),
        (record(b"mtime", b"1." + b"5" * (200 << 10)), "a giant time"),
        (record(b"mtime", b"1" * (200 << 10)), "a giant time without a fraction"),
        (record(b"size", b"0" * 1000 + b"1"), "a size with a thousand zeros"),
    ):
        yield "pax: " + what, between(
            forge.pax(records) + forge.ustar(b"licenses/b", 1, 1) + forge.padded(b"x"), size=1)
        yield "pax: %s, time 0" % what, between(forge.pax(records) + plain, size=1)
    long = b"licenses/" + b"b" * 120
    stand_in = forge.ustar(b"licenses/" + b"b" * 91, 1) + forge.padded(b"x")
    right = record(b"path", long)
    for bad, what in (
        (forge.pax(right) + forge.ustar(b"licenses/b", 1) + forge.padded(b"x"), "another stand-in"),
        (forge.pax(right) + forge.ustar(b"licenses/../x", 1) + forge.padded(b"x"),
         "a stand-in that leaves the folder"),
        (forge.pax(record(b"hdrcharset", b"BINARY") + right) + stand_in,
         "a charset where none is needed"),
        (forge.pax(record(b"hdrcharset", b"ISO-IR 10646 2000 UTF-8") + right) + stand_in,
         "another charset"),
        (forge.pax(right + record(b"mtime", b"1.5")) + stand_in, "records in another order"),
        (forge.pax(right) * 2 + stand_in, "two pax headers"),
        (forge.pax(right, at0=b"PaxHeaders/other\0\0\0") + stand_in, "another name of the header"),
        (forge.pax(right, mtime=1) + stand_in, "a time of the header"),
        (forge.pax(right, at100=b"0000644\0") + stand_in, "a mode of the header"),
        (forge.pax(right)[:512] + stand_in, "no records"),
        (forge.pax(right), "no member after it"),
        (forge.pax(right) + forge.ustar(b"licenses/" + b"b" * 91, kind=b"5"), "a folder"),
        (forge.pax(right) + forge.ustar(b"licenses/" + b"b" * 91, kind=b"2", at157=b"/etc"),
         "a link"),
        (forge.pax(right)[:512 + len(right)] + b"x" * (512 - len(right)) + stand_in,
         "padding that is not zeros"),
        (forge.ustar(b"PaxHeaders/license", forge.OCTAL_11, kind=b"x") + stand_in,
         "a size beyond everything"),
        (forge.ustar(b"PaxHeaders/license", forge.FRAME_CONTENT, kind=b"x") + stand_in,
         "a size beyond the frame"),
        (forge.ustar(b"PaxHeaders/license", 513, kind=b"x") + forge.padded(right) + stand_in,
         "a size that takes the next header"),
    ):
        yield "long path: " + what, between(bad, size=1)
    bad = record(b"path", "licenses/é".encode())
    yield "a charset missing", between(
        forge.pax(record(b"path", b"licenses/\xff"))
        + forge.ustar(b"licenses/_", 1) + forge.padded(b"x"), size=1)
    yield "a charset too many", between(
        forge.pax(record(b"hdrcharset", b"BINARY") + bad)
        + forge.ustar(b"licenses/__", 1) + forge.padded(b"x"), size=1)
    yield "a size in pax that fits the header, with a time", between(
        forge.pax(record(b"mtime", b"1.5") + record(b"size", b"1"))
        + forge.ustar(b"licenses/b", 1, 1) + forge.padded(b"x"), size=1)


def sizes():
    data = b"x" * 600
    for size, what in (
        (599, "a byte less"), (601, "a byte more"), (0, "none"), (88, "a block less"),
        (1112, "a block more"), (forge.LARGEST_WHOLE, "most of a frame"),
        (forge.LARGEST_WHOLE + 1, "a large one"), (forge.FRAME_CONTENT, "a frame"), (1 << 32, "4 GiB"),
        (forge.OCTAL_11, "8 GiB"),
    ):
        bad = forge.ustar(b"licenses/b", size) + forge.padded(data)
        yield "a size of " + what, between(bad, size=600)
        yield "a size of %s, at the end" % what, one_frame([good(b"a"), bad], 2, 601)
        yield "a size of %s, alone" % what, one_frame([bad], 1, 600)
    for field, what in (
        (b"\x80" + bytes(9) + b"\x02\x58", "base 256"),
        (b"\xff" * 12, "base 256, negative"),
        (b"\x80" + b"\xff" * 11, "base 256, huge"),
        (b"-0000000001\0", "a sign"), (b"+0000001130\0", "a plus"), (b"       1130\0", "blanks"),
        (b"00000001130 ", "a blank at the end"), (b"0000001130\0\0", "ten digits"),
        (b"000000001130", "twelve digits"), (b"0000000 1130", "a blank inside"),
        (b"00000000600\0", "another number"), (b"00000009999\0", "no octal digits"),
        (bytes(12), "nothing"), (b"0x000000258\0", "hexadecimal"),
    ):
        bad = forge.ustar(b"licenses/b", 600, at124=field) + forge.padded(data)
        yield "a size field in " + what, between(bad, size=600)
        bad = forge.ustar(b"licenses/b", 600, at136=field) + forge.padded(data)
        yield "a time field in " + what, between(bad, size=600) if field != (
            b"00000000600\0") else None
    for size in (1 << 33, 1 << 40, 1 << 63, (1 << 64) - 1, 1 << 64, (1 << 64) - 512):
        bad = forge.pax(forge.record(b"size", b"%d" % size)) + forge.ustar(b"licenses/b", 0)
        yield "a pax size of %d" % size, one_frame([bad + bytes(512)], 1, 512)
    # One of several frames: the first has all its bytes, the rest is not as it should be.
    size = forge.FRAME_CONTENT + 1000
    head = forge.header(b"licenses/b", size)
    zeros, content = forge.zeros_frame(head, forge.FRAME_CONTENT)
    first = [(forge.info(), forge.frame(forge.info())), (content, zeros)]
    for rest, what in (
        (forge.padded(b"x" * 999 + b"y")[:1000], "without its padding"),
        (b"x" * 1000 + b"y" * 24, "with padding that is not zeros"),
        (b"x" * 500, "too short"), (b"x" * 1024 + bytes(512), "too long"), (b"", "empty"),
        (forge.padded(b"x" * 1000) + good(b"c"), "with another member after it"),
    ):
        frames = first + [(rest, forge.frame(rest))]
        yield "a large one's last piece " + what, forge.close(frames, 1, size)
    yield "a large one without its last piece", forge.close(first, 1, size)
    short, short_content = forge.zeros_frame(head, forge.FRAME_CONTENT - 512)
    rest = forge.padded(b"x" * 1512)
    frames = [first[0], (short_content, short), (rest, forge.frame(rest))]
    yield "a large one that is cut elsewhere", forge.close(frames, 1, size)
    behind = good(b"a") + head
    late, late_content = forge.zeros_frame(behind, forge.FRAME_CONTENT)
    rest = forge.padded(b"x" * 1000)
    frames = [first[0], (late_content, late), (rest, forge.frame(rest))]
    yield "a large one that does not begin its frame", forge.close(frames, 2, size + 1)


def fields():
    for offset, value, what in (
        (100, b"0000644\0", "mode 0644"), (100, b"0004755\0", "setuid"),
        (100, b"0100600\0", "mode with its kind"), (100, b"0000600 ", "mode with a blank"),
        (100, b"000600\0\0", "short mode"), (108, b"0000001\0", "uid"), (116, b"0000001\0", "gid"),
        (108, bytes(8), "no uid"), (265, b"root", "user name"), (297, b"root", "group name"),
        (329, b"0000001\0", "device major"), (337, b"0000001\0", "device minor"),
        (329, bytes(8), "no device major"), (500, b"x", "a byte after the prefix"),
        (511, b"x", "the last byte"), (263, b"01", "another version"),
        (99, b"x", "a name after a NUL"), (499, b"x", "a prefix after a NUL"),
        (345, b"licenses", "a prefix where none is needed"),
        (256, b"x", "the last byte of the link name"),
    ):
        bad = forge.ustar(b"licenses/b", 1, **{"at%d" % offset: value}) + forge.padded(b"x")
        yield "field: " + what, between(bad, size=1)
    path = b"licenses/" + b"p" * 60 + b"/" + b"n" * 60
    prefix, name = forge.split(path)
    assert prefix, "this path is to be split"
    for bad, what in (
        (forge.ustar(b"p/" + name, 1, prefix=b"licenses"), "another split"),
        (forge.ustar(name + b"/", 1, prefix=prefix), "a slash too many"),
        (forge.ustar(name, 1, prefix=prefix + b"/"), "two slashes"),
        (forge.ustar(b"../" + name, 1, prefix=prefix), "a step up"),
    ):
        yield "split: " + what, between(bad + forge.padded(b"x"), size=1)
    for checksum in (
        b"000000\0 ", b"        ", bytes(8), b"0012345\0", b"999999\0 ", b"\x80\0\0\0\0\0\x12\x34",
    ):
        bad = forge.ustar(b"licenses/b", 1, checksum=checksum) + forge.padded(b"x")
        yield "checksum %r" % checksum, between(bad, size=1)
    block = forge.ustar(b"licenses/b", 1)
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    for checksum in (b"%06o \0" % total, b"%07o\0" % total, b"%6o\0 " % total, b"%06o\0\0" % total):
        if checksum != block[148:156]:
            bad = forge.ustar(b"licenses/b", 1, checksum=checksum) + forge.padded(b"x")
            yield "a right checksum as %r" % checksum, between(bad, size=1)
    yield "a signed sum", between(
        forge.ustar(b"licenses/\xff", 1) + forge.padded(b"x"), size=1)
    for at in (1, 511):
        padding = bytearray(forge.padded(b"x"))
        padding[at] = 1
        yield "padding, byte %d" % at, between(
            forge.ustar(b"licenses/b", 1) + bytes(padding), size=1)


def whole_files():
    info, content = forge.info(), good(b"a")
    frames = forge.pack(info, content)
    yield "without wmlb.json", forge.close(forge.pack(content), 1, 1)
    yield "wmlb.json twice", forge.close(forge.pack(info, info, content), 1, 1)
    yield "wmlb.json at the end", forge.close(forge.pack(info, content, info), 1, 1)
    yield "wmlb.json and a license in a frame", forge.close(forge.pack(info + content), 1, 1)
    yield "wmlb.json among the licenses", forge.close(forge.pack(info, content + info), 1, 1)
    yield "without a summary", b"".join(packed for _, packed in frames)
    yield "only wmlb.json", frames[0][1]
    yield "an empty frame", forge.close(forge.pack(info, b"", content), 1, 1)
    yield "an empty frame at the end", forge.close(forge.pack(info, content, b""), 1, 1)
    yield "an empty first frame", forge.close(forge.pack(b"", info, content), 1, 1)
    yield "zeros in a frame", forge.close(forge.pack(info, content + bytes(512)), 1, 1)
    yield "the end of the tar in a frame", forge.close(forge.pack(info, content + forge.END), 1, 1)
    yield "a frame of zeros", forge.close(forge.pack(info, bytes(1024), content), 1, 1)
    yield "half a header", forge.close(forge.pack(info, content + content[:300]), 1, 1)
    for what, change in {
        "one license more": lambda value: value.update(licenses=2),
        "no license": lambda value: value.update(licenses=0),
        "a negative number": lambda value: value.update(licenses=-1),
        "a number as a string": lambda value: value.update(licenses="1"),
        "a fraction": lambda value: value.update(licenses=1.0),
        "a byte more": lambda value: value.update(bytes=2),
        "no frames": lambda value: value.update(frames=[]),
        "a frame too few": lambda value: value["frames"].pop(),
        "a frame too many": lambda value: value["frames"].append(value["frames"][-1]),
        "frames swapped": lambda value: value["frames"].reverse(),
        "another hash": lambda value: value["frames"][1].update(blake3="0" * 64),
        "a hash in capitals": lambda value: value["frames"][1].update(
            blake3=value["frames"][1]["blake3"].upper()),
        "a short hash": lambda value: value["frames"][1].update(
            blake3=value["frames"][1]["blake3"][:32]),
        "another check": lambda value: value["frames"][1].update(xxh64="0" * 16),
        "another length": lambda value: value["frames"][1].update(length=1),
        "another stored length": lambda value: value["frames"][1].update(stored=1),
        "another key": lambda value: value.update(other=1),
        "a key less": lambda value: value.pop("bytes"),
        "another key of a frame": lambda value: value["frames"][0].update(other=1),
        "keys in another order": lambda value: value.update(licenses=value.pop("licenses")),
    }.items():
        yield "summary: " + what, forge.close(frames, 1, 1, change)
    value = forge.summary_value(frames, 1, 1)
    right = forge.summary(value)
    before = b"".join(packed for _, packed in frames)
    json = forge.to_json(value)
    for changed, what in (
        (right + bytes(512), "a third block of zeros"), (right[:-512], "one block of zeros"),
        (right[:-1024], "no end"), (right[:-1] + b"x", "an end that is not zeros"),
        (right + good(b"b"), "a license after the end"), (right * 2, "it twice"),
        (forge.member(b"wmlb-summary.json", json, 10**9) + forge.END, "a time"),
        (forge.member(b"wmlb-summary.json", json[:-1]) + forge.END, "no newline"),
        (forge.member(b"wmlb-summary.json", json[:-1] + b" \n") + forge.END, "a blank"),
        (forge.member(b"wmlb-summary.json", b"{}\n") + forge.END, "an empty object"),
        (forge.member(b"wmlb-summary.json", b"") + forge.END, "nothing"),
        (forge.member(b"wmlb-summary.json", b"[" * 100000) + forge.END, "deep nesting"),
        (forge.member(b"wmlb-summary.jsonx", json) + forge.END, "another name"),
        (forge.member(b"licenses/wmlb-summary.json", json) + forge.END, "as a license"),
        (good(b"b") + right, "a license before it in its frame"),
    ):
        yield "summary: " + what, before + forge.frame(changed)
    yield "the summary twice", before + forge.frame(right) * 2
    yield "the summary in the middle", (
        forge.frame(info) + forge.frame(right) + forge.frame(content))
    yield "a frame after the summary", before + forge.frame(right) + forge.frame(good(b"b"))
    yield "the end in a frame of its own", before + forge.frame(right[:-1024]) + forge.frame(
        forge.END)
    pieces = forge.raw_block(right[:512], False) + forge.raw_block(right[512:], True)
    yield "the summary in two blocks", before + forge.frame(right, pieces)


def descriptions():
    """What wmlb.json says."""
    def with_json(json, mtime=forge.CREATED * 10**9):
        first = forge.member(b"wmlb.json", json, mtime)
        return forge.close(forge.pack(first, good(b"a")), 1, 1)

    value = forge.info_value()
    right = forge.to_json(value)
    yield "another key", with_json(forge.to_json({**value, "other": 1}))
    for key in value:
        less = {name: each for name, each in value.items() if name != key}
        yield "without " + key, with_json(forge.to_json(less))
        yield key + " is null", with_json(forge.to_json({**value, key: None}))
        yield key + " is a list", with_json(forge.to_json({**value, key: [1]}))
        yield key + " twice", with_json(
            right[:-2] + b"," + forge.to_json({key: value[key]})[1:])
    yield "keys in another order", with_json(forge.to_json(dict(reversed(value.items()))))
    yield "blanks", with_json(right.replace(b":", b": "))
    yield "no newline", with_json(right[:-1])
    yield "two newlines", with_json(right + b"\n")
    yield "an escape", with_json(right.replace(b"directory", b"d\\u0069rectory"))
    yield "a byte order mark", with_json(b"\xef\xbb\xbf" + right)
    yield "no UTF-8", with_json(right.replace(b"1.0.0", b"1.0.\xff"))
    yield "another time", with_json(right, 5 * 10**9)
    yield "a fraction", with_json(right.replace(b"1700000000", b"1700000000.0"))
    yield "a time beyond 64 bits", with_json(right.replace(b"1700000000", b"9" * 30))
    yield "an exponent", with_json(right.replace(b"1700000000", b"17e8"))
    yield "the format as a fraction", with_json(right.replace(b'"format":1', b'"format":1.0'))
    yield "deep nesting", with_json(b"[" * 100000)
    yield "deep objects", with_json(b'{"a":' * 100000)
    yield "nothing", with_json(b"")
    first = forge.info()
    yield "a block more", forge.close(forge.pack(first + bytes(512), good(b"a")), 1, 1)
    padded = bytearray(first)
    padded[-1] = 1
    yield "padding that is not zeros", forge.close(forge.pack(bytes(padded), good(b"a")), 1, 1)
    link = forge.ustar(b"wmlb.json", kind=b"2", at157=b"/etc/passwd")
    yield "a link", forge.close(forge.pack(link, good(b"a")), 1, 1)
    yield "a lying size", forge.close(forge.pack(
        forge.ustar(b"wmlb.json", forge.OCTAL_11, forge.CREATED) + first[512:], good(b"a")), 1, 1)


def frames():
    """What is wrong with how the content is framed. (The first frame is read otherwise.)"""
    info, content = forge.info(), good(b"a", b"x" * 1000)
    whole = forge.frame(content)
    body = whole[7:]
    assert forge.content_size(len(content)) == whole[4:7]

    def framed(packed):
        return forge.close([(info, forge.frame(info)), (content, packed)], 1, 1000)

    for declared, what in (
        (len(content) - 1, "less content"), (len(content) + 1, "more content"),
        (forge.FRAME_CONTENT, "a whole frame's content"),
        (2 * forge.MOST, "more content than a frame may have"),
        (1 << 32, "4 GiB"), (1 << 40, "a tebibyte"), (1 << 63, "half of all"),
        ((1 << 64) - 1, "all there is"), (0, "none"),
    ):
        yield "declared: " + what, framed(forge.frame(content, declared=declared))
        yield "declared in the first frame: " + what, forge.close(
            [(info, forge.frame(info, declared=declared)), (content, whole)], 1, 1000)
    # The same number in another form: sizes have one.
    length, magic = len(content), forge.MAGIC
    yield "a size in four bytes", framed(magic + b"\xa4" + length.to_bytes(4, "little") + body)
    yield "a size in eight bytes", framed(magic + b"\xe4" + length.to_bytes(8, "little") + body)
    yield "with a window", framed(magic + b"\x44\x58" + whole[5:7] + body)
    yield "a window of everything", framed(magic + b"\x44\xff" + whole[5:7] + body)
    yield "no size", framed(magic + b"\x04\x58" + body)
    yield "no checksum", framed(magic + b"\x60" + whole[5:-4])
    yield "a dictionary", framed(magic + b"\x65\x01" + whole[5:7] + body)
    yield "an unused bit", framed(magic + b"\x74" + whole[5:])
    yield "a reserved bit", framed(magic + b"\x6c" + whole[5:])
    yield "a wrong checksum", framed(forge.frame(content, checksum=0))
    yield "a skippable frame", framed(b"\x50\x2a\x4d\x18" + length.to_bytes(4, "little") + content)
    yield "a skippable frame before", framed(b"\x50\x2a\x4d\x18\x04\0\0\0data" + whole)
    yield "an old version", framed(b"\x27\xb5\x2f\xfd" + whole[4:])
    raw, repeated = forge.raw_block, forge.repeated_block
    yield "a reserved kind of block", framed(
        forge.frame(content, (len(content) << 3 | 7).to_bytes(3, "little") + content))
    yield "no last block", framed(forge.frame(content, raw(content, False)))
    yield "a block larger than blocks are", framed(
        forge.frame(content, repeated(0, 129 << 10, False) + raw(content, True)))
    yield "a block of 2 MiB", framed(forge.frame(content, repeated(0, (1 << 21) - 1, True)))
    bomb = b"".join(repeated(0, 128 << 10, False) for _ in range(100000))
    yield "a bomb of 13 GB in a frame", framed(
        forge.frame(content, bomb + repeated(0, 1, True), declared=forge.FRAME_CONTENT))
    yield "a bomb in the first frame", forge.close(
        [(info, forge.frame(info, bomb + repeated(0, 1, True), declared=forge.FRAME_CONTENT))], 0, 0)
    yield "blocks without content", framed(
        forge.frame(content, raw(b"", False) * 300000 + raw(content, True)))
    # Frames of more than the format has that say so, filled with small ones.
    big = b"".join(good(b"%05d" % number, b"") for number in range(6300))
    assert len(big) > forge.MOST + (64 << 10)
    yield "more content than a frame may have, truly", forge.close(
        [(info, forge.frame(info)), (big, forge.frame(big))], 6300, 0)
    many = [(info, forge.frame(info))] * 2000
    yield "two thousand first frames", b"".join(packed for _, packed in many)


class Hostile(RestoreCase):
    THREADS = 2

    def setUp(self):
        super().setUp()
        self.outside = self.root + "/outside"
        os.mkdir(self.outside)

    def refuse(self, cases):
        """Each is refused, in a process of its own, with fresh and full stores."""
        number = 0
        for what, data in cases:
            if data is None:
                continue
            number += 1
            with self.subTest(what=what):
                self.refuse_one(data, number)
        self.assertGreater(number, 3)
        if os.environ.get("WMLB_FULL") == "1":
            print("\n%d hostile files" % number, flush=True)

    def refuse_one(self, data, number):
        if number % 2:
            # By turns a store that is missing and one with something in it.
            self.put({b"a": b"in the store", b"y/old": b"in the store"})
        self.write_archive(data)
        os.utime(self.target, ns=(1, 1))
        before = snapshot(self.root)
        flags = w.RESTORE_INDIVIDUALIZE | w.RESTORE_OVERWRITE
        operations = ("verify", "restore", "enumerate")
        results, peak = support.in_child(
            lambda: run_here(self.backups, self.store, operations, flags, 1 + number % 3))
        after = snapshot(self.root)
        self.assert_same(after, before, "something was touched")
        for operation, (hr, words, _) in results.items():
            if hr not in (w.BACKUP_CORRUPT, w.BAD_DATA):
                self.fail("%s: %s %s" % (operation, w.describe(hr), words))
            self.assertIn(self.target, words)
        codes = {hr for hr, _, _ in results.values()}
        self.assertEqual(len(codes), 1, results)
        self.assertLessEqual(peak, LITTLE_MEMORY)
        self.assertFalse(os.path.exists("/tmp/wmlb-hostile"))
        self.assertFalse(os.path.exists("/etc/wmlb-hostile"))

    def test_names(self):
        self.refuse(raw_names())

    def test_orders(self):
        self.refuse(orders())

    def test_kinds(self):
        self.refuse(kinds())

    def test_pax_headers(self):
        self.refuse(pax_headers())

    def test_sizes(self):
        self.refuse(sizes())

    def test_fields(self):
        self.refuse(fields())

    def test_whole_files(self):
        self.refuse(whole_files())

    def test_descriptions(self):
        self.refuse(descriptions())

    def test_frames(self):
        self.refuse(frames())


class Harmless(RestoreCase):
    """What looks odd and is right: it is restored, or fails without harm."""

    def accept(self, data, files):
        self.write_archive(data)
        results, peak = run_apart(self.backups, self.store, ("verify", "restore", "enumerate"))
        for operation, (hr, words, _) in results.items():
            self.assert_hr(hr, w.S_OK, "%s: %s" % (operation, words))
        self.assertEqual(results["enumerate"][2], len(files))
        self.assertEqual(files_of(self.store), files)
        self.assert_alone()
        self.assertLessEqual(peak, LITTLE_MEMORY)

    def test_the_means_of_the_other_tests(self):
        """What they change is all that is wrong: this is right."""
        self.accept(between(good(b"b"), size=1), {b"a": b"x", b"b": b"x", b"z": b"x"})

    def test_odd_names(self):
        names = [
            b"new\nline", b"\x1b[31m", b"C:", b"C:\\x", b"a\\..\\b", b"...", b"..x", b" ", b"\x7f",
            b"con", b"-rf", b"A", b"a", "é".encode(), "e\u0301".encode(), b"\xff\xfe", b"%n%s",
            b".wmlb-restore-x", b"a=b", b"PaxHeaders",
        ]
        files = {name: b"<%s>" % name for name in names}
        self.accept(forge.small(files), files)

    def test_times_at_the_edges(self):
        # What the file system makes of them is its own affair.
        edges = (2**63 * 10**9 - 1, -(2**63) * 10**9, 0, -1, 10**9 * forge.OCTAL_11 + 1)
        files = {b"%02d" % number: (b"x", time) for number, time in enumerate(edges)}
        self.accept(forge.small(files), {name: b"x" for name in files})

    def test_an_empty_one(self):
        self.accept(forge.small({}), {})

    def test_large_ones(self):
        size = 3 * forge.FRAME_CONTENT + 1000
        frames = [(forge.info(), forge.frame(forge.info()))]
        packed, content = forge.zeros_frame(forge.header(b"licenses/a", size), forge.FRAME_CONTENT)
        frames.append((content, packed))
        for _ in range(2):
            packed, content = forge.zeros_frame(b"", forge.FRAME_CONTENT)
            frames.append((content, packed))
        last = bytes(1024)
        frames.append((last, forge.frame(last)))
        frames.append((good(b"b"), forge.frame(good(b"b"))))
        self.accept(forge.close(frames, 2, size + 1), {b"a": bytes(size), b"b": b"x"})

    def test_a_small_file_of_very_much(self):
        """No bomb, since all of it is declared: little memory is needed."""
        pieces = 256
        size = pieces * forge.FRAME_CONTENT
        frames = [(forge.info(), forge.frame(forge.info()))]
        packed, content = forge.zeros_frame(forge.header(b"licenses/a", size), forge.FRAME_CONTENT)
        frames.append((content, packed))
        packed, content = forge.zeros_frame(b"", forge.FRAME_CONTENT)
        frames += [(content, packed)] * (pieces - 1)
        data = forge.close(frames, 1, size)
        # Most of it is padding.
        self.assertLess(len(data), 4200 * pieces + 100000)
        self.write_archive(data)
        results, peak = run_apart(self.backups, self.store, ("verify", "enumerate"))
        self.assertEqual([hr for hr, _, _ in results.values()], [w.S_OK, w.S_OK])
        self.assertLessEqual(peak, LITTLE_MEMORY)

    def test_as_many_nested_folders_as_a_name_can_have(self):
        name = b"d/" * 8191 + b"x"
        self.write_archive(forge.small({name: b"deep", b"z": b"z"}))
        for content in ({}, {b"other": b"x"}):
            self.put(content)
            before = set(os.listdir(self.store))
            results, peak = run_apart(self.backups, self.store, ("verify", "restore"))
            self.assert_hr(results["verify"][0], w.S_OK)
            hr, words, _ = results["restore"]
            self.assert_hr(hr, w.S_OK, words[:200])
            self.assertEqual(set(os.listdir(self.store)), before | {"d", "z"})
            self.assert_alone()
            self.assertLessEqual(peak, LITTLE_MEMORY)

    def test_deep_folders_of_a_file_that_is_refused(self):
        """What was staged of it is removed again, however deep."""
        name = b"d/" * 8191 + b"x"
        content = good(name, b"deep") + good(b"e" * 256)
        self.write_archive(forge.build(content + good(b"z"), 3, 4 + 1 + 1)[:-1])
        before = snapshot(self.place)
        results, _ = run_apart(self.backups, self.store, ("restore",))
        self.assertNotEqual(results["restore"][0], w.S_OK)
        self.assert_same(snapshot(self.place), before, "something is left")


class StagingNames(RestoreCase):
    """A license that is called as the folder of a restore is, and what is in it."""

    def setUp(self):
        super().setUp()
        self.name = b".wmlb-restore-" + forge.blake3(b"store")[:16].encode()

    def journal(self, *records):
        out = b""
        for kind, inode, name in records:
            out += kind + inode.to_bytes(8, "little") + len(name).to_bytes(4, "little") + name
        return out + b"E" + bytes.fromhex(forge.blake3(out))

    def restore_and_open(self, files):
        """Restores a file, then opens the store; the result and the files."""
        self.write_archive(forge.small(files))
        hr, _ = self.restorer.restore(w.RESTORE_INDIVIDUALIZE)
        listed = self.new_target().enumerate("store")
        return hr, listed

    def check(self, files, had):
        """Either refused, with nothing touched; or restored, and it stays that way."""
        hr, (listed, licenses) = self.restore_and_open(files)
        found = files_of(self.store)
        self.assert_hr(listed, w.S_OK)
        for name, content in had.items():
            self.assertEqual(found.get(name), content, "a license that was there is lost")
        if hr == w.S_OK:
            self.assertEqual(found, {**files, **had}, "restored with S_OK, and lost")
            self.assertEqual({each.name for each in licenses}, set(found))
        else:
            self.assert_hr(hr, w.BACKUP_CORRUPT)
            self.assertEqual(found, had)

    def test_a_license_in_it(self):
        for had in ({}, {b"old": b"in the store"}):
            self.put(had)
            self.check({self.name + b"/x": b"1", b"a": b"2"}, had)

    def test_a_license_of_any_such_name(self):
        self.put({})
        other = b".wmlb-restore-0123456789abcdef"
        self.check({other: b"1", b"a": b"2"}, {})

    def test_a_journal_in_it(self):
        """It must not be followed: it would remove or replace what was in the store."""
        self.put({b"old": b"in the store", b"z": b"in the store"})
        inode = os.stat(self.store + "/old").st_ino
        journal = self.journal((b"A", inode, b"old"))
        self.check(
            {self.name + b"/journal": journal, self.name + b"/new/x": b"x"},
            {b"old": b"in the store", b"z": b"in the store"},
        )

    def test_a_journal_that_replaces(self):
        self.put({b"old": b"in the store"})
        inode = os.stat(self.store + "/old").st_ino
        journal = self.journal((b"R", inode, b"old"))
        self.check(
            {self.name + b"/journal": journal, self.name + b"/new/old": b"hostile"},
            {b"old": b"in the store"},
        )

    def test_with_the_staging_folder_in_the_store(self):
        support.need_root()
        self.store = os.path.join(self.root, "disk")
        support.mount(self, self.store, "tmpfs")
        self.restorer.set("StorePath", self.store)
        self.name = b".wmlb-restore-" + forge.blake3(b"disk")[:16].encode()
        self.put({b"old": b"in the store"})
        self.new_target = lambda **properties: RestoreCase.new_target(
            self, StorePath=self.store, **properties)
        self.check({self.name + b"/new/x": b"1", self.name + b"/y": b"2"},
                   {b"old": b"in the store"})


if __name__ == "__main__":
    unittest.main()
