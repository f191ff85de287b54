"""Builds backup files by hand, so that exactly one thing about them can be wrong.

Frames hold their content as it is (raw blocks), with a right checksum; the summary has the
right hashes. XXH64 and BLAKE3 are written out here from their specifications: a forged file
that restores proves them right.
"""

import functools
import json
import struct

BLOCK = 512
RAW_BLOCK = 128 << 10
FRAME_CONTENT = 2 << 20
LARGEST_WHOLE = FRAME_CONTENT - 2048
# Of content in a frame of several licenses.
MOST = 3 << 20
OCTAL_11 = 0o77777777777
END = bytes(2 * BLOCK)
MAGIC = b"\x28\xb5\x2f\xfd"

M64 = (1 << 64) - 1
M32 = (1 << 32) - 1


def xxh64(data, seed=0):
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def turn(value, by):
        return (value << by | value >> 64 - by) & M64

    def round_of(lane, value):
        return turn((lane + value * p2) & M64, 31) * p1 & M64

    at, end = 0, len(data)
    if end >= 32:
        lanes = [(seed + p1 + p2) & M64, (seed + p2) & M64, seed, (seed - p1) & M64]
        a, b, c, d = lanes
        stripes = end // 32
        for v1, v2, v3, v4 in struct.iter_unpack("<4Q", data[: 32 * stripes]):
            a = (a + v1 * p2) & M64
            a = ((a << 31 | a >> 33) & M64) * p1 & M64
            b = (b + v2 * p2) & M64
            b = ((b << 31 | b >> 33) & M64) * p1 & M64
            c = (c + v3 * p2) & M64
            c = ((c << 31 | c >> 33) & M64) * p1 & M64
            d = (d + v4 * p2) & M64
            d = ((d << 31 | d >> 33) & M64) * p1 & M64
        at = 32 * stripes
        value = (turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18)) & M64
        for lane in (a, b, c, d):
            value = ((value ^ round_of(0, lane)) * p1 + p4) & M64
    else:
        value = (seed + p5) & M64
    value = (value + end) & M64
    while at + 8 <= end:
        value ^= round_of(0, int.from_bytes(data[at : at + 8], "little"))
        value = (turn(value, 27) * p1 + p4) & M64
        at += 8
    if at + 4 <= end:
        value ^= int.from_bytes(data[at : at + 4], "little") * p1 & M64
        value = (turn(value, 23) * p2 + p3) & M64
        at += 4
    for byte in data[at:]:
        value = turn(value ^ byte * p5 & M64, 11) * p1 & M64
    value = (value ^ value >> 33) * p2 & M64
    value = (value ^ value >> 29) * p3 & M64
    return value ^ value >> 32


IV = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXED = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8


def compress(chaining, words, counter, length, flags):
    v = list(chaining) + list(IV[:4]) + [counter & M32, counter >> 32, length, flags]
    for number in range(7):
        for index, (a, b, c, d) in enumerate(MIXED):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + words[2 * index]) & M32
            vd ^= va
            vd = (vd >> 16 | vd << 16) & M32
            vc = (vc + vd) & M32
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & M32
            va = (va + vb + words[2 * index + 1]) & M32
            vd ^= va
            vd = (vd >> 8 | vd << 24) & M32
            vc = (vc + vd) & M32
            vb ^= vc
            v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & M32, vc, vd
        words = [words[index] for index in PERMUTATION]
    return [v[index] ^ v[index + 8] for index in range(8)]


