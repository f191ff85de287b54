"""Sub-interpreters, as Kodi gives each add-on one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Callable

import pytest

pytest.importorskip("_xxsubinterpreters")

# What is called says in which interpreter it is: each has a module sys of its own.
INSIDE = """
import sys, threading, wmlb
sys.where = "sub"
seen = []

def told(_):
    import sys
    seen.append(getattr(sys, "where", "main"))

def rights(_):
    told(_)
    return wmlb.Right.ALLOWED

with wmlb.Restorer({store!r}, rights=rights) as restorer:
    summary = restorer.backup({to!r}, on_event=told, on_progress=told)
threading._shutdown()
print(summary.licenses, set(seen), len(seen) > 20)
"""
OUTSIDE = """
import _xxsubinterpreters as interpreters, sys
import wmlb
sys.where = "main"
for _ in range(3):
    own = interpreters.create(isolated=False)
    interpreters.run_string(own, sys.argv[1].format(store=sys.argv[2], to=sys.argv[3] + str(_)))
    interpreters.destroy(own)
"""


def test_all_is_called_in_the_interpreter_that_asked(
    child: Callable[..., subprocess.Popen[str]], store: Path, to: Path
) -> None:
    said, problems = child(OUTSIDE, INSIDE, store, to).communicate(timeout=60)
    assert said.splitlines() == ["20 {'sub'} True"] * 3, problems


def test_an_interpreter_ends_while_a_backup_runs(
    child: Callable[..., subprocess.Popen[str]], slow_store: Path, to: Path
) -> None:
    inside = """
import threading, wmlb
begun = threading.Event()
def back_up():
    try:
        wmlb.backup({store!r}, {to!r}, on_event=lambda _: begun.set())
    except wmlb.CanceledError:
        print("canceled", flush=True)
threading.Thread(target=back_up).start()
begun.wait()
threading._shutdown()
"""
    said, problems = child(OUTSIDE, inside, slow_store, to).communicate(timeout=60)
    assert said.splitlines() == ["canceled"] * 3, problems
    assert problems == ""
