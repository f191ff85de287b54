"""Crafted archives: what a hostile maker of a tar, a zstd or an age file may try. Each form is
(what, data, secret, codes): the file, what it is to be opened with, and what may be said of it.

Those that are right but for one thing are in tests/python/restore/test_hostile.py.
"""

import base64
import itertools
import os
import subprocess
import sys

import scene

sys.path.insert(0, os.path.join(scene.ROOT, "tests/python"))

import archive_forge as forge  # noqa: E402

CORRUPT, BAD_DATA = scene.CORRUPT, scene.CODES["NS_E_BACKUP_RESTORE_BAD_DATA"]
INVALID_PASSWORD = scene.CODES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"]
NOT_SUPPORTED = scene.win32(50)
REFUSED = {CORRUPT, BAD_DATA}
BLOCK = 512
LINKS = ("/etc/passwd", "/tmp", "..", "../../outside", ".", "ok.lic", "x")


def file(name, data=b"evil", **fields):
    return forge.ustar(name, len(data), **fields) + forge.padded(data)


def pax(*records, kind=b"x"):
    return forge.pax(b"".join(forge.record(*record) for record in records), kind=kind)


def long_name(name, kind=b"L"):
    """As GNU tar says a long one."""
    return forge.ustar(b"././@LongLink", len(name), kind=kind) + forge.padded(name)


NAMES = (
    b"../escape", b"a/../../escape", b"/tmp/wmlb-hostile", b".", b"..", b"x/", b"x//y", b"./x",
    b"//server/share", b"/proc/self/mem", b"/dev/sda", b"n" * 4096, b"n/" * 60 + b"../" * 70,
)


def tar_names(at):
    """Files that want to be elsewhere; at: the folder that names begin with."""
    for name in NAMES:
        if at and name.startswith(b"/"):
            name = name[1:] if name[1:2] == b"/" else b"/" + name
        path = at + name
        whole = file(path) if len(path) <= 100 else pax((b"path", path)) + file(b"x")
        yield "named %r" % name[:40], whole
    yield "without a name", file(at)
    yield "of a name in no alphabet", file(at + b"a\xff\xfe.lic")
    yield "led out by pax", pax((b"path", at + b"../escape")) + file(at + b"innocent")
    yield "cut by a NUL", pax((b"path", at + b"a\0../b")) + file(at + b"innocent")
    yield "led out by GNU", long_name(at + b"../escape\0") + file(at + b"innocent")
    yield "led out by its prefix", file(b"escape", prefix=at + b"..")
    yield "led out for all", pax((b"path", at + b"../escape"), kind=b"g") + file(at + b"x")
    yield "twice", file(at + b"a", b"one") + file(at + b"a", b"two")
    yield "as a folder, too", file(at + b"a", b"one") + file(at + b"a/b", b"two")
    yield "in capitals, and not in order", file(at + b"b.lic") + file(at + b"B.lic")
    yield "composed, and not in order", file(at + "\u00e9".encode()) + file(at + b"e\xcc\x81")


def tar_kinds(at):
    for link in LINKS:
        link = link.encode()
        for kind, what in ((b"1", "hard link"), (b"2", "symbolic link")):
            bad = forge.ustar(at + b"l", kind=kind, at157=link)
            yield "%s to %s" % (what, link.decode()), bad
            yield "%s to %s, then a file" % (what, link.decode()), bad + file(at + b"l")
            yield "%s to %s, then below it" % (what, link.decode()), bad + file(at + b"l/escape")
    link = forge.ustar(at + b"l", kind=b"2", at157=b"/tmp")
    yield "link, then a folder", link + forge.ustar(at + b"l", kind=b"5", at100=b"0000777\0")
    for kind in b"34567SDMVZgxLKXAN\0 8":
        bad = forge.ustar(at + b"x", kind=bytes([kind]), at329=b"0000001\0", at337=b"0000003\0")
        yield "of kind %r" % chr(kind), bad
    yield "with the right of its owner", file(at + b"s", at100=b"0006777\0")


