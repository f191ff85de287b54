"""Reads a backup file by the documented format, as strictly as the contract words it.

zstd frames are cut here by RFC 8878, the content is unpacked by the zstd command, and the
pax tar is parsed here: every field of every header is compared with the one form allowed.
"""

import collections
import json
import subprocess

BLOCK = 512
OCTAL_11 = 0o77777777777

ALIGNMENT = 4096

# offset, stored bytes, bytes of content (None: not stated), whether it has a checksum
Frame = collections.namedtuple("Frame", "offset stored content checksum")
# offset, stored bytes (with the header of eight), magic number, content
Skipped = collections.namedtuple("Skipped", "offset stored magic content")
PADDING, SEEK_TABLE = 0x184D2A50, 0x184D2A5E
# name and pax are bytes; mtime in nanoseconds; offset: of the member in the tar stream
Member = collections.namedtuple("Member", "name data mtime pax header offset")


class Malformed(AssertionError):
    pass


def need(condition, words):
    if not condition:
        raise Malformed(words)


def frames_of(data):
    """The zstd frames of a file that have content."""
    return [frame for frame in all_frames_of(data) if isinstance(frame, Frame)]


def all_frames_of(data):
    """The zstd frames of a file, those that decoders skip too."""
    frames, at = [], 0
    while at < len(data):
        start = at
        if data[at + 1 : at + 4] == b"\x2a\x4d\x18":
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8 + size
            need(at <= len(data), "a skippable frame is cut off")
            magic = int.from_bytes(data[start : start + 4], "little")
            frames.append(Skipped(start, at - start, magic, data[start + 8 : at]))
            continue
        need(data[at : at + 4] == b"\x28\xb5\x2f\xfd", "no zstd frame at %d" % at)
        descriptor = data[at + 4]
        at += 5
        single = descriptor >> 5 & 1
        need(descriptor & 3 == 0, "a frame with a dictionary")
        if not single:
            at += 1
        size_bytes = (single, 2, 4, 8)[descriptor >> 6]
        content = None
        if size_bytes:
            content = int.from_bytes(data[at : at + size_bytes], "little")
            content += 256 if size_bytes == 2 else 0
            at += size_bytes
        last = False
        while not last:
            need(at + 3 <= len(data), "a frame is cut off")
            header = int.from_bytes(data[at : at + 3], "little")
            last = bool(header & 1)
            kind, size = header >> 1 & 3, header >> 3
            need(kind != 3, "a reserved kind of block")
            at += 3 + (1 if kind == 1 else size)
        checksum = bool(descriptor & 4)
        at += 4 if checksum else 0
        need(at <= len(data), "a frame is cut off")
        frames.append(Frame(start, at - start, content, checksum))
    return frames


def decompress(data):
    pipe = subprocess.PIPE
    return subprocess.run(["zstd", "-dc"], input=data, stdout=pipe, stderr=pipe, check=True).stdout


def octal(field, digits, words):
    need(len(field) == digits + 1 and field[digits] == 0, words + ": no NUL at its end")
    need(all(0x30 <= byte <= 0x37 for byte in field[:digits]), words + ": no octal number")
    return int(field[:digits], 8)


def check_header(header, kind):
    """The fields that are the same in every member; gives (path, size, mtime)."""
    need(header[100:108] == b"0000600\0", "mode is not 0600")
    need(header[108:116] == b"0000000\0", "uid is not 0")
    need(header[116:124] == b"0000000\0", "gid is not 0")
    size = octal(header[124:136], 11, "size")
    mtime = octal(header[136:148], 11, "mtime")
    summed = header[:148] + b" " * 8 + header[156:]
    need(header[148:156] == b"%06o\0 " % sum(summed), "the checksum is wrong")
    need(header[156:157] == kind, "type flag %r" % header[156:157])
    need(header[157:257] == bytes(100), "a link name")
    need(header[257:265] == b"ustar\x0000", "not ustar")
    need(header[265:329] == bytes(64), "owner names")
    need(header[329:345] == b"0000000\x000000000\0", "device numbers")
    need(header[500:] == bytes(12), "something after the prefix")

    def text(field):
        name = field.split(b"\0", 1)[0]
        need(field == name.ljust(len(field), b"\0"), "something after a NUL")
        return name

    name, prefix = text(header[:100]), text(header[345:500])
    return (prefix + b"/" + name if prefix else name), size, mtime


def records_of(data):
    """The records of a pax header, in order."""
    found, at = [], 0
    while at < len(data):
        space = data.index(b" ", at)
        need(data[at:space].isdigit() and data[at : at + 1] != b"0", "a record's length")
        end = at + int(data[at:space])
        need(end <= len(data) and data[end - 1 : end] == b"\n", "a record's end")
        key, value = data[space + 1 : end - 1].split(b"=", 1)
        found.append((key, value))
        at = end
    return found


def nanoseconds(decimal):
    """A pax time, which is a decimal number of seconds."""
    negative = decimal.startswith(b"-")
    whole, _, fraction = decimal.lstrip(b"-").partition(b".")
    need(whole.isdigit() and (fraction.isdigit() or not fraction), "mtime %r" % decimal)
    need(not fraction.endswith(b"0") and len(fraction) <= 9, "mtime %r" % decimal)
    value = int(whole) * 10**9 + int((fraction + b"000000000")[:9])
    return -value if negative else value


