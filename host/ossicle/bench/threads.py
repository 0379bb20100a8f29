"""Eight rings on eight threads, beside one ring on one thread.

A ring has one writer and one reader, which is what a microphone needs; more microphones have more rings. So
what is measured is whether rings stand in each other's way: each thread writes and reads a ring of its own as
in `ring`. Before that, all eight at once have to deliver the windows that went in.

An interpreter with a GIL runs one thread at a time, so eight threads cannot do more together than one; the
question is how much they lose. Without one they may do as many times as much as there are cores.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice

from ossicle.audio.state import has_gil

from .contestants import BLOCK, LAP, RATE, Views
from .figures import Column, Effort, Row, Table
from .ring import DTYPES, OURS, blocks_of, prove, sound
from .source import BenchmarkError
from .timing import Timing, in_turns

RINGS = 8
ONE = "1 ring, 1 thread"
TAKING_TURNS = f"{RINGS} rings, 1 thread"
TOGETHER = f"{RINGS} rings, {RINGS} threads"
THREAD_TIMEOUT_S = 120.0


def run(effort: Effort) -> Table:
    """The table."""
    at_once([partial(prove, f"{OURS}, ring {i}", Views) for i in range(RINGS)])
    writes = effort.pick(40_000, 1000) * RINGS
    effort.say(f"threads: {writes} writes of {BLOCK} frames a round, over up to {RINGS} rings")
    single, rings = Views(DTYPES[0]), [Views(DTYPES[0]) for _ in range(RINGS)]
    blocks = blocks_of(sound(DTYPES[0], LAP))
    share = writes // RINGS

    def feed(number: int, *contestants: Views) -> None:
        for each in contestants:
            each.run(islice(cycle(blocks), number), id)

    found = in_turns(
        {
            ONE: lambda _: feed(writes, single),
            TAKING_TURNS: lambda _: feed(share, *rings),
            TOGETHER: lambda _: at_once([partial(feed, share, each) for each in rings]),
        },
        number=1,
        rounds=effort.pick(15, 3),
    )
    contention = {ONE: _contention([single]), TAKING_TURNS: None, TOGETHER: _contention(rings)}
    return Table(
        name="threads",
        title="Eight rings on eight threads",
        columns=(
            Column("frames_s", "frames, all rings", "million/s", 1),
            Column("ratio", "beside one ring on one thread", "times"),
            Column("microphones", "microphones at 16 kHz", "", 0),
            Column("contention", "times one found another inside", "", 0),
        ),
        rows=tuple(
            _row(name, timing, found[ONE], writes, contention[name]) for name, timing in found.items()
        ),
        notes=_notes(writes),
    )


def at_once(tasks: Sequence[Callable[[], object]]) -> None:
    """Run each in a thread of its own, all from one moment on, until the last has ended.

    What one raises is raised here; BenchmarkError when one does not end.
    """
    gate = threading.Barrier(len(tasks) + 1)
    failures: list[BaseException] = []

    def body(task: Callable[[], object]) -> None:
        try:
            gate.wait(THREAD_TIMEOUT_S)
            task()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=body, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    gate.wait(THREAD_TIMEOUT_S)
    for thread in threads:
        thread.join(THREAD_TIMEOUT_S)
        if thread.is_alive():
            raise BenchmarkError(f"a thread has not ended after {THREAD_TIMEOUT_S:.0f} s")
    if failures:
        raise failures[0]


def _contention(contestants: Sequence[Views]) -> int:
    for each in contestants:
        each.ring.check()
    return sum(each.ring.status().contention for each in contestants)


def _row(name: str, timing: Timing, one: Timing, writes: int, contention: int | None) -> Row:
    frames_s = writes * BLOCK / timing.median_ns * 1e9
    return Row(
        name,
        {
            "frames_s": frames_s / 1e6,
            "ratio": one.over(timing),
            "microphones": frames_s / RATE,
            "contention": contention,
        },
    )


def _notes(writes: int) -> tuple[str, ...]:
    cores = os.cpu_count() or 1
    meaning = (
        "This interpreter has a GIL: one thread runs at a time, so eight do no more together than one, "
        "however many cores there are, and a ratio near 1 says that the rings cost each other nothing."
        if has_gil()
        else f"This interpreter has no GIL: threads run on {cores} cores, and the ring takes its lock for "
        "every operation."
    )
    return (
        f"{writes} writes of {BLOCK} frames a round, shared by the rings, windows read as views; the median "
        "round, ratios round by round; starting the threads is counted. All rings gave the right windows.",
        meaning,
        f"{cores} cores here. More than one is of use to those who work on the windows outside of the GIL: "
        "numpy, a voice detector, a file.",
    )
