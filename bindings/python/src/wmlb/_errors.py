"""Exceptions by result code: each is a WmlbError, and what Python has for it besides."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

from ._native import Code, message_of, name_of


class WmlbError(Exception):
    """A failure of the library.

    code: the result code, a Code where it has a name there. name: what the Windows SDKs call
    it. message: what was tried, on which path, and why it failed. path: the backup file, its
    folder or the store, whichever the message is about. url: where the user may go to, if the
    restore was refused with an address.
    """

    errno_value: int | None = None

    def __init__(
        self, code: int, message: str = "", path: Path | None = None, url: str | None = None
    ) -> None:
        self.message = message or message_of(code)
        super().__init__(self.message)
        self.code: int = Code(code) if code in _CODES else code
        self.path = path
        self.url = url
        system: Any = self
        if isinstance(system, OSError):
            number = self.errno_value or _ERRNO.get(code & 0xFFFF)
            system.errno = number
            system.strerror = os.strerror(number) if number else self.message
            system.filename = None if path is None else str(path)

    @property
    def name(self) -> str:
        return name_of(self.code)

    def __str__(self) -> str:
        # KeyError and OSError would make something else of it.
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (int(self.code), self.message, self.path, self.url)


class BackupExistsError(WmlbError, FileExistsError):
    """There is a backup file, and overwrite was not given."""

    errno_value = errno.EEXIST


class BackupCorruptError(WmlbError):
    """The backup file is damaged or truncated."""


class NotABackupError(WmlbError, ValueError):
    """The file is not a backup file, or one of a newer version."""


class WrongSecretError(WmlbError):
    """The backup is encrypted, and the passphrase or identity is wrong or missing."""


class OtherDeviceError(WmlbError):
    """The backup is from another device, and individualize was not given."""


class RestoreRefusedError(WmlbError, PermissionError):
    """The authorizer refused the restore."""

    errno_value = errno.EPERM


class CanceledError(WmlbError):
    """The operation was canceled, by Restorer.cancel() or close()."""


class BusyError(WmlbError):
    """The restorer, a database in the store, or its player is busy."""


class NotConfiguredError(WmlbError):
    """A property that the operation needs is not set."""


class StoreError(WmlbError, OSError):
    """The license store is missing or is not a store."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """There is nothing at the path of the license store."""

    errno_value = errno.ENOENT


class StoreCorruptError(WmlbError):
    """A database in the license store is damaged."""


class StoreChangedError(WmlbError, OSError):
    """A license kept changing while it was read, or the store did; or a restore is running."""

    errno_value = errno.EBUSY


class InvalidLicenseError(WmlbError, ValueError):
    """A host's store gave a license that is not as it should be."""


class InvalidArgumentError(WmlbError, ValueError):
    """An argument or property has a value that is not allowed."""


class UnknownPropertyError(WmlbError, KeyError):
    """There is no property of this name."""


class UnsupportedError(WmlbError, NotImplementedError):
    """This build of the library, or this store, cannot do it."""


class OutOfMemoryError(WmlbError, MemoryError):
    """Memory or threads have run out."""


class ClosedError(WmlbError, ValueError):
    """The restorer is closed, or from before a fork."""


class AccessDeniedError(WmlbError, PermissionError):
    """Permission denied, or a file of a kind that is left alone."""

    errno_value = errno.EACCES


class PathNotFoundError(WmlbError, FileNotFoundError):
    """A file or folder is not there."""

    errno_value = errno.ENOENT


class NotAFolderError(WmlbError, NotADirectoryError):
    """A path is or leads through a file, where a folder should be."""

    errno_value = errno.ENOTDIR


class OperatingSystemError(WmlbError, OSError):
    """Any other error of the operating system; errno says which."""


_FROM_WIN32 = 0x80070000 - (1 << 32)
_CODES = frozenset(Code)
# By the Win32 code.
_ERRNO = {
    4: errno.EMFILE,
    19: errno.EROFS,
    80: errno.EEXIST,
    112: errno.ENOSPC,
    170: errno.EBUSY,
    206: errno.ENAMETOOLONG,
    223: errno.EFBIG,
    1117: errno.EIO,
    1921: errno.ELOOP,
}
_CLASSES: dict[int, type[WmlbError]] = {
    Code.NS_E_DRM_BACKUP_EXISTS: BackupExistsError,
    Code.NS_E_DRM_BACKUP_CORRUPT: BackupCorruptError,
    Code.NS_E_BACKUP_RESTORE_BAD_DATA: NotABackupError,
    Code.NS_E_DRM_INVALID_SECURESTORE_PASSWORD: WrongSecretError,
    Code.NS_E_DRM_NEEDS_INDIVIDUALIZATION: OtherDeviceError,
    Code.NS_E_DRM_RESTORE_FRAUD: RestoreRefusedError,
    Code.NS_E_DRM_OPERATION_CANCELED: CanceledError,
    Code.NS_E_DRM_BACKUPRESTORE_BUSY: BusyError,
    Code.NS_E_DRM_NOT_CONFIGURED: NotConfiguredError,
    Code.NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE: StoreError,
    Code.NS_E_DRM_DATASTORE_CORRUPT: StoreCorruptError,
    Code.NS_E_DRM_INVALID_LICENSE: InvalidLicenseError,
    Code.NS_E_DRM_UNSUPPORTED_PROPERTY: UnknownPropertyError,
    Code.E_SHARING_VIOLATION: StoreChangedError,
    Code.E_INVALIDARG: InvalidArgumentError,
    Code.E_NOTIMPL: UnsupportedError,
    Code.E_OUTOFMEMORY: OutOfMemoryError,
    Code.E_HANDLE: ClosedError,
    Code.E_ACCESSDENIED: AccessDeniedError,
    _FROM_WIN32 | 2: PathNotFoundError,
    _FROM_WIN32 | 3: PathNotFoundError,
    _FROM_WIN32 | 50: UnsupportedError,
    _FROM_WIN32 | 267: NotAFolderError,
}


# Words of the library's about its flags, and what they are called here.
_OWN_WORDS = (
    (", and WMLB_BACKUP_OVERWRITE was not given", ": overwrite=True replaces it"),
    ("since WMLB_BACKUP_EMPTY was not given", "unless empty=True is given"),
    (", and WMLB_RESTORE_INDIVIDUALIZE was not given", ": individualize=True allows it"),
    ("WMLB_BACKUP_VERIFY", "verify=True"),
)


def error(
    code: int, message: str = "", path: Path | None = None, url: str | None = None
) -> WmlbError:
    """The exception for a result code."""
    for words, own in _OWN_WORDS:
        message = message.replace(words, own)
    message = re.sub(r" \(os error \d+\)", "", message)  # its words precede it
    kind = _CLASSES.get(code)
    if kind is StoreError and path is not None and not os.path.lexists(path):
        kind = StoreNotFoundError
    if kind is None:
        is_systems = code & ~0xFFFF == _FROM_WIN32
        kind = OperatingSystemError if is_systems else WmlbError
    return kind(code, message, path, url)
