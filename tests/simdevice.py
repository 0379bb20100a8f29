"""A device in plain Python, by PROTOCOL.md and RING.md. `simworld` has the lines and the clock.

It shares no code with the receiver but the packet layer. Its audio is a function of the position, so any
frame that arrives can be checked without keeping what was sent.
"""

from __future__ import annotations

import json
from random import Random

from simaudio import SimCoder
from simring import SimRing

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto._wire import HOST_KINDS, Cause, Flag, Kind, Reason
from ossicle.proto.framing import DatagramFraming, Framing, SerialFraming
from ossicle.proto.packets import Packet, decode, encode, pack_ranges, ranges

BYTES_A_BAUD = 0.1
_NETWORK_BAUD = 20_000_000


class SimDevice(SimRing):
    """One device, with the ring of SimRing. A `first` far ahead shows that positions do not wrap on the host.
    With `datagrams` each packet goes as it is, and there is no speed.
    """

    name = "sim-1"

    def __init__(
        self,
        rng: Random,
        *,
        length: int | None = None,
        ring: int = 33792,
        holes: tuple[tuple[int, int], ...] = (),
        first: int = 0,
        waits: bool = False,
        max_baud: int = 2_000_000,
        version: int = wire.PROTOCOL_VERSION,
        deaf_bauds: tuple[int, ...] = (),
        microphone: bool = True,
        dma: int = 1,
        datagrams: bool = False,
    ) -> None:
        super().__init__(length, ring, holes, first, waits, dma)
        self.rng = rng
        self.max_baud = max_baud
        self.version = version
        self.deaf_bauds = deaf_bauds
        self.microphone = microphone
        self.datagrams = datagrams
        self.framing: Framing = DatagramFraming() if datagrams else SerialFraming()
        self.baud = _NETWORK_BAUD if datagrams else wire.DEFAULT_BAUD
        self.number = 0
        self.session = 0
        self.start_token = 0
        self.stream_id = bytes(8)
        self.heard_at = 0.0
        self.switched_at: float | None = None
        self.suspended = False
        self.heard: list[Packet] = []
        self.bad = 0
        self.credit = 0.0
        self.replies: list[bytes] = []
        self.ping_delay_us = 0
        self.corrupt_overlap = False

    def open_stream(self, fields: wire.StartFields) -> None:
        self.begin(fields)
        self.session = self.rng.randrange(1, 65536)
        self.stream_id = self.rng.randbytes(8)
        self.number = 0
        self.next = self.first
        self.wanted: set[int] = set()
        self.last_sent_at = -1.0
        self.last_repeats = 0
        self.status_at = self.now
        self.sent = self.resent = 0
        coded = fields.codec == wire.Codec.ADPCM
        self.coder = SimCoder(self.base, self.channels, self.audio, self.holes) if coded else None

    # Packets out

    def packet(
        self, kind: Kind, payload: bytes = b"", *, sequence: int = 0, flags: int = 0, ticks=None
    ) -> bytes:
        session = 0 if kind in (Kind.HELLO, Kind.REFUSED, Kind.SET_REPLY) else self.session
        micros = int(self.now * 1e6) if ticks is None else ticks
        data = encode(Packet(kind, flags, session, sequence, micros % 2**30, self.number, payload))
        self.number += 1
        return self.framing.wrap(data)

    def chunk(self, sequence: int, extra: int) -> bytes:
        stop, flags = self.window(sequence)
        start = sequence * self.hop
        frames = self.audio(start, stop)
        if self.corrupt_overlap and self.overlap and len(frames) > self.hop:
            frames = frames.copy()
            frames[self.hop :] ^= 1
        payload = frames.tobytes()
        if self.coder is not None:
            payload = self.coder.payload(start, stop)
            flags |= wire.Codec.ADPCM
        ticks = int((self.began + (start - self.base) / self.fields.rate) * 1e6)
        return self.packet(Kind.AUDIO, payload, sequence=sequence, flags=flags | extra, ticks=ticks)

    def transmit(self) -> list[bytes]:
        """Serial frames that the link takes now."""
        out, self.replies = self.replies, []
        if self.fields is None or self.suspended:
            return out
        if self.now - self.status_at >= 1.0:
            self.status_at = self.now
            out.append(self.packet(Kind.STATUS, self.status()))
        while self.credit > 0:
            frame = self.next_frame()
            if frame is None:
                break
            self.credit -= len(frame)
            out.append(frame)
        return out

    def next_frame(self) -> bytes | None:
        live = self.fields.mode == wire.Mode.LIVE
        while self.wanted:
            sequence = max(self.wanted) if live else min(self.wanted)
            self.wanted.discard(sequence)
            if self.lost(sequence) is None and self.window(sequence) is not None:
                self.resent += 1
                return self.chunk(sequence, Flag.RESENT)
        while self.lost(self.next) is not None:
            self.next += 1
        found = self.window(self.next)
        if found is None:
            return self.repeat_last()
        frame = self.chunk(self.next, 0)
        if found[1] & Flag.LAST:
            self.last_sent_at = self.now
            self.last = self.next
        self.sent += 1
        self.next += 1
        return frame

    def repeat_last(self) -> bytes | None:
        if self.last_sent_at < 0 or self.now - self.last_sent_at < 0.2 or self.acked > self.last:
            return None
        if self.last_repeats >= wire.LAST_REPEATS_MAX:
            return None
        self.last_repeats += 1
        self.last_sent_at = self.now
        return self.chunk(self.last, Flag.RESENT)

    def status(self) -> bytes:
        lost = sum(stop - at for at, stop in self.holes)
        return wire.StatusFields(
            int(self.now * 1000), self.written % 2**30, lost, len(self.holes), 0, self.sent, self.resent,
            self.bad, min(self.written, self.ring), self.ring, 50_000, 0, 0, 0, 0, b"\xff" * 8,
        ).pack()  # fmt: skip

    # Packets in

    def receive(self, data: bytes) -> None:
        for raw in self.framing.feed(data):
            try:
                packet = decode(raw, HOST_KINDS)
            except PacketError:
                self.bad += 1
                continue
            if packet.session not in (0, self.session):
                self.bad += 1
                continue
            self.heard_at = self.now
            self.switched_at = None
            if packet.session:
                self.suspended = False
            self.heard.append(packet)
            getattr(self, "on_" + Kind(packet.kind).name.lower())(packet)

    def on_hello(self, packet: Packet | None) -> None:
        told = {
            "ossicle": self.version,
            "spec": wire.SPEC_HASH,
            "device": self.name,
            "firmware": "0",
            "board": "sim",
            "rates": [8000, 16000],
            "channels": [1, 2],
            "codecs": ["pcm16", "adpcm"],
            "ring": self.ring,
            "max_baud": 0 if self.datagrams else self.max_baud,
            "notes": [],
            "chip": "simulated",
            "micropython": "1.25.0",
            "mic": {"kind": "i2s", "slot": "left", "shift": 14, "late": 0},
        }
        self.replies.append(self.packet(Kind.HELLO, json.dumps(told).encode()))

    def on_start(self, packet: Packet) -> None:
        fields = wire.StartFields.unpack(packet.payload)
        reason, text = self.judge(fields)
        if reason is not None:
            self.replies.append(
                self.packet(Kind.REFUSED, wire.RefusedFields(fields.token, reason).pack() + text.encode())
            )
            return
        resumed = (
            self.fields and fields.start_flags & wire.START_RESUME and fields.stream_id == self.stream_id
        )
        if resumed:
            self.suspended = False
            self.next = max(fields.sequence, self.oldest)
            self.wanted.clear()
        elif fields.token != self.start_token:
            self.open_stream(fields)
            self.suspended = False
        self.start_token = fields.token
        self.replies.append(self.packet(Kind.STARTED, self.describe(fields.token)))

    def judge(self, fields: wire.StartFields) -> tuple[Reason | None, str]:
        if not self.microphone:
            return Reason.MICROPHONE, "the microphone does not start"
        if fields.rate not in (8000, 16000):
            return Reason.RATE, f"rate {fields.rate} is not possible"
        bits = 4 if fields.codec == wire.Codec.ADPCM else 16
        bytes_a_chunk = 24 + bits * fields.channels * (fields.hop + fields.overlap) // 8
        if bytes_a_chunk * fields.rate / fields.hop > 0.9 * self.baud * BYTES_A_BAUD:
            return Reason.LINK_TOO_SLOW, f"{self.baud} baud is too slow"
        return None, ""

    def describe(self, token: int) -> bytes:
        fields = self.fields
        return wire.StartedFields(
            token=token,
            stream_id=self.stream_id,
            rate=fields.rate,
            hop=self.hop,
            overlap=self.overlap,
            mode=fields.mode,
            codec=fields.codec,
            channels=self.channels,
            gain=fields.gain,
            ring_frames=self.ring,
            oldest=self.oldest,
            next=self.next,
        ).pack()

    def on_request(self, packet: Packet) -> None:
        gone: dict[Cause, list[list[int]]] = {}
        for start, stop in ranges(packet):
            for sequence in range(start, min(stop, self.written // self.hop + 1)):
                cause = self.lost(sequence)
                if cause is not None:
                    runs = gone.setdefault(cause, [])
                    if runs and runs[-1][1] == sequence:
                        runs[-1][1] += 1
                    else:
                        runs.append([sequence, sequence + 1])
                elif self.window(sequence) is not None:
                    self.wanted.add(sequence)
        for cause, runs in gone.items():
            for at in range(0, len(runs), wire.REQUEST_RANGES_MAX):
                some = [(a, b) for a, b in runs[at : at + wire.REQUEST_RANGES_MAX]]
                self.replies.append(self.packet(Kind.GONE, pack_ranges(some, cause)))

    def on_ack(self, packet: Packet) -> None:
        self.acked = max(self.acked, wire.AckFields.unpack(packet.payload).next)

    def on_ping(self, packet: Packet) -> None:
        received = int(self.now * 1e6) % 2**30
        sent = (received + self.ping_delay_us) % 2**30
        self.replies.append(self.packet(Kind.PONG, wire.PongFields(packet.payload, received, sent).pack()))

    def on_stop(self, packet: Packet) -> None:
        if self.fields is not None and not self.ended:
            self.stopped_at = self.written - self.base
            self.ended = True

    def on_set(self, packet: Packet) -> None:
        fields = wire.SetFields.unpack(packet.payload)
        good = fields.value <= self.max_baud
        reply = wire.SetReplyFields(
            fields.token, fields.key, fields.value if good else self.baud, Reason.OK if good else Reason.VALUE
        )
        self.replies.append(self.packet(Kind.SET_REPLY, reply.pack()))
        if good:
            self.next_baud = fields.value
            self.switched_at = self.now
            self.switch_after_reply = True

    switch_after_reply = False

    def renew(self) -> None:
        """W-8, sooner than after 2**30 packets."""
        self.session = self.session % 65535 + 1
        self.number = 0
        self.replies.append(self.packet(Kind.STARTED, self.describe(0)))

    def reboot(self) -> None:
        self.fields = None
        self.session = self.start_token = 0
        self.baud = wire.DEFAULT_BAUD
        self.suspended = False
        self.framing.reset()

    # Time

    def step(self, now: float) -> list[bytes]:
        """Serial frames that go out by `now`; the speed changes after them."""
        most = 65536.0 if self.waits else 4096.0
        self.credit = (
            most if self.waits else min(most, self.credit + (now - self.now) * self.baud * BYTES_A_BAUD)
        )
        self.now = now
        if self.fields is not None:
            self.capture()
            if now - self.heard_at >= 3.0:
                self.suspended = True
                if not self.datagrams:
                    self.baud = wire.DEFAULT_BAUD
        if self.switched_at is not None and not self.switch_after_reply and now - self.switched_at >= 2.0:
            self.baud = wire.DEFAULT_BAUD
            self.switched_at = None
        return self.transmit()

    def after_sending(self) -> None:
        if self.switch_after_reply:
            self.baud = self.next_baud
            self.switch_after_reply = False
