"""How long a block of frames takes from one thread to another that waits for it.

From the moment at which the writer calls `write` to that at which the reader has the frames, both threads in
one process, blocks of 512 frames. Beside it is queue.Queue with a copy of the block, since whoever records is
given the same memory again each time. `get` then hands over the writer's copy, as a view of the ring is
handed over; `read` copies once more. In the pauses nothing happens, so processor and caches have turned to
other things, as they have with a microphone; most of the time is what the system needs to wake a thread.

Contestants take turns in short bursts. The first block of a burst comes after a longer pause and is not
counted. The ratio is that of the medians of two bursts of the same turn, and of these the median, so that a
slow moment of the machine counts as one turn of many.

Then the same with a thread that computes in Python without a pause: each of both threads has to wait for the
interpreter then, up to the switch interval at a time.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from queue import Queue
from statistics import median

import numpy as np

from ossicle.audio.chunk import Frames
from ossicle.audio.ring import AudioRing

from .contestants import BLOCK, CAPACITY
from .figures import Column, Effort, Limit, Row, Table, Value
from .source import BenchmarkError
from .timing import percentile, undisturbed

READ = "AudioRing, read"
VIEWS = "AudioRing, chunks as views"
QUEUE = "queue.Queue"
ENOUGH = 1000  # samples, so that there is one beyond 99.9 %
WAIT_S = 20.0  # for a block that never comes
NS_IN_US = 1000


@dataclass(frozen=True, slots=True)
class Setting:
    """Pause between blocks, whether a thread computes meanwhile, and how many blocks each gets, in bursts."""

    pause_s: float
    busy: bool
    burst: int
    bursts: int

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return f"{self.pause_s * 1000:g} ms" + (", busy" if self.busy else "")


@dataclass(slots=True)
class Channel:
    """A way from the writer to the reader; `get` waits for the next block."""

    put: Callable[[Frames], object]
    get: Callable[[], Frames]
    sent_ns: list[int] = field(default_factory=list)
    had_ns: list[int] = field(default_factory=list)
    wrong: str = ""

    def send(self, block: Frames) -> None:
        """One block, in the writer."""
        self.sent_ns.append(time.perf_counter_ns())
        self.put(block)

    def receive(self, blocks: Sequence[Frames]) -> None:
        """Those blocks, in the reader; `wrong` tells of another or none."""
        try:
            for number, block in enumerate(blocks):
                frames = self.get()
                self.had_ns.append(time.perf_counter_ns())
                if not np.array_equal(frames, block):
                    self.wrong = self.wrong or f"block {number} is another than went in"
        except Exception as error:
            self.wrong = f"block {len(self.had_ns)}: {error or type(error).__name__}"


def reading() -> Channel:
    """Our ring, read as copies."""
    ring = AudioRing(CAPACITY)
    return Channel(lambda block: ring.write(block, timeout=WAIT_S), lambda: ring.read(BLOCK, timeout=WAIT_S))


def viewing() -> Channel:
    """Our ring, read as views."""
    ring = AudioRing(CAPACITY)
    chunks = ring.chunks(BLOCK, copy=False, timeout=WAIT_S)
    return Channel(lambda block: ring.write(block, timeout=WAIT_S), lambda: next(chunks).data)


def queueing() -> Channel:
    """queue.Queue of copied blocks, as many as the ring holds."""
    queue: Queue[Frames] = Queue(CAPACITY // BLOCK)
    return Channel(lambda block: queue.put(block.copy(), timeout=WAIT_S), lambda: queue.get(timeout=WAIT_S))


CHANNELS: dict[str, Callable[[], Channel]] = {READ: reading, VIEWS: viewing, QUEUE: queueing}


def settings(effort: Effort) -> tuple[Setting, ...]:
    """About a minute for all contestants together, or two seconds. 32 ms are 512 frames at 16 kHz."""
    return (
        Setting(0.032, False, effort.pick(6, 3), effort.pick(45, 2)),
        Setting(0.0032, False, effort.pick(26, 6), effort.pick(48, 4)),
        Setting(0.032, True, effort.pick(6, 3), effort.pick(15, 1)),
        Setting(0.0032, True, effort.pick(16, 5), effort.pick(20, 1)),
    )


def run(effort: Effort) -> Table:
    """The table."""
    rows, limits, least = [], [], ENOUGH
    for setting in settings(effort):
        effort.say(f"handover: {setting.name}, {len(CHANNELS)} contestants in turns")
        found = measure(setting)
        rows += [_row(f"{name}, {setting.name}", turns, found[QUEUE]) for name, turns in found.items()]
        least = min(least, setting.bursts * (setting.burst - 1))
        if not setting.busy:
            limits.append(_limit(setting, found))
    return Table(
        name="handover",
        title="From thread to thread: a block of 512 frames that is waited for",
        columns=(
            Column("p50_us", "p50", "µs", 1),
            Column("p99_us", "p99", "µs", 1),
            Column("p999_us", "p99.9", "µs", 1),
            Column("max_us", "maximum", "µs", 1),
            Column("ratio", "p50 beside queue.Queue", "times"),
            Column("samples", "blocks", "", 0),
        ),
        rows=tuple(rows),
        notes=_notes(least),
        limits=tuple(limits),
    )


def measure(setting: Setting) -> dict[str, list[list[float]]]:
    """Microseconds of each counted block, turn by turn, of each contestant; raises BenchmarkError when one
    is not whole."""
    channels = {name: new() for name, new in CHANNELS.items()}
    total = setting.burst * setting.bursts
    blocks = [np.full(BLOCK, number % 30_000, np.int16) for number in range(total)]
    readers = [
        threading.Thread(target=channel.receive, args=(blocks,), daemon=True) for channel in channels.values()
    ]
    with undisturbed(), computing() if setting.busy else nullcontext():
        for reader in readers:
            reader.start()
        _send(setting, list(channels.values()), blocks)
        for reader in readers:
            reader.join(WAIT_S)
    for name, channel in channels.items():
        if channel.wrong or len(channel.had_ns) != total:
            raise BenchmarkError(
                f"{name}: {channel.wrong or f'{len(channel.had_ns)} of {total} blocks came'}"
            )
    return {name: _taken(channel, setting.burst) for name, channel in channels.items()}


def _send(setting: Setting, channels: list[Channel], blocks: list[Frames]) -> None:
    for turn in range(setting.bursts):
        burst = blocks[turn * setting.burst : (turn + 1) * setting.burst]
        at = turn % len(channels)
        for channel in channels[at:] + channels[:at]:
            for block in burst:
                time.sleep(setting.pause_s)
                channel.send(block)


def _taken(channel: Channel, burst: int) -> list[list[float]]:
    taken = [(had - sent) / NS_IN_US for sent, had in zip(channel.sent_ns, channel.had_ns, strict=True)]
    return [taken[at + 1 : at + burst] for at in range(0, len(taken), burst)]


def over(ours: list[list[float]], others: list[list[float]]) -> float:
    """How many times as long the median of a turn is, the median of all turns."""
    return median(median(a) / median(b) for a, b in zip(ours, others, strict=True))


@contextmanager
def computing() -> Iterator[None]:
    """A thread that never gives the interpreter away by itself."""
    done = False

    def compute() -> None:
        number = 0
        while not done:
            number += 1

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done = True
        thread.join(WAIT_S)


def _row(name: str, turns: list[list[float]], queue: list[list[float]]) -> Row:
    taken = [each for turn in turns for each in turn]
    values: dict[str, Value] = {
        "p50_us": median(taken),
        "p99_us": percentile(taken, 0.99),
        "p999_us": percentile(taken, 0.999) if len(taken) >= ENOUGH else None,
        "max_us": max(taken),
        "ratio": over(turns, queue),
        "samples": len(taken),
    }
    return Row(name, values)


def _limit(setting: Setting, found: dict[str, list[list[float]]]) -> Limit:
    text = f"{setting.name}: p50 of the ring's views is at most that of queue.Queue, as a ratio."
    return Limit(text, over(found[VIEWS], found[QUEUE]), 1.0)


def _notes(least: int) -> tuple[str, ...]:
    fewer = (
        f"A p99.9 is told from {ENOUGH} blocks on; with fewer there is the maximum only. "
        if least < ENOUGH
        else ""
    )
    return (
        f"From calling write to having the frames; the pause before each block is 32 or 3.2 ms. {fewer}"
        "Ratios turn by turn, their median. All blocks arrived whole.",
        "busy: a thread of the same process computes in Python without a pause; the switch interval is "
        f"{sys.getswitchinterval() * 1000:g} ms. queue.Queue gets a copy of each block and hands "
        "that over, as a view is handed over; read copies once more.",
    )
