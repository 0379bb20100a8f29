"""Who is heard on one port: strangers, devices that somebody waits for, devices with a link.

Nothing here is a socket. A port (`udp`, `websocket`) gives whatever comes to `came`, in the thread of the
loop, with a key for where it came from. What comes from where no HELLO has come costs as little as can be,
and everything that is kept has a bound.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from ossicle.errors import PacketError
from ossicle.locks import RLock
from ossicle.proto import hello
from ossicle.proto._wire import CHECK_BYTES, DATAGRAM_MAX_BYTES, DEVICE_KINDS, HEADER_BYTES, Flag, Kind
from ossicle.proto.events import Hello
from ossicle.proto.packets import Packet, decode, encode

from .peer import Path, PeerLink, Way

_SMALLEST_BYTES = HEADER_BYTES + CHECK_BYTES
_ID_MAX_BYTES = 255  # what W-46 can carry
_IDLE_MAX = 32  # ways of devices that nobody waits for
_REASONS_MAX = 16
_HELLOS_A_S = 200.0  # that are looked at, of strangers and of devices each: one costs some 30 us
_QUESTIONS_A_S = 40.0
_ASK_AGAIN_S = 0.25
_ASKED_MAX = 64

WayTo = Callable[[Any], Way]
"""The way to where something came from, by its key."""
Wanted = Callable[[str], str]
"""Of a device's id: why it is not wanted, empty when it is."""


@dataclass(slots=True)
class HubCounts:
    """What came to a port and reached no device's link."""

    strangers: int = 0
    """From where no HELLO of a wanted device has come."""
    misshapen: int = 0
    """Too short or too long for a packet, or a text message."""
    hellos_refused: int = 0
    """HELLOs beyond what is looked at in a second."""
    asked: int = 0
    """HELLOs that were sent to find out who somebody is."""


