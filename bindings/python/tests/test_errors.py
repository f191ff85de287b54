"""Exceptions by code."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest

import wmlb
from wmlb._errors import error

BUILTIN = [
    (wmlb.Code.NS_E_DRM_BACKUP_EXISTS, FileExistsError, errno.EEXIST),
    (wmlb.Code.E_ACCESSDENIED, PermissionError, errno.EACCES),
    (wmlb.Code.NS_E_DRM_RESTORE_FRAUD, PermissionError, errno.EPERM),
    (wmlb.Code.E_SHARING_VIOLATION, OSError, errno.EBUSY),
    (wmlb.Code.NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE, FileNotFoundError, errno.ENOENT),
    (wmlb.Code.E_INVALIDARG, ValueError, None),
    (wmlb.Code.E_HANDLE, ValueError, None),
    (wmlb.Code.NS_E_BACKUP_RESTORE_BAD_DATA, ValueError, None),
    (wmlb.Code.NS_E_DRM_INVALID_LICENSE, ValueError, None),
    (wmlb.Code.NS_E_DRM_UNSUPPORTED_PROPERTY, KeyError, None),
    (wmlb.Code.E_NOTIMPL, NotImplementedError, None),
    (wmlb.Code.E_OUTOFMEMORY, MemoryError, None),
    (0x80070002 - (1 << 32), FileNotFoundError, errno.ENOENT),
    (0x80070003 - (1 << 32), FileNotFoundError, errno.ENOENT),
    (0x8007010B - (1 << 32), NotADirectoryError, errno.ENOTDIR),
    (0x80070070 - (1 << 32), OSError, errno.ENOSPC),
    (0x80070032 - (1 << 32), NotImplementedError, None),
]
# Names of the header's, for what the SDK has no name of its own.
_WIN32 = {
    "E_SHARING_VIOLATION": "ERROR_SHARING_VIOLATION",
    "E_INSUFFICIENT_BUFFER": "ERROR_INSUFFICIENT_BUFFER",
    "E_TIMEOUT": "WAIT_TIMEOUT",
}


@pytest.mark.parametrize("code, kind, number", BUILTIN)
def test_builtin_ones(code: int, kind: type[Exception], number: int | None) -> None:
    raised = error(code, "the words", Path("/a"), "https://example.com")
    assert isinstance(raised, wmlb.WmlbError) and isinstance(raised, kind)
    assert str(raised) == raised.message == "the words"
    assert (raised.code, raised.path, raised.url) == (code, Path("/a"), "https://example.com")
    if isinstance(raised, OSError):
        assert raised.errno == number
        assert raised.filename == "/a"
    copy = pickle.loads(pickle.dumps(raised))
    assert type(copy) is type(raised) and vars(copy) == vars(raised)


def test_every_code_has_an_exception() -> None:
    for code in wmlb.Code:
        raised = error(code)
        assert raised.code is code
        assert raised.name in (code.name, f"HRESULT_FROM_WIN32({_WIN32.get(code.name)})")
        assert raised.message  # the library's sentence
    assert type(error(-5)) is wmlb.WmlbError


def test_what_is_not_there(store: Path, to: Path, tmp_path: Path) -> None:
    with pytest.raises(wmlb.StoreError) as raised:
        wmlb.backup(tmp_path / "missing", to)
    assert raised.value.path == tmp_path / "missing"
    assert isinstance(raised.value, FileNotFoundError)
    assert raised.value.errno == errno.ENOENT
    assert raised.value.message.endswith(": No such file or directory")
    with pytest.raises(FileNotFoundError) as gone:
        wmlb.verify(tmp_path / "missing")
    assert isinstance(gone.value, wmlb.PathNotFoundError)
    assert Path(gone.value.filename).is_relative_to(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        wmlb.backup(store, tmp_path / "file")


def test_what_is_of_another_type(store: Path, to: Path) -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="StorePath takes a path, not int"):
        wmlb.backup(wrong, to)
    with pytest.raises(TypeError, match="BackupPath"):
        wmlb.backup(store, wrong)


def test_words_are_those_of_python(store: Path, to: Path) -> None:
    wmlb.backup(store, to)
    with pytest.raises(wmlb.BackupExistsError, match="exists already: overwrite=True replaces it"):
        wmlb.backup(store, to)
    for file in list(store.rglob("*.bin")):
        file.unlink()
    with pytest.raises(wmlb.WmlbError, match="it stays, unless empty=True is given"):
        wmlb.backup(store, to, overwrite=True)


def test_damage(backed_up: Path, tmp_path: Path) -> None:
    file = backed_up / "licenses.wmlb"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    for call in (
        lambda: wmlb.verify(backed_up),
        lambda: wmlb.list_backup(backed_up),
        lambda: wmlb.restore(backed_up, tmp_path / "again"),
    ):
        with pytest.raises(wmlb.BackupCorruptError) as raised:
            call()
        assert raised.value.path == file
    file.write_bytes(b"something else")
    with pytest.raises(wmlb.NotABackupError):
        wmlb.verify(backed_up)


def test_settings_are_checked(store: Path, to: Path) -> None:
    for options in (
        {"compression_level": 20}, {"threads": -1}, {"threads": 1 << 32}, {"niceness": 20},
        {"unstated_rights": "maybe"}, {"passphrase": ""}, {"recipients": ["age1nonsense"]},
        {"passphrase": "a\0"},
    ):
        with pytest.raises(wmlb.InvalidArgumentError):
            wmlb.backup(store, to, **options)
    assert not to.exists()


def test_properties(store: Path) -> None:
    with wmlb.Restorer(store, threads=2, passphrase="secret") as restorer:
        assert restorer.get_property("StorePath") == str(store)
        assert restorer.get_property("Threads") == 2
        assert restorer.get_property("CompressionLevel") == 1
        assert restorer.get_property("BackupPath") is None
        restorer.set_property("BackupPath", store)
        assert restorer.get_property("BackupPath") == str(store)
        restorer.remove_property("Threads")
        assert restorer.get_property("Threads") == 0
        with pytest.raises(PermissionError):
            restorer.get_property("Passphrase")
        with pytest.raises(KeyError):
            restorer.set_property("Nonsense", 1)
    with pytest.raises(wmlb.ClosedError, match="closed"):
        restorer.get_property("Threads")
    restorer.close()
