"""exchange.py FOLDER NATIVE COMMAND...: one store is backed up with this machine's wmlb command
and with another machine's. The files are the same, and each restores the other's, encrypted ones
too."""

import os
import sqlite3
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/python"))

import archive  # noqa: E402
from trees import tree  # noqa: E402

# That of tests/vectors, and whom it is for.
IDENTITY = "AGE-SECRET-KEY-1TJS3ADX2XGC4Q98L6HCF4X8CQXK6YF46UTNKHCSY7PXCN0SLRYGSJPT35N"
RECIPIENT = "age1faw8jp7278f75k44ht4sk24vqdjp6ah95xexp6fgsjvwyj3ak3uqqswlj8"

root, commands = sys.argv[1], {"this": [sys.argv[2]], "other": sys.argv[3:]}
# zstd's output depends on the order of bytes at some of the higher levels.
LEVELS = (1, 9, 19) if "s390x" not in " ".join(sys.argv[3:]) else (1,)
checks = 0


def path(*names):
    return os.path.join(root, *names)


def wmlb(machine, *arguments):
    global checks
    done = subprocess.run([*commands[machine], *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=900)
    assert done.returncode == 0, (machine, arguments, done.returncode, done.stdout)
    checks += 1


def fill(store):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/make_store.py"), "--out", store,
                    "--count", "800"], check=True, stdout=subprocess.DEVNULL)
    for number, time in enumerate((-(10**18), -1, 0, 2**31 * 10**9, 2**32 * 10**9 + 7)):
        with open(os.path.join(store, "of-%d" % number), "wb") as file:
            file.write(b"%d" % time * 100000)
        os.utime(file.name, ns=(time, time))
    for name, mode in (("rows.db", "wal"), ("plain.db", "delete")):
        with sqlite3.connect(os.path.join(store, name)) as database:
            database.execute("PRAGMA journal_mode = " + mode)
            database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)")
            database.executemany("INSERT INTO t (content) VALUES (?)",
                                 [(b"%d" % number * 200,) for number in range(2000)])
        database.close()
        os.utime(os.path.join(store, name), ns=(10**18, 10**18))


def check_same_bytes(level):
    """All but what tells the time, and the device's name."""
    global checks
    backups = []
    for machine in commands:
        folder = path("%s-%d" % (machine, level))
        wmlb(machine, "backup", "--quiet", "--level", str(level), "--store", path("store"), folder)
        backups.append(archive.Backup(os.path.join(folder, "licenses.wmlb")))
    here, there = backups
    assert here.between() == there.between(), "level %d" % level
    assert here.summary["frames"][1:] == there.summary["frames"][1:], "level %d" % level
    checks += 2


def check_restored(machine, source, expected, *options):
    global checks
    store = path("to", "%d" % checks)
    wmlb(machine, "verify", "--quiet", *options, source)
    wmlb(machine, "restore", "--quiet", *options, "--store", store, source)
    found = tree(store)
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name, entry in expected.items():
        assert found[name] == entry, name
    checks += 1


os.makedirs(path("to"))
fill(path("store"))
restored = tree(path("store"))
with open(path("identity"), "w", encoding="ascii") as key:
    key.write(IDENTITY + "\n")
secret = ("--identity", path("identity"))
for each in LEVELS:
    check_same_bytes(each)
for maker, reader in (("this", "other"), ("other", "this")):
    check_restored(reader, path(maker + "-1"), restored)
    wmlb(maker, "backup", "--quiet", "--recipient", RECIPIENT, "--store", path("store"),
         path(maker + "-secret"))
    check_restored(reader, path(maker + "-secret"), restored, *secret)
print("%d checks, the same bytes at level %s" % (checks, ", ".join(map(str, LEVELS))))