def members_of(tar):
    """The members of a tar, each checked; and that nothing but zeros, twice, ends it."""
    members, at, pax, start = [], 0, {}, 0
    while tar[at : at + BLOCK] != bytes(BLOCK):
        header = tar[at : at + BLOCK]
        need(len(header) == BLOCK, "the tar is cut off")
        if not pax:
            start = at
        at += BLOCK
        if header[156:157] == b"x":
            need(not pax, "two pax headers in a row")
            _, size, _ = check_header(header, b"x")
            records = records_of(tar[at : at + size])
            need(len(dict(records)) == len(records), "a record twice")
            pax = dict(records)
            need(pax, "a pax header without records")
        else:
            path, size, seconds = check_header(header, b"0")
            path = pax.get(b"path", path)
            size = int(pax.get(b"size", size))
            mtime = seconds * 10**9
            if b"mtime" in pax:
                mtime = nanoseconds(pax[b"mtime"])
            data = tar[at : at + size]
            need(len(data) == size, "a member is cut off")
            members.append(Member(path, data, mtime, pax, header, start))
            pax = {}
        padded = (size + BLOCK - 1) // BLOCK * BLOCK
        need(tar[at + size : at + padded] == bytes(padded - size), "padding that is not zeros")
        at += padded
    need(not pax, "a pax header without its member")
    need(tar[at:] == bytes(2 * BLOCK), "the end is not two blocks of zeros")
    return members


class Backup:
    """A backup file, read and checked for what holds of every one."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.all_frames = all_frames_of(self.data)
        self.frames = frames_of(self.data)
        self.tar = decompress(self.data)
        self.members = members_of(self.tar)
        need(self.members[0].name == b"wmlb.json", "wmlb.json is not the first member")
        need(self.members[-1].name == b"wmlb-summary.json", "the summary is not the last")
        self.info = json.loads(self.members[0].data)
        self.summary = json.loads(self.members[-1].data)
        self.licenses = self.members[1:-1]
        for member in self.licenses:
            need(member.name.startswith(b"licenses/"), "a member %r" % member.name)
        self.check_summary()
        self.check_places()

    def check_places(self):
        """What lies behind the frames: padding, and in the end the table of all of them."""
        count = len(self.summary["frames"])
        for frame, after in zip(self.all_frames, self.all_frames[1:]):
            end = frame.offset + frame.stored
            if isinstance(frame, Frame) and self.frames.index(frame) < count:
                gap = -end % ALIGNMENT
                if gap:
                    need(isinstance(after, Skipped), "no padding at %d" % end)
                    wanted = gap + (ALIGNMENT if gap < 8 else 0)
                    need(after.stored == wanted, "padding of %d at %d" % (after.stored, end))
                    need(after.magic == PADDING, "padding with another magic number")
                    need(after.content == bytes(len(after.content)), "padding that is not zeros")
            elif isinstance(frame, Frame):
                need(isinstance(after, Frame) or after.magic == SEEK_TABLE, "after the summary")
        need(isinstance(self.all_frames[-1], Skipped), "no table at the end")
        entries = b"".join(
            frame.stored.to_bytes(4, "little")
            + (frame.content if isinstance(frame, Frame) else 0).to_bytes(4, "little")
            for frame in self.all_frames[:-1]
        )
        footer = (len(self.all_frames) - 1).to_bytes(4, "little") + b"\0\xb1\xea\x92\x8f"
        need(self.all_frames[-1].content == entries + footer, "the table at the end")

    def check_summary(self):
        sizes = [len(member.data) for member in self.licenses]
        need(self.summary["licenses"] == len(sizes), "the summary's count")
        need(self.summary["bytes"] == sum(sizes), "the summary's bytes")
        lengths = [frame["length"] for frame in self.summary["frames"]]
        need(lengths == [frame.content for frame in self.frames[: len(lengths)]], "its frames")
        at, places = 0, {member.offset: member.name for member in self.members}
        name = b""
        for frame in self.summary["frames"]:
            name = places.get(at, name)
            first = frame["first"].encode() if "first" in frame else bytes.fromhex(frame["first_hex"])
            need(first == name.removeprefix(b"wmlb.json").removeprefix(b"licenses/"), "first")
            need(len(frame["source"]) in (0, 32), "a source of %d digits" % len(frame["source"]))
            at += frame["length"]
        need(sum(frame.content for frame in self.frames) == len(self.tar), "frames and tar")

    def files(self):
        """Name in the store -> content."""
        files = {member.name[len(b"licenses/") :]: member.data for member in self.licenses}
        need(len(files) == len(self.licenses), "a name twice")
        return files

    def names(self):
        return [member.name[len(b"licenses/") :] for member in self.licenses]

    def between(self):
        """What lies between the first frame and the last: the same store, the same bytes."""
        return self.data[self.frames[1].offset : self.frames[-1].offset]
