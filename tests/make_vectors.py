"""Makes the test vectors in tests/vectors: backup files that a reader of docs/format.md has to
read, each with the licenses that are in it. Vectors that are there are kept: what was once written
has to be read for ever.

    python3 tests/make_vectors.py           needs target/dist
"""

import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "python"))

import wmlb_ctypes as w  # noqa: E402

VECTORS = os.path.join(HERE, "vectors")
# A key for nothing else.
RECIPIENT = "age1faw8jp7278f75k44ht4sk24vqdjp6ah95xexp6fgsjvwyj3ak3uqqswlj8"
IDENTITY = "AGE-SECRET-KEY-1TJS3ADX2XGC4Q98L6HCF4X8CQXK6YF46UTNKHCSY7PXCN0SLRYGSJPT35N"
PASSPHRASE = "correct horse battery staple"

SMALL = {b"a": b"one", b"b/c": b"two", b"b/d/e": b""}
# Content, and the time in nanoseconds.
ODD = {
    b"at the epoch": (b"x", 0),
    b"before 1970": (b"x", -1_500_000_000),
    b"a long time from now": (b"x", 9_000_000_000 * 10**9),
    b"within a second": (b"x", 1_700_000_000_123_456_789),
    b"empty": (b"", 10**9),
    "caf\u00e9/\u043a\u043b\u044e\u0447".encode(): (b"not ASCII", 10**9),
    b"not UTF-8 \xff\xfe": (b"bytes", 10**9),
    b"n" * 101: (b"does not fit the name", 10**9),
    b"p" * 120 + b"/" + b"n" * 100: (b"fits name and prefix", 10**9),
    b"p" * 160 + b"/n": (b"does not fit the prefix", 10**9),
    b"\x01\x1b[31m\x7f": (b"control characters", 10**9),
    b"quotes \" and \\": (b"x", 10**9),
}


def put(store, name, content, nanoseconds=1_700_000_000 * 10**9):
    path = os.path.join(os.fsencode(store), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.utime(path, ns=(nanoseconds, nanoseconds))


def fill(store, files):
    for name, content in files.items():
        put(store, name, *(content if isinstance(content, tuple) else (content,)))


def database(store):
    connection = sqlite3.connect(os.path.join(store, "licenses.db"))
    connection.execute("CREATE TABLE licenses (id TEXT PRIMARY KEY, data BLOB)")
    rows = [("%04d" % number, bytes([number]) * number) for number in range(100)]
    connection.executemany("INSERT INTO licenses VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    os.utime(os.path.join(store, "licenses.db"), ns=(10**18, 10**18))


def vectors():
    """Name, what fills the store, properties of the backup."""
    large = b"".join(b"%07d\n" % number for number in range(400_000))
    yield "small", lambda store: fill(store, SMALL), {}
    yield "empty", lambda store: None, {}
    yield "odd", lambda store: fill(store, ODD), {}
    yield "large", lambda store: fill(store, {b"a": b"x", b"large": large, b"z": b"y"}), {}
    many = {b"%04d" % number: b"license %d\n" % number * 150 for number in range(1500)}
    yield "frames", lambda store: fill(store, many), {}
    yield "level-19", lambda store: fill(store, {b"a": large[:300_000]}), {"CompressionLevel": 19}
    yield "database", database, {}
    yield "encrypted", lambda store: fill(store, SMALL), {"Recipients": RECIPIENT}
    yield "passphrase", lambda store: fill(store, SMALL), {"Passphrase": PASSPHRASE}


def make(name, filler, properties):
    with tempfile.TemporaryDirectory() as folder:
        store, backups = os.path.join(folder, "store"), os.path.join(folder, "backups")
        os.mkdir(store)
        filler(store)
        restorer = w.Restorer()
        for key, value in dict(properties, StorePath=store, BackupPath=backups).items():
            restorer.set(key, value)
        hr, _ = restorer.backup()
        restorer.release()
        assert hr == w.S_OK, w.describe(hr)
        shutil.move(os.path.join(backups, w.BACKUP_NAME), os.path.join(VECTORS, name + ".wmlb"))
        found = {}
        for path, _, names in os.walk(os.fsencode(store)):
            for file in names:
                full = os.path.join(path, file)
                with open(full, "rb") as content:
                    found[os.path.relpath(full, os.fsencode(store)).hex()] = {
                        "sha256": hashlib.sha256(content.read()).hexdigest(),
                        "modified_ns": os.stat(full).st_mtime_ns,
                    }
        return found


def main():
    manifest_path = os.path.join(VECTORS, "vectors.json")
    manifest = {}
    if os.path.exists(manifest_path):
        with open(manifest_path) as file:
            manifest = json.load(file)
    for name, filler, properties in vectors():
        if name not in manifest:
            manifest[name] = {
                "passphrase": properties.get("Passphrase"),
                "identity": IDENTITY if "Recipients" in properties else None,
                "licenses": make(name, filler, properties),
            }
    with open(manifest_path, "w") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
