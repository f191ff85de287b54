"""The restorer, with which everything is done."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Union

from . import _bucket, _native as native
from ._bucket import Bucket, Device, Remote, Removal, text
from ._errors import WmlbError, error
from ._host import HostSession, HostStore
from ._native import Code, Right, Type, lib
from ._run import (
    BOTH_WAYS, READ_ONLY, Run, in_thread, on_authorize, on_device, on_difference, on_filter,
    on_generation, on_held_back, on_license, on_removal, on_rights, on_status,
)
from ._values import Difference, Event, Generation, License, Progress, RestoreRequest, Summary

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
StoreLike = Union[PathLike, HostStore]
PlaceLike = Union[PathLike, Bucket]
OnProgress = Callable[[Progress], object]
OnEvent = Callable[[Event], object]
Rights = Callable[[License], "Right | None"]
Authorizer = Callable[[RestoreRequest], "bool | str"]
Keys = Union[str, Iterable[str]]
Filter = Callable[[License], bool]


def _lines(keys: Keys) -> str:
    return keys if isinstance(keys, str) else "\n".join(keys)


class _Life:
    """What ends when the restorer does, or the process: it knows the restorer not."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.run: Run | None = None
        # What is running may be at work on another than the next operation will be.
        self.remotes: dict[tuple[Any, ...], Remote] = {}

    def end(self) -> None:
        # What waits for an answer would wait for ever, and the release for it.
        if self.run is not None:
            self.run.close()
        # First, or another request would begin when the one that waits is ended.
        lib.wmlb_restorer_cancel(self.handle)
        for remote in self.remotes.values():
            remote.cancel()
        lib.wmlb_restorer_release(self.handle)
        for remote in self.remotes.values():
            remote.release()
        self.remotes.clear()


