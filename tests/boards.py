"""Emulated boards on a UDP network that loses, repeats, changes and cuts, and what each receiver told.

The witness is a consumer of its own: what it was told is what an archive of the same microphone must hold.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM

import numpy as np

import ossicle
from ossicle.emulator import Emulator
from ossicle.microphone import Microphone
from ossicle.pattern import Pattern
from ossicle.proto.events import Audio, Gap
from ossicle.soak.datagrams import HERE, UdpRelay, free_port
from ossicle.soak.lane import Gate
from ossicle.soak.loop import Loop
from ossicle.soak.plan import Faults, Span

RATE = 16000


@dataclass
class Witness:
    """What one receiver told: ranges of positions with their frames in a file, and gaps."""

    folder: Path
    device: str = ""
    stream: str = ""
    ranges: list[tuple[int, int]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115
        self.stop = 0

    def audio(self, event: Audio) -> None:
        assert event.start == self.stop, "a gap was not told"
        self._file.seek(2 * event.start)
        self._file.write(event.frames.tobytes())
        if self.ranges and self.ranges[-1][1] == event.start:
            self.ranges[-1] = (self.ranges[-1][0], event.stop)
        else:
            self.ranges.append((event.start, event.stop))
        self.stop = event.stop

    def gap(self, event: Gap) -> None:
        assert event.start == self.stop
        assert event.stop is not None
        self.gaps.append(event)
        self.stop = event.stop

    @property
    def delivered(self) -> int:
        return sum(stop - start for start, stop in self.ranges)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Of these positions, silence where none came."""
        self._file.seek(2 * start)
        data = self._file.read(2 * (stop - start))
        return np.frombuffer(data.ljust(2 * (stop - start), b"\0"), "<i2")

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Network:
    """What `boards` makes: microphones that have begun, by their devices the patterns that are played, and
    the relays, whose counts tell what went wrong on the way."""

    microphones: tuple[Microphone, ...]
    patterns: dict[str, Pattern]
    relays: tuple[UdpRelay, ...]

    @property
    def dropped(self) -> int:
        return sum(relay.up.counts["dropped"] + relay.up.counts["cut"] for relay in self.relays)


@contextlib.contextmanager
def boards(
    count: int,
    seconds: float,
    *,
    faults: Faults,
    outages: tuple[Span, ...] = (),
    stalls: tuple[tuple[tuple[int, int], ...], ...] = (),
    mode: str = "live",
    speed: str = "max",
) -> Iterator[Network]:
    """So many boards, each of which plays `seconds` of a pattern of its own. `stalls` are those of each
    board's I2S, in frames; `outages` are by the wall clock from now on."""
    port = free_port(SOCK_DGRAM)
    gate, loop = Gate(outages), Loop()
    with contextlib.ExitStack() as stack:
        stack.callback(loop.stop)
        relays = [UdpRelay(loop, port, faults, gate, number) for number in range(count)]
        patterns = {}
        for number, relay in enumerate(relays):
            pattern = Pattern(round(seconds * RATE), faults.seed * 32 + number, RATE)
            mine = stalls[number] if number < len(stalls) else ()
            board = Emulator(
                pattern,
                speed=speed,
                device=f"board-{number}",
                link="udp",
                host_port=relay.port,
                plain=True,
                stalls=mine,
                ibuf=4096 if mine else 40960,
            )
            stack.enter_context(board)
            loop.add(relay)
            patterns[board.device] = pattern
        loop.start()
        stack.callback(lambda: _raise(loop.failure))
        with ossicle.serve(f"udp://{HERE}:{port}", mode=mode, plain=True, timeout=30 + seconds) as server:
            microphones = tuple(stack.enter_context(server.accept(30)) for _ in range(count))
        gate.begin(time.monotonic())
        yield Network(microphones, patterns, tuple(relays))


def _raise(failure: Exception | None) -> None:
    if failure is not None:
        raise failure
