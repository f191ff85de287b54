"""Backs up the media licenses that a player holds, restores, verifies and lists them.

    import wmlb

    wmlb.backup("/home/me/.local/share/player/licenses", "/media/stick")
    wmlb.restore("/media/stick", "/home/me/.local/share/player/licenses")

backup(), restore() and verify() return a Summary or raise a WmlbError; with _async after their
names they are for asyncio. list_backup(), list_store(), stores() and places() give lists. A
Restorer does several things with the same settings. Where a folder can be given, an address
such as "s3://bucket/prefix?endpoint=https://host" can too, or a Bucket: see devices() and
forget_in_bucket().

What is given to them (functions, a HostStore) is called on the thread that called them, or on
that of the event loop. An exception there, Ctrl-C, or the canceling of the task cancels the
operation; an earlier backup and the store stay as they were.
"""

from ._bucket import Bucket, Device, Removal
from ._errors import (
    AccessDeniedError,
    BackupCorruptError,
    BackupExistsError,
    BusyError,
    CanceledError,
    ClosedError,
    InvalidArgumentError,
    InvalidLicenseError,
    NotABackupError,
    NotAFolderError,
    NotConfiguredError,
    OperatingSystemError,
    OtherDeviceError,
    OutOfMemoryError,
    PathNotFoundError,
    RestoreRefusedError,
    StoreChangedError,
    StoreCorruptError,
    StoreError,
    StoreNotFoundError,
    UnknownPropertyError,
    UnsupportedError,
    WmlbError,
    WrongSecretError,
)
from ._functions import (
    backup,
    backup_async,
    backup_info,
    compare,
    devices,
    forget,
    forget_in_bucket,
    generations,
    list_backup,
    list_store,
    places,
    restore,
    restore_async,
    stores,
    verify,
    verify_async,
)
from ._host import HostLicense, HostStore
from ._native import (
    BACKUP_FILE_NAME, VERSION as __version__, Code, DifferenceKind, Kept, Right, Status,
)
from ._restorer import Restorer
from ._values import (
    Difference, Event, Fewer, Generation, License, Progress, RestoreRequest, Skipped, Store,
    Summary,
)

__all__ = [
    "BACKUP_FILE_NAME",
    "AccessDeniedError",
    "BackupCorruptError",
    "BackupExistsError",
    "Bucket",
    "BusyError",
    "CanceledError",
    "ClosedError",
    "Code",
    "Device",
    "Difference",
    "DifferenceKind",
    "Event",
    "Fewer",
    "Generation",
    "HostLicense",
    "HostStore",
    "InvalidArgumentError",
    "InvalidLicenseError",
    "Kept",
    "License",
    "NotABackupError",
    "NotAFolderError",
    "NotConfiguredError",
    "OperatingSystemError",
    "OtherDeviceError",
    "OutOfMemoryError",
    "PathNotFoundError",
    "Progress",
    "Removal",
    "RestoreRefusedError",
    "RestoreRequest",
    "Restorer",
    "Right",
    "Skipped",
    "Status",
    "Store",
    "StoreChangedError",
    "StoreCorruptError",
    "StoreError",
    "StoreNotFoundError",
    "Summary",
    "UnknownPropertyError",
    "UnsupportedError",
    "WmlbError",
    "WrongSecretError",
    "__version__",
    "backup",
    "backup_async",
    "backup_info",
    "compare",
    "devices",
    "forget",
    "forget_in_bucket",
    "generations",
    "list_backup",
    "list_store",
    "places",
    "restore",
    "restore_async",
    "stores",
    "verify",
    "verify_async",
]
