#!/usr/bin/env python3
"""Which test produces each result code that a page of the reference lists: tests/codes.txt.

    produced.py check                runs the tests that are named there, and says which of them do
                                     not produce their code
    produced.py update [TESTS...]    runs rooms of tests/python, or modules (room.test_x), all rooms
                                     by default, and names a test for each code that has none

Each test is run with WMLB_CODES set to a file: wmlb_ctypes then has each call noted there."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TABLE = os.path.join(TOP, "tests/codes.txt")
CODE = re.compile(r"WMLB_(?:S|E|NS_E)_\w+|WMLB_HRESULT_FROM_WIN32\(\d+\)")
STARTS = ("backup_licenses", "restore_licenses", "verify_backup")


def header():
    """What reads include/wmlb.h."""
    sys.path.insert(0, os.path.join(TOP, "docs/reference"))
    import header as module
    return module


def numbers():
    """The result codes of the header by their names, as C sees them."""
    with open(os.path.join(TOP, "include/wmlb.h"), encoding="utf-8") as file:
        found = re.findall(r"^#define (WMLB_\w+) WMLB_HRESULT\(0x(\w+)\)$", file.read(), re.M)
    return {name: signed(int(value, 16)) for name, value in found}


def signed(value):
    return value - (1 << 32) if value >> 31 else value


def number(code, known):
    win32 = re.search(r"FROM_WIN32\((\d+)\)", code)
    return signed(0x80070000 | int(win32[1])) if win32 else known[code]


def with_handle(name):
    """The function of the default restorer forwards to the one that takes a handle."""
    return re.sub(r"^wmlb_(?!restorer_|queue_|discover_)", "wmlb_restorer_", name)


def listed():
    """The functions that take a handle, or need none, each with the codes that its page lists: as
    its answer, and at the end of its operation."""
    read = header()
    found = set()
    for item in (item for group in read.read()[1] for item in group.items):
        if item.kind != "function":
            continue
        for section in item.sections:
            if section.title.startswith(("Returns", "Failures")):
                for line in (line for text in section.texts for line in text.lines):
                    found |= {(with_handle(item.name), code)
                              for code in CODE.findall(read.pair(line)[0])}
    return found


def table():
    """Function and code, and the test of each."""
    with open(TABLE, encoding="utf-8") as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return {(function, code): test for function, code, test in rows}


class Notes:
    """Notes each function and result that was not seen yet, with the test that runs."""

    def __init__(self, path):
        self.path = path
        self.seen = set()
        self.left = []
        self.test = os.environ.get("WMLB_CODES_TEST", "-")  # of the parent
        self.started = {}

    def __call__(self, result, function, arguments):
        name = with_handle(function.__name__)
        handle = getattr(arguments[0], "value", arguments[0]) if arguments else None
        if function.__name__ != name:
            handle = "default"
        short = name.removeprefix("wmlb_restorer_")
        self.note(name, result)
        if short in STARTS and result == 0:
            self.started[handle] = name
        elif short == "wait" and result == 0:
            ended = getattr(arguments[-1], "_obj", None)
            if ended is not None and handle in self.started:
                self.note(self.started[handle], ended.value)
        return result

    def note(self, *what):
        if what not in self.seen:
            self.seen.add(what)
            self.left.append("%s %d %s\n" % (*what, self.test))
        if not self.left:
            return
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write("".join(self.left))
            self.left = []
        except OSError:
            pass  # a test of limits: at the next call


def take_notes(lib, path):
    """Of each function of the library that gives a result."""
    notes = Notes(path)
    with open(os.path.join(TOP, "include/wmlb.h"), encoding="utf-8") as file:
        names = re.findall(r"^(?:WMLB_NODISCARD )?wmlb_hresult (wmlb_\w+)\(", file.read(), re.M)
    for name in names:
        getattr(lib, name).errcheck = notes
    run = unittest.TestCase.run

    def run_noted(test, *arguments):
        os.environ["WMLB_CODES_TEST"] = notes.test = test.id()
        notes.seen = set()
        return run(test, *arguments)
    unittest.TestCase.run = run_noted


def produced(arguments):
    """Runs tests, and gives what each function answered: {(function, number): tests}."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "codes")
        open(path, "w").close()
        os.chmod(path, 0o666)
        done = subprocess.run([sys.executable, "-m", "unittest", *arguments], cwd=HERE,
                              env={**os.environ, "WMLB_CODES": path}, timeout=3600,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        print(" ".join(arguments[:3]), *done.stderr.splitlines()[-1:], flush=True)
        found = {}
        with open(path, encoding="utf-8") as file:
            for function, value, test in (line.split() for line in file):
                found.setdefault((function, int(value)), set()).add(test)
    return found


def check():
    rows, known = table(), numbers()
    found = produced(sorted(set(rows.values())))
    missing = ["%s %s %s" % (*pair, test) for pair, test in sorted(rows.items())
               if test not in found.get((pair[0], number(pair[1], known)), ())]
    print("%d codes of functions, %d without their test" % (len(rows), len(missing)))
    return "\n".join(missing)


def write_table(rows):
    with open(TABLE, encoding="utf-8") as file:
        comment = [line for line in file if line.startswith("#")]
    with open(TABLE, "w", encoding="utf-8") as file:
        file.writelines(comment)
        file.writelines("%s %s %s\n" % (*pair, rows[pair]) for pair in sorted(rows))


def update(names):
    names = names or sorted(name for name in os.listdir(HERE)
                            if os.path.exists(os.path.join(HERE, name, "__init__.py")))
    rows, known, wanted = table(), numbers(), listed()
    rows = {pair: test for pair, test in rows.items() if pair in wanted}
    runs = [["discover", "-s", name, "-t", "."] for name in names if "." not in name]
    runs += [modules] if (modules := [name for name in names if "." in name]) else []
    for run in runs:
        found = produced(run)
        for pair in wanted - rows.keys():
            tests = found.get((pair[0], number(pair[1], known)), set()) - {"-"}
            if tests:
                rows[pair] = min(tests)
        rows = {**table(), **rows}  # another run may have added some
        write_table(rows)
    return "\n".join("no test: %s %s" % pair for pair in sorted(wanted - rows.keys()))


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        sys.exit(check())
    if sys.argv[1:2] == ["update"]:
        sys.exit(update(sys.argv[2:]))
    sys.exit(__doc__)
