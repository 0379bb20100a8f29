"""What the ring costs in one thread, beside what a user would take instead of it.

An operation is one write of BLOCK frames, one look whether a window is there, and its share of the reads: a
window of WINDOW frames every HOP, so 512 of 4000 of one. A window that is a view has cost nothing for its
frames yet; whoever works on it pays for that, as with a copy. Contestants take turns.

Before anything is timed, every contestant has to deliver exactly the windows of the audio that went in. What
is a view shows then as well: it changes when the ring goes round.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from statistics import fmean

import numpy as np

from ossicle.audio.chunk import Frames

from . import peers
from .contestants import (
    BLOCK,
    CAPACITY,
    HOP,
    LAP,
    OVERLAP,
    RATE,
    WINDOW,
    Bare,
    Blocks,
    Cascade,
    Contestant,
    Copies,
    Deque,
    Locked,
    Queued,
    Sliding,
    Views,
)
from .figures import Column, Effort, Limit, Row, Table, Value
from .source import BenchmarkError
from .timing import Timing, in_turns, processor_ns, undisturbed

DTYPES = ("int16", "float32")
OURS = "AudioRing, views"
BARE = "memory copy alone"
LOCKED = "numpy ring behind one lock"
CASCADE = "cascade-vad"
OF_LOCKED_MOST = 0.6
OF_CASCADE_LEAST = 8.0
PROOF = 5 * LAP  # frames of the windows that are compared: four times round
AFTER = 3 * LAP  # and frames after them, so that nothing of them is left in a ring

New = Callable[[str], Contestant]
"""Makes a contestant for a dtype."""


def run(effort: Effort) -> Table:
    """The table."""
    news, missing = contestants(effort.say)
    effort.say(f"ring: {len(news)} contestants, {' and '.join(DTYPES)}")
    views = {name: prove(name, new) for name, new in news.items()}
    timings = {dtype: _time(news, dtype, effort) for dtype in DTYPES}
    used = {name: allocated(new(DTYPES[0]), effort.pick(1000, 125)) for name, new in news.items()}
    return Table(
        name="ring",
        title="The ring in one thread: writes of 512 frames, windows of 4000 + 256",
        columns=_columns(),
        rows=tuple(_row(name, timings, used[name], views[name]) for name in news),
        notes=(*_notes(), *missing),
        limits=tuple(_limits(timings)),
    )


def contestants(say: peers.Say = lambda line: None) -> tuple[dict[str, New], list[str]]:
    """Every contestant that can be had, and a sentence for each that cannot."""
    found: dict[str, New] = {OURS: Views, "AudioRing, copies": Copies, LOCKED: Locked}
    missing = []
    try:
        package = peers.load(CASCADE, say)
        found[CASCADE] = partial(Cascade, package)
        found[f"{CASCADE}, its printing taken out"] = partial(Cascade, package, prints=False)
    except peers.PeerMissing as error:
        missing.append(f"Not measured: {error}.")
    try:
        found["numpy_ringbuffer"] = partial(Sliding, peers.load("numpy_ringbuffer", say))
    except peers.PeerMissing as error:
        missing.append(f"Not measured: {error}.")
    return {**found, "collections.deque": Deque, "queue.Queue": Queued, BARE: Bare}, missing


def sound(dtype: str, frames: int, seed: int = 1) -> Frames:
    """Noise of the whole range, in which no two windows are alike: shape (frames,)."""
    noise = np.random.default_rng(seed).integers(-(2**15), 2**15, frames, np.int16)
    return noise if dtype == "int16" else (noise / np.float32(2**15)).astype(dtype)


def blocks_of(audio: Frames) -> list[Frames]:
    """The audio, a whole number of blocks, in blocks."""
    return [audio[at : at + BLOCK] for at in range(0, len(audio), BLOCK)]


def driven(audio: Frames) -> Iterator[Frames]:
    """The same as a driver hands it over: in the same memory each time."""
    memory = np.empty(BLOCK, audio.dtype)
    for block in blocks_of(audio):
        memory[:] = block
        yield memory


def prove(name: str, new: New) -> float:
    """Share of the windows that were views, 0 to 1; raises BenchmarkError unless each is as it has to be."""
    return fmean(_prove(f"{name}, {dtype}", new(dtype), sound(dtype, PROOF)) for dtype in DTYPES)


def _prove(name: str, contestant: Contestant, audio: Frames) -> float:
    given: list[tuple[Frames, Frames]] = []  # the window itself, and what it was
    contestant.run(driven(audio), lambda window: given.append((window, window.copy())))
    starts = range(0, len(audio) - WINDOW + 1, HOP)
    if len(given) != len(starts):
        raise BenchmarkError(f"{name}: {len(given)} windows came out and not {len(starts)}")
    for start, (_, window) in zip(starts, given, strict=True):
        if window.dtype != audio.dtype or not np.array_equal(window, audio[start : start + WINDOW]):
            raise BenchmarkError(f"{name}: the window at frame {start} is another than went in")
    contestant.run(driven(sound(audio.dtype.name, AFTER, seed=2)), id)
    return fmean(not np.array_equal(*pair) for pair in given)


def allocated(contestant: Contestant, number: int) -> float:
    """Bytes of new memory that an operation holds at its worst moment (tracemalloc), mean of `number`."""
    blocks = blocks_of(sound(DTYPES[0], LAP))
    contestant.run(blocks, id)
    peaks: list[int] = []
    with undisturbed():
        tracemalloc.start()
        try:
            contestant.run(_metered(islice(cycle(blocks), number), peaks), id)
        finally:
            tracemalloc.stop()
    return fmean(peaks)


def _metered(blocks: Blocks, peaks: list[int]) -> Iterator[Frames]:
    """The blocks; between two, what was done with the first is added up."""
    for block in blocks:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield block
        peaks.append(tracemalloc.get_traced_memory()[1] - before)


def _time(news: dict[str, New], dtype: str, effort: Effort) -> dict[str, Timing]:
    blocks = blocks_of(sound(dtype, LAP))
    subjects = {name: partial(_repeat, new(dtype), blocks) for name, new in news.items()}
    return in_turns(subjects, number=effort.pick(4000, 300), rounds=effort.pick(40, 3), clock=processor_ns)


def _repeat(contestant: Contestant, blocks: list[Frames], number: int) -> None:
    contestant.run(islice(cycle(blocks), number), id)


def _columns() -> tuple[Column, ...]:
    times = [
        column
        for dtype in DTYPES
        for column in (
            Column(f"{dtype}_ns", f"{dtype}, an operation", "ns", 0),
            Column(f"{dtype}_ratio", f"{dtype}, beside the locked ring", "times"),
        )
    ]
    return (
        *times,
        Column("bytes", "new memory", "bytes", 0),
        Column("views", "windows that are views", "%", 0),
    )


def _row(name: str, timings: dict[str, dict[str, Timing]], used: float, views: float) -> Row:
    values: dict[str, Value] = {"bytes": used, "views": None if name == BARE else 100 * views}
    for dtype, found in timings.items():
        values[f"{dtype}_ns"] = found[name].median_ns
        values[f"{dtype}_ratio"] = found[name].over(found[LOCKED])
    return Row(name, values)


def _limits(timings: dict[str, dict[str, Timing]]) -> Iterator[Limit]:
    for dtype, found in timings.items():
        yield Limit(
            f"{dtype}: the ring takes at most {OF_LOCKED_MOST} times as long as numpy behind one lock.",
            found[OURS].over(found[LOCKED]),
            OF_LOCKED_MOST,
        )
        if CASCADE in found:
            yield Limit(
                f"{dtype}: the ring of cascade-vad takes at least {OF_CASCADE_LEAST:g} times as long.",
                found[CASCADE].over(found[OURS]),
                OF_CASCADE_LEAST,
                at_most=False,
            )


def _notes() -> tuple[str, ...]:
    return (
        f"An operation: a write of {BLOCK} frames, a look whether a window is there, and {BLOCK}/{HOP} of "
        f"the read of a window of {HOP} + {OVERLAP} frames. CPU time, the median round, ratios round by "
        f"round; rings of {CAPACITY // RATE} s at {RATE // 1000} kHz, mono, one thread.",
        "Every contestant gave the same windows, bit for bit. New memory: the most that an operation holds, "
        "mean; a window that is a copy counts. A view is a window that changes when the ring goes round.",
        f"cascade-vad {peers.version(CASCADE)} prints a line for each write and look; that goes to the null "
        "device. One thread only: its writer and its reader take its two locks in different order, and two "
        "threads soon stop each other for good.",
        "numpy_ringbuffer drops frames one by one only, so it holds the newest and the window is cut out of "
        "them. deque and Queue carry copied blocks, which the reader joins: they know no positions, overflow "
        "or history.",
    )
