"""Age files as no program writes them: any header, and any payload under a key that is known.

ChaCha20-Poly1305 (RFC 8439), HKDF (RFC 5869) and the payload of age (C2SP age.md), for files of
some chunks.
"""

import functools
import hashlib
import hmac
import struct

CHUNK = 64 << 10
MASK = 0xFFFFFFFF
COLUMNS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
DIAGONALS = [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def block(key, counter, nonce):
    start = struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce)
    x = list(start)

    def mix(target, other, add, bits):
        x[add] = (x[add] + x[other]) & MASK
        word = x[target] ^ x[add]
        x[target] = (word << bits | word >> (32 - bits)) & MASK

    for _ in range(10):
        for a, b, c, d in COLUMNS + DIAGONALS:
            mix(d, b, a, 16)
            mix(b, d, c, 12)
            mix(d, b, a, 8)
            mix(b, d, c, 7)
    return struct.pack("<16I", *((one + other) & MASK for one, other in zip(x, start)))


@functools.lru_cache(maxsize=256)
def seal(key, nonce, clear):
    """The ciphertext and its tag, without additional data."""
    stream = b"".join(block(key, 1 + n, nonce) for n in range((len(clear) + 63) // 64))
    size = len(clear)
    word = int.from_bytes(clear, "little") ^ int.from_bytes(stream[:size], "little")
    sealed = word.to_bytes(size, "little")
    one_time = block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, size + -size % 16 + 16, 16):
        piece = sealed[at : at + 16] if at < size else struct.pack("<QQ", 0, size)
        total = (total + int.from_bytes(piece.ljust(16, b"\0") + b"\1", "little")) * r
        total %= (1 << 130) - 5
    tag = (total + int.from_bytes(one_time[16:32], "little")) & ((1 << 128) - 1)
    return sealed + tag.to_bytes(16, "little")


def derive(key, salt, info):
    secret = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(secret, info + b"\1", "sha256")


def mac(file_key, header):
    """The MAC of a header, which ends in "---"."""
    return hmac.new(derive(file_key, b"", b"header"), header, hashlib.sha256).digest()


def stream(file_key, chunks, nonce=b"\7" * 16):
    """A payload of these chunks, which are (content, whether it is said to be the last one)."""
    key = derive(file_key, nonce, b"payload")
    return nonce + b"".join(
        seal(key, number.to_bytes(11, "big") + bytes([last]), content)
        for number, (content, last) in enumerate(chunks)
    )


def chunks_of(content, size=CHUNK):
    """The chunks of a content, as they should be."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    return [(piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]
