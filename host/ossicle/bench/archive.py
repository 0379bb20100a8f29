"""What an archive costs: how fast it is written and read, how much smaller it is, and what listening notices.

Written into a folder, flat out: frames handed over, encoded, in the store with all their bytes on the disk,
and in the index. Read: any time range as one recording, so every object fetched, its hash computed and
decoded. The audio is the demo's speech over and over; all of it comes back, in FLAC bit for bit.

What listening notices is measured by `beside`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ossicle.archive.library import Library
from ossicle.archive.select import Selection
from ossicle.archive.settings import Settings, load
from ossicle.proto.events import Frames
from ossicle.sinks.archive import Archive

from . import beside
from .figures import Column, Effort, Limit, Row, Table
from .source import RATE, BenchmarkError, speech
from .timing import percentile

PATIENCE_S = 120.0
SLOWER = 1.2
_BEGAN = 1_780_000_000.0
_PIECE_FRAMES = 4096
_CLOSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way to write or read `seconds` of audio."""

    name: str
    seconds: float
    took_s: float
    stored: int | None = None

    def row(self) -> Row:
        """Its figures."""
        raw = self.seconds * RATE * 2
        return Row(
            self.name,
            {
                "realtime": self.seconds / self.took_s,
                "mb_s": raw / 1e6 / self.took_s,
                "ratio": None if self.stored is None else self.stored / raw,
            },
        )


class Compared:
    """Takes a recording, and tells whether it is the one that went in. Opus need only be as long."""

    def __init__(self, frames: Frames, exact: bool) -> None:
        self.count = 0
        self.same = True
        self._frames = frames
        self._exact = exact

    def write(self, frames: Frames) -> None:
        """The next ones."""
        wanted = self._frames[self.count : self.count + len(frames)]
        self.same &= len(wanted) == len(frames) and (not self._exact or np.array_equal(wanted, frames))
        self.count += len(frames)

    def silence(self, frames: int) -> None:
        """There was none."""
        self.same = False
        self.count += frames


def run(effort: Effort) -> Table:
    """The table."""
    seconds, object_s = effort.pick(900, 6), effort.pick(60, 2)
    rows: list[Row] = []
    for codec in ("flac", "opus"):
        effort.say(f"archive: {seconds} s as {codec}")
        rows += [cost.row() for cost in throughput(codec, speech(seconds), object_s)]
    late = beside.measure(effort.pick(6, 1), effort.pick(5, 1), effort.say)
    rows += [_beside(name, turns, late[beside.NONE]) for name, turns in late.items()]
    return Table(
        name="archive",
        title="An archive: throughput, size, and what listening notices",
        columns=(
            Column("realtime", "of real time", "times", 0),
            Column("mb_s", "PCM", "MB/s", 1),
            Column("ratio", "stored of PCM", "", 3),
            Column("late_p50_ms", "late, p50", "ms"),
            Column("late_p99_ms", "late, p99", "ms"),
            Column("late_max_ms", "latest", "ms", 1),
            Column("latency_p99_ms", "latency, p99", "ms"),
            Column("beside", "beside none", "times"),
        ),
        rows=tuple(rows),
        notes=_notes(seconds, object_s),
        limits=tuple(_limit(name, late) for name in (beside.FAILING, beside.DOWN)),
    )


def throughput(codec: str, frames: Frames, object_s: int) -> list[Cost]:
    """Written and read. Raises BenchmarkError when what is read is not what was written."""
    with tempfile.TemporaryDirectory(prefix="ossicle-bench-") as folder:
        settings = load(
            url=f"{folder}/kept",
            state=Path(folder) / "state",
            codec=codec,
            object_s=object_s,
            keep_s=2 * object_s,
            retention_days=0,
        )
        written = _write(settings, frames)
        return [written, _read(settings, frames)]


def _write(settings: Settings, frames: Frames) -> Cost:
    archive = Archive(settings)
    stream = archive.stream(
        device="bench",
        stream="1",
        rate=RATE,
        channels=1,
        time_of=lambda position: (_BEGAN + position / RATE, 0.001),
        true_rate=lambda: float(RATE),
    )
    began = perf_counter()
    for at in range(0, len(frames), _PIECE_FRAMES):
        stream.audio(at, frames[at : at + _PIECE_FRAMES])
        if not archive.settle(stream, PATIENCE_S):
            raise BenchmarkError(f"an object is not encoded after {PATIENCE_S:.0f} s")
    stream.close()
    if not archive.drain(PATIENCE_S):
        raise BenchmarkError(f"an object is not in its folder after {PATIENCE_S:.0f} s")
    took = perf_counter() - began
    counts = archive.stats().counts
    archive.close(_CLOSE_S)
    if counts.lost_frames or counts.raw_bytes != 2 * len(frames):
        raise BenchmarkError(f"{counts.raw_bytes} bytes were kept of {2 * len(frames)}")
    return Cost(f"write, {settings.codec}", len(frames) / RATE, took, counts.stored_bytes)


def _read(settings: Settings, frames: Frames) -> Cost:
    sink = Compared(frames, exact=settings.codec == "flac")
    with Library(settings) as library:
        began = perf_counter()
        library.get(library.plan(Selection(device="bench")), sink)
        took = perf_counter() - began
    if not sink.same or sink.count != len(frames):
        raise BenchmarkError(f"{settings.codec}: what was read is not what was written")
    return Cost(f"read, {settings.codec}", len(frames) / RATE, took)


def _beside(name: str, turns: list[list[float]], none: list[list[float]]) -> Row:
    taken = [late for turn in turns for late in turn]
    return Row(
        f"heard beside {name}",
        {
            "late_p50_ms": percentile(taken, 0.5) * 1e3,
            "late_p99_ms": percentile(taken, 0.99) * 1e3,
            "late_max_ms": max(taken) * 1e3,
            "latency_p99_ms": (percentile(taken, 0.99) + beside.HOP_S) * 1e3,
            "beside": beside.ratio(turns, none, beside.HOP_S),
        },
    )


def _limit(name: str, late: beside.Lateness) -> Limit:
    value = beside.ratio(late[name], late[beside.NONE], beside.HOP_S)
    return Limit(f"p99 of a stream's latency beside {name}, as a ratio to none", value, SLOWER)


def _notes(seconds: int, object_s: int) -> tuple[str, ...]:
    return (
        f"Throughput: {seconds} s of speech at 16 kHz mono, objects of {object_s} s, into a folder; one "
        "stream, one encoder. Every frame came back, with FLAC bit for bit.",
        f"Heard: {beside.DEVICES} simulated devices in another process, in real time, hop 512, each with a "
        "consumer of its own. Late: from the moment at which a chunk's last frame was captured until the "
        "consumer had it, above the promptest chunk of the stream. Latency is from the capture of the first "
        f"frame, as in `stats.latency`: {beside.HOP_S * 1e3:.0f} ms more. The ratio is that of two p99 of "
        "one turn, the median of all turns.",
        f"The archive beside them gets objects of {beside.OBJECT_S} s, sixty times as often as usual. A "
        "store that fails: 30 % of the requests are refused or hung up on, 10 % are held for 5 s. One that "
        "is down refuses the connection.",
    )
