"""Ctrl-C: a real SIGINT to a process that is at it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

import wmlb
from conftest import HANGS, contents, fill

Child = Callable[..., "subprocess.Popen[str]"]

# Prints "began" when the operation has begun and how it ended.
BACKUP = """
import sys, wmlb
store, to = sys.argv[1:]
def on_event(event):
    if event.status == wmlb.Status.BACKUPRESTORE_BEGIN:
        print("began", flush=True)
try:
    wmlb.backup(store, to, overwrite=True, compression_level=19, threads=1, on_event=on_event)
except KeyboardInterrupt:
    print("interrupted")
else:
    print("done")
print("goes on")
"""


def interrupt(process: subprocess.Popen[str], after: float = 0.3) -> tuple[str, str, float]:
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    time.sleep(after)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANGS)
    return out, err, time.monotonic() - began


def test_a_backup(child: Child, store: Path, slow_store: Path, to: Path) -> None:
    wmlb.backup(store, to)
    before = contents(to)
    process = child(BACKUP, slow_store, to)
    out, err, took = interrupt(process)
    assert (out, err, process.returncode) == ("interrupted\ngoes on\n", "", 0)
    assert took < 20
    assert contents(to) == before


def test_without_a_handler(child: Child, slow_store: Path, to: Path) -> None:
    process = child("import sys, wmlb\nprint('began', flush=True)\n"
                    "wmlb.backup(*sys.argv[1:], compression_level=19, threads=1)", slow_store, to)
    out, err, _ = interrupt(process)
    assert out == ""
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    assert contents(to) == {}


def test_in_a_callback(child: Child, store: Path, to: Path) -> None:
    process = child("""
import sys, time, wmlb
def on_progress(progress):
    print("began", flush=True)
    while True:  # a signal right before a sleep does not end it
        time.sleep(0.1)
try:
    wmlb.backup(*sys.argv[1:], on_progress=on_progress)
except KeyboardInterrupt:
    print("interrupted")
""", store, to)
    out, err, took = interrupt(process, after=0)
    assert (out, err) == ("interrupted\n", "")
    assert took < 20
    assert contents(to) == {}


def test_asyncio(child: Child, slow_store: Path, to: Path) -> None:
    process = child("""
import asyncio, sys, wmlb
def on_event(event):
    if event.status == wmlb.Status.BACKUPRESTORE_BEGIN:
        print("began", flush=True)
try:
    asyncio.run(wmlb.backup_async(
        *sys.argv[1:], compression_level=19, threads=1, on_event=on_event))
except KeyboardInterrupt:
    print("interrupted")
""", slow_store, to)
    out, err, took = interrupt(process)
    assert (out, err) == ("interrupted\n", "")
    assert took < 20
    assert contents(to) == {}


def test_a_list(child: Child, tmp_path: Path) -> None:
    """The list is long, and again and again: the interruption comes in the midst of one."""
    store = fill(tmp_path / "many", 3000)
    process = child("""
import sys, wmlb
print("began", flush=True)
try:
    while True:
        wmlb.list_store(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
""", store)
    assert interrupt(process)[:2] == ("interrupted\n", "")


def test_at_any_moment(child: Child, store: Path, to: Path) -> None:
    """Hundreds of interruptions, wherever they hit: nothing hangs, dies or is left behind."""
    process = child("""
import _weakrefset, gc, os, signal, sys, weakref, wmlb
from wmlb import _run
store, to = sys.argv[1:]
armed = False
interrupted = 0
# What a weak reference calls back swallows what is raised in it, and prints it: Python forgets
# each thread that ends in this way.
LOST_IN = (weakref.__file__, _weakrefset.__file__)

def interrupt(_, frame):
    # Once an attempt, so that it does not hit what counts them.
    global armed, interrupted
    if armed and frame.f_code.co_filename not in LOST_IN:
        armed = False
        interrupted += 1
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("began", flush=True)
while not os.path.exists(to + ".stop"):
    try:
        armed = True
        wmlb.backup(store, to, overwrite=True, on_progress=lambda p: None, rights=lambda l: None)
        wmlb.list_backup(to)
        armed = False
    except KeyboardInterrupt:
        pass
wmlb.backup(store, to, overwrite=True)
gc.collect()
print(wmlb.verify(to).licenses, len(_run._runs), interrupted > 50)
""", store, to)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    for number in range(300):
        time.sleep(0.002 + number % 17 / 1000)
        process.send_signal(signal.SIGINT)
    Path(f"{to}.stop").touch()
    out, err = process.communicate(timeout=HANGS)
    assert (out, err, process.returncode) == ("20 0 True\n", "", 0)


def test_the_end_of_the_process(child: Child, slow_store: Path, to: Path) -> None:
    """A thread that still backs up does not keep the process, nor crash it."""
    process = child("""
import sys, threading, time, wmlb
began = threading.Event()
def on_event(event):
    began.set()
    time.sleep(0.01)
def backup():
    wmlb.backup(*sys.argv[1:], compression_level=19, threads=1, on_event=on_event)
threading.Thread(target=backup, daemon=True).start()
began.wait()
""", slow_store, to)
    out, err = process.communicate(timeout=HANGS)
    assert (out, err, process.returncode) == ("", "", 0)
    assert contents(to) == {}
