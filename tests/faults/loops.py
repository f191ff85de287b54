#!/usr/bin/env python3
"""The fault loops: each system call of an operation fails, is cut short, or is the last that its
process makes; then all that was promised must hold.

    loops.py [--every K] [--seed S] [--only WORD] [errors|kills|short|memory]...

For each kind it prints a row of a table: what | tried | violated. With --every K one of K
faults is tried, chosen by the seed; without it all are. What was violated goes to the standard
error, and the exit code is 1.
"""

import argparse
import concurrent.futures
import errno
import os
import subprocess
import sys
import tempfile
import time

import scene

# What each call may fail with. Calls for memory and threads have tests of their own.
READING = "EIO EINTR ESTALE"
WRITING = "EIO ENOSPC EDQUOT EFBIG EINTR"
# Not ELOOP: that is what a link gives, which is left out and is no failure.
OPENING = "EACCES EEXIST EMFILE ENFILE EIO ENOENT ENOMEM ENOSPC EROFS EINTR"
NAMING = "EACCES EEXIST EIO ENOSPC EROFS ENOMEM EBUSY"
ERRORS = {
    "read": READING, "pread64": READING, "readv": READING, "preadv": READING,
    "write": WRITING, "pwrite64": WRITING, "writev": WRITING, "pwritev": WRITING,
    "copy_file_range": "EIO ENOSPC EXDEV ENOSYS", "sendfile": "EIO EINVAL",
    "openat": OPENING, "openat2": OPENING + " ENOSYS", "open": OPENING,
    "close": "EIO EINTR ENOSPC", "getdents64": "EIO ENOENT EINTR ENOMEM",
    "fstat": "EIO ENOMEM ESTALE", "stat": "EACCES EIO ENOENT ENOMEM",
    "lstat": "EACCES EIO ENOENT ENOMEM", "newfstatat": "EACCES EIO ENOENT ENOMEM",
    "statx": "EACCES EIO ENOENT ENOMEM ENOSYS", "lseek": "EIO",
    "fcntl": "EAGAIN ENOLCK EINTR", "flock": "EWOULDBLOCK EINTR ENOLCK",
    "fsync": "EIO ENOSPC EDQUOT EROFS", "fdatasync": "EIO ENOSPC", "syncfs": "EIO ENOSPC",
    "ftruncate": "EIO ENOSPC EFBIG EINTR", "fallocate": "EOPNOTSUPP ENOSPC EIO EINTR",
    "rename": NAMING, "renameat": NAMING, "renameat2": NAMING + " EINVAL ENOSYS",
    "link": NAMING, "linkat": NAMING + " EPERM EMLINK ENOENT",
    "unlink": "EACCES EIO EBUSY", "unlinkat": "EACCES EIO EBUSY", "rmdir": "EBUSY EACCES",
    "mkdir": NAMING, "mkdirat": NAMING,
    "chmod": "EPERM EIO EROFS", "fchmod": "EPERM EIO EROFS", "fchmodat": "EPERM EIO EROFS",
    "fchown": "EPERM EIO", "fchownat": "EPERM EIO", "utimensat": "EPERM EIO EROFS",
    "readlink": "EACCES EINVAL ENOENT", "readlinkat": "EACCES EINVAL ENOENT",
    "access": "EACCES ENOENT", "faccessat": "EACCES ENOENT", "getcwd": "ENOENT ENOMEM",
    "fstatfs": "EIO ENOSYS", "getrandom": "EINTR ENOSYS", "ioctl": "ENOTTY EINVAL",
    "fadvise64": "EINVAL", "sync_file_range": "EIO",
}
# A call that is told to try again does so for ever, and rightly; and a database's lock that is
# held is waited for, which tests of its own see.
ONCE_ONLY = {"EINTR", "EAGAIN", "ENOLCK"}
SHORT = ("read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev",
         "copy_file_range", "sendfile", "getrandom")
WHAT = {"errors": "system calls that fail, once and from there on",
        "kills": "SIGKILL at the entry of each system call",
        "short": "short reads and writes, once and from there on",
        "memory": "allocations that fail, once and from there on"}


