"""cycle.py FOLDER COMMAND...: backs up, verifies, lists and restores with the wmlb command, which
may be another machine's, and compares what is there then."""

import json
import os
import sqlite3
import subprocess
import sys

from trees import tree

root, command = sys.argv[1], sys.argv[2:]
DONE, FAILED, EXISTS, SECRET, DAMAGED = 0, 1, 4, 5, 6
TIMES = (-(10**9), 0, 1, 2**31 * 10**9, 1600000000123456789, 7 * 10**18)
checks = 0


def wmlb(code, *arguments, data=None):
    global checks
    done = subprocess.run([*command, *arguments], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=900)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    checks += 1
    return done.stdout


def path(*names):
    return os.path.join(root, *names)


def write(name, content, time=10**18 + 1):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as file:
        file.write(content)
    os.utime(name, ns=(time, time))


def check_restored(folder, expected):
    global checks
    found = tree(folder)
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name, entry in expected.items():
        assert found[name] == entry, name
    beside = [name for name in os.listdir(os.path.dirname(folder)) if name.startswith(".")]
    assert not beside, beside
    checks += 1


def fill(store):
    for number in range(200):
        time = TIMES[number % len(TIMES)]
        write(path(store, "%d" % (number % 7), "%d.lic" % number), b"<%d>" % number * 300, time)
    write(path(store, "large"), os.urandom(5 << 20))
    with sqlite3.connect(path(store, "licenses.db")) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, content BLOB)")
        database.executemany("INSERT INTO t (content) VALUES (?)", [(b"x" * 500,)] * 600)
    database.close()


def in_clear():
    store, backups, restored = path("store"), path("backups"), path("to", "restored")
    wmlb(DONE, "backup", "--quiet", "--verify", "--store", store, backups)
    wmlb(EXISTS, "backup", "--quiet", "--store", store, backups)
    wmlb(DONE, "backup", "--quiet", "--replace", "--store", store, backups)
    wmlb(DONE, "verify", "--quiet", backups)
    lists = [json.loads(wmlb(DONE, "list", "--json", *where))
             for where in ((backups,), ("--store", store))]
    assert [each["name"] for each in lists[0]] == [each["name"] for each in lists[1]]
    assert len(lists[0]) == 202
    expected = tree(store)
    wmlb(DONE, "restore", "--quiet", "--store", restored, backups)
    check_restored(restored, expected)
    write(path(restored, "0", "0.lic"), b"changed")
    write(path(restored, "mine"), b"mine")
    os.unlink(path(restored, "1", "1.lic"))
    wmlb(DONE, "restore", "--quiet", "--force", "--store", restored, backups)
    check_restored(restored, {**expected, "mine": (b"mine", 10**18 + 1)})
    with sqlite3.connect(path(restored, "licenses.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM t").fetchone() == (600,)
    database.close()
    assert os.listdir(backups) == ["licenses.wmlb"]
    return expected


def through_pipes(expected):
    stream = wmlb(DONE, "backup", "--quiet", "--store", path("store"), "-")
    wmlb(DONE, "verify", "--quiet", "-", data=stream)
    wmlb(DONE, "restore", "--quiet", "--store", path("to", "piped"), "-", data=stream)
    check_restored(path("to", "piped"), expected)


def encrypted(expected):
    write(path("passphrase"), b"correct horse battery staple\n")
    write(path("other"), b"another one\n")
    secret = ("--passphrase-file", path("passphrase"))
    wmlb(DONE, "backup", "--quiet", *secret, "--store", path("store"), path("secret"))
    wmlb(SECRET, "verify", "--quiet", path("secret"))
    wmlb(SECRET, "restore", "--quiet", "--passphrase-file", path("other"), "--store",
         path("to", "secret"), path("secret"))
    wmlb(DONE, "restore", "--quiet", *secret, "--store", path("to", "secret"), path("secret"))
    check_restored(path("to", "secret"), expected)


def damaged():
    with open(path("backups", "licenses.wmlb"), "r+b") as file:
        file.seek(os.path.getsize(file.name) // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    wmlb(DAMAGED, "verify", "--quiet", path("backups"))
    wmlb(DAMAGED, "restore", "--quiet", "--store", path("to", "damaged"), path("backups"))
    assert not os.path.exists(path("to", "damaged"))


os.makedirs(path("to"))
fill("store")
restored = in_clear()
through_pipes(restored)
encrypted(restored)
damaged()
print("%d checks" % checks)
