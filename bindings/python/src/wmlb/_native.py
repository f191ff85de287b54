"""The C ABI: what include/wmlb.h says, for ctypes. A test compares the two.

Nothing here decides anything; the other modules make Python of it.
"""

from __future__ import annotations

import ctypes
import enum
from ctypes import (
    CFUNCTYPE, POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p,
)
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = "1.0.0"
ABI_VERSION = 1
BACKUP_FILE_NAME = "licenses.wmlb"

BACKUP_OVERWRITE = 0x1
BACKUP_PARTIAL = 0x100
BACKUP_VERIFY = 0x200
BACKUP_REREAD = 0x400
BACKUP_EMPTY = 0x800
RESTORE_INDIVIDUALIZE = 0x2
RESTORE_OVERWRITE = 0x100
ALLOW_CLEAR = 0x1000
RUN_HERE = 0x10000

PROP_BACKUP_PATH = "BackupPath"
PROP_RESTORE_PATH = "RestorePath"
PROP_STORE_PATH = "StorePath"
PROP_ONLY = "Only"
PROP_DETAILS = "Details"
PROP_PASSPHRASE = "Passphrase"
PROP_RECIPIENTS = "Recipients"
PROP_IDENTITIES = "Identities"
PROP_COMPRESSION_LEVEL = "CompressionLevel"
PROP_THREADS = "Threads"
PROP_NICENESS = "Niceness"
PROP_UNSTATED_RIGHTS = "UnstatedRights"
PROP_KEEP = "Keep"
PROP_SAMPLE = "Sample"

FOREVER = 0xFFFFFFFF
NOT_STATED = -(1 << 63)
NOT_KNOWN = (1 << 64) - 1


class Code(enum.IntEnum):
    """The result codes: HRESULTs, negative for a failure, under the SDK's names."""

    S_OK = 0
    S_FALSE = 1
    E_NOTIMPL = 0x80004001 - (1 << 32)
    E_POINTER = 0x80004003 - (1 << 32)
    E_FAIL = 0x80004005 - (1 << 32)
    E_UNEXPECTED = 0x8000FFFF - (1 << 32)
    E_ILLEGAL_METHOD_CALL = 0x8000000E - (1 << 32)
    E_ACCESSDENIED = 0x80070005 - (1 << 32)
    E_HANDLE = 0x80070006 - (1 << 32)
    E_OUTOFMEMORY = 0x8007000E - (1 << 32)
    E_INVALIDARG = 0x80070057 - (1 << 32)
    E_SHARING_VIOLATION = 0x80070020 - (1 << 32)
    E_INSUFFICIENT_BUFFER = 0x8007007A - (1 << 32)
    E_TIMEOUT = 0x80070102 - (1 << 32)
    NS_E_DRM_LICENSE_STORE_ERROR = 0xC00D2712 - (1 << 32)
    NS_E_DRM_LICENSE_STORE_SAVE_ERROR = 0xC00D2714 - (1 << 32)
    NS_E_DRM_INVALID_LICENSE = 0xC00D2718 - (1 << 32)
    NS_E_DRM_NEEDS_INDIVIDUALIZATION = 0xC00D2728 - (1 << 32)
    NS_E_BACKUP_RESTORE_FAILURE = 0xC00D272D - (1 << 32)
    NS_E_DRM_BACKUP_EXISTS = 0xC00D2742 - (1 << 32)
    NS_E_DRM_BACKUP_CORRUPT = 0xC00D2743 - (1 << 32)
    NS_E_DRM_BACKUPRESTORE_BUSY = 0xC00D2744 - (1 << 32)
    NS_E_BACKUP_RESTORE_BAD_DATA = 0xC00D2745 - (1 << 32)
    NS_E_DRM_INVALID_PROPERTY = 0xC00D2749 - (1 << 32)
    NS_E_DRM_INVALID_SECURESTORE_PASSWORD = 0xC00D2751 - (1 << 32)
    NS_E_DRM_RESTORE_FRAUD = 0xC00D2753 - (1 << 32)
    NS_E_DRM_UNSUPPORTED_PROPERTY = 0xC00D275D - (1 << 32)
    NS_E_DRM_STORE_NOTALLSTORED = 0xC00D275F - (1 << 32)
    NS_E_DRM_NOT_CONFIGURED = 0xC00D2764 - (1 << 32)
    NS_E_DRM_OPERATION_CANCELED = 0xC00D2768 - (1 << 32)
    NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE = 0xC00D2782 - (1 << 32)
    NS_E_DRM_DATASTORE_CORRUPT = 0xC00D2783 - (1 << 32)
    NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE = 0xC00D2846 - (1 << 32)


