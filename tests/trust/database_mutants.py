"""Databases with journals and logs, and what a random number makes of them. Sums that SQLite
checks are made right again, mostly, so that what is behind them is reached."""

import os
import random
import sqlite3
import struct
import tempfile

import common  # noqa: F401
import trust_support as trust

ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# Of the header of a database: offset, bytes.
FIELDS = ((16, 2), (18, 1), (19, 1), (20, 1), (21, 3), (24, 4), (28, 4), (32, 4), (36, 4), (40, 4),
          (44, 4), (48, 4), (52, 4), (56, 4), (60, 4), (64, 4), (92, 4), (96, 4))
# Of a journal's header, and of a log's.
JOURNAL_FIELDS = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 4), (24, 4))
LOG_FIELDS = ((0, 4), (4, 4), (8, 4), (12, 4), (16, 4), (20, 4), (24, 4), (28, 4))
LOG_MAGIC = 0x377F0682


def copy(path):
    found = {}
    for suffix in ("",) + trust.SIBLINGS:
        if os.path.exists(path + suffix):
            with open(path + suffix, "rb") as file:
                found[suffix] = file.read()
    return found


def base(number):
    """One of some databases, as they lie at a moment that somebody could be killed at: {suffix:
    bytes}."""
    chosen = random.Random(number)
    page_size = chosen.choice((512, 512, 1024, 4096))
    mode = ("delete", "wal", "persist", "wal")[number % 4]
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = os.path.join(folder, "x.db")
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "page_size = %d" % page_size, "auto_vacuum = %d" % chosen.randrange(3),
            "journal_mode = " + mode, "synchronous = OFF",
        ):
            connection.execute("PRAGMA " + statement)
        connection.executescript("""
            CREATE TABLE cdm_storage (storage_key TEXT, cdm_type BLOB, file_name TEXT, data BLOB,
                PRIMARY KEY (storage_key, cdm_type, file_name));
            CREATE TABLE licenses (cdm_type, file_name, data, PRIMARY KEY (cdm_type, file_name))
                WITHOUT ROWID;
            CREATE TABLE other (n INTEGER PRIMARY KEY, t); CREATE INDEX i ON other (t);
        """)

        def fill(start, count):
            connection.execute("BEGIN")
            for at in range(start, start + count):
                data = chosen.randbytes(chosen.choice((10, 30, 100, 700)))
                connection.execute("INSERT INTO cdm_storage VALUES (?, ?, ?, ?)", (
                    "https://example.com/", chosen.randbytes(16), "file-%d" % at, data))
                connection.execute("INSERT INTO licenses VALUES (?, ?, ?)", ("t", at, data))
                connection.execute("INSERT INTO other (t) VALUES (?)", (data.hex(),))

        fill(0, chosen.randrange(3, 15))
        connection.execute("COMMIT")
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("PRAGMA cache_spill = 1")
        if mode == "wal":
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if number % 8 < 6:
            connection.execute("DELETE FROM other WHERE n % 3 = 0")
            fill(1000, chosen.randrange(3, 12))
            if mode == "wal":
                connection.execute("COMMIT")
                connection.execute("BEGIN")
                connection.execute("SELECT * FROM other").fetchall()
        found = copy(path)
        connection.close()
    return found


def log_sum(words, sums, big):
    s0, s1 = sums
    for one, other in struct.iter_unpack(">II" if big else "<II", words):
        s0 = (s0 + one + s1) & 0xFFFFFFFF
        s1 = (s1 + other + s0) & 0xFFFFFFFF
    return s0, s1


def right_log(content):
    """A log whose sums and salts are right."""
    if len(content) < 32:
        return content
    out = bytearray(content)
    magic, _, page_size = struct.unpack_from(">III", out)
    if magic & ~1 != LOG_MAGIC or not 512 <= page_size <= 65536:
        return content
    big = bool(magic & 1)
    sums = log_sum(out[:24], (0, 0), big)
    struct.pack_into(">II", out, 24, *sums)
    at = 32
    while at + 24 + page_size <= len(out):
        out[at + 8 : at + 16] = out[16:24]
        sums = log_sum(out[at : at + 8], sums, big)
        sums = log_sum(out[at + 24 : at + 24 + page_size], sums, big)
        struct.pack_into(">II", out, at + 16, *sums)
        at += 24 + page_size
    return bytes(out)


def right_journal(content):
    """A journal whose records have right sums."""
    if len(content) < 28:
        return content
    out = bytearray(content)
    _, nonce, _, sector, page_size = struct.unpack_from(">IIIII", out, 8)
    if not 32 <= sector <= 65536 or not 512 <= page_size <= 65536:
        return content
    at = sector
    while at + 8 + page_size <= len(out):
        page = out[at + 4 : at + 4 + page_size]
        checksum = nonce + sum(page[each] for each in range(page_size - 200, 0, -200))
        struct.pack_into(">I", out, at + 4 + page_size, checksum & 0xFFFFFFFF)
        at += 8 + page_size
    return bytes(out)


