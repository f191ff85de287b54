"""Stores that the host keeps itself."""

from __future__ import annotations

import abc
import ctypes
from collections import deque
from dataclasses import dataclass
from typing import Any, Iterable, Iterator

# So many bytes of licenses, or so many of them, are fetched at a time: each time costs a
# change of threads.
_BYTES_AT_A_TIME = 1 << 20
_AT_A_TIME = 256


@dataclass(frozen=True)
class HostLicense:
    """A license of a store that the host keeps itself.

    name: a relative path with / in it; bytes that are not UTF-8 as os.fsdecode() has them.
    modified: Unix seconds.
    """

    name: str
    data: bytes
    modified: int = 0


class HostStore(abc.ABC):
    """A store that the host keeps itself: in a database of its own, or in memory.

    For a backup or a list licenses() is enough. To be restored to, a store has put() and
    commit() as well: begin(), put() for each license, commit(); or rollback(), whatever it was
    that went wrong. All are called on the thread that called backup() or restore(), or, of
    backup_async() and restore_async(), on that of the event loop. What they raise ends the
    operation and is raised from it.
    """

    @abc.abstractmethod
    def licenses(self) -> Iterable[HostLicense]:
        """All licenses, in any order; no two have the same name."""

    def begin(self) -> None:
        """A restore begins."""

    def put(self, license: HostLicense) -> None:
        """Stages a license: what it replaces stays until commit()."""
        raise NotImplementedError

    def commit(self) -> None:
        """Puts all that was staged in place: all or, when it raises, nothing."""
        raise NotImplementedError

    def rollback(self) -> None:
        """Drops what was staged: the restore has failed, maybe in commit()."""


class HostSession:
    """What one operation has open of a host's store."""

    def __init__(self, store: HostStore) -> None:
        self.store = store
        # Fetched and not given yet; the end of the list is a None.
        self.ready: deque[HostLicense | None] = deque()
        self._licenses: Iterator[HostLicense] = iter(())
        self._given: tuple[bytes, bytes] | None = None
        self._is_to_roll_back = False

    def is_read_only(self) -> bool:
        kind = type(self.store)
        return kind.put is HostStore.put or kind.commit is HostStore.commit

    def open(self, for_writing: bool) -> None:
        if for_writing:
            self._is_to_roll_back = True
            try:
                self.store.begin()
            except BaseException:
                # The library calls nothing more after an open that failed.
                self.close()
                raise
        else:
            self.ready.clear()
            self._licenses = iter(self.store.licenses())

    def fetch(self) -> None:
        size = 0
        while size < _BYTES_AT_A_TIME and len(self.ready) < _AT_A_TIME:
            license = next(self._licenses, None)
            self.ready.append(license)
            if license is None:
                break
            size += len(license.data)

    def give(self, told: Any) -> bool:
        """Fills in the next license; False at the end."""
        license = self.ready.popleft()
        if license is None:
            return False
        name = license.name.encode("utf-8", "surrogateescape")
        data = bytes(license.data)
        self._given = (name, data)  # the library reads them until the next call
        told.name = ctypes.cast(ctypes.c_char_p(name), ctypes.c_void_p)
        told.name_len = len(name)
        told.data = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)
        told.data_len = len(data)
        told.modified = license.modified
        return True

    @staticmethod
    def taken(told: Any) -> HostLicense:
        name = ctypes.string_at(told.name, told.name_len)
        data = ctypes.string_at(told.data, told.data_len)
        return HostLicense(name.decode("utf-8", "surrogateescape"), data, told.modified)

    def commit(self) -> None:
        self.store.commit()
        self._is_to_roll_back = False

    def close(self) -> None:
        self._given = None
        close = getattr(self._licenses, "close", None)  # of a generator
        self._licenses = iter(())
        self.ready.clear()
        if close is not None:
            close()
        if self._is_to_roll_back:
            self._is_to_roll_back = False
            self.store.rollback()
