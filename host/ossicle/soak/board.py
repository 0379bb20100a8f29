"""One emulated board behind its relay, and what became of its streams."""

from __future__ import annotations

import tempfile
from threading import Lock
from typing import Any

import numpy as np

from ossicle.emulator import Emulator
from ossicle.pattern import KEYS, Pattern
from ossicle.proto import _wire as wire

from . import tape
from .datagrams import UdpRelay
from .judge import Closed, Judge, Verdict, open_times
from .lane import Gate
from .loop import Loop
from .messages import WebSocketRelay
from .plan import Plan
from .record import Record
from .serial import SerialRelay
from .tape import Row

RATE = 16000
RECOVERY_S = 0.5  # after the link was closed: to notice, to agree, to ask
_HEAP_PARTS = (0.1, 0.95)  # of the frames: there the heap is looked at, until it was often enough
_HEAP_LOOKS = 3
_HEAP_EVERY_S = 0.15


class Board:
    """One emulated board behind its relay, and what is known of its streams."""

    def __init__(
        self, plan: Plan, number: int, loop: Loop, gate: Gate, host_port: int, micropython: str | None
    ) -> None:
        self.number = number
        self.pattern = Pattern(round(plan.seconds * RATE), (plan.faults.seed * 32 + number) % KEYS, RATE)
        self.judges: list[Judge] = []
        self._waits = plan.flat_out
        self.ended = False
        self.stats: dict[str, Any] = {}
        self._stream_id = ""
        self._baud: int | None = None
        self._hop = wire.DEFAULT_HOP
        self._lock = Lock()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self.record = Record(self._file)
        self.relay: SerialRelay | UdpRelay | WebSocketRelay
        self._heaps_asked: tuple[list[float], list[float]] = ([], [])  # when, at the start and at the end
        self._next_heap = 0.0
        port = 0
        if plan.link != "serial":
            network = UdpRelay if plan.link == "udp" else WebSocketRelay
            self.relay = network(loop, host_port, plan.faults, gate, number)
            port = self.relay.port
        self.emulator = Emulator(
            self.pattern,
            speed="max" if plan.flat_out else "realtime",
            device=f"soak-{number}",
            micropython=micropython,
            record=self._file,
            link=plan.link,
            host_port=port,
            plain=plan.plain,
        )
        self.emulator.start()
        if plan.link == "serial":
            self.relay = SerialRelay(loop, self.emulator.port, plan.faults, gate, number)
        loop.add(self.relay)

    @property
    def started(self) -> bool:
        """Audio has come."""
        return bool(self.judges) and self.judges[-1].delivered > 0

    @property
    def position(self) -> int:
        """Of what came."""
        return self.judges[-1].next if self.judges else 0

    def resume(self) -> dict[str, Any] | None:
        """Where another host goes on."""
        if not self.judges:
            return None
        return {
            "stream_id": self._stream_id,
            "position": self.position,
            "hop": self._hop,
            "baud": self._baud,
        }

    def take(self, row: Row) -> None:
        """What the application got; in the thread of the host's pipe."""
        if row.kind == tape.STARTED:
            self._on_started(row.fields)
        elif row.kind == tape.AUDIO and self.judges:
            frames = np.frombuffer(row.body, "<i2")
            self.judges[-1].audio(row.position, frames, row.time)
        elif row.kind == tape.GAP and self.judges:
            self.judges[-1].gap(row.position, row.fields["stop"], row.fields["cause"])
        elif row.kind == tape.ENDED:
            self.ended = True
        elif row.kind == tape.DONE:
            self.stats = row.fields["stats"]

    def _on_started(self, fields: dict[str, Any]) -> None:
        self._baud = fields["baud"]
        if fields["stream_id"] == self._stream_id:
            return
        self._stream_id = fields["stream_id"]
        self._hop = fields["hop"]
        window = self._hop + fields["overlap"]
        capacity = wire.DEFAULT_RING_SAMPLES // self.pattern.channels - window
        self.judges.append(
            Judge(
                self.pattern,
                capacity,
                self._hop,
                overlap=fields["overlap"],
                waits=self._waits,
                drops=self.drops,
            )
        )

    def drops(self) -> list[tuple[int, int]]:
        """Ranges that DMA has dropped."""
        with self._lock:
            return self.record.drops()

    def look(self, now: float) -> None:
        """Read the record; ask for the heap at the start and at the end."""
        with self._lock:
            self.record.poll()
        for part, asked in zip(_HEAP_PARTS, self._heaps_asked, strict=True):
            due = self.record.captured >= part * self.pattern.frames and now >= self._next_heap
            if due and len(asked) < _HEAP_LOOKS and not self.ended:
                asked.append(now)
                self._next_heap = now + _HEAP_EVERY_S
                self.emulator.ask_heap()

    def heaps(self) -> tuple[int, int]:
        """Bytes in use after a collection, at the start and at the end; 0 where it was not looked at.

        The least of several looks: what is on the stack at one of them is kept by it.
        """
        between = next(iter(self._heaps_asked[1]), float("inf"))
        heaps = self.record.heaps
        return (
            min((size for at, size in heaps if at < between), default=0),
            min((size for at, size in heaps if at >= between), default=0),
        )

    def verdicts(self, closed: list[Closed], over: float) -> list[Verdict]:
        """Of every stream that the board has played."""
        with self._lock:
            captures = self.record.captures()
        judges = [*self.judges, *(Judge(self.pattern, 1, self._hop) for _ in captures[len(self.judges) :])]
        starts = [float(capture.times[0]) for capture in captures]
        ends = [*starts[1:], over]
        return [
            judge.verdict(capture, open_times(closed, start, end, RECOVERY_S), over=end)
            for judge, capture, start, end in zip(judges, captures, starts, ends, strict=False)
        ]

    def close(self) -> None:
        """End the board. The relay is the loop's."""
        self.emulator.stop()
        self._file.close()