def tar_sizes(at):
    def lying(field, rest=b"abc", **more):
        return forge.ustar(at + b"x", at124=field, **more) + forge.padded(rest)

    yield "of 8 GiB", lying(b"77777777777\0")
    yield "of 2^63", lying(b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7)
    yield "of 2^64", lying(b"\x80" + bytes(2) + b"\x01" + bytes(8))
    yield "of minus one", lying(b"\xff" * 12)
    yield "of no number", lying(b"zzzzzzzzzzz\0")
    yield "larger than its frame", lying(b"00040000000\0")
    for size in (b"1024", b"9" * 30, b"-1", b"1" + b"0" * 5000, b"18446744073709551615", b"0x10"):
        yield "of %s by pax" % size[:30].decode(), pax((b"size", size)) + file(at + b"x")
    smuggled = forge.ustar(at + b"x", 0) + forge.padded(file(at + b"smuggled")) + bytes(BLOCK)
    yield "with another in it", pax((b"size", b"1024")) + smuggled
    yield "of before 1970", file(at + b"x", at136=b"-0000000001\0")
    yield "with a wrong checksum", file(at + b"x", checksum=b"000001\0 ")
    yield "with another magic", file(at + b"x", at257=b"abcdefgh")
    yield "that is no tar", b"\x7fELF" + bytes(2 * BLOCK - 4)


def tar_bombs(at):
    plain = file(at + b"x")
    yield "of a giant comment", pax((b"comment", b"A" * (200 << 10))) + plain
    yield "of many records", pax(*((b"k%d" % n, b"v") for n in range(10000))) + plain
    yield "of many times", pax(*((b"mtime", b"1.5"),) * 10000) + plain
    yield "of a length that lies", forge.pax(b"999 path=../x\n") + plain
    yield "of many headers", b"".join(pax((b"path", b"p%d" % n)) for n in range(1000)) + plain
    yield "of headers within headers", b"".join(
        forge.ustar(b"PaxHeaders/license", (1000 - n) * BLOCK, kind=b"x") for n in range(1000))
    yield "of a giant long name", long_name(b"A" * (200 << 10)) + plain
    yield "of a sparse file", pax(
        (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"../escape"), (b"GNU.sparse.realsize", b"1099511627776"),
    ) + file(at + b"x", b"1\n0\n4\n".ljust(BLOCK, b"\0"))


TAR_FORMS = (tar_names, tar_kinds, tar_sizes, tar_bombs)


def tars():
    """Each as any tar may have it, and as a license of a backup that is right otherwise."""
    before = file(b"ok.lic", b"fine")
    for forms in TAR_FORMS:
        for what, bad in forms(b""):
            yield "a tar %s" % what, forge.frame(before + bad + forge.END), None, REFUSED
        for what, bad in forms(b"licenses/"):
            content = forge.license_of(b"a", b"fine") + bad + forge.license_of(b"z", b"fine")
            for count, size in ((3, 12), (2, 8)):
                yield "a license %s" % what, forge.build(content, count, size), None, REFUSED
            yield "a license %s, alone" % what, forge.build(bad, 1, 4), None, REFUSED
    for name in NAMES:
        # In the form that a writer would use; a long one alone is none that leads elsewhere.
        if name != b"n" * 4096:
            yield "the license %r" % name[:40], forge.small({name: b"x"}), None, REFUSED
    for what, tar in (
        ("without its end", before), ("with half of its end", before + bytes(BLOCK)),
        ("that goes on", before + forge.END + before), ("of nothing", forge.END),
        ("that is cut", file(b"x", b"a" * 4096)[:700]), ("that is half a header", before[:200]),
    ):
        yield "a tar " + what, forge.frame(tar), None, REFUSED
        yield "a clear tar " + what, tar, None, REFUSED


