"""What it costs to turn a link's bytes into audio: framing, check, order, acknowledgements.

The subject is the receiver alone, without link, thread or clock: bytes in, events and answers out, in the
order of calls of the pump. A scripted device plays the stream once, and what came in is kept with the time
at which it came. The receiver has no clock and no randomness of its own, so the same bytes at the same
times have it do the same again: that is what is timed, and only the receiver runs meanwhile.

Time is CPU time. The audio that comes out is compared with what went in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np

from ossicle.proto.events import Audio, Ended, Event, Frames, Gap
from ossicle.proto.framing import DatagramFraming, Framing, SerialFraming
from ossicle.proto.handshake import State
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

from .figures import Column, Effort, Row, Table
from .source import RATE, BenchmarkError, Source, speech
from .timing import Timing, in_turns, processor_ns

_STEP_S = 0.001  # between two things of the handshake
_STEPS_MAX = 100
_SEED = 1


@dataclass(frozen=True, slots=True)
class Path:
    """One way for a stream to come: `read_bytes` is how much a read of the link gives, 0 a packet."""

    name: str
    framing: Callable[[], Framing]
    hop: int = 512
    overlap: int = 0
    read_bytes: int = 0
    codec: str = "pcm16"


PATHS = (
    Path("serial, a packet a read", SerialFraming),
    Path("serial, 64 bytes a read", SerialFraming, read_bytes=64),
    Path("serial, every frame twice", SerialFraming, hop=320, overlap=320),
    Path("serial, adpcm", SerialFraming, codec="adpcm"),
    Path("datagrams", DatagramFraming),
    Path("datagrams, every frame twice", DatagramFraming, hop=320, overlap=320),
)


@dataclass(frozen=True, slots=True)
class Take:
    """All that came over one path, in pieces with the time of each, and how many AUDIO packets it holds."""

    path: Path
    pieces: tuple[tuple[bytes, float], ...]
    packets: int
    heard: Frames
    """What comes out."""

    def replay(self) -> list[Event]:
        """Have a new receiver take it all."""
        receiver = _receiver(self.path)
        told: list[Event] = []
        for data, now in self.pieces:
            receiver.hold(None)
            if data:
                receiver.receive(data, now)
            else:
                receiver.tick(now)
            told += receiver.events()
            receiver.to_send()
        return told


def run(effort: Effort) -> Table:
    """The table."""
    frames = speech(effort.pick(60, 5))
    takes = {path.name: record(path, frames) for path in PATHS}
    effort.say(f"decoding: {len(takes)} paths, {len(frames) / RATE:.0f} s of audio each")
    found = in_turns(
        {name: partial(_repeat, take) for name, take in takes.items()},
        number=1,
        rounds=effort.pick(15, 2),
        clock=processor_ns,
    )
    for name, take in takes.items():
        verify(name, take.replay(), take.heard)
    seconds = len(frames) / RATE
    return Table(
        name="decoding",
        title="From bytes to audio, without a link",
        columns=(
            Column("packets_s", "packets", "1/s", 0),
            Column("packet_us", "a packet", "µs CPU"),
            Column("second_ms", "a second of audio", "ms CPU", 3),
        ),
        rows=tuple(_row(take, found[name], seconds) for name, take in takes.items()),
        notes=(
            f"{seconds:.0f} s of speech, one channel at {RATE // 1000} kHz, PCM16 unless told, hop 512; "
            "every frame twice: hop and overlap 320.",
            "The receiver alone, on bytes that were made before; the median round. "
            "All audio that came out was that which went in; of ADPCM, what the running coder made of it.",
        ),
    )


def record(path: Path, frames: Frames) -> Take:
    """Play `frames` over a path once, with the handshake before and the ACK of the last chunk after."""
    source = Source(frames, path.framing())
    receiver = _receiver(path)
    pieces: list[tuple[bytes, float]] = []
    now = _greet(source, receiver, pieces)
    began = now
    status_s = 1.0
    answers: list[bytes] = []
    for sequence in range(source.last + 1):
        due = source.due_s(sequence)
        now = max(now, began + due)
        packets = [*answers, source.chunk(sequence)]
        if due >= status_s:
            packets.append(source.status(due))
            status_s += 1.0
        answers = []
        for piece in _pieces(path, packets):
            answers += _turn(source, receiver, pieces, piece, now)
    if receiver.state is not State.ENDED:
        raise BenchmarkError(f"{path.name}: the stream did not end, but is {receiver.state.name.lower()}")
    return Take(path, tuple(pieces), source.last + 1, source.heard)


def verify(name: str, told: list[Event], frames: Frames) -> None:
    """Raises BenchmarkError unless the events are those of `frames`, whole, once and in order."""
    heard = [event for event in told if isinstance(event, Audio)]
    position = 0
    for event in heard:
        if event.start != position or not np.array_equal(event.frames, frames[position : event.stop]):
            raise BenchmarkError(f"{name}: other audio came out than went in, from frame {position} on")
        position = event.stop
    if any(isinstance(event, Gap) for event in told) or Ended(len(frames)) not in told:
        raise BenchmarkError(f"{name}: {position} of {len(frames)} frames came out")


def _receiver(path: Path) -> Receiver:
    request = StreamRequest(hop=path.hop, overlap=path.overlap, codec=path.codec)
    return Receiver(request, framing=path.framing(), baud=None, random=Random(_SEED))


def _repeat(take: Take, number: int) -> None:
    for _ in range(number):
        take.replay()


def _greet(source: Source, receiver: Receiver, pieces: list[tuple[bytes, float]]) -> float:
    """From silence to a stream; when it is there."""
    coming = b""
    for step in range(_STEPS_MAX):
        now = step * _STEP_S
        answers = _turn(source, receiver, pieces, coming, now)
        if receiver.state is State.STREAMING:
            return now + _STEP_S
        if len(answers) > 1:
            raise BenchmarkError("the handshake has more than one answer at once")
        coming = answers[0] if answers else b""
    raise BenchmarkError("the handshake does not come to an end")


def _turn(
    source: Source, receiver: Receiver, pieces: list[tuple[bytes, float]], data: bytes, now: float
) -> list[bytes]:
    """One turn of a pump, kept; what the device has to say to it."""
    pieces.append((data, now))
    if data:
        receiver.receive(data, now)
    else:
        receiver.tick(now)
    receiver.events()
    return [answer for out in receiver.to_send() for answer in source.hear(out, now)]


def _pieces(path: Path, packets: list[bytes]) -> list[bytes]:
    """What the reads of the link give of these packets."""
    size = path.read_bytes
    if not size:
        return packets
    whole = b"".join(packets)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def _row(take: Take, timing: Timing, seconds: float) -> Row:
    packet_ns = timing.median_ns / take.packets
    return Row(
        take.path.name,
        {
            "packets_s": 1e9 / packet_ns,
            "packet_us": packet_ns / 1e3,
            "second_ms": timing.median_ns / seconds / 1e6,
        },
    )
