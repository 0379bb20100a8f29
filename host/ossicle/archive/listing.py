"""Rows for the index that it does not take yet: the disk it lies on may be full while the store is well.

An object in the store is safe without its row, for the index is compared with the store later; so no upload
fails because of it.
"""

from __future__ import annotations

import contextlib
from collections import deque

from ossicle.archive.entry import ArchiveError, Entry
from ossicle.archive.health import Tally
from ossicle.archive.index import Index
from ossicle.locks import RLock

_WAITING_MAX = 4096


class Listing:
    """An index that may fail. Any thread may use it."""

    def __init__(self, index: Index, tally: Tally) -> None:
        self._index = index
        self._tally = tally
        self._lock = RLock()
        self._waiting: deque[tuple[str, Entry, int]] = deque(maxlen=_WAITING_MAX)

    def covered(self, entry: Entry) -> bool:
        """As `Index.covered`; where that cannot be asked, `put` asks again once it can."""
        try:
            return self._index.covered(entry)
        except ArchiveError:
            return False

    def expect(self, key: str) -> None:
        """As `Index.expect`, if it can be told."""
        with contextlib.suppress(ArchiveError):
            self._index.expect(key)

    def forget(self, key: str) -> None:
        """As `Index.forget`, if it can be told."""
        with contextlib.suppress(ArchiveError):
            self._index.forget([key])

    def put(self, key: str, entry: Entry, size: int) -> bool:
        """As `Index.put`. A row that cannot be put is put later; one that a deletion covers by then is left
        to the comparison with the store."""
        try:
            kept = self._index.put(key, entry, size)
        except ArchiveError:
            with self._lock:
                self._waiting.append((key, entry, size))
            self._tally.add(unlisted=1)
            return True
        self._put_waiting()
        return kept

    def _put_waiting(self) -> None:
        with self._lock:
            while self._waiting:
                try:
                    self._index.put(*self._waiting[0])
                except ArchiveError:
                    return
                self._waiting.popleft()