def odd_names():
    """What is odd on other systems is a name here: it is restored as it is."""
    names = (
        b"..\\escape", b"C:evil", b"a.lic:stream", b"a\nb", b"a\rb", b"a\x1b[2Jb", b"CON", b"a.lic.",
        b"a.lic ", b"n" * 255, "\uff0e\uff0e\u2215escape".encode(), "a\u202ecil.b".encode(), b"~",
        b"...", b"-rf", b"$(reboot)", b"%s%n",
    )
    for name in names:
        yield "the name %r" % name[:40], forge.small({name: b"x"}), None, {scene.S_OK}
    twins = {b"A.lic": b"1", b"a.lic": b"2", b"e\xcc\x81": b"3", b"\xc3\xa9": b"4"}
    yield "names that look alike", forge.small(twins), None, {scene.S_OK}


def cuts():
    """A right file that ends at, before and after each of its parts."""
    info = forge.info()
    contents = [forge.license_of(b"%d" % number, b"x" * 700) for number in range(4)]
    frames = forge.pack(info, *contents)
    whole = forge.close(frames, 4, 2800)
    ends, at = [], 0
    for _, packed in frames:
        ends += [at + 4, at + 5, at + 7, at + 10, at + 10 + BLOCK, at + len(packed) - 4]
        at += len(packed)
        ends.append(at)
    ends += [at + 7, at + 10, at + 10 + BLOCK, len(whole) - 1024, len(whole) - 4, len(whole)]
    for length in sorted({end + shift for end in ends for shift in (-1, 0, 1)}):
        if length < len(whole):
            yield "cut to %d" % length, whole[:length], None, REFUSED
    for more in (b"\0", b"x", bytes(BLOCK), whole, info, b"\x50\x2a\x4d\x18\0\0\0\0"):
        yield "%d bytes after the end" % len(more), whole + more, None, {CORRUPT}
    # The same within frames whose checksums and summary are right.
    tar = b"".join(contents)
    for length in sorted({at + shift for at in range(0, len(tar), BLOCK) for shift in (-1, 0, 1)}):
        if 0 < length < len(tar) and length % len(contents[0]):
            data = forge.build(tar[:length], 4, 2800)
            yield "its tar cut to %d" % length, data, None, {CORRUPT}


def numbers_out_of_range():
    """The integers of wmlb.json and of the summary out of their range, and more of them than
    there can be."""
    frames = forge.pack(forge.info(), forge.license_of(b"a", b"x"))
    for text in (
        "-1", "-0", "1.5", "1e400", "1E2", "01", "0x1", "4294967296", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "9" * 5000, "NaN", "null", '"1"', "[]",
        "true", "-9223372036854775809",
    ):
        json = forge.to_json(forge.info_value()).decode()
        for key, right in (('"format":', "1"), ('"created":', str(forge.CREATED))):
            member = forge.member(
                b"wmlb.json", json.replace(key + right, key + text).encode(), forge.CREATED * 10**9)
            data = forge.close(forge.pack(member, frames[1][0]), 1, 1)
            yield "%s%s" % (key, text[:30]), data, None, REFUSED
        json = forge.to_json(forge.summary_value(frames, 1, 1)).decode()
        for key in ('"licenses":1', '"bytes":1', '"length":1024', '"stored":1038'):
            assert key in json, (key, json)
            changed = json.replace(key, key.split(":")[0] + ":" + text, 1)
            last = forge.member(b"wmlb-summary.json", changed.encode()) + forge.END
            data = b"".join(packed for _, packed in frames) + forge.frame(last)
            if changed != json:
                yield "summary: %s%s" % (key, text[:30]), data, None, {CORRUPT}
    right = forge.seal(*frames[1])

    def many(value):
        value["frames"] += [right] * 30000

    yield "a summary of 30,000 frames", forge.close(frames, 1, 1, many), None, {CORRUPT}
    seek_table = b"\x5e\x2a\x4d\x18" + (0xFFFFFFF0).to_bytes(4, "little")
    for at, what in ((0, "before all"), (1, "in the middle"), (2, "at the end")):
        parts = [packed for _, packed in frames] + [forge.frame(forge.summary(
            forge.summary_value(frames, 1, 1)))]
        parts.insert(at and (1 if at == 1 else 3), seek_table + bytes(1 << 20))
        yield "a seek table of 4 GiB " + what, b"".join(parts), None, REFUSED