class Restorer:
    """The backup restorer: settings, and one operation or list at a time.

    store: a folder, a database, one of stores(), or a HostStore; None for the default one.
    passphrase, recipients: what backups are encrypted with. passphrase, identities: what they
    are opened with. recipients and identities: keys of the age format. unstated_rights: "allow"
    or "deny". keep: which backups stay when others replace them, such as "last=3 daily=7" (any
    of last, daily, weekly, monthly and yearly, in UTC). rights is asked of each license in a
    backup; authorizer before a restore: it gives True, or False, or the address to send the user
    to. only and filter choose the licenses that restores, verifications and lists of a backup are
    about: only has patterns of names ("*" stands for anything), or "key:" or "license:" and an
    ID; filter is asked of each of these. sample: verifications look at so many percent of a backup
    only, chosen at random; their progress tells how many licenses that were.

    Functions are called on the thread that calls backup() and so on, or on the event loop of
    backup_async(). What they raise, and a KeyboardInterrupt, cancels the operation, and is
    raised when that has ended: an earlier backup and the store are as they were.

    Use it in a with statement, or close() it. progress and cancel() are for other threads.
    """

    def __init__(
        self,
        store: StoreLike | None = None,
        *,
        passphrase: str | None = None,
        recipients: Keys | None = None,
        identities: Keys | None = None,
        compression_level: int | None = None,
        threads: int | None = None,
        niceness: int | None = None,
        unstated_rights: str | None = None,
        keep: str | None = None,
        only: Keys | None = None,
        sample: int | None = None,
        rights: Rights | None = None,
        filter: Filter | None = None,
        authorizer: Authorizer | None = None,
    ) -> None:
        out = ctypes.c_void_p()
        hr = lib.wmlb_restorer_create(ctypes.byref(out))
        if hr < 0 or out.value is None:
            raise error(hr if hr < 0 else Code.E_OUTOFMEMORY)
        self._handle: int = out.value
        self._life = _Life(self._handle)
        self._end = weakref.finalize(self, self._life.end)
        self._rights = rights
        self._filter = filter
        self._authorizer = authorizer
        self._host = store if isinstance(store, HostStore) else None
        self._busy = threading.Lock()
        self._paths: dict[str, str] = {}
        self._keep = keep
        self._remote: Remote | None = None
        settings: dict[str, Any] = {
            native.PROP_STORE_PATH: None if isinstance(store, HostStore) else store,
            native.PROP_PASSPHRASE: passphrase,
            native.PROP_RECIPIENTS: None if recipients is None else _lines(recipients),
            native.PROP_IDENTITIES: None if identities is None else _lines(identities),
            native.PROP_COMPRESSION_LEVEL: compression_level,
            native.PROP_THREADS: threads,
            native.PROP_NICENESS: niceness,
            native.PROP_UNSTATED_RIGHTS: unstated_rights,
            native.PROP_KEEP: keep,
            native.PROP_ONLY: None if only is None else _lines(only),
            native.PROP_SAMPLE: sample,
        }
        try:
            for name, value in settings.items():
                if value is not None:
                    self.set_property(name, value)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Restorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancels what is running, waits for its end, and wipes the secrets."""
        self._end()

    # Properties.

    def set_property(self, name: str, value: PathLike | int) -> None:
        """Sets a property, by its name in include/wmlb.h, for the next operation."""
        if isinstance(value, int) and name.endswith("Path"):
            raise TypeError(f"property {name} takes a path, not {type(value).__name__}")
        if isinstance(value, int):
            if not 0 <= value < 1 << 32:
                raise error(Code.E_INVALIDARG, f"property {name}: {value} is out of range")
            content, kind = value.to_bytes(4, sys.byteorder), Type.DWORD
        else:
            # A path has the bytes that Python's own open() would use, all else is UTF-8.
            is_path = not isinstance(value, str) or name.endswith("Path")
            content = os.fsencode(value) if is_path else str(value).encode("utf-8", "surrogateescape")
            kind = Type.STRING
            # One at the end would be taken for the end, as in C.
            if b"\0" in content:
                raise error(Code.E_INVALIDARG, f"property {name}: it has a NUL in it")
        self._check(lib.wmlb_restorer_set_prop(
            self._handle, name.encode(), kind, content, len(content)
        ))
        if name.endswith("Path"):
            self._paths[name] = os.fsdecode(content)

    def get_property(self, name: str) -> str | int | None:
        """The value of a property, or its default; None when it has neither."""
        kind = ctypes.c_int32()
        hr, value = native.sized(lambda buffer, size: lib.wmlb_restorer_get_prop_by_name(
            self._handle, name.encode(), ctypes.byref(kind), buffer, size
        ))
        if self._check(hr) == Code.S_FALSE:
            return None
        if kind.value == Type.DWORD:
            return int.from_bytes(value, sys.byteorder)
        return os.fsdecode(value[:-1])

    def remove_property(self, name: str) -> None:
        """Sets a property back to its default."""
        self._check(lib.wmlb_restorer_remove_prop(self._handle, name.encode()))

    # For other threads.

    def cancel(self) -> bool:
        """Cancels what is running, which raises CanceledError there unless it was too late.
        False: nothing is running."""
        run = self._life.run
        hr = self._check(lib.wmlb_restorer_cancel(self._handle))
        if run is not None:
            run.cancel()
        if run is not None and not run.finished:
            run.canceled = True
            return True
        return hr == Code.S_OK

    @property
    def progress(self) -> Progress:
        """How far the running operation is, or how far the last one came."""
        told = native.Progress(struct_size=ctypes.sizeof(native.Progress))
        self._check(lib.wmlb_restorer_get_progress(self._handle, ctypes.byref(told)))
        return Progress.of(told)

    # Operations.

    def backup(
        self,
        to: PlaceLike,
        *,
        overwrite: bool = False,
        partial: bool = False,
        verify: bool = False,
        empty: bool = False,
        reread: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """Saves the store to licenses.wmlb in the folder to, which is made if it is missing; or to
        a bucket, by its address or as a Bucket.

        overwrite: replace a backup that is there. partial: leave out licenses that cannot be
        read, instead of failing. verify: read the file back before it takes its name. empty: a
        store without licenses may replace a backup that has some. reread: read also what has not
        changed since the backup that is replaced.
        """
        self._go_to(native.PROP_BACKUP_PATH, to)
        flags = _backup_flags(overwrite, partial, verify, empty, reread)
        summary = self._operate("backup_licenses", flags, on_progress, on_event)
        self._forget_replaced(to)
        return summary

    async def backup_async(
        self,
        to: PlaceLike,
        *,
        overwrite: bool = False,
        partial: bool = False,
        verify: bool = False,
        empty: bool = False,
        reread: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """As backup(), for asyncio. To cancel the task cancels the backup."""
        self._go_to(native.PROP_BACKUP_PATH, to)
        flags = _backup_flags(overwrite, partial, verify, empty, reread)
        summary = await self._operate_async("backup_licenses", flags, on_progress, on_event)
        if self._keep is not None and Bucket.of(to) is not None:
            await asyncio.to_thread(self._forget_replaced, to)
        return summary

    def restore(
        self,
        backup: PlaceLike,
        *,
        overwrite: bool = False,
        individualize: bool = False,
        allow_clear: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """Brings the licenses of a backup (the file or its folder) back, all or none.

        overwrite: replace licenses in the store that differ; else they stay, and are among the
        skipped. individualize: the user agreed to bring licenses from another device here.
        allow_clear: take a backup that is not encrypted although a secret is set.
        """
        self._go_to(native.PROP_RESTORE_PATH, backup)
        flags = _restore_flags(overwrite, individualize, allow_clear)
        return self._operate("restore_licenses", flags, on_progress, on_event)

    async def restore_async(
        self,
        backup: PlaceLike,
        *,
        overwrite: bool = False,
        individualize: bool = False,
        allow_clear: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """As restore(), for asyncio. To cancel the task cancels the restore."""
        self._go_to(native.PROP_RESTORE_PATH, backup)
        flags = _restore_flags(overwrite, individualize, allow_clear)
        return await self._operate_async("restore_licenses", flags, on_progress, on_event)

    def verify(
        self,
        backup: PlaceLike,
        *,
        allow_clear: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """Makes all the checks of a restore, and touches no store.

        allow_clear: take a backup that is not encrypted although a secret is set.
        """
        self._go_to(native.PROP_RESTORE_PATH, backup)
        flags = _verify_flags(allow_clear)
        return self._operate("verify_backup", flags, on_progress, on_event)

    async def verify_async(
        self,
        backup: PlaceLike,
        *,
        allow_clear: bool = False,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> Summary:
        """As verify(), for asyncio. To cancel the task cancels the verification."""
        self._go_to(native.PROP_RESTORE_PATH, backup)
        flags = _verify_flags(allow_clear)
        return await self._operate_async("verify_backup", flags, on_progress, on_event)

    def list_backup(self, backup: PlaceLike) -> list[License]:
        """The licenses in a backup (the file or its folder), by name."""
        self._go_to(native.PROP_RESTORE_PATH, backup)
        licenses: list[License] = self._list("enumerate_backup", on_license)
        return licenses

    def list_store(self) -> list[License]:
        """The licenses in the store, by name."""
        licenses: list[License] = self._list("enumerate_store", on_license)
        return licenses

    def backup_info(self, backup: PlaceLike) -> Generation:
        """What a backup (the file or its folder) says of itself; nothing else of it is checked."""
        self._go_to(native.PROP_RESTORE_PATH, backup)
        told: list[Generation] = self._list("backup_info", on_generation)
        return _in(backup, told)[0]

    def compare(self, backup: PlaceLike) -> list[Difference]:
        """The licenses that differ between the store and a backup (the file or its folder), by
        name. Contents are compared; what a backup would leave out is not added."""
        self._go_to(native.PROP_RESTORE_PATH, backup)
        differences: list[Difference] = self._list("compare", on_difference)
        return differences

    def generations(self, folder: PlaceLike) -> list[Generation]:
        """The backups in a folder (or in that of the file), the newest first. Of those in a bucket
        only their names, times and sizes are told."""
        bucket = Bucket.of(folder)
        if bucket is not None:
            device = text(bucket.device)
            return self._list_bucket(bucket, "list_generations", device, on_generation)
        self._go_to(native.PROP_RESTORE_PATH, folder)
        return _in(folder, self._list("enumerate_generations", on_generation))

    def forget(self, folder: PathLike, *, dry_run: bool = False) -> list[Generation]:
        """Removes the backups in a folder that keep does not want; never licenses.wmlb. All that
        were there, with what keeps them: those go that nothing does.

        dry_run: remove nothing.
        """
        if Bucket.of(folder) is not None:
            raise error(Code.E_NOTIMPL, "what is in a bucket is removed by forget_in_bucket()")
        self._go_to(native.PROP_RESTORE_PATH, folder)
        callback = on_held_back if dry_run else on_generation
        return _in(folder, self._list("forget_generations", callback))

    def devices(self, place: str | Bucket) -> list[Device]:
        """The devices that have backups in a bucket, by name."""
        return self._list_bucket(_bucket.given(place), "list_devices", on_device)

    def forget_in_bucket(self, place: str | Bucket, *, dry_run: bool = False) -> list[Removal]:
        """Removes the backups in a bucket that keep does not want, never the last one, and what
        killed backups have left there; nothing that is younger than a day. All that was removed.

        dry_run: remove nothing, and tell what would be.
        """
        bucket, flags = _bucket.given(place), _bucket.DRY_RUN * bool(dry_run)
        device, keep = text(bucket.device), text(self._keep)
        return self._list_bucket(bucket, "forget", device, keep, flags, on_removal)

    # How.

    def _go_to(self, name: str, place: PlaceLike) -> None:
        """Sets where backups go or come from: a folder, a file or a bucket."""
        bucket = Bucket.of(place)
        if bucket is not None:
            self._remote = self._opened(bucket)
            self._remote.attach(self._handle, bucket)
            return
        assert not isinstance(place, Bucket)
        if self._remote is not None:
            self._check(lib.wmlb_restorer_set_target(self._handle, None, None))
            self._remote = None
        self.set_property(name, place)

    def _opened(self, bucket: Bucket) -> Remote:
        if not self._end.alive:
            raise self._error(Code.E_HANDLE)
        key = (bucket.url, bucket.credentials)
        if key not in self._life.remotes:
            self._life.remotes[key] = Remote(bucket)
        return self._life.remotes[key]

    def _list_bucket(self, bucket: Bucket, function: str, *arguments: Any) -> list[Any]:
        """What a function of the bucket tells, to the callback that is the last argument."""
        remote = self._remote = self._opened(bucket)
        with self._new_run(None, None) as run:
            in_thread(run, lambda: remote.call(function, *arguments, run.number))
            run.reraise()
            if run.canceled and run.result < 0:
                raise error(Code.NS_E_DRM_OPERATION_CANCELED)
            if run.result < 0:
                raise error(run.result, remote.last_error())
            return run.listed

    def _forget_replaced(self, place: PlaceLike) -> None:
        """What keep says is done by the library in folders, and here in a bucket."""
        bucket = Bucket.of(place)
        if self._keep is not None and bucket is not None:
            self.forget_in_bucket(bucket)

    def _check(self, hr: int) -> int:
        if hr < 0:
            raise self._error(hr)
        return hr

    def _error(self, hr: int, words: str | None = None, url: str | None = None) -> WmlbError:
        if words is None:
            # The words of a handle that is not valid are nowhere.
            words = "the restorer is closed" if hr == Code.E_HANDLE else self._last_error()
        if self._remote is not None and "the host's target failed" in words:
            words = self._remote.last_error() or words
        return error(hr, words, self._path_in(words), url)

    def _last_error(self) -> str:
        return native.text_of(lambda buffer, size: lib.wmlb_restorer_get_last_error(
            self._handle, buffer, size
        ))

    def _path_in(self, words: str) -> Path | None:
        """Which of the paths that the restorer was given the words are about: the longest."""
        found = []
        for given in self._paths.values():
            for path in (Path(given), Path(given, native.BACKUP_FILE_NAME)):
                if os.path.abspath(path) in words:
                    found.append(path)
        return max(found, key=_length, default=None)

    def _call(self, run: Run, name: str, flags: int) -> Callable[[], int]:
        """What runs an operation, with what it asks set."""
        function = getattr(lib, "wmlb_restorer_" + name)
        self._set_asked(run)
        return lambda: int(function(self._handle, flags | native.RUN_HERE, on_status, run.number))

    def _set_asked(self, run: Run) -> None:
        run.rights, run.authorizer, run.filter = self._rights, self._authorizer, self._filter
        ops = None
        if self._host is not None:
            run.host = HostSession(self._host)
            ops = ctypes.byref(READ_ONLY if run.host.is_read_only() else BOTH_WAYS)
        rights = on_rights if self._rights is not None else native.RightsCallback()
        chosen = on_filter if self._filter is not None else native.FilterCallback()
        authorize = on_authorize if self._authorizer is not None else native.AuthorizerCallback()
        self._check(lib.wmlb_restorer_set_rights(self._handle, rights, run.number))
        self._check(lib.wmlb_restorer_set_filter(self._handle, chosen, run.number))
        self._check(lib.wmlb_restorer_set_authorizer(self._handle, authorize, run.number))
        self._check(lib.wmlb_restorer_set_store(self._handle, ops, run.number))

    def _new_run(self, on_progress: OnProgress | None, on_event: OnEvent | None) -> _OneAtATime:
        run = Run(self._handle)
        run.remote = self._remote
        run.on_progress, run.on_event = on_progress, on_event
        return _OneAtATime(self, run)

    def _operate(
        self, name: str, flags: int, on_progress: OnProgress | None, on_event: OnEvent | None
    ) -> Summary:
        with self._new_run(on_progress, on_event) as run:
            in_thread(run, self._call(run, name, flags))
        return self._summary(run)

    async def _operate_async(
        self, name: str, flags: int, on_progress: OnProgress | None, on_event: OnEvent | None
    ) -> Summary:
        with self._new_run(on_progress, on_event) as run:
            await run.serve_async(self._call(run, name, flags))
        return self._summary(run)

    def _summary(self, run: Run) -> Summary:
        run.reraise()
        incomplete = run.result == Code.NS_E_DRM_STORE_NOTALLSTORED
        if run.result < 0 and not incomplete:
            raise self._error(run.result, run.words or None, run.url)
        progress = self.progress
        return Summary(
            Path(os.fsdecode(run.words.encode())), progress.licenses_done, progress.bytes_done,
            tuple(run.restricted), tuple(run.skipped), not incomplete,
        )

    def _list(self, name: str, callback: Any) -> list[Any]:
        function = getattr(lib, "wmlb_restorer_" + name)
        with self._new_run(None, None) as run:
            self._set_asked(run)
            in_thread(run, lambda: int(function(self._handle, callback, run.number)))
            run.reraise()
            if run.canceled and run.result < 0:
                raise error(Code.NS_E_DRM_OPERATION_CANCELED)
            self._check(run.result)
            return run.listed


def _in(place: PlaceLike, told: list[Generation]) -> list[Generation]:
    """With paths as the caller has them: what is told of a path that is not UTF-8 is not exact."""
    if Bucket.of(place) is not None or isinstance(place, Bucket):
        return told
    path = Path(os.fsdecode(place))
    folder = path if path.is_dir() else path.parent
    return [dataclasses.replace(one, path=folder / one.path.name) for one in told]


def _length(path: Path) -> int:
    return len(str(path))


def _backup_flags(
    overwrite: bool, partial: bool, verify: bool, empty: bool, reread: bool
) -> int:
    return (
        native.BACKUP_OVERWRITE * bool(overwrite)
        | native.BACKUP_PARTIAL * bool(partial)
        | native.BACKUP_VERIFY * bool(verify)
        | native.BACKUP_EMPTY * bool(empty)
        | native.BACKUP_REREAD * bool(reread)
    )


def _restore_flags(overwrite: bool, individualize: bool, allow_clear: bool) -> int:
    return (
        native.RESTORE_OVERWRITE * bool(overwrite)
        | native.RESTORE_INDIVIDUALIZE * bool(individualize)
        | _verify_flags(allow_clear)
    )


def _verify_flags(allow_clear: bool) -> int:
    return native.ALLOW_CLEAR * bool(allow_clear)


class _OneAtATime:
    """A run, while it is the restorer's."""

    def __init__(self, restorer: Restorer, run: Run) -> None:
        self.restorer = restorer
        self.run = run

    def __enter__(self) -> Run:
        if not self.restorer._busy.acquire(blocking=False):
            words = "an operation is running on this restorer"
            raise error(Code.NS_E_DRM_BACKUPRESTORE_BUSY, words)
        self.restorer._life.run = self.run
        return self.run.__enter__()

    def __exit__(self, *_: object) -> None:
        self.run.__exit__()
        self.restorer._life.run = None
        self.restorer._busy.release()
