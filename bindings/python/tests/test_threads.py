"""Several threads, callbacks that fail, and what must not be left behind."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import wmlb
from conftest import contents, fill


class Problem(Exception):
    pass


def fails(_: object) -> None:
    raise Problem("in the callback")


def test_an_exception_cancels_and_is_raised(backed_up: Path, store: Path, tmp_path: Path) -> None:
    before = contents(backed_up)
    for options in ({"on_progress": fails}, {"on_event": fails}, {"rights": fails}):
        with pytest.raises(Problem) as raised:
            wmlb.backup(store, backed_up, overwrite=True, **options)  # type: ignore[arg-type]
        # It is the very one, with where it comes from.
        assert raised.traceback[-1].name == "fails"
        assert contents(backed_up) == before
    for options in ({"on_progress": fails}, {"on_event": fails}, {"authorizer": fails}):
        with pytest.raises(Problem):
            wmlb.restore(backed_up, tmp_path / "again", **options)  # type: ignore[arg-type]
        assert not (tmp_path / "again").exists()
    for options in ({"on_progress": fails}, {"on_event": fails}):
        with pytest.raises(Problem):
            wmlb.verify(backed_up, **options)  # type: ignore[arg-type]


def test_system_exit_passes(store: Path, to: Path) -> None:
    with pytest.raises(SystemExit):
        wmlb.backup(store, to, on_progress=lambda _: exit(3))
    assert contents(to) == {}


def test_after_an_exception_it_is_not_called_again(store: Path, to: Path) -> None:
    calls = []

    def on_event(event: wmlb.Event) -> None:
        calls.append(event)
        raise Problem

    with pytest.raises(Problem):
        wmlb.backup(store, to, on_event=on_event)
    assert len(calls) == 1


def test_cancel_from_another_thread(slow_store: Path, to: Path) -> None:
    with wmlb.Restorer(slow_store, compression_level=19, threads=1) as restorer:
        assert restorer.cancel() is False
        answers = []
        timer = threading.Timer(0.3, lambda: answers.append(restorer.cancel()))
        timer.start()
        began = time.monotonic()
        with pytest.raises(wmlb.CanceledError) as raised:
            restorer.backup(to)
        assert time.monotonic() - began < 20
        timer.join()
        assert answers == [True]
        assert raised.value.code == wmlb.Code.NS_E_DRM_OPERATION_CANCELED
        assert contents(to) == {}


def test_cancel_and_close_in_a_callback(store: Path, to: Path) -> None:
    with wmlb.Restorer(store) as restorer:
        with pytest.raises(wmlb.CanceledError):
            restorer.backup(to, on_progress=lambda _: restorer.cancel())
        assert restorer.backup(to).licenses == 20  # a cancel is not kept
        with pytest.raises(wmlb.CanceledError):
            restorer.backup(to, overwrite=True, on_progress=lambda _: restorer.close())
        with pytest.raises(wmlb.ClosedError):
            restorer.backup(to)


def test_close_from_another_thread(slow_store: Path, to: Path) -> None:
    restorer = wmlb.Restorer(slow_store, compression_level=19, threads=1)
    timer = threading.Timer(0.3, restorer.close)
    timer.start()
    with pytest.raises(wmlb.CanceledError):
        restorer.backup(to)
    timer.join()


def test_busy(store: Path, to: Path, backed_up: Path) -> None:
    with wmlb.Restorer(store) as restorer:
        def again(_: wmlb.Progress) -> None:
            for call in (lambda: restorer.verify(backed_up), restorer.list_store):
                with pytest.raises(wmlb.BusyError):
                    call()

        restorer.backup(to, overwrite=True, on_progress=again)


def test_another_restorer_in_a_callback(store: Path, tmp_path: Path) -> None:
    def inner(_: wmlb.Progress) -> None:
        wmlb.backup(store, tmp_path / "inner", overwrite=True)

    wmlb.backup(store, tmp_path / "outer", on_progress=inner)
    assert wmlb.verify(tmp_path / "inner").licenses == 20


def test_progress_from_another_thread(store: Path, to: Path) -> None:
    with wmlb.Restorer(store) as restorer:
        seen = []

        def look() -> None:
            seen.append(restorer.progress.licenses_done)

        def on_progress(_: wmlb.Progress) -> None:
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()

        restorer.backup(to, on_progress=on_progress)
        assert seen and seen[-1] == 20
        assert restorer.progress.licenses_done == 20


def test_many_threads(store: Path, tmp_path: Path) -> None:
    def work(number: int) -> int:
        owner = threading.get_ident()
        threads = set()
        to = tmp_path / f"to-{number}"
        for _ in range(5):
            wmlb.backup(
                store, to, overwrite=True, on_progress=lambda _: threads.add(threading.get_ident())
            )
        assert threads == {owner}
        return wmlb.restore(to, tmp_path / f"again-{number}").licenses

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [20] * 24


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_operations_leak_nothing(tmp_path: Path) -> None:
    store, to = fill(tmp_path / "store", 3), tmp_path / "to"

    def operations(count: int) -> None:
        for number in range(count):
            wmlb.backup(store, to, overwrite=True, on_progress=lambda _: None, niceness=0)
            wmlb.list_backup(to)
            with pytest.raises(Problem):
                wmlb.verify(to, on_progress=fails)
            # Not closed: the collector does it.
            wmlb.Restorer(store).list_store()

    operations(50)
    gc.collect()
    memory, threads = resident(), set(os.listdir("/proc/self/task"))
    files = set(os.listdir("/proc/self/fd"))
    operations(250)
    gc.collect()
    assert set(os.listdir("/proc/self/task")) <= threads
    assert len(os.listdir("/proc/self/fd")) == len(files)
    assert resident() - memory < 4 << 20


def test_a_restorer_that_is_forgotten_is_released(store: Path) -> None:
    from wmlb import _native as native

    restorer = wmlb.Restorer(store)
    handle = restorer._handle
    del restorer
    gc.collect()
    assert native.lib.wmlb_restorer_cancel(handle) == wmlb.Code.E_HANDLE


def test_fork(store: Path, to: Path) -> None:
    with wmlb.Restorer(store) as restorer:
        restorer.list_store()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    restorer.backup(to)
                except wmlb.ClosedError:
                    code = 0 if wmlb.backup(store, to).licenses == 20 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert restorer.verify(to).licenses == 20
