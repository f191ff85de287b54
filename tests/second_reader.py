"""A second reader of backup files, by docs/format.md alone.

    python3 tests/second_reader.py licenses.wmlb          lists names and hashes

Needs the package zstandard; what is encrypted is decrypted by age before.
"""

import hashlib
import io
import json
import struct
import sys
import tarfile

import zstandard

ZSTD, PADDING, TABLE = 0xFD2FB528, 0x184D2A50, 0x184D2A5E


def frames_of(data):
    """(magic number, offset, size, content) of each frame; the table comes last."""
    at = 0
    while at < len(data):
        (magic,) = struct.unpack_from("<I", data, at)
        if magic in (PADDING, TABLE):
            (length,) = struct.unpack_from("<I", data, at + 4)
            size, content = 8 + length, data[at + 8 : at + 8 + length]
        else:
            assert magic == ZSTD, "no frame at %d" % at
            unpacker = zstandard.ZstdDecompressor().decompressobj()
            content = unpacker.decompress(data[at:])
            size = len(data) - at - len(unpacker.unused_data)
        assert at + size <= len(data), "the file ends in a frame"
        yield magic, at, size, content
        at += size


def read(data):
    """The licenses of a backup file, name -> content; AssertionError where it is not whole."""
    frames = list(frames_of(data))
    content = [frame for frame in frames if frame[0] == ZSTD]
    tar = tarfile.open(fileobj=io.BytesIO(b"".join(frame[3] for frame in content)),
                       encoding="utf-8", errors="surrogateescape")
    files, last = {}, None
    for member in tar:
        assert member.isreg() and member.mode == 0o600
        files[member.name] = tar.extractfile(member).read()
        last = member.name
    info, summary = json.loads(files.pop("wmlb.json")), json.loads(files.pop("wmlb-summary.json"))
    assert info["format"] == 1 and last == "wmlb-summary.json"
    assert summary["licenses"] == len(files)
    assert summary["bytes"] == sum(map(len, files.values()))
    count = len(summary["frames"])
    for stated, (_, at, size, unpacked) in zip(summary["frames"], content):
        assert (stated["length"], stated["stored"]) == (len(unpacked), size), "frame at %d" % at
        gap = -(at + size) % 4096
        after = next(frame for frame in frames if frame[1] == at + size)
        if gap:
            assert after[0] == PADDING and after[2] == gap + (4096 if gap < 8 else 0)
            assert not after[3].strip(b"\0")
    for _, _, _, unpacked in content[count:]:
        assert unpacked
    magic, _, _, table = frames.pop()
    entries = b"".join(
        struct.pack("<II", size, len(unpacked) if magic == ZSTD else 0)
        for magic, _, size, unpacked in frames
    )
    assert magic == TABLE and table == entries + struct.pack("<IBI", len(frames), 0, 0x8F92EAB1)
    return {name.removeprefix("licenses/"): data for name, data in files.items()}


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        for name, data in sorted(read(file.read()).items()):
            print(hashlib.sha256(data).hexdigest(), ascii(name))