def bombs():
    """Little that says it is much."""
    info = (forge.info(), forge.frame(forge.info()))
    size = 128 * forge.FRAME_CONTENT
    first, content = forge.zeros_frame(forge.header(b"licenses/a", size), forge.FRAME_CONTENT)
    rest, zeros = forge.zeros_frame(b"", forge.FRAME_CONTENT)
    for pieces, what in ((126, "256 MiB of zeros, cut"), (1, "256 MiB that are not there"),
                         (150, "more zeros than declared")):
        data = forge.close([info, (content, first)] + [(zeros, rest)] * pieces, 1, size)
        yield what, data, None, {CORRUPT}
    data = info[1] + first + rest * 127
    yield "256 MiB of zeros, without a summary", data, None, {CORRUPT}
    last, hole = forge.zeros_frame(b"licenses/a", 2 << 20)
    yield "zeros for headers", forge.close([info, (hole, last)], 1, 1), None, {CORRUPT}
    empty = b"".join(forge.license_of(b"%05d" % number) for number in range(4000))
    packed = forge.frame(empty)
    yield "the same licenses for ever", info[1] + packed * 40, None, {CORRUPT}
    yield "the same frame for ever", info[1] * 100000, None, {CORRUPT}
    yield "frames of nothing for ever", info[1] + forge.frame(b"") * 500000, None, {CORRUPT}
    skipped = b"\x50\x2a\x4d\x18" + (1000).to_bytes(4, "little") + bytes(1000)
    yield "frames to be skipped for ever", info[1] + skipped * 10000, None, {CORRUPT}
    yield "zeros for ever", bytes(100 << 20), None, REFUSED
    yield "magic for ever", forge.MAGIC * (8 << 20), None, REFUSED


def base(data):
    return base64.b64encode(data).rstrip(b"=")


def wrapped(data):
    """A stanza's body: lines of 64, the last of which is shorter."""
    text = base(data)
    return b"".join(text[at:at + 64] + b"\n" for at in range(0, len(text) + 1, 64))


