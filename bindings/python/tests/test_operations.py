"""Backup, restore, verification and lists, from the thread that calls."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import os
import subprocess
import threading
from pathlib import Path

import pytest

import wmlb
from conftest import PUBLIC_KEY, SECRET_KEY, contents, fill


def test_backup_and_restore(store: Path, to: Path, tmp_path: Path) -> None:
    summary = wmlb.backup(store, to)
    assert summary == wmlb.Summary(
        path=to / "licenses.wmlb", licenses=20,
        bytes=sum(len(data) for data in contents(store).values()),
        restricted=(), skipped=(), complete=True,
    )
    assert wmlb.verify(to).licenses == 20
    again = tmp_path / "again"
    assert wmlb.restore(to, again).licenses == 20
    assert contents(again) == contents(store)


def test_the_last_good_backup(store: Path, backed_up: Path) -> None:
    names = sorted(path for path in store.rglob("*") if path.is_file())
    for path in names[2:]:
        path.unlink()
    told: list[wmlb.Fewer] = []

    def on_event(event: wmlb.Event) -> None:
        if isinstance(event.value, wmlb.Fewer):
            told.append(event.value)
            raise ValueError("they are missing")

    with pytest.raises(ValueError, match="missing"):
        wmlb.backup(store, backed_up, overwrite=True, on_event=on_event)
    assert told == [wmlb.Fewer(before=20, now=2)]
    for path in names[:2]:
        path.unlink()
    with pytest.raises(wmlb.WmlbError) as caught:
        wmlb.backup(store, backed_up, overwrite=True)
    assert caught.value.code == wmlb.Code.NS_E_DRM_LICENSE_STORE_ERROR
    assert wmlb.verify(backed_up).licenses == 20
    assert wmlb.backup(store, backed_up, overwrite=True, empty=True).licenses == 0


def test_the_file_may_be_named_too(backed_up: Path, tmp_path: Path) -> None:
    wmlb.restore(str(backed_up / "licenses.wmlb"), os.fsencode(tmp_path / "again"))
    assert len(contents(tmp_path / "again")) == 20


def test_progress(store: Path, to: Path) -> None:
    told: list[wmlb.Progress] = []
    threads = set()

    def on_progress(progress: wmlb.Progress) -> None:
        told.append(progress)
        threads.add(threading.get_ident())

    wmlb.backup(store, to, on_progress=on_progress)
    assert told[-1].licenses_done == told[-1].licenses_total == 20
    assert told == sorted(told, key=lambda progress: progress.licenses_done)
    assert threads == {threading.get_ident()}


def test_events(store: Path, to: Path) -> None:
    (store / "link").symlink_to("nowhere")
    events: list[wmlb.Event] = []
    threads = set()

    def on_event(event: wmlb.Event) -> None:
        events.append(event)
        threads.add(threading.get_ident())

    summary = wmlb.backup(store, to, on_event=on_event)
    assert events[0] == wmlb.Event(wmlb.Status.BACKUPRESTORE_BEGIN, 0, None)
    assert events[-1] == wmlb.Event(wmlb.Status.BACKUPRESTORE_END, 0, str(to / "licenses.wmlb"))
    assert [event.is_last for event in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[-2].value, wmlb.Progress)
    assert threads == {threading.get_ident()}
    assert summary.skipped == (wmlb.Skipped("link", wmlb.Code.E_ACCESSDENIED),)
    assert "E_ACCESSDENIED" in str(summary.skipped[0])


def test_an_earlier_backup_is_refused_and_replaced(backed_up: Path, store: Path) -> None:
    before = contents(backed_up)
    with pytest.raises(FileExistsError) as raised:
        wmlb.backup(store, backed_up)
    assert isinstance(raised.value, wmlb.BackupExistsError)
    assert raised.value.code == wmlb.Code.NS_E_DRM_BACKUP_EXISTS
    assert raised.value.name == "NS_E_DRM_BACKUP_EXISTS"
    assert raised.value.path == backed_up / "licenses.wmlb"
    assert str(backed_up) in raised.value.message == str(raised.value)
    assert contents(backed_up) == before
    fill(store, 25)
    assert wmlb.backup(store, backed_up, overwrite=True).licenses == 25


def test_partial(store: Path, to: Path) -> None:
    # A database that is damaged can be left out, and root can be tested with it too.
    (store / "damaged.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(wmlb.StoreCorruptError) as raised:
        wmlb.backup(store, to)
    assert raised.value.path == store
    summary = wmlb.backup(store, to, partial=True, verify=True)
    assert not summary.complete
    assert [skipped.name for skipped in summary.skipped] == ["damaged.db"]
    assert summary.licenses == 20


@pytest.mark.parametrize("secret", ["passphrase", "keys"])
def test_encrypted(store: Path, to: Path, tmp_path: Path, secret: str) -> None:
    right = {"passphrase": "Grüße"} if secret == "passphrase" else {"identities": SECRET_KEY}
    if secret == "passphrase":
        wmlb.backup(store, to, passphrase="Grüße")
        wrong = {"passphrase": "another"}
    else:
        wmlb.backup(store, to, recipients=[PUBLIC_KEY])
        wrong = {"passphrase": "any"}
    for options in ({}, wrong):
        with pytest.raises(wmlb.WrongSecretError) as raised:
            wmlb.restore(to, tmp_path / "again", **options)  # type: ignore[arg-type]
        assert raised.value.path == to / "licenses.wmlb"
        assert not (tmp_path / "again").exists()
    with pytest.raises(wmlb.WrongSecretError):
        wmlb.list_backup(to)
    assert wmlb.verify(to, **right).licenses == 20  # type: ignore[arg-type]
    assert len(wmlb.list_backup(to, **right)) == 20  # type: ignore[arg-type]
    wmlb.restore(to, tmp_path / "again", **right)  # type: ignore[arg-type]
    assert contents(tmp_path / "again") == contents(store)


def test_one_in_clear_is_not_taken_for_an_encrypted_one(
    store: Path, to: Path, tmp_path: Path
) -> None:
    wmlb.backup(store, to)
    with pytest.raises(wmlb.WrongSecretError):
        wmlb.verify(to, passphrase="any")
    assert wmlb.verify(to, passphrase="any", allow_clear=True).licenses == 20
    with pytest.raises(wmlb.WrongSecretError):
        wmlb.restore(to, tmp_path / "again", passphrase="any")
    wmlb.restore(to, tmp_path / "again", passphrase="any", allow_clear=True)
    assert contents(tmp_path / "again") == contents(store)


def test_places() -> None:
    places = wmlb.places()
    assert {"Chromium", "Firefox", "Kodi"} <= {place.player for place in places}
    assert len(places) > len(wmlb.stores())


def test_restore_keeps_what_differs(backed_up: Path, store: Path) -> None:
    changed = store / "0" / "license-0.bin"
    before = changed.read_bytes()
    changed.write_bytes(b"changed")
    summary = wmlb.restore(backed_up, store)
    assert [skipped.name for skipped in summary.skipped] == ["0/license-0.bin"]
    assert changed.read_bytes() == b"changed"
    assert wmlb.restore(backed_up, store, overwrite=True).skipped == ()
    assert changed.read_bytes() == before


def test_authorizer(backed_up: Path, tmp_path: Path) -> None:
    asked: list[wmlb.RestoreRequest] = []
    threads = set()

    def allow(request: wmlb.RestoreRequest) -> bool:
        asked.append(request)
        threads.add(threading.get_ident())
        return True

    wmlb.restore(backed_up, tmp_path / "one", authorizer=allow, overwrite=True)
    assert threads == {threading.get_ident()}
    assert len(asked) == 1
    assert asked[0].same_device and asked[0].overwrite and not asked[0].individualize
    now = datetime.datetime.now(datetime.timezone.utc)
    assert asked[0].created and abs(now - asked[0].created) < datetime.timedelta(minutes=5)
    for answer, url in (False, None), ("https://example.com/ä", "https://example.com/ä"):
        with pytest.raises(wmlb.RestoreRefusedError) as raised:
            wmlb.restore(backed_up, tmp_path / "two", authorizer=lambda _: answer)  # noqa: B023
        assert raised.value.url == url
        assert isinstance(raised.value, PermissionError)
    with pytest.raises(ValueError, match="too long"):
        wmlb.restore(backed_up, tmp_path / "two", authorizer=lambda _: "x" * 100_000)
    assert not (tmp_path / "two").exists()


def test_rights(store: Path, to: Path) -> None:
    asked = []

    def rights(license: wmlb.License) -> wmlb.Right | None:
        asked.append(license.name)
        return wmlb.Right.DENIED if license.name == "0/license-0.bin" else None

    summary = wmlb.backup(store, to, rights=rights)
    assert len(asked) == 20
    assert summary.restricted == ("0/license-0.bin",)
    assert summary.licenses == 19
    # bool is an int, and False would be "not stated".
    summary = wmlb.backup(
        store, to, overwrite=True,
        rights=lambda _: False,  # type: ignore[arg-type, return-value]
    )
    assert summary.licenses == 0
    assert wmlb.backup(store, to, overwrite=True, unstated_rights="deny").licenses == 0


def test_a_sample(tmp_path: Path, to: Path) -> None:
    store = tmp_path / "large"
    store.mkdir()
    for number in range(5):
        (store / f"{number}").write_bytes(os.urandom(1 << 20))
    wmlb.backup(store, to)
    assert 0 < wmlb.verify(to, sample=1).licenses < 5
    assert wmlb.verify(to, sample=100).licenses == wmlb.verify(to).licenses == 5
    assert 0 < asyncio.run(wmlb.verify_async(to, sample=1)).licenses < 5
    with pytest.raises(wmlb.InvalidArgumentError):
        wmlb.verify(to, sample=101)


def test_some_licenses(backed_up: Path, store: Path, tmp_path: Path) -> None:
    names = sorted(contents(store))
    some = tmp_path / "some"
    assert wmlb.restore(backed_up, some, only=[names[0], "1/*"]).licenses > 1
    assert names[0] in contents(some)
    asked = []

    def chosen(license: wmlb.License) -> bool:
        asked.append(license.name)
        return license.name == names[-1]

    found = wmlb.list_backup(backed_up, filter=chosen)
    assert [license.name for license in found] == [names[-1]]
    assert sorted(asked) == names
    again = tmp_path / "again"
    assert wmlb.restore(backed_up, again, filter=chosen).licenses == 1
    assert list(contents(again)) == [names[-1]]

    def fails(_: wmlb.License) -> bool:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        wmlb.restore(backed_up, tmp_path / "none", filter=fails)
    with pytest.raises(ValueError, match="not this one"):
        wmlb.list_backup(backed_up, filter=fails)


def test_generations(store: Path, to: Path) -> None:
    changing = store / "changing"
    for number in range(4):
        changing.write_text(str(number))
        wmlb.backup(store, to, overwrite=True, keep="last=9")
    found = wmlb.generations(to)
    assert len(found) == 4 and found[0].path == to / wmlb.BACKUP_FILE_NAME
    assert [one.kept_by for one in found] == [wmlb.Kept.CURRENT] + [wmlb.Kept(0)] * 3
    assert wmlb.backup_info(to) == dataclasses.replace(found[0], kept_by=wmlb.Kept(0))
    assert wmlb.backup_info(found[1].path).created == found[1].created
    with pytest.raises(FileNotFoundError):
        wmlb.backup_info(store)
    one = found[1]
    assert one.created and abs(one.created.timestamp() - one.path.stat().st_mtime) < 60
    assert (one.size, one.encrypted, one.store) == (one.path.stat().st_size, False, "directory")
    assert one.licenses == 21 and one.bytes and one.device_id and len(one.device_id) == 32
    again = store.parent / "again"
    wmlb.restore(found[2].path, again)
    assert (again / "changing").read_text() == "1"

    told = wmlb.forget(to, "last=2", dry_run=True)
    assert [bool(one.kept_by) for one in told] == [True, True, False, False]
    assert wmlb.generations(one.path) == found
    assert wmlb.forget(to, "last=2") == told
    assert [one.path for one in wmlb.generations(to)] == [one.path for one in found[:2]]
    with pytest.raises(wmlb.InvalidArgumentError, match="not a number from 1 to"):
        wmlb.forget(to, "last=0")
    with pytest.raises(wmlb.NotConfiguredError, match="Keep"):
        wmlb.forget(to, "")
    (to / "licenses-20200101T000000Z.wmlb").write_bytes(b"damaged")
    last = wmlb.generations(to)[-1]
    assert (last.licenses, last.bytes, last.device_id, last.store) == (None,) * 4


def test_compare(store: Path, to: Path) -> None:
    wmlb.backup(store, to)
    assert wmlb.compare(store, to) == []
    first, second = sorted(contents(store))[:2]
    (store / first).write_bytes(b"changed")
    (store / second).unlink()
    (store / "\udcff").write_bytes(b"new")
    changed, removed, added = wmlb.compare(store, to)
    kinds = wmlb.DifferenceKind
    assert (changed.kind, changed.name) == (kinds.CHANGED, first)
    assert changed.in_backup and changed.in_store and changed.in_store.size == 7
    assert changed.in_backup in wmlb.list_backup(to)
    assert (removed.kind, removed.name, removed.in_store) == (kinds.REMOVED, second, None)
    assert (added.kind, added.name, added.in_backup) == (kinds.ADDED, "\udcff", None)
    assert wmlb.compare(store, to, only=first) == [changed]
    assert wmlb.compare(store, to, filter=lambda license: False) == []
    with pytest.raises(wmlb.StoreError):
        wmlb.compare(store / "none", to)

    def fails(_: wmlb.License) -> bool:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        wmlb.compare(store, to, filter=fails)


def test_lists(backed_up: Path, store: Path) -> None:
    licenses = wmlb.list_backup(backed_up)
    assert sorted(license.name for license in licenses) == sorted(contents(store))
    first = next(one for one in licenses if one.name == "0/license-0.bin")
    path = store / first.name
    assert first.size == path.stat().st_size
    assert first.modified and int(first.modified.timestamp()) == int(path.stat().st_mtime)
    assert (first.format, first.license_id, first.key_ids) == ("opaque", "", ())
    assert first.backup_right is wmlb.Right.NOT_STATED
    assert first.valid_from is None and first.valid_until is None
    assert wmlb.list_store(store) == licenses


def test_stores(store: Path, child: object, monkeypatch: pytest.MonkeyPatch, to: Path) -> None:
    monkeypatch.setenv("WMLB_STORE_PATH", str(store))
    found = [one for one in wmlb.stores() if one.player == "wmlb"]
    assert [(one.path, one.kind, one.running) for one in found] == [(store, "directory", None)]
    assert wmlb.backup(found[0], to).licenses == 20
    assert wmlb.backup(None, to, overwrite=True).licenses == 20


def test_names_that_are_not_utf8(tmp_path: Path, to: Path) -> None:
    names = [b"f\xfcr", b"deep/\xff\xfe", "ü".encode(), b"new\nline", b" "]
    store = tmp_path / "store"
    for name in names:
        path = os.path.join(os.fsencode(store), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name)
    assert wmlb.backup(store, to).licenses == len(names)
    licenses = wmlb.list_backup(to)
    assert sorted(license.name_bytes for license in licenses) == sorted(names)
    for license in licenses:
        assert (store / license.name).read_bytes() == license.name_bytes
    wmlb.restore(to, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(store)


def test_paths_that_are_not_utf8_are_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(wmlb.InvalidArgumentError) as raised:
        wmlb.backup(store, os.fsencode(tmp_path) + b"/\xff")
    assert isinstance(raised.value, ValueError)
    with pytest.raises(wmlb.InvalidArgumentError):
        wmlb.backup(store, os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    with pytest.raises(wmlb.InvalidArgumentError):
        wmlb.backup(store, "a\0")


def test_what_the_standard_tools_see(backed_up: Path) -> None:
    listed = subprocess.run(
        f"zstd -dc {backed_up}/licenses.wmlb | tar t", shell=True, check=True, capture_output=True,
    ).stdout.decode()
    assert listed.count("licenses/") == 20
