"""A scripted device: the bytes of a stream as a device would send them, made by the packet layer.

It has all its audio from the start and no clock: whoever drives it says when which chunk goes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import soundfile

from ossicle.demo import asset
from ossicle.errors import OssicleError
from ossicle.proto import _wire as wire
from ossicle.proto._wire import HOST_KINDS, Codec, Flag, Kind, Reason
from ossicle.proto.events import Frames
from ossicle.proto.framing import Framing
from ossicle.proto.packets import Packet, decode, encode, ranges

from .coder import Coded

RATE = 16000
MAX_BAUD = 4_000_000


class BenchmarkError(OssicleError):
    """What a benchmark measured did not do its work: its figure would mean nothing."""


def speech(seconds: float) -> Frames:
    """So much of the demo's recording, again and again: int16 of shape (frames,) at 16 kHz, read-only."""
    heard, rate = soundfile.read(asset(), dtype="int16")
    if rate != RATE:
        raise BenchmarkError(f"{asset()} has {rate} Hz, not {RATE}")
    frames: Frames = np.resize(heard, round(seconds * RATE)).astype("<i2")
    frames.setflags(write=False)
    return frames


class Source:
    """One device whose stream is `frames`, int16 of shape (frames,), from its first frame to its end.

    `hear` takes what the host wrote and gives the answers; `chunk` and `status` give one packet each, as it
    goes on the link. Hop, overlap and codec are those of the host's START; its STOP ends the stream where it
    is. `now_s` is the device's own clock.
    """

    def __init__(self, frames: Frames, framing: Framing, *, name: str = "bench", session: int = 1) -> None:
        self.started = False
        self._frames = frames
        self._framing = framing
        self._name = name
        self._session = session
        self._number = 0  # of the next packet out
        self._next = 0  # sequence after the highest that went out
        self._hop = wire.DEFAULT_HOP
        self._overlap = 0
        self._coded: Coded | None = None  # in codec adpcm
        self._answers: dict[Kind, Callable[[Packet, float], list[bytes]]] = {
            Kind.HELLO: self._hello,
            Kind.SET: self._set,
            Kind.START: self._start,
            Kind.PING: self._pong,
            Kind.REQUEST: self._request,
            Kind.STOP: self._stop,
        }

    @property
    def heard(self) -> Frames:
        """What the host is to give."""
        return self._frames if self._coded is None else self._coded.decoded

    @property
    def last(self) -> int:
        """The sequence of the last chunk: the first that is not whole."""
        return max(0, (len(self._frames) - self._overlap) // self._hop)

    def due_s(self, sequence: int) -> float:
        """When the last frame of a chunk has been captured, in seconds of the stream."""
        return min(sequence * self._hop + self._hop + self._overlap, len(self._frames)) / RATE

    def hear(self, data: bytes, now_s: float) -> list[bytes]:
        """The answers to what the host wrote. Raises PacketError for what no host may send."""
        out: list[bytes] = []
        for raw in self._framing.feed(data):
            packet = decode(raw, HOST_KINDS)
            answer = self._answers.get(Kind(packet.kind))
            if answer is not None:
                out += answer(packet, now_s)
        return out

    def chunk(self, sequence: int, flags: int = 0) -> bytes:
        """The AUDIO of a sequence."""
        start = sequence * self._hop
        if sequence == self.last:
            flags |= Flag.LAST
        stop = min(start + self._hop + self._overlap, len(self._frames))
        payload = self._frames[start:stop].tobytes()
        if self._coded is not None:
            payload = self._coded.payload(start, stop)
            flags |= Codec.ADPCM
        self._next = max(self._next, sequence + 1)
        return self._packet(Kind.AUDIO, payload, start / RATE, sequence, flags)

    def status(self, now_s: float) -> bytes:
        """The STATUS that goes out each second."""
        written = min(len(self._frames), self._next * self._hop)
        fields = wire.StatusFields(
            uptime_ms=int(now_s * 1000) % wire.NUMBER_LIMIT,
            captured=written,
            lost_frames=0,
            holes=0,
            overwritten_frames=0,
            sent=self._next,
            resent=0,
            bad_packets=0,
            ring_fill=0,
            ring_frames=wire.DEFAULT_RING_SAMPLES,
            free_heap=50_000,
            rearmed=0,
            rssi=0,
            peak=0,
            rms=0,
            bands=b"\xff" * 8,
        )
        return self._packet(Kind.STATUS, fields.pack(), now_s)

    # Answers

    def _hello(self, packet: Packet, now_s: float) -> list[bytes]:
        told = {
            "ossicle": wire.PROTOCOL_VERSION,
            "spec": wire.SPEC_HASH,
            "device": self._name,
            "firmware": "0",
            "board": "script",
            "rates": [RATE],
            "channels": [1],
            "codecs": ["pcm16", "adpcm"],
            "ring": wire.DEFAULT_RING_SAMPLES,
            "max_baud": MAX_BAUD,
            "notes": [],
        }
        return [self._packet(Kind.HELLO, json.dumps(told).encode(), now_s)]

    def _set(self, packet: Packet, now_s: float) -> list[bytes]:
        asked = wire.SetFields.unpack(packet.payload)
        reply = wire.SetReplyFields(asked.token, asked.key, asked.value, Reason.OK)
        return [self._packet(Kind.SET_REPLY, reply.pack(), now_s)]

    def _start(self, packet: Packet, now_s: float) -> list[bytes]:
        asked = wire.StartFields.unpack(packet.payload)
        self._hop, self._overlap = asked.hop, asked.overlap
        self._coded = Coded(self._frames) if asked.codec == Codec.ADPCM else None
        self.started = True
        fields = wire.StartedFields(
            token=asked.token,
            stream_id=self._session.to_bytes(8, "little"),
            rate=RATE,
            hop=asked.hop,
            overlap=asked.overlap,
            mode=asked.mode,
            codec=asked.codec,
            channels=1,
            gain=asked.gain,
            ring_frames=wire.DEFAULT_RING_SAMPLES,
            oldest=0,
            next=self._next,
        )
        return [self._packet(Kind.STARTED, fields.pack(), now_s)]

    def _pong(self, packet: Packet, now_s: float) -> list[bytes]:
        ticks = _ticks(now_s)
        return [self._packet(Kind.PONG, wire.PongFields(packet.payload, ticks, ticks).pack(), now_s)]

    def _request(self, packet: Packet, now_s: float) -> list[bytes]:
        asked = [range(start, min(stop, self._next)) for start, stop in ranges(packet)]
        return [self.chunk(sequence, Flag.RESENT) for each in asked for sequence in each]

    def _stop(self, packet: Packet, now_s: float) -> list[bytes]:
        """What was sent is what was captured: the last chunk is the next one."""
        self._frames = self._frames[: self._next * self._hop + self._overlap]
        return []

    def _packet(self, kind: Kind, payload: bytes, now_s: float, sequence: int = 0, flags: int = 0) -> bytes:
        session = 0 if kind in (Kind.HELLO, Kind.SET_REPLY) else self._session
        packet = Packet(kind, flags, session, sequence, _ticks(now_s), self._number, payload)
        if session:
            self._number += 1
        return self._framing.wrap(encode(packet))


def _ticks(now_s: float) -> int:
    return int(now_s * 1e6) % wire.NUMBER_LIMIT
