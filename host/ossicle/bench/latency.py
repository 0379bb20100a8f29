"""How long after its capture the application has a frame, through the emulated board in real time.

The emulated microphone plays a recording at the speed of the clock, the real firmware packs it, and an
application iterates over `Microphone.blocks`, a hop at a time. When a frame was captured is told by the
ticks in its own packet, on the board's clock. What that is on the host's clock lies between two bounds: no
PING was received before it was sent, no PONG sent after it was received. The narrowest bounds of all
exchanges count, and how far they are apart is told. The ticks are the firmware's own reckoning from the
callbacks of the I2S driver, and a callback comes a little after the last frame of its buffer: what is
measured is short by that.

The emulated line keeps its baud rate over time, but lets a packet that follows a pause go at once. A real
one takes its time for each packet: that is reckoned and told, not measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from time import monotonic, time

import numpy as np
import soundfile

from ossicle.demo import asset
from ossicle.emulator import Emulator
from ossicle.errors import LinkError, PacketError
from ossicle.links.link import Link
from ossicle.links.serial import SerialLink
from ossicle.microphone import Microphone
from ossicle.proto._wire import DEVICE_KINDS, HOST_KINDS, NUMBER_LIMIT, Kind, PongFields
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, decode
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

from .figures import Column, Effort, Row, Table
from .source import RATE, BenchmarkError
from .timing import percentile

HOP = 512
TIMEOUT_S = 20.0
_PARTS = 16  # places in a hop at which every frame's latency is sampled
_TRAFFIC_MAX = 100_000

Traffic = list[tuple[float, bytes]]
"""Bytes as they were read or written, each with the time on the monotonic clock, in seconds."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk on its way; times in seconds of the monotonic clock.

    `first` is when its first frame was captured, `last` when its last one was over, `read` when its last byte
    came out of the port, `got` when the application had it. `said` is `first` as `Block.time` has it.
    """

    first: float
    last: float
    read: float
    got: float
    said: float | None


class Ear:
    """A link that notes when which bytes came and went."""

    def __init__(self, link: Link) -> None:
        self.came: Traffic = []
        self.went: Traffic = []
        self._link = link
        self.url = link.url
        self.set_baud = link.set_baud
        self.reopen = link.reopen
        self.believe = link.believe
        self.trouble = link.trouble
        self.close = link.close

    @property
    def baud(self) -> int | None:
        """The speed."""
        return self._link.baud

    def read(self, timeout_s: float) -> list[bytes]:
        """What came."""
        came = self._link.read(timeout_s)
        for data in came:
            self._note(self.came, monotonic(), data)
        return came

    def write(self, data: bytes) -> None:
        """Send."""
        self._note(self.went, monotonic(), data)
        self._link.write(data)

    def _note(self, traffic: Traffic, at: float, data: bytes) -> None:
        if len(traffic) >= _TRAFFIC_MAX:
            raise BenchmarkError(f"more than {_TRAFFIC_MAX} reads or writes")
        traffic.append((at, data))


@dataclass(frozen=True, slots=True)
class Clocks:
    """The host's time in seconds at which the board's clock was 0, and how sure that is."""

    zero: float
    within: float


def compare(came: Traffic, went: Traffic) -> Clocks:
    """The two clocks by all PINGs and PONGs. Raises BenchmarkError where there are none."""
    sent = {packet.payload: at for packet, at in packets(went, HOST_KINDS) if packet.kind == Kind.PING}
    lowest, highest = -inf, inf
    for packet, at in packets(came, DEVICE_KINDS):
        if packet.kind == Kind.PONG:
            fields = PongFields.unpack(packet.payload)
            if fields.echo in sent:
                lowest = max(lowest, sent[fields.echo] - fields.receive_us / 1e6)
                highest = min(highest, at - fields.send_us / 1e6)
    if not isfinite(lowest) or not isfinite(highest):
        raise BenchmarkError("no PING was answered")
    return Clocks((lowest + highest) / 2, abs(highest - lowest) / 2)


@dataclass(frozen=True, slots=True)
class Heard:
    """What went through the board, and what is to be told of it."""

    chunks: tuple[Chunk, ...]
    baud: int
    clocks: Clocks
    notes: tuple[str, ...]


def run(effort: Effort) -> Table:
    """The table."""
    seconds = effort.pick(12, 1)
    effort.say(f"latency: {seconds} s in real time")
    try:
        heard = listen(seconds)
    except LinkError as error:
        return _table((), (f"Not measured: {error}.",))
    line_s = StreamRequest(hop=HOP).bits_per_s * HOP / RATE / heard.baud
    return _table(_rows(heard.chunks, line_s), (*_notes(heard, line_s), *heard.notes))


def listen(seconds: float) -> Heard:
    """So many seconds through the emulated board.

    Raises LinkError where there is no emulated board, BenchmarkError when the audio is not the recording's.
    """
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(Emulator(asset(), rate=RATE, channels=1))
        ear = Ear(SerialLink(emulator.port))
        microphone = Microphone(
            ear,
            Receiver(StreamRequest(hop=HOP), baud=ear.baud),
            timeout=TIMEOUT_S,
            diagnose=lambda: emulator.failure,
            hang_up=True,
        )
        stack.callback(microphone.close)
        microphone.start()
        got = _iterate(microphone, round(seconds * RATE))
        baud = ear.baud or 0
    clocks = compare(ear.came, ear.went)
    audio = [pair for pair in packets(ear.came, DEVICE_KINDS) if pair[0].kind == Kind.AUDIO]
    chunks = [
        _chunk(packet, read, clocks, *got[packet.sequence * HOP])
        for packet, read in audio
        if packet.sequence * HOP in got
    ]
    if len(chunks) != len(got):
        raise BenchmarkError(f"{len(got)} blocks were heard, and {len(chunks)} packets read")
    return Heard(tuple(chunks), baud, clocks, tuple(emulator.notes))


def _iterate(microphone: Microphone, frames: int) -> dict[int, tuple[float, float | None]]:
    """Hear so many frames: for each block, by its start, when it came, and when it says it was captured."""
    played, _ = soundfile.read(asset(), dtype="int16")
    wall = time() - monotonic()
    got: dict[int, tuple[float, float | None]] = {}
    for block in microphone.blocks(HOP):
        got[block.start] = monotonic(), None if block.time is None else block.time - wall
        if not np.array_equal(block.data, played[block.start : block.stop]):
            raise BenchmarkError(f"what was heard from frame {block.start} on was not played")
        if block.stop >= frames:
            break
    return got


def packets(traffic: Traffic, senders: frozenset[Kind]) -> list[tuple[Packet, float]]:
    """The packets in what was read or written, each with the time of its last byte."""
    framing = SerialFraming()
    found = []
    for at, data in traffic:
        for raw in framing.feed(data):
            with contextlib.suppress(PacketError):  # from around the change of speed
                found.append((decode(raw, senders), at))
    return found


def _chunk(packet: Packet, read: float, clocks: Clocks, got: float, said: float | None) -> Chunk:
    # The ticks wrap each 18 minutes: how long before `read` they were, in microseconds.
    age_us = (round((read - clocks.zero) * 1e6) - packet.ticks_us) % NUMBER_LIMIT
    first = read - age_us / 1e6
    return Chunk(first, first + len(packet.payload) / 2 / RATE, read, got, said)


def _rows(chunks: Sequence[Chunk], line_s: float) -> tuple[Row, ...]:
    places = [part / _PARTS for part in range(_PARTS + 1)]
    hop = HOP / RATE
    return (
        _row("every frame", [c.got - c.first - place * hop for c in chunks for place in places]),
        _row("a chunk's first frame", [c.got - c.first for c in chunks]),
        _row("a chunk's last frame", [c.got - c.last for c in chunks]),
        _row("  of that, board and line", [c.read - c.last for c in chunks]),
        _row("  of that, host", [c.got - c.read for c in chunks]),
        _row("a real line's time, reckoned", [line_s]),
    )


def _row(name: str, seconds: Sequence[float]) -> Row:
    return Row(
        name,
        {
            "p50_ms": percentile(seconds, 0.5) * 1e3,
            "p99_ms": percentile(seconds, 0.99) * 1e3,
            "max_ms": max(seconds) * 1e3,
        },
    )


def _notes(heard: Heard, line_s: float) -> tuple[str, ...]:
    chunks = heard.chunks
    off = [abs(chunk.said - chunk.first) * 1e3 for chunk in chunks if chunk.said is not None]
    said = f"{percentile(off, 0.5):.1f} ms at the median, {max(off):.1f} ms at most" if off else "not known"
    return (
        f"{len(chunks)} chunks of {HOP} frames at {RATE // 1000} kHz mono, {heard.baud} baud, which `open` "
        "chooses; the emulated board and the application on one machine.",
        f"A chunk's first frame waits {HOP / RATE * 1e3:.0f} ms for the chunk to be full; a hop is two DMA "
        "buffers, so a full one waits for nothing more.",
        "Capture: by the ticks in the packet. The two clocks were compared by PING and PONG and agree within "
        f"{heard.clocks.within * 1e3:.2f} ms. The ticks count from the driver's callback, which comes up to "
        "about a millisecond after the capture: so much the figures may be short.",
        f"`Block.time` differs from that by {said}.",
        f"The emulated line lets a packet go at once after a pause. A real one at {heard.baud} baud takes "
        f"{line_s * 1e3:.1f} ms for each, and a USB bridge its own time: to be added.",
    )


def _table(rows: tuple[Row, ...], notes: tuple[str, ...]) -> Table:
    columns = (
        Column("p50_ms", "median", "ms", 1),
        Column("p99_ms", "99 of 100", "ms", 1),
        Column("max_ms", "worst", "ms", 1),
    )
    return Table("latency", "From the microphone to the application", columns, rows, notes)
