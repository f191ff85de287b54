"""A call of the library that calls back, and how its questions reach the thread that waits.

What the user gives (functions, a store) is called on the user's thread: the one that called
backup(), or that of the event loop. The call itself is made on a thread of Python's own, with
RUN_HERE, so the library calls back on that one: a thread that Python has not made would be taken
for one of the main interpreter, and everything would run there instead of in the sub-interpreter
that asked. From that thread ask() hands the question over and waits for the answer. So Ctrl-C,
which Python raises on the main thread only, and an exception in a callback both end here, in
fail(): the operation is canceled, and the exception is raised when it has ended.

An interruption may come between any two steps of serve(). So what is to be done stands in
attributes, and the queue only says "look": a look too many does no harm, and the loop looks
again after each exception.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import queue
import threading
import weakref
from typing import Any, Callable, TypeVar

from . import _native as native
from ._bucket import Device, DeviceCallback, Remote, Removal, RemovalCallback
from ._host import HostSession
from ._native import Code, Status, lib
from ._values import (
    Difference, Event, Generation, License, Progress, RestoreRequest, Skipped, Store,
)

T = TypeVar("T")

# The library is given a number to call back with, so what it holds cannot be freed too early.
# Weakly, for what an interruption leaves between two steps here goes with what it belongs to.
_runs: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()
_numbers = itertools.count(1)


class Abandoned(Exception):
    """Nobody answers any more."""


class _Question:
    def __init__(self, function: Callable[[], Any], is_cleanup: bool) -> None:
        self.function = function
        self.is_cleanup = is_cleanup
        self.is_answered = False
        self._answer: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def answer(self, good: bool, value: Any = None) -> None:
        self.is_answered = True
        self._answer.put((good, value))

    def wait(self) -> Any:
        good, value = self._answer.get()
        if not good:
            raise Abandoned
        return value


class Run:
    """One operation or listing.

    problem: what the user's code raised. canceled: somebody wants it to end. result, words, url:
    how it ended. restricted, skipped, listed: what was told on the way.
    """

    def __init__(self, handle: int | None) -> None:
        self.handle = handle
        self.number = next(_numbers)
        self.problem: BaseException | None = None
        self.finished = False
        self.canceled = False
        self.result: int = Code.E_UNEXPECTED
        self.words = ""
        self.url: str | None = None
        self.on_event: Callable[[Event], object] | None = None
        self.on_progress: Callable[[Progress], object] | None = None
        self.rights: Callable[[License], int | None] | None = None
        self.filter: Callable[[License], bool] | None = None
        self.authorizer: Callable[[RestoreRequest], bool | str] | None = None
        self.host: HostSession | None = None
        self.remote: Remote | None = None
        self.restricted: list[str] = []
        self.skipped: list[Skipped] = []
        self.listed: list[Any] = []
        self._closed = False
        self._question: _Question | None = None
        self._looks: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake: Callable[[], object] = lambda: self._looks.put(None)

    # On the thread of the call.

    def ask(self, function: Callable[[], T], is_cleanup: bool = False) -> T:
        """What function gives when it is called on the user's thread."""
        if self._closed or (self.problem is not None and not is_cleanup):
            raise Abandoned
        question = _Question(function, is_cleanup)
        self._question = question
        self._look()
        if self._closed:
            question.answer(False)
        answer: T = question.wait()
        return answer

    def finish(self, result: int) -> None:
        self.result = result
        self.finished = True
        self._look()

    def _look(self) -> None:
        try:
            self._wake()
        except RuntimeError:  # the event loop is closed
            self.close()

    # On any thread.

    def fail(self, problem: BaseException) -> None:
        """The first problem is the one that is raised in the end."""
        if self.problem is None:
            self.problem = problem
        self.cancel()

    def reraise(self) -> None:
        """Raises the problem, if there is one."""
        try:
            if self.problem is not None:
                raise self.problem
        finally:
            # Its traceback leads here: a circle, which only the collector would find.
            self.problem = None

    def cancel(self) -> None:
        if self.handle is not None and not self.finished:
            lib.wmlb_restorer_cancel(self.handle)
            # What waits for a server.
            if self.remote is not None:
                self.remote.cancel()

    def is_unwanted(self) -> bool:
        return self.problem is not None or self.canceled or self._closed

    def close(self) -> None:
        """From here on nobody answers."""
        self._closed = True
        question = self._question
        if question is not None and not question.is_answered:
            question.answer(False)

    # On the user's thread.

    def _answer(self) -> None:
        question = self._question
        if question is None or question.is_answered:
            return
        try:
            if self.problem is not None and not question.is_cleanup:
                question.answer(False)
            else:
                question.answer(True, question.function())
        except BaseException as problem:
            self.fail(problem)
            if not question.is_answered:
                question.answer(False)

    def serve(self) -> None:
        """Answers until the run has finished. Raises nothing but a second interruption."""
        while not self.finished:
            try:
                self._answer()
                if not self.finished:
                    # A signal that comes right before a wait does not end it.
                    self._looks.get(timeout=0.25)
            except queue.Empty:
                pass
            except BaseException as problem:
                self.fail(problem)

    async def serve_async(self, function: Callable[[], int]) -> None:
        """Makes the call, and answers on the event loop until the run has finished."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def look() -> None:
            self._answer()
            if self.finished and not done.done():
                done.set_result(None)

        self._wake = lambda: loop.call_soon_threadsafe(look)
        thread = _started(self, function)
        while not done.done():
            try:
                await asyncio.shield(done)
            except GeneratorExit:  # nobody will await any more: __exit__() does the rest
                raise
            except BaseException as problem:
                self.fail(problem)
        thread.join()

    def __enter__(self) -> Run:
        _runs[self.number] = self
        return self

    def __exit__(self, *_: object) -> None:
        """Afterwards the library knows the run no more."""
        if not self.finished:
            self.close()
            self.cancel()
        if self.handle is not None:
            # The last event comes a moment before its thread ends.
            lib.wmlb_restorer_wait(self.handle, native.FOREVER, ctypes.byref(ctypes.c_int32()))
        _runs.pop(self.number, None)


def _started(run: Run, function: Callable[[], int]) -> threading.Thread:
    """The thread on which the call is made."""

    def body() -> None:
        result: int = Code.E_UNEXPECTED
        try:
            result = function()
        finally:
            run.finish(result)

    # An interpreter that ends waits for its threads, after _end_all(). It cannot end with daemons.
    thread = threading.Thread(target=body, name="wmlb", daemon=False)
    thread.start()
    return thread


def _end_all() -> None:
    """When the interpreter ends: nobody answers any more."""
    for run in list(_runs.values()):
        run.close()
        run.cancel()


# Before the threads are waited for; atexit's functions come afterwards.
threading._register_atexit(_end_all)  # type: ignore[attr-defined]


def in_thread(run: Run, function: Callable[[], int]) -> None:
    """Makes the call, and answers on this thread until it has ended."""
    thread = _started(run, function)
    run.serve()
    thread.join()


def _called_back(failure: Any, body: Callable[[Run], Any], number: int | None) -> Any:
    """What all callbacks do: no exception leaves them."""
    run = _runs.get(number or 0)
    if run is None:
        return failure
    try:
        return body(run)
    except Abandoned:
        return failure
    except BaseException as problem:
        run.fail(problem)
        return failure


def _event(run: Run, event: Event) -> int:
    if event.status == Status.LICENSE_SKIPPED:
        run.skipped.append(Skipped(str(event.value), event.code))
    elif event.status == Status.RESTRICTED_LICENSE:
        run.restricted.append(str(event.value))
    elif event.status == Status.ERROR_WITHURL:
        run.url = str(event.value)
    elif event.is_last:
        run.words = str(event.value)
    on_event, on_progress = run.on_event, run.on_progress
    if on_event is not None:
        run.ask(lambda: on_event(event))
    if on_progress is not None and isinstance(event.value, Progress):
        progress = event.value
        run.ask(lambda: on_progress(progress))
    # Somebody may have canceled before there was an operation that could be.
    return Code.NS_E_DRM_OPERATION_CANCELED if run.is_unwanted() else Code.S_OK


def _on_status(
    status: int, code: int, kind: int, value: int | None, size: int, number: int | None
) -> Any:
    def body(run: Run) -> int:
        return _event(run, Event.of(status, code, kind, value, size))

    return _called_back(Code.NS_E_DRM_OPERATION_CANCELED, body, number)


def _on_rights(told: Any, number: int | None) -> Any:
    def body(run: Run) -> int:
        rights = run.rights
        assert rights is not None
        license = License.of(told.contents)
        answer = run.ask(lambda: rights(license))
        # True would be 1, which is right, but False 0: not stated.
        if isinstance(answer, bool):
            return native.Right.ALLOWED if answer else native.Right.DENIED
        return native.Right.NOT_STATED if answer is None else native.Right(answer)

    return _called_back(native.Right.DENIED, body, number)


def _on_filter(told: Any, number: int | None) -> Any:
    def body(run: Run) -> int:
        chosen = run.filter
        assert chosen is not None
        license = License.of(told.contents)
        return Code.S_OK if run.ask(lambda: chosen(license)) else Code.S_FALSE

    return _called_back(Code.NS_E_DRM_OPERATION_CANCELED, body, number)


def _on_authorize(told: Any, url: int | None, room: int, number: int | None) -> Any:
    def body(run: Run) -> int:
        authorizer = run.authorizer
        assert authorizer is not None
        request = RestoreRequest.of(told.contents)
        answer = run.ask(lambda: authorizer(request))
        if answer is True:
            return Code.S_OK
        if isinstance(answer, str) and url is not None:
            address = answer.encode()
            if len(address) >= room or b"\0" in address:
                raise ValueError("the address is too long, or has a NUL in it")
            ctypes.memmove(url, address, len(address))
        return Code.NS_E_DRM_RESTORE_FRAUD

    return _called_back(Code.NS_E_DRM_RESTORE_FRAUD, body, number)


def _host(run: Run) -> HostSession:
    assert run.host is not None
    return run.host


def _open(number: int | None, for_writing: int) -> Any:
    def body(run: Run) -> int:
        run.ask(lambda: _host(run).open(bool(for_writing)))
        return Code.S_OK

    return _called_back(Code.E_FAIL, body, number)


def _next(number: int | None, told: Any) -> Any:
    def body(run: Run) -> int:
        host = _host(run)
        if not host.ready:
            run.ask(host.fetch)
        return Code.S_OK if host.give(told.contents) else Code.S_FALSE

    return _called_back(Code.E_FAIL, body, number)


def _put(number: int | None, told: Any) -> Any:
    def body(run: Run) -> int:
        license = HostSession.taken(told.contents)
        run.ask(lambda: _host(run).store.put(license))
        return Code.S_OK

    return _called_back(Code.E_FAIL, body, number)


def _commit(number: int | None) -> Any:
    def body(run: Run) -> int:
        run.ask(_host(run).commit)
        return Code.S_OK

    return _called_back(Code.E_FAIL, body, number)


def _close(number: int | None) -> Any:
    _called_back(None, lambda run: run.ask(_host(run).close, is_cleanup=True), number)


def _on_license(told: Any, number: int | None) -> Any:
    return _listed(License.of, told, number)


def _on_store(told: Any, number: int | None) -> Any:
    return _listed(Store.of, told, number)


def _on_generation(told: Any, number: int | None) -> Any:
    return _listed(Generation.of, told, number)


def _on_difference(told: Any, number: int | None) -> Any:
    return _listed(Difference.of, told, number)


def _on_held_back(told: Any, number: int | None) -> Any:
    return _listed(Generation.of, told, number, Code.S_FALSE)


def _on_device(told: Any, number: int | None) -> Any:
    return _listed(Device.of, told, number)


def _on_removal(told: Any, number: int | None) -> Any:
    return _listed(Removal.of, told, number)


def _listed(
    make: Callable[[Any], Any], told: Any, number: int | None, answer: int = Code.S_OK
) -> Any:
    def body(run: Run) -> int:
        if run.is_unwanted():
            return Code.NS_E_DRM_OPERATION_CANCELED
        run.listed.append(make(told.contents))
        return answer

    return _called_back(Code.NS_E_DRM_OPERATION_CANCELED, body, number)


# What the library calls lives as long as the process.
on_status = native.StatusCallback(_on_status)
on_rights = native.RightsCallback(_on_rights)
on_filter = native.FilterCallback(_on_filter)
on_authorize = native.AuthorizerCallback(_on_authorize)
on_license = native.LicenseCallback(_on_license)
on_store = native.StoreCallback(_on_store)
on_generation = native.GenerationCallback(_on_generation)
on_difference = native.DifferenceCallback(_on_difference)
on_device = DeviceCallback(_on_device)
on_removal = RemovalCallback(_on_removal)
on_held_back = native.GenerationCallback(_on_held_back)
BOTH_WAYS = native.StoreOps(
    ctypes.sizeof(native.StoreOps), native.OpenFunction(_open), native.NextFunction(_next),
    native.PutFunction(_put), native.CommitFunction(_commit), native.CloseFunction(_close),
)
READ_ONLY = native.StoreOps(
    BOTH_WAYS.struct_size, BOTH_WAYS.open, BOTH_WAYS.next, native.PutFunction(),
    native.CommitFunction(), BOTH_WAYS.close,
)
