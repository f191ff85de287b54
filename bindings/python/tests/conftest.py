"""What the tests share: stores to back up, and children that are interrupted."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

import wmlb

ROOT = Path(__file__).resolve().parents[3]
# Nothing in the tests lasts this long, unless it hangs.
HANGS = 60

PUBLIC_KEY = "age18ex9ugln82ruad5snf9zj0gc4v6g3n94qaqeqnfvq5c8096ghgaqyr6l2x"
SECRET_KEY = "AGE-SECRET-KEY-1U048QQWXJKYXGD9GKLZSN258VXYDPKAXW8F6KXUETGCQWHCA5UPSLA7VSY"


def fill(folder: Path, count: int = 20) -> Path:
    """A store of so many licenses."""
    for number in range(count):
        path = folder / f"{number % 7}" / f"license-{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"license %d " % number * 20)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill(tmp_path / "store")


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture(scope="session")
def slow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What takes half a minute or so to back up with compression_level=19, threads=1."""
    folder = tmp_path_factory.mktemp("slow")
    words = [os.urandom(length).hex().encode() for length in range(2, 6) for _ in range(300)]
    for number in range(6):
        (folder / f"{number}.bin").write_bytes(b" ".join(random.choices(words, k=500_000)))
    return folder


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python programs; those that still run after the test are killed."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        program = tmp_path / f"child-{len(children)}.py"
        program.write_text(code)
        process = subprocess.Popen(
            [sys.executable, str(program), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # Whoever runs the tests in the background has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        children.append(process)
        return process

    yield start
    for process in children:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No run is known to the library after a test, whatever happened in it."""
    yield
    from wmlb import _run

    gc.collect()
    assert dict(_run._runs) == {}


@pytest.fixture
def backed_up(store: Path, to: Path) -> Path:
    wmlb.backup(store, to)
    return to
