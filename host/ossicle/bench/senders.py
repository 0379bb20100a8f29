"""Scripted devices in real time behind pseudo-terminals: the process that `devices` measures against.

    python -m ossicle.bench.senders SECONDS BYTES_A_MS MASTER...

Each MASTER is the number of an inherited descriptor. A device speaks when it is spoken to and then sends
speech, SECONDS of it or until it is stopped, each chunk when its last frame would have been captured. With
BYTES_A_MS its bytes leave a millisecond's worth at a time, as a USB bridge hands them over; 0: a packet at
once. The devices do not breathe in step. All ends when stdin does.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
from time import monotonic

from ossicle.proto.events import Frames
from ossicle.proto.framing import SerialFraming

from .source import BenchmarkError, Source, speech

_READ_BYTES = 4096
_OUT_MAX_BYTES = 1 << 16
_TICK_S = 0.001
_IDLE_S = 0.05


class Sender:
    """One device. `bytes_a_ms` as in the head of this file; it is `late_s` behind the first."""

    def __init__(self, master: int, frames: Frames, bytes_a_ms: int, late_s: float) -> None:
        self.master = master
        self._source = Source(frames, SerialFraming(), name=f"bench-{master}")
        self._bytes_a_ms = bytes_a_ms
        self._late_s = late_s
        self._began: float | None = None
        self._sequence = 0  # of the next chunk
        self._status_s = 1.0
        self._out = bytearray()
        self._left_at = 0.0  # when bytes left last

    def hear(self, now: float) -> None:
        """Take what the host wrote, if it did."""
        try:
            data = os.read(self.master, _READ_BYTES)
        except (BlockingIOError, OSError):  # nothing, or nobody has the other end open
            return
        for answer in self._source.hear(data, now):
            self._put(answer)
        if self._began is None and self._source.started:
            self._began = now + self._late_s

    def send(self, now: float) -> float:
        """Send what is due; when to come again."""
        while (due := self.due) <= now:
            self._put(self._source.chunk(self._sequence))
            self._sequence += 1
            if self._began is not None and due - self._began >= self._status_s:
                self._put(self._source.status(now))
                self._status_s += 1.0
        self._leave(now)
        return now + _TICK_S if self._out else self.due

    @property
    def due(self) -> float:
        """When the next chunk is; never, before the start and after the end."""
        if self._began is None or self._sequence > self._source.last:
            return float("inf")
        return self._began + self._source.due_s(self._sequence)

    def _put(self, packet: bytes) -> None:
        if len(self._out) + len(packet) > _OUT_MAX_BYTES:
            raise BenchmarkError("the host does not read what a simulated device sends")
        self._out += packet

    def _leave(self, now: float) -> None:
        count = len(self._out)
        if self._bytes_a_ms:
            count = min(count, round(min(now - self._left_at, 0.01) * 1000 * self._bytes_a_ms))
            self._left_at = now
        if count:
            with contextlib.suppress(BlockingIOError):
                del self._out[: os.write(self.master, self._out[:count])]


def serve(senders: list[Sender]) -> None:
    """Until stdin ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        for sender in senders:
            selector.register(sender.master, selectors.EVENT_READ, sender)
        while True:
            now = monotonic()
            again = min(sender.send(now) for sender in senders)
            wait_s = min(_IDLE_S, max(0.0, again - monotonic()))
            for key, _ in selector.select(wait_s):
                if key.data is None:
                    return
                key.data.hear(monotonic())


def main(arguments: list[str]) -> None:
    """What the head of this file says."""
    seconds, bytes_a_ms, *masters = arguments
    frames = speech(float(seconds))
    hop_s = 512 / 16000
    serve(
        [
            Sender(int(master), frames, int(bytes_a_ms), hop_s * index / len(masters))
            for index, master in enumerate(masters)
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
