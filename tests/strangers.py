"""What a fuzzer feeds to a port's hub: strangers and devices, on ways that are none.

Each thing that comes is counted once, or reaches the link of a device that has said HELLO from there; and
nothing that is kept grows.
"""

from __future__ import annotations

from zlib import crc32

from cursor import Cursor

from ossicle.links import hub as hubs
from ossicle.links import peer as peers
from ossicle.proto import _wire as wire
from ossicle.proto import packets

KEYS = 8
DEVICES = ("a", "b", "c", "")
UNWANTED = "c"


class Clock:
    """The time of hubs and links."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class FakeWay:
    """To a place; takes what it is told to."""

    def __init__(self, key: int) -> None:
        self.name = f"way {key}"
        self.trouble = ""
        self.sent = 0

    def send(self, data: bytes) -> str:
        packets.decode(data, wire.HOST_KINDS)
        self.sent += not self.trouble
        return self.trouble


class Port:
    """A hub with fake ways, and what has to come of whatever comes."""

    def __init__(self) -> None:
        self.clock = Clock()
        hubs.time = peers.time = self.clock  # type: ignore[assignment]
        self.closed = False
        self.hub = hubs.Hub("udp://here:1", "host", self.empty)
        self.ways = [FakeWay(key) for key in range(KEYS)]
        self.links: list[peers.PeerLink] = []
        self.room = True
        self.claims: list[hubs.Claim] = []
        self.came = 0
        self.past = 0  # what reached links that are closed
        self.greeted: list[set[str]] = [set() for _ in range(KEYS)]  # devices that said HELLO, by key
        self.sources: list[
            tuple[bytes, set[str]]
        ] = []  # the last things that came, and who may have sent them
        self.claim()

    def empty(self, hub: hubs.Hub) -> None:
        self.closed = True

    def claim(self) -> None:
        claim = hubs.Claim(
            lambda device: "no" if device == UNWANTED else "", lambda: self.room, self.links.append
        )
        self.claims.append(claim)
        self.hub.claim(claim)

    def hear(self, key: int, data: bytes) -> None:
        """Something comes from `key`."""
        before = self.told()
        self.came += 1
        if data[:1] == bytes([wire.Kind.HELLO]):
            self.greet(key, data)
        self.sources = [*self.sources[-2 * peers.WAITING_MAX :], (data, set(self.greeted[key]))]
        self.hub.came(key, data, self.ways.__getitem__)
        assert self.told() == before + 1, "not counted, or counted twice"
        self.check()

    def greet(self, key: int, data: bytes) -> None:
        """Who may be meant by packets from there."""
        for device in DEVICES[:3]:
            if f'"device":"{device}"'.encode() in data:
                self.greeted[key].add(device)

    def told(self) -> int:
        """What was counted, or reached a link."""
        counts = self.hub.counts
        return (
            counts.strangers
            + counts.misshapen
            + counts.hellos_refused
            + self.past
            + sum(map(taken, self.links))
        )

    def check(self) -> None:
        """Bounds."""
        assert len(self.hub.idle) <= hubs._IDLE_MAX
        assert len(self.hub._asked) <= hubs._ASKED_MAX
        assert len(self.hub._paths) <= KEYS
        assert all(len(link.paths) <= peers._PATHS_MAX for link in self.links)
        assert len({link.device for link in self.links}) == len(self.links)
        assert all(len(claim.passed) <= hubs._REASONS_MAX for claim in self.claims)

    def read(self, link: peers.PeerLink, believes: bool) -> None:
        """What a link gives came from where its device has said HELLO."""
        for data in link.read(0):
            senders = next(senders for given, senders in reversed(self.sources) if given is data)
            assert link.device in senders, f"{link.device} gets what came from {senders}"
            if believes:
                link.believe(data)

    def close(self, link: peers.PeerLink) -> None:
        self.past += taken(link)
        self.links.remove(link)
        link.close()


def taken(link: peers.PeerLink) -> int:
    """What a link was handed."""
    counts = link.counts
    return counts.came + counts.overrun + counts.astray


def made(cursor: Cursor) -> bytes:
    """A HELLO mostly right, a packet, or anything."""
    how = cursor.number()
    if how < 96:
        device = DEVICES[how & 3]
        more = f',"board":"{cursor.number()}"' if how & 4 else ""
        text = f'{{"ossicle":1,"device":"{device}"{more}}}'.encode()
        data = packets.encode(packets.Packet(wire.Kind.HELLO, 0, 0, 0, 0, 0, text))
        return data if how < 80 else data[:20] + cursor.take(4) + data[24:]
    if how < 208:
        kind = tuple(wire.Kind)[cursor.number() % len(wire.Kind)]
        body = bytes([kind, how & wire.Flag.SEALED]) + bytes(14) + cursor.take(cursor.number())
        return body + crc32(body).to_bytes(4, "little")
    return cursor.take(cursor.number()) + bytes(cursor.number(2) if how > 250 else 0)


def hub(data: bytes) -> None:
    """Whatever comes to a port, from wherever."""
    cursor = Cursor(data)
    port = Port()
    while cursor.left:
        how = cursor.number()
        if how < 176:
            port.hear(how % KEYS, made(cursor))
        else:
            happen(port, how, cursor)
    assert port.hub.counts.asked <= sum(way.sent for way in port.ways)
    for link in list(port.links):
        port.close(link)
    port.hub.release()
    assert port.closed


def happen(port: Port, how: int, cursor: Cursor) -> None:
    """Time passes, links are read and closed, ways fail."""
    if how < 200:
        port.clock.now += cursor.number() / (1 if how & 1 else 500)
    elif how < 224 and port.links:
        port.read(port.links[how % len(port.links)], bool(how & 8))
    elif how < 232 and port.links:
        port.close(port.links[how % len(port.links)])
    elif how < 240 and port.links:
        port.links[how % len(port.links)].write(
            packets.encode(packets.Packet(wire.Kind.PING, payload=bytes(8)))
        )
    elif how < 244:
        port.hub.gone(how % KEYS)
        port.greeted[how % KEYS].clear()
    elif how < 248:
        port.ways[how % KEYS].trouble = "" if port.ways[how % KEYS].trouble else "no"
    elif how < 252:
        port.room = not port.room
    elif port.claims and how & 1:
        port.hub.unclaim(port.claims.pop())
    elif len(port.claims) < 4:
        port.claim()
