"""Makes pages of SQLite databases by hand (https://www.sqlite.org/fileformat.html), so that what
SQLite would never write can be in them."""

import os
import sqlite3
import struct

LEAF, INTERIOR = 0x0D, 0x05
TEXT, BLOB = 13, 12


def varint(value):
    """Of at most 8 bytes."""
    out = bytes([value & 0x7F])
    while value > 0x7F:
        value >>= 7
        out = bytes([value & 0x7F | 0x80]) + out
    assert len(out) <= 8
    return out


def serial(kind, length):
    """The number of a text or blob of this length."""
    return varint(kind + 2 * length)


def record(*columns):
    """columns: bytes for texts, or (number of a type, bytes that are there of it)."""
    kinds = [serial(TEXT, len(each)) if isinstance(each, bytes) else each[0] for each in columns]
    content = b"".join(each if isinstance(each, bytes) else each[1] for each in columns)
    size = sum(map(len, kinds)) + 1
    assert size < 128
    return varint(size) + b"".join(kinds) + content


def page(kind, cells, size, right=None):
    """A page of a table; the cells from its end."""
    header = 8 if kind == LEAF else 12
    end, pointers, body = size, b"", b""
    for cell in cells:
        end -= len(cell)
        pointers += struct.pack(">H", end)
        body = cell + body
    assert header + len(pointers) <= end, "too much for a page"
    out = struct.pack(">BHHHB", kind, 0, len(cells), end, 0)
    if right is not None:
        out += struct.pack(">I", right)
    out += pointers
    return out + bytes(end - len(out)) + body


def leaf(rows, size):
    """rows: (number, record)."""
    return page(LEAF, [varint(len(each)) + varint(number) + each for number, each in rows], size)


def interior(children, size):
    """children: page numbers."""
    *children, right = children
    cells = [struct.pack(">I", child) + varint(key + 1) for key, child in enumerate(children)]
    return page(INTERIOR, cells, size, right)


def database(path, script, page_size=512):
    """A database that SQLite makes; {name: number of its first page}."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = %d" % page_size)
    connection.execute("PRAGMA journal_mode = delete")
    connection.executescript(script)
    connection.commit()
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
    connection.close()
    return roots


def put_pages(path, pages, size=512, count=None):
    """Puts pages, {number: bytes}, into a database, which has count pages then."""
    with open(path, "r+b") as file:
        for number, content in pages.items():
            assert len(content) == size, len(content)
            file.seek((number - 1) * size)
            file.write(content)
        file.seek(0, os.SEEK_END)
        count = count or file.tell() // size
        file.truncate(count * size)
        file.seek(28)
        file.write(struct.pack(">I", count))


STORAGE = "CREATE TABLE cdm_storage (storage_key, cdm_type, file_name, data);"


def endless_tree(path, depth=10):
    """A table whose pages all have the same one below them, many times: some kilobytes, and more
    rows than anybody can read."""
    root = database(path, STORAGE)["cdm_storage"]
    pages = {}
    for level in range(depth):
        number = root if level == 0 else root + level
        pages[number] = interior([root + level + 1] * 40, 512)
    pages[root + depth] = leaf([(1, record(b"key", b"type", b"file", b"data"))], 512)
    put_pages(path, pages)


def huge_text(path, length, column=2):
    """A row whose name is as long as the database, most of which is a hole in a file."""
    root = database(path, STORAGE)["cdm_storage"]
    columns = [b"key", b"type", b"file", b"data"]
    columns[column] = (serial(TEXT, length), b"")
    whole = record(*columns)
    payload = length + len(whole)
    # All of the row but its beginning is in pages of their own, each of which tells the next one.
    usable = 512
    smallest = (usable - 12) * 32 // 255 - 23
    local = smallest + (payload - smallest) % (usable - 4)
    local = smallest if local > usable - 35 else local
    cell = varint(payload) + varint(1) + whole.ljust(local, b"x")[:local]
    cell += struct.pack(">I", root + 1)
    chained = struct.pack(">I", root + 1) + b"x" * (512 - 4)
    put_pages(path, {root: page(LEAF, [cell], 512), root + 1: chained},
              count=(payload + 512 * 100) // 512)
