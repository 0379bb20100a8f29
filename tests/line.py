"""The host's end of an emulated board's line, without the package's links: a Receiver on a raw descriptor.

So a test here can write noise, set a wrong speed, or drop the line, and no reader thread is in its way.
"""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ossicle.emulator import Emulator
from ossicle.proto import events
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest


class Line:
    """A raw descriptor on the slave side of the pty, at a speed."""

    def __init__(self, port: str) -> None:
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.baud = 0
        self.speed(115200)

    def speed(self, baud: int) -> None:
        if baud != self.baud:
            attributes = termios.tcgetattr(self.fd)
            attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
            termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
            self.baud = baud

    def read(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        return os.read(self.fd, 65536) if ready else b""

    def write(self, data: bytes) -> None:
        while data:
            select.select([], [self.fd], [], 1.0)
            data = data[os.write(self.fd, data) :]

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Heard:
    """What a Receiver told: audio and gaps by position, in order."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.parts: list[events.Audio] = []
        self.gaps: list[events.Gap] = []
        self.others: list[events.Event] = []
        self.ended: int | None = None

    def take(self, told: list[events.Event]) -> None:
        for event in told:
            if isinstance(event, events.Audio):
                self.parts.append(event)
            elif isinstance(event, events.Gap):
                self.gaps.append(event)
            elif isinstance(event, events.Ended):
                self.ended = event.stop
            else:
                self.others.append(event)

    @property
    def position(self) -> int:
        """One more than the last frame that was told as audio."""
        return self.parts[-1].stop if self.parts else 0

    @property
    def frames(self) -> NDArray[np.int16]:
        """All audio, one after the other, shape (frames, channels)."""
        parts = [part.frames.reshape(-1, self.channels) for part in self.parts]
        return np.concatenate(parts) if parts else np.empty((0, self.channels), np.int16)

    def stretches(self) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Each continuous stretch: its first position, and its frames."""
        start, held = 0, []
        for part in self.parts:
            if held and part.start != start + sum(map(len, held)):
                yield start, np.concatenate(held)
                held = []
            if not held:
                start = part.start
            held.append(part.frames.reshape(-1, self.channels))
        if held:
            yield start, np.concatenate(held)

    def only(self, kind: type) -> list[events.Event]:
        return [event for event in self.others if isinstance(event, kind)]


def drive(
    line: Line,
    receiver: Receiver,
    heard: Heard,
    until: Callable[[], object],
    *,
    timeout_s: float = 60.0,
    board: Emulator | None = None,
) -> None:
    """Carry bytes between line and receiver until `until()` is true.

    AssertionError after `timeout_s`, or when the board has ended.
    """
    deadline = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline, f"not in {timeout_s} s: {receiver.stats()}"
        assert board is None or board.returncode is None, board.failure
        data = line.read(0.01)
        if data:
            receiver.receive(data, time.monotonic())
        receiver.tick(time.monotonic())
        heard.take(receiver.events())
        line.speed(receiver.baud or 115200)
        for out in receiver.to_send():
            line.write(out)


def hear(emulator: Emulator, request: StreamRequest | None = None, *, timeout_s: float = 60.0) -> Heard:
    """Start a stream on a running board and hear it to its end."""
    request = request or StreamRequest(rate=emulator.rate, channels=emulator.channels)
    heard = Heard(request.channels)
    with Line(emulator.port) as line:
        core = Receiver(request)
        drive(
            line,
            core,
            heard,
            lambda: heard.ended is not None,
            timeout_s=timeout_s,
            board=emulator,
        )
        core.part(time.monotonic())
        drive(line, core, heard, lambda: core.state.name == "OVER", timeout_s=5)
    return heard
