"""What most programs need: one call each."""

from __future__ import annotations

from collections.abc import Callable

from ._bucket import Bucket, Device, Removal
from ._errors import error
from ._native import lib, Code
from ._restorer import (
    Authorizer, Filter, Keys, OnEvent, OnProgress, PathLike, PlaceLike, Restorer, Rights,
    StoreLike,
)
from ._run import Run, in_thread, on_store
from ._values import Difference, Generation, License, Store, Summary


def backup(
    store: StoreLike | None,
    to: PlaceLike,
    *,
    overwrite: bool = False,
    partial: bool = False,
    verify: bool = False,
    empty: bool = False,
    reread: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    recipients: Keys | None = None,
    keep: str | None = None,
    rights: Rights | None = None,
    unstated_rights: str | None = None,
    compression_level: int | None = None,
    threads: int | None = None,
    niceness: int | None = None,
) -> Summary:
    """Saves the licenses of a store to licenses.wmlb in the folder to, or to a bucket.

    store and the keywords are explained at Restorer, overwrite to on_event at its backup().
    """
    with Restorer(
        store, passphrase=passphrase, recipients=recipients, keep=keep, rights=rights,
        unstated_rights=unstated_rights, compression_level=compression_level, threads=threads,
        niceness=niceness,
    ) as restorer:
        return restorer.backup(
            to, overwrite=overwrite, partial=partial, verify=verify, empty=empty, reread=reread,
            on_progress=on_progress, on_event=on_event,
        )


async def backup_async(
    store: StoreLike | None,
    to: PlaceLike,
    *,
    overwrite: bool = False,
    partial: bool = False,
    verify: bool = False,
    empty: bool = False,
    reread: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    recipients: Keys | None = None,
    keep: str | None = None,
    rights: Rights | None = None,
    unstated_rights: str | None = None,
    compression_level: int | None = None,
    threads: int | None = None,
    niceness: int | None = None,
) -> Summary:
    """As backup(), for asyncio. To cancel the task cancels the backup."""
    with Restorer(
        store, passphrase=passphrase, recipients=recipients, keep=keep, rights=rights,
        unstated_rights=unstated_rights, compression_level=compression_level, threads=threads,
        niceness=niceness,
    ) as restorer:
        return await restorer.backup_async(
            to, overwrite=overwrite, partial=partial, verify=verify, empty=empty, reread=reread,
            on_progress=on_progress, on_event=on_event,
        )


def restore(
    backup: PlaceLike,
    store: StoreLike | None,
    *,
    overwrite: bool = False,
    individualize: bool = False,
    allow_clear: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    identities: Keys | None = None,
    only: Keys | None = None,
    filter: Filter | None = None,
    authorizer: Authorizer | None = None,
    threads: int | None = None,
    niceness: int | None = None,
) -> Summary:
    """Brings the licenses of a backup (the file or its folder) back into a store, all or none.

    store and the keywords are explained at Restorer, overwrite to on_event at its restore().
    """
    with Restorer(
        store, passphrase=passphrase, identities=identities, only=only, filter=filter,
        authorizer=authorizer, threads=threads, niceness=niceness,
    ) as restorer:
        return restorer.restore(
            backup, overwrite=overwrite, individualize=individualize, allow_clear=allow_clear,
            on_progress=on_progress, on_event=on_event,
        )


async def restore_async(
    backup: PlaceLike,
    store: StoreLike | None,
    *,
    overwrite: bool = False,
    individualize: bool = False,
    allow_clear: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    identities: Keys | None = None,
    only: Keys | None = None,
    filter: Filter | None = None,
    authorizer: Authorizer | None = None,
    threads: int | None = None,
    niceness: int | None = None,
) -> Summary:
    """As restore(), for asyncio. To cancel the task cancels the restore."""
    with Restorer(
        store, passphrase=passphrase, identities=identities, only=only, filter=filter,
        authorizer=authorizer, threads=threads, niceness=niceness,
    ) as restorer:
        return await restorer.restore_async(
            backup, overwrite=overwrite, individualize=individualize, allow_clear=allow_clear,
            on_progress=on_progress, on_event=on_event,
        )


