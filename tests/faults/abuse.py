#!/usr/bin/env python3
"""Random calls, cancels, many operations, several at once, sudden endings: builds the C
programs of this folder against the library as it is shipped, runs them, and prints a table's
rows: what | tried | violated. --sample runs what CI does, --only WORD what has the word in its
name. Exits with 1 if a promise was broken.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR") or "target"
LIBRARY = os.path.abspath(
    os.environ.get("WMLB_LIBRARY") or os.path.join(ROOT, TARGET, "dist/libwmlb.so.1")
)
# A process may be stopped for minutes by whoever else uses the machine.
HANGS = 3600

# name, program, its arguments in the sample and in the whole run; how often each
RUNS = [
    ("random ABI calls, 1 thread", "abuse", ["40000 1 {}"], ["50000 1 {}"] * 10),
    ("random ABI calls, 8 threads", "abuse", ["60000 8 {}"], ["50000 8 {}"] * 10),
    ("random ABI calls from Python", "abuse_ctypes.py", ["10000 {}"], ["10000 {}"] * 10),
    ("cancels at random moments", "life", ["cancel 60 {}"], ["cancel 1000 {}"]),
    ("operations in one process", "life", ["many 300 {}"], ["many 10000 {}"]),
    ("two processes to one path", "crowd", ["writers 2 20"], ["writers 2 1000"]),
    ("four processes to one path", "crowd", ["writers 4 10"], ["writers 4 1000"]),
    ("backups of a changing store", "crowd", ["changes 40 {}"], ["changes 1000 {}"]),
    ("threads on one handle", "crowd", ["threads 100 {}"], ["threads 5000 {}"]),
    ("a release amid a second start", "crowd", ["restarts 1000 {}"], ["restarts 10000 {}"]),
    ("fork, dlclose, exit", "endings", ["{library} 20 {}"], ["{library} 1000 {}"]),
]


def build(folder, program):
    """Compiles a program of this folder, if it has to be; where it is then."""
    if program.endswith(".py"):
        return os.path.join(HERE, program)
    path = os.path.join(folder, program)
    command = ["gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    command += ["-I" + os.path.join(ROOT, "include"), os.path.join(HERE, program + ".c")]
    # This one loads the library when it runs.
    if program != "endings":
        command += [LIBRARY, "-Wl,-rpath," + os.path.dirname(LIBRARY)]
    subprocess.run(command + ["-pthread", "-ldl", "-o", path], check=True)
    return path


def run(path, arguments, seed=1):
    """What it says in its last line, and what is wrong with it, "" if nothing."""
    arguments = arguments.format(seed, library=LIBRARY)
    try:
        ended = subprocess.run(
            [path, *arguments.split()],
            env=dict(os.environ, WMLB_LIBRARY=LIBRARY),
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
    except subprocess.TimeoutExpired:
        return "", "%s %s hangs" % (path, arguments)
    said = ended.stdout.strip()
    if ended.returncode == 0:
        return said, ""
    return said, "%s %s: exit code %d\n%s%s" % (
        os.path.basename(path), arguments, ended.returncode, ended.stdout, ended.stderr,
    )


def sum_up(lines):
    """The lines of runs of the same kind as one, with their numbers added up."""
    if len(lines) == 1:
        return lines[0]
    numbers = [[int(number) for number in re.findall(r"\d+", line)] for line in lines]
    sums = iter([sum(column) for column in zip(*numbers)])
    return re.sub(r"\d+", lambda _: str(next(sums)), lines[0])


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args(arguments)
    runs = [one for one in RUNS if given.only in one[0]]
    seed = int(os.environ.get("WMLB_SEED") or int.from_bytes(os.urandom(4), "little"))
    print("WMLB_SEED=%d repeats this run" % seed, file=sys.stderr)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        built = {program: build(folder, program) for program in {one[1] for one in runs}}
        for name, program, sample, whole in runs:
            said, problems = [], []
            for number, line in enumerate(sample if given.sample else whole):
                last, problem = run(built[program], line, seed + number)
                said.append(last)
                problems += [problem] if problem else []
            tried = sum_up(said) if all(said) else "; ".join(filter(None, said))
            print("| %s | %s | %d |" % (name, tried, len(problems)), flush=True)
            print("\n".join(problems), file=sys.stderr)
            failed |= bool(problems)
    return failed or not runs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
