"""Backups in a bucket: libwmlb-remote, which is loaded when the first one is asked for."""

from __future__ import annotations

import ctypes
import datetime
import functools
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from ctypes import c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _native as native
from ._errors import error
from ._native import Code
from ._values import time_of

SCHEME = "s3://"
DRY_RUN = 0x1


class DeviceInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("generation", c_char_p),
        ("created", c_int64),
        ("size", c_uint64),
        ("sequence", c_uint64),
    ]


class RemovalInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", c_int32),
        ("generation", c_char_p),
        ("created", c_int64),
        ("size", c_uint64),
    ]


DeviceCallback = CFUNCTYPE(c_int32, POINTER(DeviceInfo), c_void_p)
RemovalCallback = CFUNCTYPE(c_int32, POINTER(RemovalInfo), c_void_p)

# By their names in wmlb_remote.h, without wmlb_remote_: their arguments.
FUNCTIONS: dict[str, list[Any]] = {
    "open": [c_char_p, POINTER(c_void_p)],
    "set_credentials": [c_void_p, c_char_p, c_char_p, c_char_p],
    "attach": [c_void_p, c_void_p, c_char_p, c_char_p],
    "cancel": [c_void_p],
    "get_last_error": [c_void_p, c_void_p, POINTER(c_size_t)],
    "release": [c_void_p],
    "list_devices": [c_void_p, DeviceCallback, c_void_p],
    "list_generations": [c_void_p, c_char_p, native.GenerationCallback, c_void_p],
    "forget": [c_void_p, c_char_p, c_char_p, c_uint32, RemovalCallback, c_void_p],
}


@dataclass(frozen=True)
class Bucket:
    """A place for backups in an object store with the S3 API, wherever a folder can be passed.

    url: s3://bucket/prefix?endpoint=https://host; what else it may say is in wmlb_remote.h. It
    can be passed by itself too. device: whose backups; None: those of the one at work.
    generation: the name of one that generations() tells, to be read in place of the last one.
    credentials: the ID of a key, its secret and, of a session, the token; None: those of the
    environment (AWS_ACCESS_KEY_ID and so on), else of the shared credentials file.

    It needs libwmlb-remote beside libwmlb, or where the system finds it.
    """

    url: str
    device: str | None = None
    generation: str | None = None
    credentials: tuple[str, str] | tuple[str, str, str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, place: Any) -> Bucket | None:
        """What stands for a bucket; None of paths."""
        if isinstance(place, Bucket):
            return place
        return cls(place) if isinstance(place, str) and place.startswith(SCHEME) else None


def given(place: str | Bucket) -> Bucket:
    """The bucket that is meant where nothing else can be."""
    return place if isinstance(place, Bucket) else Bucket(place)


@dataclass(frozen=True)
class Device:
    """A device that has backups in a bucket, and its last one.

    backups: how many there were. Of one whose last backup cannot be told, all else is None.
    """

    name: str
    generation: str | None
    created: datetime.datetime | None
    size: int | None
    backups: int | None

    @classmethod
    def of(cls, told: DeviceInfo) -> Device:
        name = told.device.decode()
        if not told.generation:
            return cls(name, None, None, None, None)
        return cls(name, told.generation.decode(), time_of(told.created), told.size, told.sequence)


@dataclass(frozen=True)
class Removal:
    """What was removed from a bucket, or would be.

    kind: "generation", "unpublished" (its backup was killed) or "upload" (likewise, in part).
    """

    kind: str
    name: str
    created: datetime.datetime | None
    size: int

    @classmethod
    def of(cls, told: RemovalInfo) -> Removal:
        kind = {1: "generation", 2: "unpublished", 3: "upload"}.get(told.kind, "")
        return cls(kind, told.generation.decode(), time_of(told.created), told.size)


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The one beside libwmlb, if that came with the package, else the system's."""
    name = "libwmlb-remote.so.1"
    beside = Path(__file__).with_name(name)
    try:
        found = ctypes.CDLL(str(beside) if beside.exists() else name)
        for function, arguments in FUNCTIONS.items():
            getattr(found, "wmlb_remote_" + function).restype = c_int32
            getattr(found, "wmlb_remote_" + function).argtypes = arguments
    except (OSError, AttributeError) as problem:
        words = f"backups in a bucket need libwmlb-remote, which cannot be used: {problem}"
        raise error(Code.E_NOTIMPL, words) from problem
    return found


class Remote:
    """An opened bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._library = library()
        out = c_void_p()
        hr = self._library.wmlb_remote_open(text(bucket.url), ctypes.byref(out))
        if hr < 0 or out.value is None:
            # It may have a secret in it, in the wrong place.
            words = "not an address such as s3://bucket/prefix?endpoint=https://host"
            raise error(hr if hr < 0 else Code.E_OUTOFMEMORY, words)
        self.handle: int = out.value
        if bucket.credentials is not None:
            given = [text(one) for one in (*bucket.credentials, None)[:3]]
            hr = self._library.wmlb_remote_set_credentials(self.handle, *given)
            if hr < 0:
                failure = error(hr, self.last_error())
                self.release()
                raise failure

    def attach(self, restorer: int, bucket: Bucket) -> None:
        hr = self._library.wmlb_remote_attach(
            self.handle, restorer, text(bucket.device), text(bucket.generation)
        )
        if hr < 0:
            raise error(hr, self.last_error())

    def call(self, function: str, *arguments: Any) -> int:
        return int(getattr(self._library, "wmlb_remote_" + function)(self.handle, *arguments))

    def cancel(self) -> None:
        self._library.wmlb_remote_cancel(self.handle)

    def release(self) -> None:
        self._library.wmlb_remote_release(self.handle)

    def last_error(self) -> str:
        return native.text_of(functools.partial(self.call, "get_last_error"))


def text(value: str | None) -> bytes | None:
    """A string for C."""
    if value is None:
        return None
    content = value.encode("utf-8", "surrogateescape")
    if b"\0" in content:
        raise error(Code.E_INVALIDARG, "a NUL in a string")
    return content
