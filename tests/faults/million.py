#!/usr/bin/env python3
"""A store of very many licenses: backed up, verified, listed and restored, and what memory that
takes.

    million.py [COUNT]

Prints a row of a table: what | tried | violated. It needs 10 GB where temporary files are.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

import scene

# What a backup of a thousand takes, and little more: it does not grow with their number. What a
# restore notes of each is on the disk.
MOST_MEMORY = 100 << 10  # KiB
OPERATIONS = ("backup", "verify", "list", "restore")
IN_A_FOLDER = 1000


def content(number):
    return b"a license of number %09d\n" % number


def path_of(number):
    return "%04d/%09d.lic" % (number // IN_A_FOLDER, number)


def make(store, count):
    for number in range(count):
        if number % IN_A_FOLDER == 0:
            os.makedirs(os.path.join(store, os.path.dirname(path_of(number))))
        with open(os.path.join(store, path_of(number)), "wb", 0) as file:
            file.write(content(number))


def problem_of(store, count):
    """What is wrong with a restored store, "" if nothing."""
    for number in range(count):
        try:
            with open(os.path.join(store, path_of(number)), "rb", 0) as file:
                if file.read(100) != content(number):
                    return "%s has another content" % path_of(number)
        except OSError as error:
            return str(error)
    found = sum(len(files) for _, _, files in os.walk(store))
    return "" if found == count else "%d files instead of %d" % (found, count)


def operate(folder, operation, store, count):
    """(KiB, seconds, problem)"""
    environment = dict(os.environ, WMLB_MEASURED="1", WMLB_THREADS="2")
    command = [os.path.join(folder, "client"), operation, store, os.path.join(folder, "backups")]
    begun = time.monotonic()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         env=environment)
    seconds = time.monotonic() - begun
    said = re.search(r"^memory: (\d+)\n(-?\d+) -?\d+ (\d+) ", ran.stdout, re.M)
    if ran.returncode != 0 or not said:
        return 0, seconds, "exit code %d: %s" % (ran.returncode, ran.stdout[-300:])
    memory, problem = int(said[1]), ""
    if memory > MOST_MEMORY:
        problem = "it takes %d KiB" % memory
    if operation == "list" and int(said[3]) != count:
        problem = "it lists %s" % said[3]
    return memory, seconds, problem


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    problems, words = [], []
    with tempfile.TemporaryDirectory(prefix="wmlb-million-") as folder:
        scene.build(folder)
        os.mkdir(os.path.join(folder, "backups"))
        store, restored = os.path.join(folder, "store"), os.path.join(folder, "restored")
        make(store, count)
        for operation in OPERATIONS:
            memory, seconds, problem = operate(
                folder, operation, restored if operation == "restore" else store, count)
            words.append("%s %.1f MiB, %.0f s" % (operation, memory / 1024, seconds))
            if operation == "restore" and not problem:
                problem = problem_of(restored, count)
            if problem:
                problems.append("%s of %d licenses: %s" % (operation, count, problem))
                print(problems[-1], file=sys.stderr)
        # Quicker than Python's own removal.
        subprocess.run(["rm", "-rf", store, restored], check=True)
    print("| %d licenses: %s | %d | %d |" % (
        count, "; ".join(words), len(OPERATIONS), len(problems)))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
