"""One run: boards, relays, a host that may be killed, and a judge for each stream."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from socket import SOCK_DGRAM, SOCK_STREAM

from ossicle.errors import LinkError, OssicleError

from . import tape
from .board import RATE, RECOVERY_S, Board
from .datagrams import HERE, free_port
from .host import Host
from .judge import Closed
from .lane import Gate
from .loop import Loop
from .plan import Plan
from .report import Memory, Outcome
from .tape import Row

START_S = 1.0  # for a process: Python, its imports, the port
_TURN_S = 0.05
_PATIENCE_S = 30.0  # of the host with a device that is silent, beyond the longest outage
_SPARE_S = 60.0  # that a run may take beyond its audio
_MEMORY_EVERY_S = 0.5
_SAY_EVERY_S = 1.0


class SoakError(OssicleError):
    """The run could not be made, so that it says nothing."""


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
                kills=len(self._dead),
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