def verify(
    backup: PlaceLike,
    *,
    allow_clear: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    identities: Keys | None = None,
    threads: int | None = None,
    niceness: int | None = None,
    sample: int | None = None,
) -> Summary:
    """Makes all the checks of a restore, and touches no store.

    sample: look at so many percent of the backup only, chosen at random.
    """
    with Restorer(
        passphrase=passphrase, identities=identities, threads=threads, niceness=niceness,
        sample=sample,
    ) as restorer:
        return restorer.verify(
            backup, allow_clear=allow_clear, on_progress=on_progress, on_event=on_event
        )


async def verify_async(
    backup: PlaceLike,
    *,
    allow_clear: bool = False,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    passphrase: str | None = None,
    identities: Keys | None = None,
    threads: int | None = None,
    niceness: int | None = None,
    sample: int | None = None,
) -> Summary:
    """As verify(), for asyncio. To cancel the task cancels the verification."""
    with Restorer(
        passphrase=passphrase, identities=identities, threads=threads, niceness=niceness,
        sample=sample,
    ) as restorer:
        return await restorer.verify_async(
            backup, allow_clear=allow_clear, on_progress=on_progress, on_event=on_event
        )


def list_backup(
    backup: PlaceLike,
    *,
    passphrase: str | None = None,
    identities: Keys | None = None,
    only: Keys | None = None,
    filter: Filter | None = None,
) -> list[License]:
    """The licenses in a backup (the file or its folder), by name."""
    with Restorer(
        passphrase=passphrase, identities=identities, only=only, filter=filter
    ) as restorer:
        return restorer.list_backup(backup)


def list_store(store: StoreLike | None = None) -> list[License]:
    """The licenses in a store, by name; those of a HostStore in its own order."""
    with Restorer(store) as restorer:
        return restorer.list_store()


def backup_info(
    backup: PlaceLike, *, passphrase: str | None = None, identities: Keys | None = None
) -> Generation:
    """What a backup (the file or its folder) says of itself: when it was made, and how much is in
    it. Of one that is encrypted, that needs the secret."""
    with Restorer(passphrase=passphrase, identities=identities) as restorer:
        return restorer.backup_info(backup)


def compare(
    store: StoreLike | None,
    backup: PlaceLike,
    *,
    passphrase: str | None = None,
    identities: Keys | None = None,
    only: Keys | None = None,
    filter: Filter | None = None,
) -> list[Difference]:
    """What differs between a store and a backup: see Restorer.compare()."""
    with Restorer(
        store, passphrase=passphrase, identities=identities, only=only, filter=filter
    ) as restorer:
        return restorer.compare(backup)


def generations(
    folder: PlaceLike, *, passphrase: str | None = None, identities: Keys | None = None
) -> list[Generation]:
    """The backups in a folder (or in that of the file), the newest first."""
    with Restorer(passphrase=passphrase, identities=identities) as restorer:
        return restorer.generations(folder)


def forget(folder: PathLike, keep: str, *, dry_run: bool = False) -> list[Generation]:
    """Removes the backups in a folder that a rule does not want: see Restorer.forget()."""
    with Restorer(keep=keep) as restorer:
        return restorer.forget(folder, dry_run=dry_run)


def devices(place: str | Bucket) -> list[Device]:
    """The devices that have backups in a bucket, by name."""
    with Restorer() as restorer:
        return restorer.devices(place)


def forget_in_bucket(
    place: str | Bucket, keep: str | None = None, *, dry_run: bool = False
) -> list[Removal]:
    """Removes the backups in a bucket that a rule does not want, and what killed ones have left:
    see Restorer.forget_in_bucket()."""
    with Restorer(keep=keep) as restorer:
        return restorer.forget_in_bucket(place, dry_run=dry_run)


def stores() -> list[Store]:
    """The stores that players have made for this user, on this machine."""
    return _discovered(lib.wmlb_discover_stores)


def places() -> list[Store]:
    """The places where stores() looks, whether there is anything or not."""
    return _discovered(lib.wmlb_discover_places)


def _discovered(function: Callable[..., int]) -> list[Store]:
    with Run(None) as run:
        in_thread(run, lambda: int(function(on_store, run.number)))
    run.reraise()
    if run.result != Code.S_OK:
        raise error(run.result)
    return run.listed