class Mutator:
    def __init__(self, seed, canary, bases):
        self.random, self.canary = random.Random(seed), canary
        self.files = {suffix: bytearray(content)
                      for suffix, content in self.random.choice(bases).items()}
        self.bases = bases

    def some(self):
        """One of the files that has something in it."""
        return self.random.choice([suffix for suffix, content in self.files.items() if content])

    def page_size(self):
        size = int.from_bytes(self.files[""][16:18], "big")
        return size if size in (512, 1024, 2048, 4096, 8192) else 512

    def flip(self):
        content = self.files[self.some()]
        for _ in range(self.random.choice((1, 1, 2, 4, 16))):
            content[self.random.randrange(len(content))] = self.random.randrange(256)

    def odd_number(self):
        content = self.files[self.some()]
        size = self.random.choice((1, 2, 4))
        at = self.random.randrange(max(1, len(content) - size))
        content[at : at + size] = (self.random.choice(ODD) & (1 << 8 * size) - 1).to_bytes(
            size, "big")

    def field(self):
        suffix = self.some()
        fields = {"-journal": JOURNAL_FIELDS, "-wal": LOG_FIELDS}.get(suffix, FIELDS)
        at, size = self.random.choice(fields)
        content = self.files[suffix]
        value = self.random.choice(ODD + (512, 4096, len(content), self.random.getrandbits(32)))
        content[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "big")

    def page_header(self):
        """What a page says of itself, and where its cells are."""
        content, size = self.files[""], self.page_size()
        start = self.random.randrange(max(1, len(content) // size)) * size
        start += 100 if start == 0 else 0
        at = start + self.random.randrange(20)
        if at < len(content):
            content[at] = self.random.choice((0, 1, 2, 5, 10, 13, 255, self.random.randrange(256)))

    def page_over_page(self):
        content, size = self.files[""], self.page_size()
        count = len(content) // size
        if count > 1:
            one, other = (self.random.randrange(count) * size for _ in range(2))
            content[one : one + size] = content[other : other + size]

    def pointer(self):
        """A page that tells of another: of itself, of one that is not there."""
        content, size = self.files[""], self.page_size()
        count = max(2, len(content) // size)
        start = self.random.randrange(count) * size
        at = start + self.random.choice((0, 8, 12, self.random.randrange(size)))
        number = self.random.choice((0, 1, 2, start // size + 1, count, count + 1, 1 << 30))
        if at + 4 <= len(content):
            content[at : at + 4] = number.to_bytes(4, "big")

    def cut(self):
        content = self.files[self.some()]
        del content[self.random.randrange(len(content)):]

    def grow(self):
        content = self.files[self.some()]
        content += self.random.choice((bytes(512), self.random.randbytes(700), bytes(content)))

    def swap(self):
        """What belongs to another database."""
        other = self.random.choice(self.bases)
        for suffix in trust.SIBLINGS:
            if suffix in other and self.random.random() < 0.7:
                self.files[suffix] = bytearray(other[suffix])

    def drop(self):
        suffix = self.random.choice(trust.SIBLINGS)
        self.files.pop(suffix, None)

    def super_journal(self):
        if len(self.files[""]) > 100:
            record = trust.super_journal_record(self.canary, self.page_size())
            if not self.files.get("-journal"):
                header = trust.JOURNAL_MAGIC + struct.pack(
                    ">IIIII", 0, 7, len(self.files[""]) // self.page_size(), 512, self.page_size())
                self.files["-journal"] = bytearray(header.ljust(512, b"\0"))
            self.files["-journal"] += record

    def schema(self):
        """Another word in the statements that the tables are made by."""
        words = (b"TABLE", b"CREATE", b"INDEX", b"TEXT", b"PRIMARY KEY", b"WITHOUT ROWID",
                 b"licenses", b"cdm_storage")
        others = (b"VIEW ", b"VIRTUAL", b"TRIGGER", b"CHECK(1)", b"AS (1)", b"'%s'", b"--", b"((((")
        content = self.files[""]
        word = self.random.choice(words)
        at = content.find(word)
        if at >= 0:
            content[at : at + len(word)] = self.random.choice(others)[: len(word)].ljust(
                len(word))

    def mutant(self):
        """{suffix: bytes}"""
        ways = (self.flip, self.flip, self.odd_number, self.odd_number, self.field, self.field,
                self.page_header, self.page_header, self.page_over_page, self.pointer, self.pointer,
                self.cut, self.grow, self.swap, self.drop, self.super_journal, self.schema)
        for _ in range(self.random.choice((1, 1, 2, 3, 5))):
            if self.files[""]:
                self.random.choice(ways)()
        if self.random.random() < 0.7:
            for suffix, right in (("-wal", right_log), ("-journal", right_journal)):
                if suffix in self.files:
                    self.files[suffix] = bytearray(right(bytes(self.files[suffix])))
        if self.random.random() < 0.8:
            self.files[""][:16] = b"SQLite format 3\0"
        return {suffix: bytes(content) for suffix, content in self.files.items()}
