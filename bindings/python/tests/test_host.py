"""Stores that are Python objects."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import wmlb
from conftest import contents


class Memory(wmlb.HostStore):
    """A store in memory, which notes its calls and fails in the one that it is told to."""

    def __init__(self, licenses: dict[str, bytes] | None = None, fails_in: str = "") -> None:
        self.kept = dict(licenses or {})
        self.staged: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.fails_in = fails_in

    def note(self, call: str) -> None:
        self.calls.append(call)
        self.threads.add(threading.get_ident())
        if call == self.fails_in:
            raise ZeroDivisionError(call)

    def licenses(self) -> Iterator[wmlb.HostLicense]:
        self.note("licenses")
        try:
            for name, data in self.kept.items():
                yield wmlb.HostLicense(name, data, 1_600_000_000)
                self.note("next")
        finally:
            self.note("end")

    def begin(self) -> None:
        self.note("begin")
        self.staged = {}

    def put(self, license: wmlb.HostLicense) -> None:
        self.note("put")
        assert license.modified == 1_600_000_000
        self.staged[license.name] = license.data

    def commit(self) -> None:
        self.note("commit")
        self.kept.update(self.staged)

    def rollback(self) -> None:
        self.note("rollback")
        self.staged = {}


class ReadOnly(wmlb.HostStore):
    def licenses(self) -> list[wmlb.HostLicense]:
        return [wmlb.HostLicense("a", b"1")]


LICENSES = {f"folder/{number}": os.urandom(number * 10) for number in range(1000)}
LICENSES[os.fsdecode(b"odd \xff\n")] = b""


def test_there_and_back(to: Path, tmp_path: Path) -> None:
    store = Memory(LICENSES)
    assert wmlb.backup(store, to).licenses == len(LICENSES)
    again = Memory({"other": b"stays"})
    assert wmlb.restore(to, again).licenses == len(LICENSES)
    assert again.kept == {**LICENSES, "other": b"stays"}
    assert again.calls[-1] == "commit"
    wmlb.restore(to, tmp_path / "folder")
    assert contents(tmp_path / "folder") == LICENSES
    listed = wmlb.list_store(store)
    assert [license.name for license in listed] == list(LICENSES)
    assert listed[-1].modified is not None
    for one in (store, again):
        assert one.threads == {threading.get_ident()}


def test_on_the_event_loop(to: Path) -> None:
    store, again = Memory(LICENSES), Memory()

    async def main() -> None:
        await wmlb.backup_async(store, to)
        await wmlb.restore_async(to, again)

    asyncio.run(main())
    assert again.kept == LICENSES
    assert store.threads == again.threads == {threading.get_ident()}


def test_a_database_of_this_thread(to: Path) -> None:
    """sqlite3 lets nobody but the thread that made a connection use it."""
    database = sqlite3.connect(":memory:")
    database.execute("create table licenses (name text primary key, data blob)")
    database.executemany("insert into licenses values (?, ?)", [("a", b"1"), ("b", b"2")])
    database.commit()

    class Table(wmlb.HostStore):
        def licenses(self) -> Iterator[wmlb.HostLicense]:
            for name, data in database.execute("select name, data from licenses"):
                yield wmlb.HostLicense(name, data)

        def put(self, license: wmlb.HostLicense) -> None:
            row = (license.name, license.data)
            database.execute("insert or replace into licenses values (?, ?)", row)

        def commit(self) -> None:
            database.commit()

        def rollback(self) -> None:
            database.rollback()

    wmlb.backup(Table(), to)
    database.execute("delete from licenses")
    database.commit()
    wmlb.restore(to, Table())
    rows = database.execute("select * from licenses order by name").fetchall()
    assert rows == [("a", b"1"), ("b", b"2")]


@pytest.mark.parametrize("call", ["licenses", "next", "end"])
def test_a_backup_fails(call: str, to: Path) -> None:
    store = Memory(LICENSES, fails_in=call)
    with pytest.raises(ZeroDivisionError, match=call):
        wmlb.backup(store, to)
    assert contents(to) == {}
    assert store.calls.count("end") == (call != "licenses")


@pytest.mark.parametrize("call", ["begin", "put", "commit"])
def test_a_restore_fails(call: str, to: Path) -> None:
    wmlb.backup(Memory(LICENSES), to)
    store = Memory({"other": b"stays"}, fails_in=call)
    with pytest.raises(ZeroDivisionError, match=call):
        wmlb.restore(to, store)
    assert store.calls[-1] == "rollback"
    assert store.calls.count("rollback") == 1
    assert store.kept == {"other": b"stays"}


def test_a_restore_is_canceled(to: Path) -> None:
    """By an exception elsewhere, too, the store hears that it is to roll back."""
    wmlb.backup(Memory(LICENSES), to)
    store = Memory()

    def fails(_: wmlb.Progress) -> None:
        if "put" in store.calls:
            raise KeyError

    with pytest.raises(KeyError):
        wmlb.restore(to, store, on_progress=fails)
    assert store.calls[-1] == "rollback"
    assert store.kept == {}


def test_read_only(to: Path, backed_up: Path) -> None:
    assert wmlb.backup(ReadOnly(), to, overwrite=True).licenses == 1
    with pytest.raises(wmlb.UnsupportedError):
        wmlb.restore(to, ReadOnly())


@pytest.mark.parametrize("name", ["/absolute", "../up", "a//b", "", "nul\0"])
def test_bad_names(name: str, to: Path) -> None:
    with pytest.raises(wmlb.InvalidLicenseError):
        wmlb.backup(Memory({name: b"1"}), to)
    assert contents(to) == {}
