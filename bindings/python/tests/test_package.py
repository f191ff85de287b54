"""What is installed, its types, the source distribution, and the examples of the READMEs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import wmlb
from conftest import ROOT
from wmlb import _native as native

PACKAGE = ROOT / "bindings/python"


def run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel() -> None:
    distribution = importlib.metadata.distribution("wmlb")
    assert distribution.version == wmlb.__version__ == native.VERSION
    assert distribution.requires is None or all("extra" in one for one in distribution.requires)
    tag = re.search(r"^Tag: (.*)$", distribution.read_text("WHEEL") or "", re.M)
    machine = os.uname().machine
    assert tag and tag[1] == f"py3-none-linux_{machine}"
    names = {str(file) for file in distribution.files or ()}
    modules = {str(path.relative_to(PACKAGE / "src")) for path in PACKAGE.glob("src/wmlb/*.py")}
    texts = {"wmlb/licenses/LICENSE-MIT", "wmlb/licenses/LICENSE-APACHE"}
    assert modules | texts | {"wmlb/py.typed", "wmlb/libwmlb.so.1"} <= names


def test_the_library_in_it_is_the_one_that_is_shipped() -> None:
    loaded = Path(native.lib._name)
    assert loaded == Path(wmlb.__file__).with_name("libwmlb.so.1")
    dist = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist/libwmlb.so.1"
    shipped = Path(os.environ.get("WMLB_LIBRARY", dist))
    assert loaded.read_bytes() == shipped.read_bytes()


def test_without_the_library_it_cannot_be_imported(tmp_path: Path) -> None:
    for module in (PACKAGE / "src/wmlb").glob("*.py"):
        target = tmp_path / "wmlb" / module.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(module.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", "import wmlb"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert "ImportError: libwmlb.so.1 cannot be used" in done.stderr


def test_the_source_distribution_is_whole(tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=PACKAGE)
    with tarfile.open(tmp_path / f"wmlb-{wmlb.__version__}.tar.gz") as archive:
        archive.extractall(tmp_path)
    unpacked = tmp_path / f"wmlb-{wmlb.__version__}"
    tracked = run("git", "ls-files", "src", "include", cwd=ROOT).split()
    # Without git, in an archive of the sources, there is nothing to compare with.
    assert all((unpacked / "library" / name).is_file() for name in tracked)
    # cargo finds every file that Cargo.toml names, and a lock file that fits.
    run("cargo", "metadata", "--locked", "--no-deps", "--format-version=1",
        cwd=unpacked / "library")
    spec = importlib.util.spec_from_file_location("hook", unpacked / "hatch_build.py")
    assert spec and spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    built = hook.LibraryHook(str(unpacked), {}, None, None, "", "")
    assert built.sources() == unpacked / "library"
    assert [text.name for text in built.licenses()] == ["LICENSE-APACHE", "LICENSE-MIT"]


CONSUMER = """
import asyncio
import wmlb

def on_progress(progress: wmlb.Progress) -> None:
    reveal_type(progress.licenses_done)

summary = wmlb.backup("a", b"b", overwrite=True, on_progress=on_progress, passphrase="c")
reveal_type(summary.path)
reveal_type(wmlb.list_backup("b"))
reveal_type(asyncio.run(wmlb.verify_async("b")))
reveal_type([one.running for one in wmlb.stores()])
with wmlb.Restorer("a") as restorer:
    reveal_type(restorer)
try:
    restorer.restore("b")
except wmlb.BackupExistsError as error:
    reveal_type(error.code)
wmlb.backup("a")
wmlb.backup("a", "b", on_progress=lambda: None)
"""
TOLD = [
    "int", "pathlib.Path", "list[wmlb._values.License]", "wmlb._values.Summary",
    "list[bool | None]", "wmlb._restorer.Restorer", "int",
]


def test_types(tmp_path: Path) -> None:
    """mypy --strict finds nothing in the package and its tests, and what it should in a
    program that uses them."""
    mypy = [sys.executable, "-m", "mypy", f"--cache-dir={tmp_path / 'cache'}"]
    run(*mypy, "--strict", PACKAGE / "src", PACKAGE / "hatch_build.py", PACKAGE / "tests")
    (tmp_path / "consumer.py").write_text(CONSUMER)
    done = subprocess.run(
        [*mypy, "--strict", "consumer.py"], cwd=tmp_path, capture_output=True, text=True
    )
    told = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert [one.replace("builtins.", "") for one in told] == TOLD
    wrong = sorted(set(re.findall(r"consumer.py:(\d+): error: ", done.stdout)))
    lines = CONSUMER.splitlines()
    assert [lines[int(line) - 1] for line in wrong] == lines[-2:]


@pytest.mark.parametrize("readme", [ROOT / "README.md", PACKAGE / "README.md"])
def test_the_examples_run(readme: Path, store: Path, to: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", readme.read_text(), re.S)
    assert len(examples) == 1
    out = run(sys.executable, "-c", examples[0], store, to)
    assert "20 licenses are in " + str(to / "licenses.wmlb") in out
    assert "20 of 20" in out