class Budget:
    """So many a second, and no more than a second's worth at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether there is one left."""
        now = time.monotonic()
        self._left = min(self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Claim:
    """Somebody waits for devices. `give` gets a link for each, in the loop's thread; it must not wait.

    `has_room` says whether another would be taken just then.
    """

    def __init__(
        self, wanted: Wanted, has_room: Callable[[], bool], give: Callable[[PeerLink], None]
    ) -> None:
        self.wanted = wanted
        self.has_room = has_room
        self.give = give
        self.passed: dict[str, str] = {}
        """Devices that said HELLO and were not wanted, and why."""

    def asks_for(self, device: str) -> bool:
        """Whether the device is wanted; keeps the reason where not."""
        why = self.wanted(device)
        if why:
            self.passed[device] = why
            while len(self.passed) > _REASONS_MAX:
                del self.passed[next(iter(self.passed))]
        return not why and self.has_room()


def _is_intact(data: bytes) -> bool:
    return crc32(data[:-CHECK_BYTES]) == int.from_bytes(data[-CHECK_BYTES:], "little")


class Hub:
    """The devices of one port. `emptied` is called when nobody holds the hub any more."""

    def __init__(self, url: str, name: str, emptied: Callable[[Hub], None]) -> None:
        self.url = url
        self._emptied = emptied
        greeting = hello.compose(name)
        self._hello = encode(Packet(Kind.HELLO, 0, 0, len(greeting), 0, 0, greeting))  # W-5
        self._lock = RLock()
        self._holders = 1
        self._abandoned = False
        self._paths: dict[Hashable, tuple[Path, PeerLink]] = {}
        self._links: dict[str, PeerLink] = {}
        self._claims: list[Claim] = []
        self._watchers: list[Callable[[Hello, str], None]] = []
        self._idle: OrderedDict[Hashable, Way] = OrderedDict()
        self._counts = HubCounts()
        self._hellos = Budget(_HELLOS_A_S)
        self._familiar = Budget(_HELLOS_A_S)
        self._questions = Budget(_QUESTIONS_A_S)
        self._asked: OrderedDict[Hashable, float] = OrderedDict()  # strangers, and when they were asked

    # Whoever listens

    def claim(self, claim: Claim) -> None:
        """Wait for devices; those that were heard before are asked to say HELLO again."""
        with self._lock:
            self._claims.append(claim)
        self.ask()

    def unclaim(self, claim: Claim) -> None:
        """Wait no longer."""
        with self._lock:
            if claim in self._claims:
                self._claims.remove(claim)

    def watch(self, watcher: Callable[[Hello, str], None]) -> Callable[[], None]:
        """Have every HELLO told, with its address, in the loop's thread. What is returned ends that."""
        with self._lock:
            self._watchers.append(watcher)
        self.ask()
        return lambda: self._watchers.remove(watcher)

    def ask(self) -> None:
        """Ask all that are known and have no link who they are."""
        with self._lock:
            ways = list(self._idle.values())
        for way in ways:
            self._ask(way)

    def is_open(self, device: str) -> bool:
        """Whether the device has a link."""
        return device in self._links

    def carries(self, key: Hashable) -> bool:
        """Whether a device with a link was heard there."""
        return key in self._paths

    @property
    def counts(self) -> HubCounts:
        """A snapshot."""
        return replace(self._counts)

    def hold(self) -> None:
        """The hub stays open until one more `release`."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Whoever releases it last closes it."""
        if self._abandoned:
            return
        with self._lock:
            self._holders = max(0, self._holders - 1)
            last = self._holders == 0
        if last:
            self._emptied(self)

    @property
    def is_held(self) -> bool:
        """Somebody has not released it."""
        return self._holders > 0

    def drop(self) -> None:
        """Nobody holds it any more, whatever they say."""
        with self._lock:
            self._holders = 0
        for link in list(self._links.values()):
            link.abandon()

    def abandon(self) -> None:
        """In the child of a fork: the sockets and the thread are the parent's; every link ends."""
        self._abandoned = True
        for link in self._links.values():
            link.abandon()

    @property
    def idle(self) -> list[tuple[Hashable, Way]]:
        """Where devices without a link were heard."""
        with self._lock:
            return list(self._idle.items())

    def remember(self, key: Hashable, way: Way) -> None:
        """Ask here, too."""
        with self._lock:
            self._idle[key] = way
            self._idle.move_to_end(key)
            while len(self._idle) > _IDLE_MAX:
                self._idle.popitem(last=False)

    # The port's side, in the loop's thread

    def came(self, key: Hashable, data: bytes, way: WayTo) -> bool:
        """A datagram or message. True when it may have been a device's."""
        if not _SMALLEST_BYTES <= len(data) <= DATAGRAM_MAX_BYTES:
            self._counts.misshapen += 1
            return False
        known = self._paths.get(key)
        if data[0] == Kind.HELLO:
            return self._greeted(key, known, data, way)
        if known is not None:
            known[1].take(known[0], data)
            return True
        self._counts.strangers += 1
        self._wonder(key, data, way)
        return False

    def misshapen(self) -> None:
        """Something came that is no packet by its kind."""
        self._counts.misshapen += 1

    def gone(self, key: Hashable) -> None:
        """A connection ended."""
        with self._lock:
            self._idle.pop(key, None)
            known = self._paths.pop(key, None)
        if known is not None:
            known[1].detach(known[0])

    # Inside

    def _greeted(self, key: Hashable, known: tuple[Path, PeerLink] | None, data: bytes, way: WayTo) -> bool:
        if not _is_intact(data):
            self._counts.misshapen += 1
            return False
        if not (self._hellos if known is None else self._familiar).take():
            self._counts.hellos_refused += 1
            return False
        try:
            told = hello.parse(decode(data, DEVICE_KINDS).payload)
        except PacketError:
            self._counts.misshapen += 1
            return False
        device = told.device
        if not device or len(device.encode()) > _ID_MAX_BYTES:
            self._counts.misshapen += 1
            return False
        with self._lock:
            for watcher in self._watchers:
                watcher(told, way(key).name)
            if known is not None and known[1].device != device:
                if known[1].is_held_by(known[0]):
                    self._counts.strangers += 1
                    return False
                self.gone(key)
                known = None
            if known is None:
                known = self._welcome(key, device, way(key))
        if known is None:
            self._counts.strangers += 1
            return True
        known[1].take(known[0], data)
        return True

    def _welcome(self, key: Hashable, device: str, way: Way) -> tuple[Path, PeerLink] | None:
        """A device on a path that is new: the link that it belongs to, if anybody wants it."""
        link = self._links.get(device)
        fresh = link is None
        if link is None:
            claim = next((claim for claim in self._claims if claim.asks_for(device)), None)
            if claim is None:
                self.remember(key, way)
                return None
            link = PeerLink(device, self.url, self._closed)
            self._links[device] = link
            self.hold()
        path = Path(key, way, time.monotonic())
        left = link.attach(path)
        if left is not None:
            self._paths.pop(left.key, None)
        self._paths[key] = path, link
        self._idle.pop(key, None)
        if fresh:
            assert claim is not None
            claim.give(link)
        return path, link

    def _wonder(self, key: Hashable, data: bytes, way: WayTo) -> None:
        """A device may be streaming to a host that is no more, or from another address than before, so that
        it says no HELLO: ask for one."""
        if data[0] not in DEVICE_KINDS or not (self._claims or self._watchers or self._misses_any()):
            return
        now = time.monotonic()
        if now - self._asked.get(key, float("-inf")) < _ASK_AGAIN_S:
            return
        if not data[1] & Flag.SEALED and not _is_intact(data):
            return
        self._asked[key] = now
        self._asked.move_to_end(key)
        while len(self._asked) > _ASKED_MAX:
            self._asked.popitem(last=False)
        self._ask(way(key))

    def _misses_any(self) -> bool:
        """A device with a link has not been heard for a while."""
        with self._lock:
            return not all(link.is_settled for link in self._links.values())

    def _ask(self, way: Way) -> None:
        if self._questions.take() and not way.send(self._hello):
            self._counts.asked += 1

    def _closed(self, link: PeerLink) -> None:
        """A link was closed: its device may be wanted again."""
        if self._abandoned:
            return
        with self._lock:
            if self._links.get(link.device) is link:
                del self._links[link.device]
            for path in reversed(link.paths):
                if self._paths.pop(path.key, None) is not None:
                    self.remember(path.key, path.way)
        self.release()
