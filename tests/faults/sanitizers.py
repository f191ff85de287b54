#!/usr/bin/env python3
"""The C programs of the loops with the thread and the address sanitizer in all of it: the library,
the C in it, Rust's standard library and the programs.

    sanitizers.py [thread|address]...

Needs rustup's nightly toolchain with rust-src, and clang and its sanitizers of the version of LLVM
that this toolchain has (`rustc +nightly -vV`): clang-N, libclang-rt-N-dev, llvm-N. Prints a row of
a table for each: what | tried | reports.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import abuse
import scene

ROOT = scene.ROOT
TARGET = platform.machine() + "-unknown-linux-gnu"
# Nothing is suppressed. A child of a forked process that has threads may start one itself.
OPTIONS = {
    "thread": {"TSAN_OPTIONS": "halt_on_error=0:exitcode=66:die_after_fork=0"},
    # What ends in the middle of an operation has not given back its memory.
    "address": {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:"
                                "allocator_may_return_null=1"},
}
# Everything takes ten times as long with them.
RUNS = [("abuse", "3000 8 {}"), ("abuse", "3000 1 {}"), ("life", "cancel 30 {}"),
        ("life", "many 60 {}"), ("crowd", "writers 2 5"), ("crowd", "writers 4 5"),
        ("crowd", "changes 10 {}"), ("crowd", "threads 50 {}"), ("crowd", "restarts 200 {}"),
        # Events that are fetched while operations are canceled and queues released.
        ("queue", "350000")]


def source_of(program):
    folder = os.path.join(ROOT, "tests/c") if program == "queue" else scene.HERE
    return os.path.join(folder, program + ".c")


def llvm():
    """The version whose sanitizers are the toolchain's."""
    said = subprocess.run(["rustc", "+nightly", "-vV"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return re.search(r"^LLVM version: (\d+)", said, re.M)[1]


def build(sanitizer, folder):
    """The library, and the programs beside it."""
    compiler = "clang-" + llvm()
    target = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), sanitizer)
    flag = "-fsanitize=" + sanitizer
    command = ["cargo", "+nightly", "rustc", "--quiet", "--locked", "--release", "--lib",
               "--features", "capi", "--crate-type", "cdylib", "--target", TARGET,
               "-Zbuild-std=std,panic_unwind"]
    for setting in ("lto=false", "codegen-units=16", "strip=false", "debug=1"):
        command += ["--config", "profile.release." + setting]
    subprocess.run(command, check=True, cwd=ROOT, env=dict(
        os.environ, CARGO_TARGET_DIR=target, CC=compiler, CFLAGS=flag + " -g",
        RUSTFLAGS="-Zsanitizer=" + sanitizer))
    built = os.path.join(target, TARGET, "release/libwmlb.so")
    library = os.path.join(folder, "libwmlb.so.1")
    os.symlink(built, library)
    for program in {program for program, _ in RUNS}:
        # rustc does not record the library's name when it is built in this way.
        subprocess.run([compiler, "-std=gnu11", "-O1", "-g", flag, "-I" + ROOT + "/include",
                        source_of(program), library,
                        "-Wl,-rpath," + folder, "-pthread", "-ldl",
                        "-o", os.path.join(folder, program)], check=True)
    return library


def main(sanitizers):
    failed = False
    for sanitizer in sanitizers or OPTIONS:
        with tempfile.TemporaryDirectory(prefix="wmlb-sanitizer-") as folder:
            library = build(sanitizer, folder)
            for name, value in OPTIONS[sanitizer].items():
                os.environ[name] = value + ":external_symbolizer_path=" + (
                    shutil.which("llvm-symbolizer-" + llvm()))
            os.environ["WMLB_LIBRARY"] = library
            tried, problems = 0, []
            for program, arguments in RUNS * 3:
                tried += 1
                _, problem = abuse.run(os.path.join(folder, program), arguments, tried)
                problems += [problem] * bool(problem)
            print("\n".join(problems), file=sys.stderr)
            print("| runs with the %s sanitizer | %d | %d |" % (sanitizer, tried, len(problems)),
                  flush=True)
            failed |= bool(problems)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
