"""asyncio: await, callbacks on the loop, cancellation."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

import wmlb
from conftest import contents

SLOW = {"compression_level": 19, "threads": 1}


def test_await(store: Path, to: Path, tmp_path: Path) -> None:
    async def main() -> None:
        told = []
        threads = set()

        def on_progress(progress: wmlb.Progress) -> None:
            told.append(progress)
            threads.add(threading.get_ident())
            assert asyncio.current_task() is None and asyncio.get_running_loop()

        summary = await wmlb.backup_async(store, to, on_progress=on_progress)
        assert (summary.path, summary.licenses) == (to / "licenses.wmlb", 20)
        assert told[-1].licenses_done == 20
        assert threads == {threading.get_ident()}
        assert (await wmlb.verify_async(to)).licenses == 20
        assert (await wmlb.restore_async(to, tmp_path / "again")).licenses == 20
        with pytest.raises(FileExistsError):
            await wmlb.backup_async(store, to)
        with pytest.raises(wmlb.PathNotFoundError):
            await wmlb.verify_async(tmp_path / "missing")

    asyncio.run(main(), debug=True)
    assert contents(tmp_path / "again") == contents(store)


def test_the_loop_goes_on(store: Path, to: Path) -> None:
    async def main() -> int:
        ticks = 0
        backup = asyncio.ensure_future(wmlb.backup_async(store, to, passphrase="secret"))
        while not backup.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await backup
        return ticks

    # The key takes a third of a second.
    assert asyncio.run(main()) > 5


def test_cancel(backed_up: Path, slow_store: Path) -> None:
    before = contents(backed_up)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.create_future()

        def on_event(event: wmlb.Event) -> None:
            if not began.done():
                began.set_result(None)

        for times in (1, 3):
            began = loop.create_future()
            task = asyncio.ensure_future(wmlb.backup_async(
                slow_store, backed_up, overwrite=True, on_event=on_event,
                compression_level=19, threads=1,
            ))
            await began
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert contents(backed_up) == before

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 20


def test_timeout(slow_store: Path, to: Path) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(
                wmlb.backup_async(slow_store, to, compression_level=19, threads=1), 0.2
            )

    asyncio.run(main())
    assert contents(to) == {}


def test_an_exception_in_a_callback(store: Path, to: Path) -> None:
    def fails(_: wmlb.Progress) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await wmlb.backup_async(store, to, on_progress=fails)

    asyncio.run(main())
    assert contents(to) == {}


def test_many_at_once(store: Path, tmp_path: Path) -> None:
    async def main() -> list[wmlb.Summary]:
        return await asyncio.gather(*(
            wmlb.backup_async(store, tmp_path / f"to-{number}", on_progress=lambda _: None)
            for number in range(30)
        ))

    assert [summary.licenses for summary in asyncio.run(main())] == [20] * 30


def test_a_loop_that_is_closed_under_it(slow_store: Path, to: Path) -> None:
    """The operation is canceled, and nobody hangs."""
    loop = asyncio.new_event_loop()
    coroutine = wmlb.backup_async(
        slow_store, to, compression_level=19, threads=1, on_event=lambda _: None
    )
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.sleep(0.1))
    loop.close()
    time.sleep(0.1)
    # asyncio complains about the task; what is looked at here is what becomes of the backup.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    coroutine.close()
    gc.collect()
    assert contents(to) == {}
