"""What the library tells, as Python values that stay when the call is over."""

from __future__ import annotations

import ctypes
import datetime
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _native as native
from ._native import DifferenceKind, Kept, Right, Status, Type, message_of, name_of


def time_of(seconds: int) -> datetime.datetime | None:
    """A moment; None when it is not stated or no datetime can tell it."""
    if seconds == native.NOT_STATED:
        return None
    try:
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return epoch + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return None


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


@dataclass(frozen=True)
class Progress:
    """How far an operation is. A total is 0 as long as it is not known."""

    licenses_done: int
    licenses_total: int
    bytes_done: int
    bytes_total: int
    licenses_restricted: int
    licenses_skipped: int
    licenses_reused: int = 0

    @classmethod
    def of(cls, told: native.Progress) -> Progress:
        return cls(
            told.licenses_done, told.licenses_total, told.bytes_done, told.bytes_total,
            told.licenses_restricted, told.licenses_skipped, told.licenses_reused,
        )


@dataclass(frozen=True)
class Fewer:
    """The licenses of the backup that is about to be replaced, and those of the new one."""

    before: int
    now: int


@dataclass(frozen=True)
class Event:
    """One event of an operation: its status, its result code and its value."""

    status: int
    code: int
    value: str | Progress | Fewer | bytes | None

    @classmethod
    def of(cls, status: int, code: int, kind: int, value: int | None, size: int) -> Event:
        given: str | Progress | Fewer | bytes | None = None
        if value:
            content = ctypes.string_at(value, size)
            if status == Status.PROGRESS:
                # A later library may tell more, or an earlier one less.
                told = native.Progress()
                ctypes.memmove(ctypes.byref(told), content, min(size, ctypes.sizeof(told)))
                given = Progress.of(told)
            elif status == Status.FEWER_LICENSES:
                given = Fewer(*struct.unpack_from("=QQ", content))
            elif kind == Type.STRING:
                given = content.decode("utf-8", "replace")
            else:
                given = content
        known = Status(status) if status in _STATUSES else status
        return cls(known, code, given)

    @property
    def is_last(self) -> bool:
        return self.status in _LAST


_STATUSES = frozenset(Status)
_LAST = (Status.BACKUPRESTORE_END, Status.ERROR, Status.ERROR_WITHURL)


@dataclass(frozen=True)
class Skipped:
    """A license, or something else in the store, that was left out, and why."""

    name: str
    code: int

    def __str__(self) -> str:
        return f"{self.name}: {name_of(self.code)}: {message_of(self.code)}"


@dataclass(frozen=True)
class Summary:
    """What an operation has done.

    path: the backup file; Path() of one in a bucket. restricted: the key IDs (or else the name)
    of each license that was left out because its owner forbids backup. skipped: what was left out
    for another reason.
    complete: False for a backup with partial=True that had to leave out licenses.
    """

    path: Path
    licenses: int
    bytes: int
    restricted: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    complete: bool


@dataclass(frozen=True)
class License:
    """What is known of a license.

    name: its path in the store; what is not UTF-8 in it is as os.fsdecode() has it. A time is
    None when it is not stated.
    """

    name: str
    format: str
    license_id: str
    key_ids: tuple[str, ...]
    backup_right: Right
    size: int
    modified: datetime.datetime | None
    valid_from: datetime.datetime | None
    valid_until: datetime.datetime | None

    @classmethod
    def of(cls, told: Any) -> License:
        name = ctypes.string_at(told.name_bytes, told.name_len) if told.name_len else b""
        return cls(
            name.decode("utf-8", "surrogateescape"),
            _text(told.format), _text(told.license_id), tuple(_text(told.key_ids).split()),
            Right(told.backup_right), told.size,
            time_of(told.modified), time_of(told.valid_from), time_of(told.valid_until),
        )

    @property
    def name_bytes(self) -> bytes:
        """The exact bytes of its name."""
        return self.name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Difference:
    """A license that differs between a backup and a store.

    in_backup, in_store: what it is there; None where it is not.
    """

    kind: DifferenceKind
    in_backup: License | None
    in_store: License | None

    @classmethod
    def of(cls, told: Any) -> Difference:
        return cls(DifferenceKind(told.kind), _license(told.in_backup), _license(told.in_store))

    @property
    def name(self) -> str:
        """Its name, in the backup if it is there."""
        license = self.in_backup or self.in_store
        return license.name if license else ""


def _license(told: Any) -> License | None:
    return License.of(told.contents) if told else None


@dataclass(frozen=True)
class Store(os.PathLike[str]):
    """A store that a player has. It can be passed wherever the path of a store can.

    running: whether the player has it in use, as far as its locks tell; None: no telling.
    """

    player: str
    profile: str
    kind: str
    path: Path
    running: bool | None

    @classmethod
    def of(cls, told: Any) -> Store:
        running = None if told.running < 0 else told.running != 0
        return cls(
            _text(told.player), _text(told.profile), _text(told.kind),
            Path(os.fsdecode(told.path)), running,
        )

    def __fspath__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class RestoreRequest:
    """What an authorizer is asked: may this backup be restored here?"""

    created: datetime.datetime | None
    device_id: str
    same_device: bool
    overwrite: bool
    individualize: bool

    @classmethod
    def of(cls, told: Any) -> RestoreRequest:
        return cls(
            time_of(told.created), _text(told.device_id), bool(told.same_device),
            bool(told.flags & native.RESTORE_OVERWRITE),
            bool(told.flags & native.RESTORE_INDIVIDUALIZE),
        )


@dataclass(frozen=True)
class Generation:
    """A backup in a folder: the last one, or one that another has replaced.

    What cannot be told of one that is damaged, or encrypted with another secret, is None.
    kept_by: what keeps it, by the rule; Kept(0): nothing does.
    """

    path: Path
    created: datetime.datetime | None
    size: int
    encrypted: bool
    licenses: int | None
    bytes: int | None
    device_id: str | None
    store: str | None
    kept_by: Kept

    @classmethod
    def of(cls, told: Any) -> Generation:
        return cls(
            Path(_text(told.path)), time_of(told.created), told.size, bool(told.encrypted),
            _known(told.licenses), _known(told.bytes), _text(told.device_id) or None,
            _text(told.store) or None, Kept(told.kept_by),
        )


def _known(amount: int) -> int | None:
    return None if amount == native.NOT_KNOWN else amount
