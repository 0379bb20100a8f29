"""What a fuzzer feeds: one function for each parser of the host, and for the receiver as a whole.

Each takes bytes and returns, or raises something that is a fault. The only documented error is `PacketError`
(`UrlError` for URLs); nothing else may come out, and what is told of a stream must stay in order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from random import Random

from ossicle import urls
from ossicle.errors import PacketError, UrlError
from ossicle.proto import _wire as wire
from ossicle.proto import events, hello, packets
from ossicle.proto.framing import DatagramFraming, SerialFraming, cobs_decode, cobs_encode
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

HOP = 64
RING = 4096
SESSION = 0x5A17
STREAM_ID = bytes(range(8))
DEVICE = "a1b2c3"
KINDS = tuple(wire.Kind)


class Cursor:
    """Numbers out of the fuzzer's bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size), "little")


class Ledger:
    """Holds what a receiver tells against the promise: in order, each frame once, or in one gap."""

    def __init__(self) -> None:
        self.position = 0
        self.frames = 0
        self.ended = False

    def take(self, told: list[events.Event]) -> None:
        for event in told:
            if isinstance(event, events.Started):
                if not event.resumed:
                    self.position = 0
                    self.ended = False
            elif isinstance(event, events.Audio):
                assert event.start == self.position, f"audio at {event.start}, not {self.position}"
                assert len(event.frames), "audio of no frames"
                assert not self.ended, "audio behind the end"
                self.position = event.stop
                self.frames += len(event.frames)
            elif isinstance(event, events.Gap):
                assert event.start == self.position, f"gap at {event.start}, not {self.position}"
                if event.stop is not None:
                    assert event.stop > event.start, "a gap of no frames"
                    self.position = event.stop
            elif isinstance(event, events.Ended):
                assert event.stop <= self.position, f"end at {event.stop}, told up to {self.position}"
                self.ended = True


def packet(data: bytes) -> None:
    """A packet is refused, or is exactly what its parts are when they are put together again."""
    for senders in (wire.DEVICE_KINDS, wire.HOST_KINDS, None):
        try:
            found = packets.decode(data, senders)
        except PacketError:
            continue
        assert packets.encode(found) == data


def checked_packet(data: bytes) -> None:
    """The same behind a check that is right, where a fuzzer does not get by itself."""
    body = bytearray(data[:1364])
    if len(body) >= wire.HEADER_BYTES:
        for at in (7, 11, 15):
            body[at] &= 0x3F
    packet(bytes(body) + wire_check(bytes(body)))


def wire_check(body: bytes) -> bytes:
    """The CRC-32 behind a body."""
    from zlib import crc32

    return crc32(body).to_bytes(4, "little")


def greeting(data: bytes) -> None:
    """The JSON of a HELLO."""
    try:
        found = hello.parse(data)
    except PacketError:
        return
    assert isinstance(found.device, str)
    assert all(isinstance(note, str) for note in found.notes)


def serial(data: bytes) -> None:
    """Frames out of a line do not depend on how it is cut, and COBS gives back what went in."""
    step = data[0] % 7 + 1 if data else 1
    whole, pieces = SerialFraming(), SerialFraming()
    found = whole.feed(data)
    cut = [each for at in range(0, len(data), step) for each in pieces.feed(data[at : at + step])]
    assert found == cut
    assert whole.dropped == pieces.dropped
    assert cobs_decode(cobs_encode(data)) == data


def url(data: bytes) -> None:
    """What a user may type, or paste."""
    with contextlib.suppress(UrlError):
        urls.parse(data.decode("utf-8", "surrogateescape"))


def started_receiver(receiver: Receiver, mode: int) -> None:
    """Take a receiver of datagrams through HELLO and START."""
    receiver.tick(0.0)
    receiver.to_send()
    told = b'{"ossicle":1,"device":"a1b2c3","codecs":["pcm16","adpcm"],"plain":true}'
    receiver.receive(packets.encode(packets.Packet(wire.Kind.HELLO, payload=told)), 0.0)
    token = next(
        wire.StartFields.unpack(sent.payload).token
        for sent in map(packets.decode, receiver.to_send())
        if sent.kind == wire.Kind.START
    )
    fields = wire.StartedFields(
        token=token, stream_id=STREAM_ID, rate=16000, hop=HOP, overlap=0, mode=mode, codec=0, channels=1,
        gain=256, ring_frames=RING, oldest=0, next=0,
    )  # fmt: skip
    receiver.receive(
        packets.encode(packets.Packet(wire.Kind.STARTED, session=SESSION, payload=fields.pack())), 0.0
    )
    assert receiver.stream is not None


def receiver(data: bytes) -> None:
    """A stream, and then whatever comes, in whatever order, at whatever times."""
    cursor = Cursor(data)
    live = cursor.number() & 1
    request = StreamRequest(hop=HOP, mode="live" if live else "lossless")
    heard = Receiver(request, framing=DatagramFraming(), baud=None, random=Random(1))
    started_receiver(heard, live)
    ledger = Ledger()
    now = 0.0
    while cursor.left:
        now += step(heard, cursor, now)
        ledger.take(heard.events())
        for sent in heard.to_send():
            packets.decode(sent, wire.HOST_KINDS)
    heard.stop(now)
    for _ in range(20):
        now += 0.4
        heard.tick(now)
        ledger.take(heard.events())
    stream = heard.stream
    assert stream is not None
    assert len(stream.audio._chunks) <= stream.audio.window


def step(heard: Receiver, cursor: Cursor, now: float) -> float:
    """One thing that happens; the time that it takes."""
    choice = cursor.number()
    if choice < 32:
        heard.tick(now)
        return cursor.number() / 50
    if choice < 64:
        heard.receive(cursor.take(cursor.number()), now)
        return 0.0
    try:
        heard.receive(made(cursor, choice), now)
    except PacketError:  # by encode: no such packet can be made
        return 0.0
    return (choice & 7) / 1000


def made(cursor: Cursor, choice: int) -> bytes:
    """A packet with a right check, mostly of the session, mostly AUDIO of a whole chunk."""
    if choice < 192:
        sequence = cursor.number() + (cursor.number(4) % wire.NUMBER_LIMIT if choice < 72 else 0)
        flags = (0, 0, 0, 0, 4, 4, 8, 16)[cursor.number() & 7]
        count = HOP if not flags & 24 else cursor.number() % (HOP + 1)
        payload = bytes([sequence & 255]) * (2 * count)
        return packets.encode(
            packets.Packet(
                wire.Kind.AUDIO, flags, SESSION, sequence % wire.NUMBER_LIMIT, cursor.number(), 0, payload
            )
        )
    if choice < 224:
        count = cursor.number() % 8 + 1
        ranges = []
        at = 0
        for _ in range(count):
            start = at + cursor.number() + bool(ranges)
            at = start + cursor.number() + 1
            ranges.append((start, at))
        return packets.encode(
            packets.Packet(
                wire.Kind.GONE, session=SESSION, payload=packets.pack_ranges(ranges, 1 + (choice & 1))
            )
        )
    kind = KINDS[cursor.number() % len(KINDS)]
    session = SESSION if choice & 1 else cursor.number(2)
    return packets.encode(packets.Packet(kind, 0, session, 0, 0, 0, cursor.take(cursor.number())))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "packet": packet,
    "checked_packet": checked_packet,
    "greeting": greeting,
    "serial": serial,
    "url": url,
    "receiver": receiver,
}
