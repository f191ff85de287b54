"""Makes a database like the one in which a browser keeps the licenses of its modules."""
import random
import sqlite3
import sys

import common

sys.path.insert(0, str(common.TOP / "tests"))
import make_store

# As the browser makes it: its license modules keep their files in rows.
SCHEMA = """
CREATE TABLE meta(key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
INSERT INTO meta VALUES('mmap_status', '-1'), ('version', '2'), ('last_compatible_version', '2');
CREATE TABLE cdm_storage(
    storage_key TEXT NOT NULL, cdm_type BLOB NOT NULL, file_name TEXT NOT NULL, data BLOB NOT NULL,
    file_size INTEGER NOT NULL, last_modified INTEGER NOT NULL,
    PRIMARY KEY(storage_key, cdm_type, file_name));
"""
CDM_TYPE = bytes.fromhex("6099CADCE508D9057A1598AC0ED392CD")
ROW = "INSERT INTO cdm_storage VALUES(?, ?, ?, ?, ?, ?)"
SECONDS_FROM_1601 = 11_644_473_600


def make_database(path, rows, seed=1):
    """One with the licenses that a made store has."""
    store, times = make_store.Store(seed), random.Random(f"times {seed}")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 32768")
    # What a browser sets, but for the sake of time.
    connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + SCHEMA)
    for _ in range(rows):
        name, data = store.license("mixed")[:2]
        origin = f"https://{times.choice(make_store.HOSTS)}/"
        seconds = make_store.EPOCH + times.randrange(make_store.FOUR_YEARS) + SECONDS_FROM_1601
        connection.execute(ROW, (origin, CDM_TYPE, name, data, len(data), seconds * 1_000_000))
    connection.execute("COMMIT")
    connection.close()
    return path