def blake3(data):
    """The hash of 32 bytes, in hexadecimal."""

    def chunk(piece, number):
        """What the last compression of a chunk takes; the root's flags are not known yet."""
        chaining = IV
        blocks = max(1, -(-len(piece) // 64))
        for index in range(blocks):
            block = piece[64 * index : 64 * index + 64]
            words = struct.unpack("<16I", block.ljust(64, b"\0"))
            flags = CHUNK_START if index == 0 else 0
            if index == blocks - 1:
                return chaining, words, number, len(block), flags | CHUNK_END
            chaining = compress(chaining, words, number, 64, flags)

    def tree(first, count):
        if count == 1:
            return chunk(data[1024 * first : 1024 * first + 1024], first)
        left = 1 << (count - 1).bit_length() - 1
        words = compress(*tree(first, left)) + compress(*tree(first + left, count - left))
        return IV, words, 0, 64, PARENT

    chaining, words, counter, length, flags = tree(0, max(1, -(-len(data) // 1024)))
    return struct.pack("<8I", *compress(chaining, words, counter, length, flags | ROOT)).hex()


# Large contents of zeros come again and again.
cached_blake3 = functools.lru_cache(64)(blake3)
cached_xxh64 = functools.lru_cache(64)(xxh64)


def content_size(length):
    """Descriptor and content size of a frame, as the format wants them."""
    if length < 256:
        return bytes([0x24, length])
    if length < 65792:
        return b"\x64" + (length - 256).to_bytes(2, "little")
    if length <= M32:
        return b"\xa4" + length.to_bytes(4, "little")
    return b"\xe4" + length.to_bytes(8, "little")


def frame(content, blocks=None, declared=None, checksum=None):
    """A frame that holds its content as it is, or in the blocks given."""
    out = [MAGIC, content_size(len(content) if declared is None else declared)]
    if blocks is None:
        for at in range(0, len(content), RAW_BLOCK):
            piece = content[at : at + RAW_BLOCK]
            last = at + RAW_BLOCK >= len(content)
            out += [raw_block(piece, last)]
    else:
        out += [blocks]
    if checksum is None:
        checksum = cached_xxh64(content) & M32
    return b"".join(out) + checksum.to_bytes(4, "little")


def raw_block(piece, last):
    return (len(piece) << 3 | last).to_bytes(3, "little") + piece


def repeated_block(byte, length, last):
    """A block that says one byte again and again (RLE)."""
    return (length << 3 | 2 | last).to_bytes(3, "little") + bytes([byte])


def zeros_frame(before, zeros, after=b""):
    """A small frame with much in it: (frame, content)."""
    blocks = raw_block(before, False) if before else b""
    for at in range(0, zeros, RAW_BLOCK):
        last = at + RAW_BLOCK >= zeros and not after
        blocks += repeated_block(0, min(RAW_BLOCK, zeros - at), last)
    if after:
        blocks += raw_block(after, True)
    content = before + bytes(zeros) + after
    return frame(content, blocks), content


def octal(value, digits=11):
    return b"%0*o" % (digits, value)


def ustar(name, size=0, mtime=0, kind=b"0", prefix=b"", **fields):
    """A header block. fields: others than usual, by their offset, as at124=b"...";
    checksum: another than the right one."""
    checksum = fields.pop("checksum", None)
    block = bytearray(BLOCK)

    def put(offset, value):
        block[offset : offset + len(value)] = value

    put(0, name)
    put(100, b"0000600\0")
    put(108, b"0000000\0")
    put(116, b"0000000\0")
    put(124, octal(size) + b"\0")
    put(136, octal(mtime) + b"\0")
    put(156, kind)
    put(257, b"ustar\x0000")
    put(329, b"0000000\0")
    put(337, b"0000000\0")
    put(345, prefix)
    for key, value in fields.items():
        put(int(key[2:]), value)
    assert len(block) == BLOCK
    block[148:156] = b" " * 8
    put(148, b"%06o\0 " % sum(block) if checksum is None else checksum)
    return bytes(block)


def record(key, value):
    """A pax record; the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + 1
    while length != rest + len(str(length)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def pax(records, **fields):
    """A pax header with these records, as bytes."""
    fields.setdefault("kind", b"x")
    return ustar(b"PaxHeaders/license", len(records), **fields) + padded(records)


def decimal(mtime):
    """Nanoseconds as a decimal number of seconds."""
    sign, (whole, fraction) = b"-" if mtime < 0 else b"", divmod(abs(mtime), 10**9)
    return sign + (b"%d.%09d" % (whole, fraction) if fraction else b"%d." % whole).rstrip(
        b"0" if fraction else b"."
    )


def split(path):
    """(prefix, name) in a header; None when it does not fit."""
    if not path.isascii():
        return None
    if len(path) <= 100:
        return b"", path
    slash = path.find(b"/", len(path) - 101)
    if slash < 0 or slash > 155 or slash + 1 == len(path):
        return None
    return path[:slash], path[slash + 1 :]


def header(path, size, mtime=0, extra=b"", **fields):
    """The canonical header of a member; mtime in nanoseconds. extra: more pax records."""
    parts = split(path)
    records = b""
    if parts is None:
        try:
            path.decode()
        except UnicodeDecodeError:
            records += record(b"hdrcharset", b"BINARY")
    whole = 0 <= mtime // 10**9 <= OCTAL_11 and mtime % 10**9 == 0
    if not whole:
        records += record(b"mtime", decimal(mtime))
    if parts is None:
        records += record(b"path", path)
        last = bytes(byte if byte < 128 else 0x5F for byte in path.split(b"/")[-1][:91])
        parts = b"", b"licenses/" + last
    if size > OCTAL_11:
        records += record(b"size", b"%d" % size)
    records += extra
    seconds = min(max(mtime // 10**9, 0), OCTAL_11)
    shown = size if size <= OCTAL_11 else 0
    block = ustar(parts[1], shown, seconds, prefix=parts[0], **fields)
    return (pax(records) if records else b"") + block


def member(path, data=b"", mtime=0, **changes):
    return header(path, len(data), mtime, **changes) + padded(data)


def license_of(name, data=b"", mtime=0, **changes):
    return member(b"licenses/" + name, data, mtime, **changes)


def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


CREATED = 1700000000


def info_value(**changes):
    info = {
        "format": 1, "created": CREATED, "library": "1.0.0", "device": "00" * 16,
        "store": "directory",
    }
    info.update(changes)
    return info


def info(**changes):
    """The content of the first frame."""
    value = info_value(**changes)
    return member(b"wmlb.json", to_json(value), value["created"] * 10**9)


def first_of(content, before):
    """The name of the license that a frame's content begins with: the one before, where it goes
    on in it."""
    block = content[:BLOCK]
    if block[257:262] != b"ustar":
        return before
    name = block[:100].rstrip(b"\0")
    if block[156:157] == b"x":
        size = int(block[124:135] or b"0", 8)
        records, at = content[BLOCK : BLOCK + size], 0
        while at < size:
            length = int(records[at:].split(b" ", 1)[0])
            key, value = records[at : at + length].split(b" ", 1)[1][:-1].split(b"=", 1)
            at += length
            if key == b"path":
                return value.removeprefix(b"licenses/")
        block = content[BLOCK + len(padded(records)) :][:BLOCK]
        name = block[:100].rstrip(b"\0")
    prefix = block[345:500].rstrip(b"\0")
    name = prefix + b"/" + name if prefix else name
    return name.removeprefix(b"licenses/") if name != b"wmlb.json" else b""


def seal(content, data, first=b""):
    value = {
        "length": len(content), "blake3": cached_blake3(content),
        "stored": len(data), "xxh64": "%016x" % cached_xxh64(data),
    }
    try:
        value["first"] = first.decode()
    except UnicodeDecodeError:
        value["first_hex"] = first.hex()
    value["source"] = ""
    return value


def summary_value(frames, licenses, size):
    """frames: (content, packed) of each before the summary."""
    seals, first = [], b""
    for content, packed in frames:
        try:
            first = first_of(content, first)
        except (ValueError, IndexError):
            pass  # it is nothing that a backup has
        seals.append(seal(content, packed, first))
    return {"licenses": licenses, "bytes": size, "frames": seals}


ALIGNMENT = 4096


def padding(offset):
    """The skippable frame that belongs behind a frame that ends at this offset."""
    gap = -offset % ALIGNMENT
    if 0 < gap < 8:
        gap += ALIGNMENT
    return b"\x50\x2a\x4d\x18" + (gap - 8).to_bytes(4, "little") + bytes(gap - 8) if gap else b""


def seek_table(entries):
    """The table that ends a file: (stored, content) of each frame."""
    body = b"".join(struct.pack("<II", stored, content) for stored, content in entries)
    body += struct.pack("<I", len(entries)) + b"\0\xb1\xea\x92\x8f"
    return b"\x5e\x2a\x4d\x18" + struct.pack("<I", len(body)) + body


def assemble(frames, *unpadded):
    """A file of these (content, packed) frames, padded, and of the summary's, which are not."""
    data, entries = b"", []
    for content, packed in frames:
        data += packed
        entries.append((len(packed), len(content)))
        gap = padding(len(data))
        if gap:
            data += gap
            entries.append((len(gap), 0))
    for content, packed in unpadded:
        data += packed
        entries.append((len(packed), len(content)))
    return data + seek_table(entries)


def summary(value):
    """The content of the last frame."""
    return member(b"wmlb-summary.json", to_json(value)) + END


def pack(*contents):
    """(content, packed) of each."""
    return [(content, frame(content)) for content in contents]


def close(frames, licenses, size, change=lambda value: None):
    """A whole file of these (content, packed), with the summary that is right for them,
    unless change() changes it."""
    value = summary_value(frames, licenses, size)
    change(value)
    return assemble(frames, *pack(*pieces(summary(value))))


def pieces(content):
    return [content[at : at + FRAME_CONTENT] for at in range(0, len(content), FRAME_CONTENT)]


def build(content, licenses, size, **changes):
    """A file with one frame of licenses, made on the device that changes name."""
    return close(pack(info(**changes), content), licenses, size)


def small(files, **changes):
    """A right file of small licenses: name -> content, or (content, mtime)."""
    content, size = b"", 0
    for name in sorted(files, key=lambda name: name.split(b"/")):
        data = files[name]
        data, mtime = data if isinstance(data, tuple) else (data, 0)
        content += license_of(name, data, mtime)
        size += len(data)
    frames = [content] if content else []
    return close(pack(info(**changes), *frames), len(files), size)