class Status(enum.IntEnum):
    """What an event is about."""

    ERROR = 0
    BACKUPRESTORE_BEGIN = 21
    BACKUPRESTORE_END = 27
    BACKUPRESTORE_CONNECTING = 28
    BACKUPRESTORE_DISCONNECTING = 29
    ERROR_WITHURL = 30
    RESTRICTED_LICENSE = 31
    PROGRESS = 0x1000
    LICENSE_SKIPPED = 0x1001
    FEWER_LICENSES = 0x1002


class Type(enum.IntEnum):
    """What the value of an event or a property is."""

    DWORD = 0
    STRING = 1
    BINARY = 2
    BOOL = 3
    QWORD = 4
    WORD = 5
    GUID = 6


class Right(enum.IntEnum):
    """Whether the owner of a license lets it be backed up."""

    NOT_STATED = 0
    ALLOWED = 1
    DENIED = 2


class Kept(enum.IntFlag):
    """What keeps a generation: it is the last backup, or what a part of the rule wants."""

    CURRENT = 0x1
    LAST = 0x2
    DAILY = 0x4
    WEEKLY = 0x8
    MONTHLY = 0x10
    YEARLY = 0x20


class DifferenceKind(enum.IntEnum):
    """How the store differs from the backup."""

    ADDED = 1
    REMOVED = 2
    CHANGED = 3


class RestoreRequest(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("created", c_int64),
        ("device_id", c_char_p),
        ("same_device", c_int32),
        ("flags", c_uint32),
    ]


class StoreInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("player", c_char_p),
        ("profile", c_char_p),
        ("kind", c_char_p),
        ("path", c_char_p),
        ("running", c_int32),
    ]


class LicenseInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("name_bytes", c_void_p),
        ("name_len", c_size_t),
        ("format", c_char_p),
        ("license_id", c_char_p),
        ("key_ids", c_char_p),
        ("backup_right", c_int32),
        ("size", c_uint64),
        ("modified", c_int64),
        ("valid_from", c_int64),
        ("valid_until", c_int64),
    ]


class GenerationInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("created", c_int64),
        ("size", c_uint64),
        ("encrypted", c_int32),
        ("licenses", c_uint64),
        ("bytes", c_uint64),
        ("device_id", c_char_p),
        ("store", c_char_p),
        ("kept_by", c_uint32),
    ]


class Difference(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", c_int32),
        ("in_backup", POINTER(LicenseInfo)),
        ("in_store", POINTER(LicenseInfo)),
    ]


class Progress(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("licenses_done", c_uint64),
        ("licenses_total", c_uint64),
        ("bytes_done", c_uint64),
        ("bytes_total", c_uint64),
        ("licenses_restricted", c_uint64),
        ("licenses_skipped", c_uint64),
        ("licenses_reused", c_uint64),
    ]


class StoreLicense(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_void_p),
        ("name_len", c_size_t),
        ("data", c_void_p),
        ("data_len", c_size_t),
        ("modified", c_int64),
    ]


# CDLL, and so these, let go of the interpreter's lock; PyDLL would not.
AuthorizerCallback = CFUNCTYPE(c_int32, POINTER(RestoreRequest), c_void_p, c_size_t, c_void_p)
StatusCallback = CFUNCTYPE(c_int32, c_int32, c_int32, c_int32, c_void_p, c_size_t, c_void_p)
StoreCallback = CFUNCTYPE(c_int32, POINTER(StoreInfo), c_void_p)
LicenseCallback = CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
GenerationCallback = CFUNCTYPE(c_int32, POINTER(GenerationInfo), c_void_p)
DifferenceCallback = CFUNCTYPE(c_int32, POINTER(Difference), c_void_p)
FilterCallback = CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
RightsCallback = CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
OpenFunction = CFUNCTYPE(c_int32, c_void_p, c_int32)
NextFunction = CFUNCTYPE(c_int32, c_void_p, POINTER(StoreLicense))
PutFunction = CFUNCTYPE(c_int32, c_void_p, POINTER(StoreLicense))
CommitFunction = CFUNCTYPE(c_int32, c_void_p)
CloseFunction = CFUNCTYPE(None, c_void_p)


class StoreOps(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("open", OpenFunction),
        ("next", NextFunction),
        ("put", PutFunction),
        ("commit", CommitFunction),
        ("close", CloseFunction),
    ]


# By their names in the header, without wmlb_.
STRUCTS: dict[str, type[ctypes.Structure]] = {
    "restore_request": RestoreRequest,
    "store_info": StoreInfo,
    "license_info": LicenseInfo,
    "generation_info": GenerationInfo,
    "difference": Difference,
    "progress": Progress,
    "store_license": StoreLicense,
    "store_ops": StoreOps,
}
CALLBACKS: dict[str, Any] = {
    "authorizer_callback": AuthorizerCallback,
    "status_callback": StatusCallback,
    "store_callback": StoreCallback,
    "license_callback": LicenseCallback,
    "generation_callback": GenerationCallback,
    "difference_callback": DifferenceCallback,
    "filter_callback": FilterCallback,
    "rights_callback": RightsCallback,
}

