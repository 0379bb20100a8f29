"""One direction of a link on which packets get lost, come twice, late, changed or in another order.

A lane carries *units*: serial frames, datagrams or WebSocket messages. It has no clock and no port: whoever
owns it gives it what came, and takes what is due.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable

from .plan import Fate, Span

QUEUE_MAX_BYTES = 1 << 22
_HELD_S = 0.1  # a unit that is to come after the next one waits for that no longer
_AUDIO, _RESENT = 3, 0x04  # kind and flag of the packet's header, for the counts


class Gate:
    """When the link is cut, and when it holds back what it carries: the plan's times, once it has begun."""

    def __init__(self, outages: tuple[Span, ...] = (), stalls: tuple[Span, ...] = ()) -> None:
        self.began: float | None = None
        self._outages = outages
        self._stalls = stalls

    def begin(self, now: float) -> None:
        """The times of the plan count from here; only the first call does anything."""
        if self.began is None:
            self.began = now

    def outage(self, now: float) -> int | None:
        """The number of the outage in force, None while there is none."""
        if self.began is None:
            return None
        gone = now - self.began
        return next((i for i, each in enumerate(self._outages) if each.at <= gone < each.stop), None)

    def held_until(self, now: float) -> float:
        """When the stall in force ends; `now` while there is none."""
        if self.began is None:
            return now
        gone = now - self.began
        stop = max((each.stop for each in self._stalls if each.at <= gone < each.stop), default=gone)
        return self.began + stop

    def closed(self) -> list[tuple[float, float]]:
        """All the times, by the clock of `now`, at which a packet could not pass, ascending."""
        began = self.began
        if began is None:
            return []
        spans = (*self._outages, *self._stalls)
        return sorted((began + each.at, began + each.stop) for each in spans)


class Lane:
    """One direction of one link.

    `in_order`: what is delayed holds back what is behind it. Without `loses` an outage takes nothing: it
    holds back, and whoever owns the lane sees to the connection.
    """

    def __init__(
        self, fate: Callable[[int], Fate], gate: Gate, *, in_order: bool, loses: bool = True
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._fate = fate
        self._gate = gate
        self._in_order = in_order
        self._loses = loses
        self._index = 0
        self._order = 0
        self._queue: list[tuple[float, int, bytes]] = []  # when it is due, ascending
        self._queued_bytes = 0
        self._held: tuple[float, bytes] | None = None  # until after the next one, or until a time
        self._last_due = 0.0

    @property
    def idle(self) -> bool:
        """Nothing waits."""
        return not self._queue and self._held is None

    def next_fate(self) -> Fate:
        """What happens to the next unit."""
        self._index += 1
        return self._fate(self._index - 1)

    def count(self, kind: int, flags: int) -> None:
        """A unit was sent, with a packet of that kind and those flags."""
        self.counts["units"] += 1
        if kind == _AUDIO:
            self.counts["audio"] += 1
            self.counts["resent"] += bool(flags & _RESENT)

    def put(self, unit: bytes, fate: Fate, now: float, start: int = 0) -> None:
        """A unit was sent; nothing before its byte `start` is ever changed."""
        if fate.drop:
            self.counts["dropped"] += 1
            return
        if fate.corrupt is not None:
            self.counts["corrupted"] += 1
            unit = unit[:start] + corrupted(unit[start:], fate.corrupt)
        due = max(now + fate.delay_s, self._gate.held_until(now))
        if fate.reorder and self._held is None:
            self.counts["reordered"] += 1
            self._held = (due + _HELD_S, unit)
            return
        self._enqueue(due, unit)
        if fate.dup:
            self.counts["duplicated"] += 1
            self._enqueue(due, unit)
        if self._held is not None:
            self._enqueue(due, self._held[1])
            self._held = None

    def _enqueue(self, due: float, unit: bytes) -> None:
        if self._queued_bytes + len(unit) > QUEUE_MAX_BYTES:
            self.counts["refused"] += 1
            return
        if self._in_order:
            due = self._last_due = max(due, self._last_due)
        self._order += 1
        self._queued_bytes += len(unit)
        insort(self._queue, (due, self._order, unit))

    def take(self, now: float) -> list[bytes]:
        """What is due; what is due during an outage is lost, or waits for its end."""
        if not self._loses and self._gate.outage(now) is not None:
            return []
        if self._held is not None and self._held[0] <= now:
            held, self._held = self._held, None
            self._enqueue(held[0], held[1])
        count = next((i for i, each in enumerate(self._queue) if each[0] > now), len(self._queue))
        units = [unit for _, _, unit in self._queue[:count]]
        del self._queue[:count]
        self._queued_bytes -= sum(map(len, units))
        if units and self.cut(now, len(units)):
            return []
        return units

    def cut(self, now: float, units: int = 1) -> bool:
        """Whether so many units that leave now are lost to an outage."""
        if not self._loses or self._gate.outage(now) is None:
            return False
        self.counts["cut"] += units
        return True

    def next_due(self) -> float | None:
        """When `take` has something again."""
        times = [self._queue[0][0]] if self._queue else []
        if self._held is not None:
            times.append(self._held[0])
        return min(times, default=None)

    def clear(self) -> None:
        """What waits is lost: the connection that carried it is gone."""
        self._queue.clear()
        self._queued_bytes = 0
        self._held = None


def corrupted(unit: bytes, place: float) -> bytes:
    """One byte is another one: the one at this part of the length."""
    if not unit:
        return unit
    at = min(int(place * len(unit)), len(unit) - 1)
    flip = 1 + int(place * 1e6) % 255
    return unit[:at] + bytes((unit[at] ^ flip,)) + unit[at + 1 :]
