"""The simulated device in real time, behind an end of a memory link or the master of a pty."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import termios
import tty
from collections.abc import Callable, Iterator
from random import Random
from threading import Thread
from time import monotonic

from simdevice import SimDevice
from simworld import RATE

from ossicle.errors import LinkError
from ossicle.links import memory
from ossicle.microphone import Microphone
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

TICK_S = 0.002
SPEEDS = (115200, 460800, 921600)  # that the pty tells
FLAT_OUT = RATE * 60  # frames of the device that `opened` gives


class Playing:
    """Runs a device until `stop`, or until its line is closed."""

    def __init__(self, device: SimDevice, read: Callable[[], bytes], write: Callable[[bytes], None]) -> None:
        self.device = device
        device.now = device.heard_at = monotonic()
        self._read = read
        self._write = write
        self._stopping = False
        self.failure: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping:
                data = self._read()
                for frame in self.device.step(monotonic()):  # first: what it hears it hears at this time
                    self._write(frame)
                self.device.after_sending()
                if data:
                    self.device.receive(data)
        except (LinkError, OSError):
            return
        except Exception as error:
            self.failure = error

    def stop(self) -> None:
        self._stopping = True
        self._thread.join(5)
        assert self.failure is None, self.failure


@contextlib.contextmanager
def behind_memory(end: memory.MemoryLink, device: SimDevice) -> Iterator[Playing]:
    playing = Playing(device, lambda: b"".join(end.read(TICK_S)), end.write)
    try:
        yield playing
    finally:
        playing.stop()


class Pty:
    """A pseudo-terminal with a device at its master; garbles bytes at the wrong speed."""

    def __init__(self, device: SimDevice) -> None:
        self.device = device
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        attributes = termios.tcgetattr(self.slave)
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)
        self.speeds: list[int] = []
        self._noise = Random(1)
        self.playing = Playing(device, self._read, self._write)

    def _matches(self) -> bool:
        code = termios.tcgetattr(self.master)[5]
        speed = next(baud for baud in SPEEDS if getattr(termios, f"B{baud}") == code)
        if not self.speeds or self.speeds[-1] != speed:
            self.speeds.append(speed)
        return speed == self.device.baud

    def _read(self) -> bytes:
        if not select.select([self.master], [], [], TICK_S)[0]:
            return b""
        data = os.read(self.master, 4096)
        return data if self._matches() else self._noise.randbytes(len(data))

    def _write(self, frame: bytes) -> None:
        if not self._matches():
            frame = self._noise.randbytes(len(frame))
        with contextlib.suppress(BlockingIOError):  # a full line loses bytes, as a real one does
            os.write(self.master, frame)

    def hang_up(self) -> None:
        """Pull the cable. The slave stays open, so that no other pty gets its name meanwhile."""
        self.playing.stop()
        os.close(self.master)
        self.master = -1  # the number may be another file's by now

    def close(self) -> None:
        self.playing.stop()
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)


@contextlib.contextmanager
def behind_pty(device: SimDevice) -> Iterator[Pty]:
    line = Pty(device)
    try:
        yield line
    finally:
        line.close()


@contextlib.contextmanager
def opened(
    *, timeout: float = 5.0, request: StreamRequest | None = None, **device: object
) -> Iterator[tuple[Microphone, SimDevice]]:
    """A microphone whose device is in this process: flat out, unless told otherwise."""
    host, far = memory.pair(None)
    simulated = SimDevice(Random(1), **{"waits": True, "length": FLAT_OUT, **device})
    simulated.baud = 4_000_000
    with behind_memory(far, simulated):
        microphone = Microphone(host, Receiver(request, baud=None, random=Random(2)), timeout=timeout)
        try:
            microphone.start()
            yield microphone, simulated
        finally:
            microphone.close()
