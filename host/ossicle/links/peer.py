"""The link to one device among those that are heard on one port (W-53).

A device is known by the id in its HELLO. It has one *path* in use, an address or a connection, and may have
said HELLO on a few others: where the path in use falls silent, another takes over. What comes on a path that
is not in use, while the one in use is alive, reaches the receiver only when it is sealed: that nobody else
can do, and without a seal a second device of the same name must not get into the first one's stream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Protocol

from ossicle.errors import LinkError
from ossicle.locks import Condition
from ossicle.proto._wire import PATH_SILENT_MS, Flag, Kind

WAITING_MAX = 512  # datagrams that wait for the reader: some seconds of a stream
_READ_MAX = 64  # that one `read` gives
_PATHS_MAX = 4
_PATH_SILENT_S = PATH_SILENT_MS / 1000


class Way(Protocol):
    """Where to send."""

    @property
    def name(self) -> str:
        """The address, for messages."""

    def send(self, data: bytes) -> str:
        """Send without waiting. Empty when it went, else why it was dropped."""


@dataclass(eq=False, slots=True)
class Path:
    """A way on which a device has said HELLO."""

    key: Hashable
    way: Way
    heard_at: float


@dataclass(slots=True)
class PeerCounts:
    """What became of datagrams and messages of one device."""

    came: int = 0
    """Handed to the receiver."""
    overrun: int = 0
    """Dropped, because too many waited."""
    astray: int = 0
    """Dropped, because they came on a path that is not in use."""
    unsent: int = 0
    """Not taken by the socket, or there was nowhere to send to."""
    moves: int = 0
    """Times that the stream went over to another address or connection."""
    address: str = field(default="")
    """The one in use."""


class PeerLink:
    """One device of a hub; a `Link`. `released` is called once, when it is closed."""

    def __init__(self, device: str, url: str, released: Callable[[PeerLink], None]) -> None:
        self.device = device
        self.url = url
        self.baud: int | None = None
        self.trouble = ""
        self._released = released
        self._changed = Condition()
        self._lock = self._changed.lock
        self._arrived: deque[tuple[Path, bytes]] = deque()
        self._given: list[tuple[Path, bytes]] = []  # what `read` gave last
        self._paths: list[Path] = []
        self._in_use: Path | None = None
        self._believed_at = float("-inf")  # when the device's own came last on the path in use
        self._counts = PeerCounts()
        self._closed = False

    # The reader's side

    def read(self, timeout_s: float) -> list[bytes]:
        """What came: an item for each datagram or message, some dozens at most."""
        self.reopen()
        with self._lock:
            if not self._arrived and not self._closed:
                self._changed.wait(timeout_s)
            self.reopen()
            count = min(len(self._arrived), _READ_MAX)
            self._given = [self._arrived.popleft() for _ in range(count)]
            return [data for _, data in self._given]

    def believe(self, data: bytes) -> None:
        """What came in `data` is the device's own: its path is, or comes, in use (W-53)."""
        now = time.monotonic()
        with self._lock:
            path = next((path for path, given in self._given if given is data), None)
            if path is None or path not in self._paths:
                return
            if path is not self._in_use:
                if not data[1] & Flag.SEALED and self._is_settled(now):
                    return
                self._use(path)
            self._believed_at = now

    def write(self, data: bytes) -> None:
        """Send on the path in use. While the device is looked for, what only it can read, or what makes it
        say who it is, goes to all its paths.
        """
        with self._lock:
            ways = self._ways(data)
        troubles = [way.send(data) for way in ways]
        if all(troubles):
            self._counts.unsent += 1
        self.trouble = "" if "" in troubles else (troubles or ["the device has closed its connection"])[0]

    def set_baud(self, baud: int) -> None:
        """A datagram has no speed."""

    def reopen(self) -> None:
        """A port outlives every device; what is closed stays closed."""
        if self._closed:
            raise LinkError(f"{self.url}: the link is closed", self.url)

    def close(self) -> None:
        """Take no more part; harmless when repeated."""
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._arrived.clear()
            self._changed.notify_all()
        self._released(self)

    def abandon(self) -> None:
        """In the child of a fork: end without touching a lock that another thread may have held."""
        self._closed = True

    @property
    def counts(self) -> PeerCounts:
        """A snapshot."""
        with self._lock:
            path = self._in_use
            return replace(self._counts, address=path.way.name if path is not None else "")

    # The hub's side

    def take(self, path: Path, data: bytes) -> None:
        """A datagram or message came on a path of this device."""
        now = time.monotonic()
        path.heard_at = now
        with self._lock:
            if path is not self._in_use and not data[1] & Flag.SEALED and self._is_settled(now):
                self._counts.astray += 1
            elif len(self._arrived) >= WAITING_MAX:
                self._counts.overrun += 1
            else:
                self._arrived.append((path, data))
                self._counts.came += 1
                self._changed.notify_all()

    def attach(self, path: Path) -> Path | None:
        """The device said HELLO on a new path. Gives the one that makes room for it, if any."""
        with self._lock:
            left = None
            if len(self._paths) >= _PATHS_MAX:
                others = [other for other in self._paths if other is not self._in_use]
                left = min(others, key=lambda other: other.heard_at)
                self._paths.remove(left)
            self._paths.append(path)
            if self._in_use is None:
                self._use(path)
            return left

    def detach(self, path: Path) -> None:
        """The path is no more."""
        with self._lock:
            if path in self._paths:
                self._paths.remove(path)
            if path is self._in_use:
                self._in_use = None
                if self._paths:
                    self._use(max(self._paths, key=lambda other: other.heard_at))

    @property
    def paths(self) -> list[Path]:
        """On which it said HELLO, the one in use first."""
        with self._lock:
            return sorted(self._paths, key=lambda path: path is not self._in_use)

    def is_held_by(self, path: Path) -> bool:
        """The stream runs on this path."""
        with self._lock:
            return path is self._in_use and self._is_settled(time.monotonic())

    @property
    def is_settled(self) -> bool:
        """What is the device's own came a short while ago."""
        return self._is_settled(time.monotonic())

    # Under the lock

    def _use(self, path: Path) -> None:
        if self._in_use is not path and (self._in_use is not None or self._counts.came):
            self._counts.moves += 1
        self._in_use = path
        self._believed_at = float("-inf")

    def _is_settled(self, now: float) -> bool:
        return now - self._believed_at < _PATH_SILENT_S

    def _ways(self, data: bytes) -> list[Way]:
        if self._in_use is None:
            return []
        searching = data[0] == Kind.HELLO or data[1] & Flag.SEALED
        if searching and not self._is_settled(time.monotonic()):
            return [path.way for path in self._paths]
        return [self._in_use.way]
