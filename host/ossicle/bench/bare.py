"""Many devices by one thread, from the bytes of a link to segments: no port, no thread, no clock.

What one core could carry at best. The devices take turns packet by packet, as they would on links, so that
none of them finds the processor's caches as it left them.
"""

from __future__ import annotations

from random import Random
from statistics import median
from time import process_time_ns

from ossicle.audio.segmenter import Segmenter, find_segments
from ossicle.audio.vad import engine
from ossicle.proto.events import Audio, Frames, Gap
from ossicle.proto.framing import SerialFraming
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

from .decoding import Path, Take, record
from .source import RATE, BenchmarkError

Segments = list[tuple[int, int]]


class Device:
    """The host's part for one device: a receiver, and a segmenter with a voice detector of its own."""

    def __init__(self, take: Take, vad: str, random: Random) -> None:
        self._receiver = Receiver(StreamRequest(), framing=SerialFraming(), baud=None, random=random)
        self._segmenter = Segmenter(engine(vad, RATE), rate=RATE)
        self._pieces = take.pieces
        self.segments: Segments = []
        self.frames = 0

    def turn(self, number: int) -> None:
        """Take what came at one read of the link."""
        receiver = self._receiver
        data, now = self._pieces[number]
        receiver.hold(None)
        if data:
            receiver.receive(data, now)
        else:
            receiver.tick(now)
        for event in receiver.events():
            if isinstance(event, Audio):
                self.frames += len(event.frames)
                self.segments += [(s.start, s.stop) for s in self._segmenter.push(event.frames)]
            elif isinstance(event, Gap):
                raise BenchmarkError(f"a gap at {event.start}, and nothing was lost")
        receiver.to_send()

    def finish(self) -> None:
        """The stream is over."""
        self.segments += [(s.start, s.stop) for s in self._segmenter.flush()]


def measure(devices: int, frames: Frames, vad: str, rounds: int) -> float:
    """CPU seconds for a second of one device, the median of `rounds`.

    Raises BenchmarkError where the segments are not those of the audio in one piece.
    """
    take = record(Path("serial, a packet a read", SerialFraming), frames)
    truth = [(s.start, s.stop) for s in find_segments(frames, RATE, vad)]
    return median(_once(take, devices, frames, vad, truth) for _ in range(rounds))


def _once(take: Take, devices: int, frames: Frames, vad: str, truth: Segments) -> float:
    # The same seed that recorded the take: the receiver then asks what the recorded answers answer.
    hosts = [Device(take, vad, Random(1)) for _ in range(devices)]
    began = process_time_ns()
    for number in range(len(take.pieces)):
        for host in hosts:
            host.turn(number)
    for host in hosts:
        host.finish()
    took = process_time_ns() - began
    for host in hosts:
        if host.frames != len(frames) or host.segments != truth:
            raise BenchmarkError(f"{host.frames} of {len(frames)} frames, {len(host.segments)} segments")
    return took / 1e9 / devices / (len(frames) / RATE)