_TEXT = [c_char_p]
_OPERATION = [c_uint32, StatusCallback, c_void_p]
_VALUE = [POINTER(c_int32), c_void_p, POINTER(c_size_t)]
# Arguments after the handle: of what there is with one and, for the default restorer, without.
_BOTH: dict[str, list[Any]] = {
    "backup_licenses": _OPERATION,
    "cancel_license_backup": [],
    "restore_licenses": _OPERATION,
    "cancel_license_restore": [],
    "wait": [c_uint32, POINTER(c_int32)],
    "set_prop": [c_char_p, c_int32, c_void_p, c_size_t],
    "get_prop_by_name": [c_char_p, *_VALUE],
    "get_prop_count": [POINTER(c_size_t)],
    "get_prop_by_index": [c_size_t, c_void_p, POINTER(c_size_t), *_VALUE],
    "remove_prop": _TEXT,
    "remove_all_props": [],
    "set_backup_path": _TEXT,
    "set_restore_path": _TEXT,
    "set_store_path": _TEXT,
    "get_last_error": [c_void_p, POINTER(c_size_t)],
}
_WITH_A_HANDLE: dict[str, list[Any]] = {
    "release": [],
    "verify_backup": _OPERATION,
    "cancel": [],
    "get_progress": [POINTER(Progress)],
    "enumerate_store": [LicenseCallback, c_void_p],
    "enumerate_backup": [LicenseCallback, c_void_p],
    "backup_info": [GenerationCallback, c_void_p],
    "enumerate_generations": [GenerationCallback, c_void_p],
    "forget_generations": [GenerationCallback, c_void_p],
    "compare": [DifferenceCallback, c_void_p],
    "set_authorizer": [AuthorizerCallback, c_void_p],
    "set_filter": [FilterCallback, c_void_p],
    "set_rights": [RightsCallback, c_void_p],
    "set_store": [POINTER(StoreOps), c_void_p],
    "set_target": [c_void_p, c_void_p],
    **_BOTH,
}
# Name: result and arguments.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "wmlb_default_restorer": (c_void_p, []),
    "wmlb_restorer_create": (c_int32, [POINTER(c_void_p)]),
    "wmlb_discover_stores": (c_int32, [StoreCallback, c_void_p]),
    "wmlb_discover_places": (c_int32, [StoreCallback, c_void_p]),
    "wmlb_version": (c_char_p, []),
    "wmlb_abi_version": (c_uint32, []),
    "wmlb_hresult_name": (c_char_p, [c_int32]),
    "wmlb_hresult_message": (c_char_p, [c_int32]),
    "wmlb_status_name": (c_char_p, [c_int32]),
    **{f"wmlb_{name}": (c_int32, arguments) for name, arguments in _BOTH.items()},
    **{
        f"wmlb_restorer_{name}": (c_int32, [c_void_p, *arguments])
        for name, arguments in _WITH_A_HANDLE.items()
    },
}


def _load() -> ctypes.CDLL:
    """The library that came with the package, else the system's."""
    name = "libwmlb.so.1"
    beside = Path(__file__).with_name(name)
    try:
        library = ctypes.CDLL(str(beside) if beside.exists() else name)
        for function, (result, arguments) in FUNCTIONS.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (OSError, AttributeError) as problem:
        raise ImportError(f"{name} cannot be used: {problem}") from problem
    if library.wmlb_abi_version() != ABI_VERSION:
        raise ImportError(f"{library._name} has another interface than this package knows")
    return library


lib = _load()


def name_of(code: int) -> str:
    """The SDK's name of a result code; "unknown" for one that has none."""
    return (lib.wmlb_hresult_name(code) or b"").decode()


def message_of(code: int) -> str:
    """A sentence for a result code."""
    return (lib.wmlb_hresult_message(code) or b"").decode()


def sized(ask: Callable[[Any, Any], int]) -> tuple[int, bytes]:
    """The result code and the bytes of a function that takes a buffer and where its size is. It is
    asked again as long as they have grown meanwhile."""
    size = c_size_t()
    buffer = None
    while True:
        hr = ask(buffer, ctypes.byref(size))
        if hr not in (Code.S_OK, Code.E_INSUFFICIENT_BUFFER):
            return hr, b""
        if hr == Code.S_OK and buffer is not None:
            return hr, buffer.raw[: size.value]
        buffer = ctypes.create_string_buffer(size.value)


def text_of(ask: Callable[[Any, Any], int]) -> str:
    """The words of such a function; none where it has none."""
    _, words = sized(ask)
    return words.rstrip(b"\0").decode("utf-8", "replace")
