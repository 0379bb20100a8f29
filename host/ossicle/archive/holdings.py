"""All that is kept, for who reads: what the index knows to be in the store, and what waits in the spool."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ossicle.archive.entry import ArchiveError
from ossicle.archive.index import Index
from ossicle.archive.row import Row, row_of
from ossicle.archive.select import Selection
from ossicle.archive.spool import Spool, Spooled
from ossicle.archive.store import MissingError, Store


@dataclass(frozen=True, slots=True)
class Found:
    """One object, and whether it still waits on this computer."""

    row: Row
    spooled: bool


class Holdings:
    """Reads only."""

    def __init__(self, store: Store, index: Index, spool: Spool) -> None:
        self.store = store
        self.index = index
        self.spool = spool

    def find(self, selection: Selection | None = None) -> Iterator[Found]:
        """The objects that are meant, by time; each once, also where it is uploaded meanwhile."""
        meant = selection or Selection()
        waiting = [Found(row, True) for row, _ in self.waiting(meant)]
        names = {found.row.key for found in waiting}
        stored = (Found(row, False) for row in self.index.find(meant) if row.key not in names)
        waiting.sort(key=_by_time)
        return heapq.merge(stored, waiting, key=_by_time)

    def waiting(self, selection: Selection) -> Iterator[tuple[Row, Spooled]]:
        """What waits in the spool, by time. What cannot be read there is left to who uploads it."""
        for item in self.spool.items():
            with suppress(ArchiveError, OSError):
                key, entry = self.spool.entry(item)
                if selection.covers(entry):
                    yield row_of(str(key), entry, item.size, item.path.stat().st_mtime), item

    def fetch(self, key: str) -> bytes:
        """An object's bytes, proven by its name. Raises StoreError where it cannot be had, MissingError where
        it is nowhere, ArchiveError where its bytes are others."""
        sha256 = key.rpartition("-")[2].partition(".")[0]
        data = self._spooled(sha256)
        if data is None:
            try:
                data = self.store.get(key)
            except MissingError:
                data = self._spooled(sha256)  # in the moment between our two looks
                if data is None:
                    raise
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArchiveError("its bytes are not those that were stored")
        return data

    def _spooled(self, sha256: str) -> bytes | None:
        for path in self.spool.folder.glob(f"*-{sha256}.*"):
            if path.suffix != ".damaged":
                with suppress(OSError):
                    return path.read_bytes()
        return None


def _by_time(found: Found) -> tuple[float, str]:
    return found.row.time, found.row.key