def age_headers(keys):
    """Headers of encrypted files that nobody's secret opens, or that are none."""
    begin, end = b"age-encryption.org/v1\n", b"--- " + base(bytes(range(32))) + b"\n"
    after = bytes(16 + 1000)
    share = base(b"\x09" + bytes(31))
    theirs = b"-> X25519 " + share + b"\n" + wrapped(bytes(32))
    passphrase = "passphrase:words"

    def scrypt(factor, salt=bytes(16), body=bytes(32)):
        return b"-> scrypt %s %s\n" % (base(salt), factor) + wrapped(body)

    either = {CORRUPT, INVALID_PASSWORD}
    for what, stanzas, codes in (
        ("no stanza", b"", {CORRUPT}),
        ("somebody's", theirs, {INVALID_PASSWORD}),
        ("20 people's", theirs * 20, {INVALID_PASSWORD}),
        ("1,000 people's", theirs * 1000, {BAD_DATA}),
        ("a million people's", theirs * 1000000, {BAD_DATA}),
        ("a point of small order", b"-> X25519 %s\n" % base(bytes(32)) + wrapped(bytes(32)), either),
        ("a point too short", b"-> X25519 %s\n" % base(bytes(31)) + wrapped(bytes(32)), {CORRUPT}),
        ("a key too long", b"-> X25519 %s\n" % share + wrapped(bytes(64)), {CORRUPT}),
        ("without arguments", b"-> X25519\n" + wrapped(bytes(32)), {CORRUPT}),
        ("10,000 arguments", b"-> x" + b" a" * 10000 + b"\n" + wrapped(b""), either),
        ("an argument of 10 MB", b"-> " + b"a" * (10 << 20) + b"\n" + wrapped(b""), {BAD_DATA}),
        ("a body of 10 MB", b"-> x\n" + wrapped(bytes(10 << 20)), {BAD_DATA}),
        ("a body without its end", b"-> x\n" + (b"A" * 64 + b"\n") * 3, either),
        ("a key of SSH", b"-> ssh-ed25519 AAAA %s\n" % share + wrapped(bytes(32)),
         {INVALID_PASSWORD}),
        ("a plugin", b"-> yubikey-x /bin/sh\n" + wrapped(bytes(32)), {INVALID_PASSWORD}),
        ("a byte beyond ASCII", b"-> X25519 \xff\xfe\n" + wrapped(bytes(32)), {CORRUPT}),
        ("carriage returns", theirs.replace(b"\n", b"\r\n"), {CORRUPT}),
    ):
        yield "age: " + what, begin + stanzas + end + after, keys, codes
    for factor in ("19", "22", "30", "63", "64", "255", "256", "4294967296", "9" * 100, "-1", "0",
                   "017", "", "17 17", "+17"):
        for what, stanzas in (("", scrypt(factor.encode())),
                              (" twice", scrypt(factor.encode()) * 2),
                              (" and a key", scrypt(factor.encode()) + theirs)):
            yield ("age: the work of 2^%s%s" % (factor[:12], what), begin + stanzas + end + after,
                   passphrase, {CORRUPT, NOT_SUPPORTED})
    for salt, body in ((15, 32), (17, 32), (0, 32), (16, 31), (16, 33), (16, 0), (40000, 32)):
        yield ("age: a salt of %d and a key of %d" % (salt, body),
               begin + scrypt(b"17", bytes(salt), bytes(body)) + end + after, passphrase,
               {CORRUPT})
    yield "age: version 2", begin.replace(b"1\n", b"2\n") + theirs + end + after, keys, {BAD_DATA}
    yield "age: no end of line", begin[:-1] + b"A" * (20 << 20), keys, REFUSED
    yield "age: in letters", (b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base(begin + theirs + end)
                              + b"\n-----END AGE ENCRYPTED FILE-----\n"), keys, {BAD_DATA}
    for length in range(1, len(begin + theirs + end), 7):
        yield ("age: cut to %d" % length, (begin + theirs + end)[:length], keys,
               REFUSED | {INVALID_PASSWORD})
    right = encrypt(forge.small({b"a": b"x" * 70000}), keys)
    at = right.index(b"\n--- ") + 5
    for length in (at, at + 43, at + 44, at + 45, at + 59, at + 60, at + 61, at + 76, at + 100,
                   at + 60 + (64 << 10) + 15, at + 60 + (64 << 10) + 16, len(right) - 16,
                   len(right) - 1):
        yield "age: a right one cut to %d" % length, right[:length], keys, {CORRUPT}
    yield "age: another MAC", right[:at] + base(bytes(32)) + right[at + 43:], keys, {CORRUPT}
    stanza = right[len(begin):at - 5]
    for count in (2, 50):
        copies = right[:len(begin)] + (stanza + b"\n") * count + right[at - 4:]
        yield "age: our key %d times" % count, copies, keys, {CORRUPT}


def encrypt(data, keys):
    recipient = keys[len("keys:"):].split(",")[0]
    return subprocess.run(["age", "-r", recipient], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def one_thing_wrong():
    from restore import test_hostile as hostile

    for forms in (hostile.raw_names, hostile.orders, hostile.kinds, hostile.pax_headers,
                  hostile.sizes, hostile.fields, hostile.whole_files, hostile.descriptions,
                  hostile.frames):
        for what, data in forms():
            if data is not None:
                yield what, data, None, REFUSED


def all_forms(keys, whole, every=1, seed=0):
    """(number, form) of one of so many; those that are clear are there again inside an encrypted
    file. Not whole: without those that restore/test_hostile.py has."""
    numbers = itertools.count()

    def chosen():
        number = next(numbers)
        return number if number % every == seed % every else None

    for forms in (tars, odd_names, cuts, numbers_out_of_range, bombs) + (one_thing_wrong,) * whole:
        for what, data, _, codes in forms():
            number = chosen()
            if number is not None:
                yield number, (what, data, None, codes)
            number = chosen()
            if number is not None:
                yield number, (what + ", encrypted", encrypt(data, keys), keys, codes)
    for form in age_headers(keys):
        number = chosen()
        if number is not None:
            yield number, form
