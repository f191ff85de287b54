#!/usr/bin/env python3
"""Runs the behaviors of behaviors.txt through a driver of each language, and shows the table.

    run.py [--all] [--install] [HOST...]

Without hosts, those that CI has; --all: all. --install installs, as root, what they need and is not
there. A host that cannot run is left out, and named. The last line counts.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import select
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/python")]

import hosts  # noqa: E402
import license_forge  # noqa: E402
import short  # noqa: E402

# Nothing lasts this long, unless it hangs.
HANGS = 60
# In memory where that can be: folders of many links take their time on a disk.
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

STATUSES = {
    "ERROR": 0, "BEGIN": 21, "END": 27, "CONNECTING": 28, "DISCONNECTING": 29,
    "ERROR_WITHURL": 30, "RESTRICTED": 31, "PROGRESS": 0x1000, "SKIPPED": 0x1001, "FEWER": 0x1002,
}
PUBLIC_KEY = "age18ex9ugln82ruad5snf9zj0gc4v6g3n94qaqeqnfvq5c8096ghgaqyr6l2x"
SECRET_KEY = "AGE-SECRET-KEY-1U048QQWXJKYXGD9GKLZSN258VXYDPKAXW8F6KXUETGCQWHCA5UPSLA7VSY"
WRONG_KEY = "AGE-SECRET-KEY-1TJS3ADX2XGC4Q98L6HCF4X8CQXK6YF46UTNKHCSY7PXCN0SLRYGSJPT35N"

Call = collections.namedtuple("Call", "words expected")


class Differs(Exception):
    """A host saw something else."""


class NotHere(Exception):
    """The host has no such call."""


class Ended(Exception):
    """The driver is no more."""


def codes():
    """The result codes by the names of include/wmlb.h, without WMLB_."""
    found = {"HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)": -0x7FF8FFFE}
    with open(os.path.join(ROOT, "include/wmlb.h")) as header:
        for name, value in re.findall(
            r"#define WMLB_(\w+) WMLB_HRESULT\((0x\w+)\)", header.read()
        ):
            number = int(value, 16)
            found[name] = number - (1 << 32) if number >> 31 else number
    return found


CODES = codes()


def behaviors():
    """{name: calls}"""
    found = {}
    with open(os.path.join(HERE, "behaviors.txt"), encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("["):
                calls = found[line[1:-1]] = []
            elif line.startswith("  "):
                calls[-1].expected.append(line.strip().split(" ", 1))
            elif line and not line.startswith("#"):
                calls.append(Call(line, []))
    return found


class Folders:
    """What a behavior works on. make_* and see_* are the lines make and see of behaviors.txt."""

    def __init__(self, root):
        self.names = {
            "public": PUBLIC_KEY, "secret": SECRET_KEY, "wrong": WRONG_KEY,
            **{name: os.path.join(root, name) for name in ("store", "other", "backups", "file")},
        }
        self.store, self.other = self.names["store"], self.names["other"]
        self.backups = self.names["backups"]
        self.backup = os.path.join(self.backups, "licenses.wmlb")
        os.mkdir(self.store)
        os.mkdir(self.backups)

    def filled_in(self, text):
        return re.sub(r"\$(\w+)", lambda match: self.names[match[1]], text)

    def make(self, what, *words):
        getattr(self, "make_" + what)(*words)

    def make_license(self, name, content):
        path = os.path.join(self.store, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)

    def make_store(self, count):
        for number in range(int(count)):
            self.make_license("license-%d" % number, "license-%d" % number)

    def make_links(self, count):
        for number in range(int(count)):
            os.symlink("nowhere", os.path.join(self.store, "link-%04d" % number))

    def make_denied(self):
        with open(os.path.join(self.store, "denied.lic"), "wb") as file:
            file.write(license_forge.v1(rights=license_forge.V1_DENIED))

    def make_empty(self):
        shutil.rmtree(self.store)
        os.mkdir(self.store)

    def make_damage(self):
        with open(self.backup, "r+b") as file:
            content = bytearray(file.read())
            content[40] ^= 0xFF
            file.seek(0)
            file.write(content)

    def make_cut(self):
        os.truncate(self.backup, os.path.getsize(self.backup) // 2)

    def make_junk(self):
        with open(self.backup, "wb") as file:
            file.write(b"no backup at all, but some text " * 100)

    def contents(self, folder):
        found = {}
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)
                if not os.path.islink(path):
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, folder)] = file.read()
        return found

    def see(self, *words):
        if words == ("backup",):
            holds = os.listdir(self.backups) == ["licenses.wmlb"]
        elif words == ("no", "backup"):
            holds = os.listdir(self.backups) == []
        elif words == ("other", "same"):
            holds = self.contents(self.other) == self.contents(self.store)
        elif words == ("other", "empty"):
            holds = not self.contents(self.other)
        elif words[0] == "license":
            holds = self.contents(self.store)[words[1]] == words[2].encode()
        elif words[1] == "alone":
            holds = list(self.contents(self.other)) == [words[0]]
        else:
            holds = len(os.listdir(self.backups)) == int(words[1])
        if not holds:
            raise Differs("one does not see: " + " ".join(words))


class Driver:
    """The process of a host."""

    def __init__(self, host):
        self.process = subprocess.Popen(
            host.command, env=host.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "WMLB_QUIET" in os.environ else None,
        )
        self.rest = b""

    def line(self):
        deadline = time.monotonic() + HANGS
        while b"\n" not in self.rest:
            ready, _, _ = select.select(
                [self.process.stdout], [], [], max(0, deadline - time.monotonic())
            )
            if not ready:
                self.end()
                raise Differs("it hangs")
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                raise Ended
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def call(self, words):
        """What it answers: events, names, result."""
        try:
            self.process.stdin.write(words.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Ended
        events, names = [], []
        while True:
            kind, _, rest = self.line().partition(" ")
            if kind == "event":
                status, hr, text = rest.split(" ", 2)
                events.append((int(status), int(hr), text))
            elif kind == "name":
                names.append(rest)
            elif kind == "result":
                return events, sorted(names), int(rest)
            elif kind == "no":
                raise NotHere
            else:
                raise Differs("it says %s %s" % (kind, rest))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def matches(pattern, text):
    if pattern.startswith("~"):
        return pattern[1:] in text
    return pattern in ("*", text)


def check_event(words, event, folders):
    status, hr, text = (words.split(" ", 2) + ["S_OK", "*"][len(words.split(" ", 2)) - 1:])[:3]
    good = STATUSES[status] == event[0] and (hr == "*" or CODES[hr] == event[1])
    if not good or not matches(folders.filled_in(text), event[2]):
        raise Differs("%r instead of %s" % (event, words))


def check(call, answer, folders):
    """Raises Differs unless the answer is what behaviors.txt says."""
    events, names, result = answer
    expected = collections.defaultdict(list)
    for kind, rest in call.expected:
        expected[kind].append(rest)
    wanted = expected["result"] or ["S_OK"]
    if CODES[wanted[0]] != result:
        raise Differs("0x%08X instead of %s" % (result & 0xFFFFFFFF, wanted[0]))
    if expected["progress"]:
        told = [event[2] for event in events if event[0] == STATUSES["PROGRESS"]]
        if told[-1:] != expected["progress"]:
            raise Differs("progress %r instead of %s" % (told[-1:], expected["progress"][0]))
    others = [event for event in events if event[0] != STATUSES["PROGRESS"]]
    if expected["events"]:
        others = others[len(others) - len(expected["event"]):]
    if len(others) != len(expected["event"]):
        raise Differs("these events: %r" % others[:10])
    for words, event in zip(expected["event"], others):
        check_event(words, event, folders)
    if len(names) != len(expected["name"]):
        raise Differs("these names: %r" % names)
    for pattern, name in zip(expected["name"], names):
        if not matches(folders.filled_in(pattern), name):
            raise Differs("the name %r instead of %s" % (name, pattern))


def words_of(call, folders):
    """What the driver is told: statuses are numbers there, and so are flags."""
    words = folders.filled_in(call.words).split(" ")
    if words[0] in ("backup", "restore", "verify", "start"):
        words = [str(int(word, 16)) if word.startswith("0x") else word for word in words]
        words = [str(STATUSES.get(word, word)) for word in words]
    return " ".join(words)


def leaves(driver):
    """Whether the driver ends by itself, as a program does, when it is told to."""
    try:
        driver.call("exit")
    except (Ended, Differs):
        pass
    try:
        code = driver.process.wait(HANGS)
    except subprocess.TimeoutExpired:
        raise Differs("it does not end")
    if code != 0:
        raise Differs("it ends with %d" % code)


def perform(driver, calls, folders):
    driver.call("reset")
    for call in calls:
        verb, *rest = call.words.split(" ")
        if verb == "make":
            folders.make(*rest)
        elif verb == "see":
            folders.see(*rest)
        elif verb == "exit":
            leaves(driver)
        else:
            try:
                check(call, driver.call(words_of(call, folders)), folders)
            except Differs as differs:
                raise Differs("%s: %s" % (call.words, differs))


def run(host, table):
    """{behavior: "ok", "-" where the host has no such call, or what is wrong}"""
    seen, driver = {}, None
    for name, calls in table.items():
        with tempfile.TemporaryDirectory(prefix="wmlb-conformance-", dir=QUICK) as root:
            driver = driver or Driver(host)
            try:
                perform(driver, calls, Folders(root))
                seen[name] = "ok"
            except NotHere:
                seen[name] = "-"
            except Differs as differs:
                seen[name] = str(differs)
            except Ended:
                seen[name] = "it died (%s)" % driver.process.wait()
            # One that may still write there, or is no more, makes room for another.
            if seen[name] != "ok" or driver.process.poll() is not None:
                driver.end()
                driver = None
    if driver is not None:
        driver.end()
    return seen


def run_short(host, work):
    """Of the shortest program in this language, as run()."""
    with tempfile.TemporaryDirectory(prefix="wmlb-conformance-", dir=QUICK) as root:
        folders = Folders(root)
        folders.make("links", 1500)
        return short.run(host, work, folders) or "ok"


SHORT = "the shortest program"


def show(table, results):
    rows = [*table, SHORT]
    width = max(map(len, rows))
    print(" " * width, *results)
    for name in rows:
        said = {host: seen.get(name, "") for host, seen in results.items()}
        row = [(one if len(one) < 3 else "FAIL").center(len(host)) for host, one in said.items()]
        print(name.ljust(width), *row)
    for host, seen in results.items():
        for name, said in seen.items():
            if said not in ("ok", "-"):
                print("FAIL %s: %s: %s" % (host, name, said))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true", help="all hosts, not only CI's")
    parser.add_argument("--install", action="store_true", help="install what they need (apt, npm)")
    parser.add_argument("--only", help="behaviors whose name has this in it")
    parser.add_argument("--command", help="a driver that is made already, and how it is run")
    parser.add_argument("hosts", nargs="*", metavar="HOST")
    options = parser.parse_args()
    table = {
        name: calls for name, calls in behaviors().items() if (options.only or "") in name
    }
    with tempfile.TemporaryDirectory(prefix="wmlb-hosts-") as work:
        if options.command:
            ready = [hosts.Host("driver", shlex.split(options.command), dict(os.environ))]
            left_out = {}
        else:
            ready, left_out = hosts.prepare(work, options.hosts, options.all, options.install)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = [(host.name, pool.submit(run, host, table)) for host in ready]
            others = [
                (host.name, pool.submit(run_short, host, work)) for host in ready
                if host.name in short.PROGRAMS and (options.only or SHORT) in SHORT
            ]
            results = {name: future.result() for name, future in runs}
            for name, future in others:
                results[name][SHORT] = future.result()
    show(table, results)
    if others:
        print("lines of the shortest program:", ", ".join(
            "%s %d" % (name, short.lines(short.PROGRAMS[name][0])) for name, _ in others))
    for name, why in left_out.items():
        print("left out: %s (%s)" % (name, why))
    said = [said for seen in results.values() for said in seen.values()]
    not_here, good = said.count("-"), said.count("ok")
    print("conformance: %d passed, %d failed, %d not in that language" % (
        good, len(said) - good - not_here, not_here))
    return len(said) != good + not_here or not said


if __name__ == "__main__":
    sys.exit(main())
