"""What a fuzzer feeds: one function for each parser of the host, and for the receiver as a whole.

Each takes bytes and returns, or raises something that is a fault. The only documented error is `PacketError`
(`UrlError` for URLs); nothing else may come out, and what is told of a stream must stay in order. Readers of
files are in `stored`, what comes to a port is in `strangers`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from random import Random

import stored
import strangers
from cursor import Cursor
from oracle.adpcm import decode_payload

from ossicle import urls
from ossicle.errors import PacketError, UrlError
from ossicle.proto import _wire as wire
from ossicle.proto import adpcm as codec
from ossicle.proto import events, hello, packets, seal
from ossicle.proto.framing import DatagramFraming, SerialFraming, cobs_decode, cobs_encode
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

HOP = 64
RING = 4096
SESSION = 0x5A17
STREAM_ID = bytes(range(8))
DEVICE = "a1b2c3"
HOST = "ossicle"
PSK = bytes(range(100, 132))
KINDS = tuple(wire.Kind)


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


def adpcm(data: bytes) -> None:
    """A payload decodes to what the oracle makes of it, or is malformed by W-42."""
    channels = 1 + (data[:1] > b"\x7f")
    payload = data[1 : 1 + wire.PAYLOAD_MAX_BYTES]
    found = codec.decode(payload, channels)
    if not payload:
        assert found is not None
        assert len(found) == 0
        return
    heads = [payload[at : at + wire.ADPCM_HEAD_BYTES] for at in range(0, 4 * channels, 4)]
    nibbles = 2 * (len(payload) - 4 * channels) - (payload[3] if len(payload) > 3 else 0)
    right = nibbles > 0 and nibbles % channels == 0 and len({head[3:] for head in heads}) == 1
    if not (right and payload[3] < 2 and all(head[2] <= wire.ADPCM_INDEX_MAX for head in heads)):
        assert found is None, payload.hex()
        return
    assert found is not None, payload.hex()
    assert found.shape == ((nibbles,) if channels == 1 else (nibbles // 2, 2))
    assert found.ravel().tolist() == decode_payload(payload, channels)


def started_fields(token: int, mode: int) -> bytes:
    """The payload of a STARTED."""
    return wire.StartedFields(
        token=token,
        stream_id=STREAM_ID,
        rate=16000,
        hop=HOP,
        overlap=0,
        mode=mode,
        codec=0,
        channels=1,
        gain=256,
        ring_frames=RING,
        oldest=0,
        next=0,
    ).pack()


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
    fields = started_fields(token, mode)
    receiver.receive(packets.encode(packets.Packet(wire.Kind.STARTED, session=SESSION, payload=fields)), 0.0)
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


class Device:
    """The far side of a sealed stream: its packets, as only it can make them."""

    def __init__(self, host_challenge: bytes) -> None:
        self.challenge = bytes(range(16, 32))
        self._challenges = (host_challenge, self.challenge)
        self._cipher = seal.cipher(self._derived(seal.DEVICE))
        self._number = 0

    def _derived(self, purpose: int) -> bytes:
        return seal.derive(PSK, purpose, self._challenges, (HOST, DEVICE))

    def hello(self) -> bytes:
        """HELLO, with the proof that it has the key."""
        told = {
            "ossicle": 1,
            "device": DEVICE,
            "challenge": self.challenge.hex(),
            "proof": self._derived(seal.PROOF).hex(),
        }
        return packets.encode(packets.Packet(wire.Kind.HELLO, payload=json.dumps(told).encode()))

    def opened(self, data: bytes) -> tuple[int, bytes]:
        """Kind and payload of a packet of the host."""
        head, body = data[: wire.HEADER_BYTES], data[wire.HEADER_BYTES :]
        key = seal.cipher(self._derived(seal.HOST))
        return data[0], key.decrypt(seal.nonce(seal.HOST, head[12:]), body, head)

    def sealed(self, kind: wire.Kind, session: int, payload: bytes, sequence: int = 0) -> bytes:
        """A packet of its own."""
        flags = int(wire.Flag.SEALED)
        head = packets.header(packets.Packet(kind, flags, session, sequence, 0, self._number, payload))
        self._number += 1
        return head + self._cipher.encrypt(seal.nonce(seal.DEVICE, head[12:]), payload, head)


def started_sealed() -> tuple[Receiver, Device]:
    """A receiver in a sealed stream, and its device."""
    heard = Receiver(
        StreamRequest(hop=HOP),
        framing=DatagramFraming(),
        baud=None,
        random=Random(1),
        keys=lambda device: PSK,
    )
    heard.tick(0.0)
    said = json.loads(packets.decode(heard.to_send()[0]).payload)
    assert said["host"] == HOST
    device = Device(bytes.fromhex(said["challenge"]))
    heard.receive(device.hello(), 0.0)
    said_sealed = [data for data in heard.to_send() if data[1] & wire.Flag.SEALED]
    start = next(payload for kind, payload in map(device.opened, said_sealed) if kind == wire.Kind.START)
    fields = started_fields(wire.StartFields.unpack(start).token, 0)
    heard.receive(device.sealed(wire.Kind.STARTED, SESSION, fields), 0.0)
    assert heard.stream is not None
    return heard, device


def sealed(data: bytes) -> None:
    """A sealed stream, and between its packets whatever someone without the key can send."""
    cursor = Cursor(data)
    heard, device = started_sealed()
    heard.events()
    own: list[bytes] = []  # AUDIO that the device has made
    delivered = 0
    now = 0.0
    while cursor.left:
        choice = cursor.number()
        if choice < 64:
            payload = bytes([len(own) & 255]) * (2 * HOP)
            own.append(device.sealed(wire.Kind.AUDIO, SESSION, payload, sequence=len(own)))
            heard.receive(own[-1], now)
            delivered += 1
        elif choice < 128 and own:
            forged = bytearray(own[cursor.number() % len(own)])
            for _ in range(choice & 3):
                forged[cursor.number(2) % len(forged)] ^= cursor.number()
            heard.receive(bytes(forged), now)
        else:
            now += step(heard, cursor, now)
        check_own(heard.events(), delivered)
        heard.to_send()
    stream = heard.stream
    assert stream is not None
    assert stream.audio.next == delivered


def check_own(told: list[events.Event], delivered: int) -> None:
    """Nothing but the device's own audio, in its place; no gap, no other stream."""
    for event in told:
        assert not isinstance(event, events.Gap | events.Started | events.Ended | events.WrongVersion)
        if isinstance(event, events.Audio):
            assert event.stop <= delivered * HOP
            want = [(position // HOP & 255) * 0x0101 for position in range(event.start, event.stop)]
            assert event.frames.view("u2").tolist() == want


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
    "adpcm": adpcm,
    "keys": stored.keys,
    "wav": stored.wav,
    "recording": stored.recording,
    "hub": strangers.hub,
    "receiver": receiver,
    "sealed": sealed,
}
