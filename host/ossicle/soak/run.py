"""One run: boards, relays, a host that may be killed, and a judge for each stream."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable
from socket import SOCK_DGRAM, SOCK_STREAM
from threading import Lock
from typing import Any

import numpy as np

from ossicle.emulator import Emulator
from ossicle.errors import LinkError, OssicleError
from ossicle.pattern import KEYS, Pattern
from ossicle.proto import _wire as wire

from . import tape
from .datagrams import HERE, UdpRelay, free_port
from .host import Host
from .judge import Closed, Judge, Verdict, open_times
from .lane import Gate
from .loop import Loop
from .messages import WebSocketRelay
from .plan import Plan
from .record import Record
from .report import Memory, Outcome
from .serial import SerialRelay
from .tape import Row

RATE = 16000
RECOVERY_S = 0.5  # after the link was closed: to notice, to agree, to ask
HEAPS = {"serial": "192K", "udp": "192K", "ws": "192K"}
START_S = 1.0  # for a process: Python, its imports, the port
_TURN_S = 0.05
_PATIENCE_S = 30.0  # of the host with a device that is silent, beyond the longest outage
_SPARE_S = 60.0  # that a run may take beyond its audio
_HEAP_PARTS = (0.1, 0.95)  # of the frames: there the heap is looked at, until it was often enough
_HEAP_LOOKS = 3
_HEAP_EVERY_S = 0.15
_MEMORY_EVERY_S = 0.5
_SAY_EVERY_S = 1.0


class SoakError(OssicleError):
    """The run could not be made, so that it says nothing."""


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
            heapsize=HEAPS[plan.link],
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


class Run:
    """Make it, then `go`."""

    def __init__(
        self, plan: Plan, say: Callable[[str], object] = lambda text: None, micropython: str | None = None
    ) -> None:
        self.plan = plan
        self._say = say
        self._micropython = micropython
        self._gate = Gate(plan.outages, plan.stalls)
        self._loop = Loop()
        self._boards: list[Board] = []
        self._kills = list(plan.kills)
        self._dead: list[Closed] = []  # times without a host
        self._memory = Memory()
        self._failed = ""
        self._host: Host | None = None
        self._port = free_port(SOCK_DGRAM if plan.link == "udp" else SOCK_STREAM)
        self._next_memory = self._next_word = 0.0

    def go(self) -> Outcome:
        """The whole run. Raises SoakError when it could not be made, LinkError for the emulator."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._loop.stop)
            for number in range(self.plan.devices):
                board = Board(self.plan, number, self._loop, self._gate, self._port, self._micropython)
                stack.callback(board.close)
                self._boards.append(board)
            self._loop.start()
            stack.callback(self._close_host)
            self._host = self._new_host()
            began = time.monotonic()
            self._watch(began)
            over = time.monotonic()
            closed = self._closed(over)
            return Outcome(
                plan=self.plan,
                verdicts=[board.verdicts(closed, over) for board in self._boards],
                lanes=[(board.relay.up.counts, board.relay.down.counts) for board in self._boards],
                heaps=[board.heaps() for board in self._boards],
                memory=self._memory,
                stats=[board.stats for board in self._boards],
                allowance_s=max([RECOVERY_S, *(each.allowance_s for each in closed)]),
                late_s=max((stop - start for start, stop in self._loop.late), default=0.0),
                seconds=over - began,
                failure=self._failed,
            )

    def _close_host(self) -> None:
        if self._host is not None:
            self._host.close()

    def _new_host(self) -> Host:
        plan = self.plan
        longest = max((each.seconds for each in plan.outages), default=0.0)
        serial = plan.link == "serial"
        keys = {each.emulator.device: each.emulator.key for each in self._boards}
        task = {
            "url": f"serial://{self._boards[0].relay.port}"
            if serial
            else f"{plan.link}://{HERE}:{self._port}",
            "open": {"rate": RATE, "mode": plan.mode, "timeout": _PATIENCE_S + longest, "plain": plan.plain},
            "keys": {device: key.hex() for device, key in keys.items() if key is not None},
            "devices": list(keys),
            "resume": self._boards[0].resume(),
        }
        return Host(task, self._take)

    def _take(self, row: Row) -> None:
        if row.kind == tape.FAILED:
            self._failed = row.fields["text"]
            return
        board = self._boards[row.device]
        board.take(row)
        if self._gate.began is None and all(each.started for each in self._boards):
            self._gate.begin(time.monotonic())

    def _watch(self, began: float) -> None:
        """Until every stream has ended, or nothing more is to be hoped for."""
        assert self._host is not None
        limit = began + self.plan.seconds + _SPARE_S + sum(each.seconds for each in self.plan.outages)
        while self._host.returncode is None:
            now = time.monotonic()
            since = now - self._gate.began if self._gate.began is not None else 0.0
            self._kill_when_due(now, since)
            for board in self._boards:
                board.look(now)
                if board.emulator.failure:
                    raise LinkError(board.emulator.failure)
            self._tell(now, since)
            error = self._loop.failure or self._host.failure
            if error is not None:
                raise SoakError(f"the harness itself failed: {error!r}")
            if now > limit:
                self._failed = self._failed or f"the streams have not ended in {now - began:.0f} s"
                return
            time.sleep(_TURN_S)
        self._host.kill()
        if not all(board.ended for board in self._boards):
            self._failed = self._failed or self._host.complaint or "the host ended before its streams"

    def _kill_when_due(self, now: float, since: float) -> None:
        if not self._kills or since < self._kills[0]:
            return
        assert self._host is not None
        self._kills.pop(0)
        self._host.kill()
        killed = time.monotonic()
        self._host.close()
        self._host = self._new_host()
        self._dead.append(Closed(now, max(killed, time.monotonic()), RECOVERY_S + START_S))

    def _tell(self, now: float, since: float) -> None:
        assert self._host is not None
        if now >= self._next_memory:
            self._next_memory = now + _MEMORY_EVERY_S
            self._memory.add(since, self._host.memory())
        if now >= self._next_word:
            self._next_word = now + _SAY_EVERY_S
            heard = min(board.position for board in self._boards) / RATE
            judges = list(itertools.chain.from_iterable(board.judges for board in self._boards))
            wrong, gaps = sum(judge.wrong for judge in judges), sum(judge.gaps for judge in judges)
            self._say(f"{heard:.1f} of {self.plan.seconds:g} s, {wrong} frames wrong, {gaps} gaps")

    def _closed(self, over: float) -> list[Closed]:
        """Every time in which nothing could pass, and what the receiver may take after it."""
        spans = [*self._gate.closed(), *self._loop.late]
        eighth = 0.125 if self.plan.link == "ws" else 0.0  # W-55: between two attempts to connect
        found = [Closed(low, high, RECOVERY_S + eighth * (high - low)) for low, high in spans]
        return [each for each in (*found, *self._dead) if each.start < over]