def make_keys(folder):
    path = os.path.join(folder, "keys")
    subprocess.run(["age-keygen", "-o", path], check=True, stderr=subprocess.DEVNULL)
    with open(path) as file:
        lines = file.read().split()
    recipient = next(word for word in lines if word.startswith("age1"))
    identity = next(word for word in lines if word.startswith("AGE-SECRET-KEY-1"))
    return "keys:%s,%s" % (recipient, identity)


def scenes(programs, base, disk, only):
    """Each operation with each kind of store, clear and encrypted; with one thread, in which the
    order of calls is the same each time, and some with two; and a backup that is repeated."""
    keys = make_keys(base)
    made = []
    for secret in (None, keys):
        for store in ("directory", "sqlite", "host"):
            for operation in ("backup", "verify", "list", "restore"):
                made.append((operation, store, secret, False, 1))
        for operation in ("verify", "list", "restore"):
            made.append((operation, "directory", secret, True, 1))
        for operation in ("backup", "verify", "restore"):
            made.append((operation, "directory", secret, False, 2))
        for operation in ("backup", "restore"):
            made.append((operation, "sqlite", secret, False, 2))
    for given in made:
        if only in scene.words(*given):
            yield scene.Scene(programs, base, *given)
    if only in scene.words("backup", "directory", None, False, 1) + ", repeated":
        yield scene.Repeat(programs, base, disk)


def faults(one, kind):
    """All the faults of a kind that an operation can meet: (call, number, action)."""
    if kind == "memory":
        return [("malloc", number, action) for number in range(1, one.count_allocations() + 1)
                for action in ("", "+")]
    calls = one.calls()
    if kind == "kills":
        return [("any", number, "kill") for number in range(1, len(calls) + 1)]
    found = []
    for name, count in sorted(one.counts.items()):
        if kind == "short" and name in SHORT:
            # From there on it is a byte each: too many calls for what a large license has.
            actions = ["short"] if isinstance(one, scene.Repeat) else ["short", "short+"]
        elif kind == "errors" and name in ERRORS:
            actions = []
            for word in ERRORS[name].split():
                number = str(getattr(errno, word))
                actions += [number] if word in ONCE_ONLY else [number, number + "+"]
        else:
            continue
        found += [(name, number, action) for number in range(1, count + 1) for action in actions]
    return found


def words_of(fault):
    name, number, action = fault
    code = action.rstrip("+")
    action = errno.errorcode[int(code)] if code.isdigit() else code or "ENOMEM"
    return "%s %d%s: %s" % (name, number, " and on" * fault[2].endswith("+"), action)


def loop(one, kind, every, seed):
    """(tried, what was violated) of one scene."""
    tried, violated, begun = 0, [], time.monotonic()
    chosen = faults(one, kind)[seed % every::every]
    for fault in chosen:
        try:
            tried += one.check(fault, kind.rstrip("s")).hits > 0
        except scene.Violated as problem:
            tried += 1
            violated.append("%s; %s: %s" % (one, words_of(fault), problem))
            print(violated[-1], file=sys.stderr, flush=True)
    print("%s, %s: %d of %d met, %.0f s" % (
        one, kind, tried, len(chosen), time.monotonic() - begun), file=sys.stderr, flush=True)
    return tried, violated


def run(kinds=tuple(WHAT), every=1, seed=0, only="", base=None):
    """{kind: (tried, what was violated)} of all scenes, two at a time."""
    if base is None and os.access("/dev/shm", os.W_OK):
        base = "/dev/shm"
    results = {}
    with tempfile.TemporaryDirectory(prefix="wmlb-faults-", dir=base) as folder, \
            tempfile.TemporaryDirectory(prefix="wmlb-faults-") as disk:
        scene.build(folder)
        made = list(scenes(folder, folder, disk, only))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for kind in kinds:
                tried, violated = 0, []
                for some, words in pool.map(lambda one: loop(one, kind, every, seed), made):
                    tried += some
                    violated += words
                results[kind] = (tried, violated)
    return results


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(WHAT))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    failed = False
    for kind in given.kinds:
        begun = time.monotonic()
        tried, violated = run([kind], given.every, given.seed, given.only)[kind]
        print("| %s | %d | %d |" % (WHAT[kind], tried, len(violated)), flush=True)
        print("%s: %.0f s" % (kind, time.monotonic() - begun), file=sys.stderr)
        failed |= bool(violated) or tried == 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
