"""Bech32 (BIP 173) without its limit of length, as keys of age have it."""

SYMBOLS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def checksum(prefix, values):
    sum = 1
    head = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    for value in head + values + [0] * 6:
        top, sum = sum >> 25, (sum & 0x1FFFFFF) << 5 ^ value
        for bit, word in enumerate(GENERATOR):
            sum ^= word * (top >> bit & 1)
    return [(sum ^ 1) >> 5 * (5 - place) & 31 for place in range(6)]


def encode(prefix, data):
    bits = "".join("{:08b}".format(byte) for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    return prefix + "1" + "".join(SYMBOLS[value] for value in values + checksum(prefix, values))


def decode(text):
    """The bytes; the checksum is not looked at."""
    symbols = text.lower().rpartition("1")[2][:-6]
    bits = "".join("{:05b}".format(SYMBOLS.index(symbol)) for symbol in symbols)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))
