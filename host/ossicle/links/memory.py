"""A link inside the process: for tests, and for devices that are themselves a program."""

from __future__ import annotations

from collections import deque
from threading import Condition

from ossicle.errors import LinkError
from ossicle.proto._wire import DEFAULT_BAUD

_WAITING_MAX_BYTES = 1 << 20


class MemoryLink:
    """One end of what `pair` makes. Bytes that the other does not read in time are dropped and counted."""

    def __init__(self, url: str, baud: int | None) -> None:
        self.url = url
        self.baud = baud
        self.trouble = ""
        self.dropped_bytes = 0
        self._arrived: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = Condition()
        self._closed = False
        self._peer: MemoryLink = self

    def read(self, timeout_s: float) -> list[bytes]:
        """All that came, as one item."""
        with self._changed:
            if not self._arrived and not self._closed:
                self._changed.wait(timeout_s)
            if self._arrived:
                data = b"".join(self._arrived)
                self._arrived.clear()
                self._waiting_bytes = 0
                return [data]
            if self._closed:
                raise LinkError(f"{self.url}: the link is closed", self.url)
            return []

    def believe(self, data: bytes) -> None:
        """There is one way only."""

    def write(self, data: bytes) -> None:
        """Hand over to the other end."""
        if self._closed:
            raise LinkError(f"{self.url}: the link is closed", self.url)
        peer = self._peer
        with peer._changed:
            if peer._waiting_bytes + len(data) > _WAITING_MAX_BYTES:
                peer.dropped_bytes += len(data)
                return
            peer._arrived.append(data)
            peer._waiting_bytes += len(data)
            peer._changed.notify()

    def set_baud(self, baud: int) -> None:
        """Remember the speed; nothing here is garbled by a wrong one."""
        self.baud = baud

    def reopen(self) -> None:
        """A closed pair stays closed."""
        if self._closed:
            raise LinkError(f"{self.url}: the link is closed", self.url)

    def close(self) -> None:
        """Close both ends; what was written can still be read."""
        for end in (self, self._peer):
            with end._changed:
                end._closed = True
                end._changed.notify_all()


def pair(baud: int | None = DEFAULT_BAUD) -> tuple[MemoryLink, MemoryLink]:
    """Two ends: what is written to one is read from the other."""
    one, other = MemoryLink("memory:host", baud), MemoryLink("memory:device", baud)
    one._peer, other._peer = other, one
    return one, other
