"""A plan carried out: the objects fetched, checked and put together, a few at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ossicle.archive.coding import decode
from ossicle.archive.entry import ArchiveError
from ossicle.archive.holdings import Holdings
from ossicle.archive.layout import Hole, Part, Plan, Step
from ossicle.archive.rebuild import Progress, ignore
from ossicle.archive.store import MissingError, StoreError
from ossicle.archive.track import MISSING, Cut, Piece

CORRUPT = "corrupt"
"""Cause of a hole whose object is damaged."""
AHEAD = 3
"""Objects fetched and decoded before they are needed: a few MB."""

Frames = npt.NDArray[np.int16]


class FrameSink(Protocol):
    """Takes a recording in order; `ossicle.sinks.open_sink` makes one."""

    def write(self, frames: Frames) -> None:
        """int16 of shape (n,) for one channel, (n, channels) else."""

    def silence(self, frames: int) -> None:
        """So many frames of zeros."""


@dataclass(frozen=True, slots=True)
class Got:
    """One recording, as it was written; see `Plan` for what else is known of it."""

    frames: int
    rate: int
    channels: int
    start_time: float
    """Unix time of frame 0."""
    stop_time: float
    objects: int
    holes: tuple[Hole, ...]
    parts: tuple[Part, ...]
    corrupt: tuple[str, ...]
    """Objects that are damaged or gone, though the index has them; each is a hole."""
    lossy: bool


def get(holdings: Holdings, plan: Plan, sink: FrameSink, progress: Progress = ignore) -> Got:
    """Write the recording. Memory is bounded by a few objects, however long it is.

    An object that is damaged or gone becomes silence and a hole, and the rest follows. Raises ArchiveError
    where the store cannot be asked, and whatever the sink raises.
    """
    holes = list(plan.holes)
    corrupt: list[str] = []
    with ThreadPoolExecutor(2, "ossicle-get") as pool, _Objects(holdings, pool, plan.steps) as objects:
        for step in plan.steps:
            if step.cut is None:
                sink.silence(step.frames)
                continue
            piece, found = _first_good(objects, step.cut, corrupt)
            if isinstance(found, str):
                holes.append(_hole(step, found))
                sink.silence(step.frames)
            else:
                sink.write(found[step.cut.start - piece.start : step.cut.stop - piece.start])
            progress(min(objects.done, plan.objects), plan.objects)
    holes.sort(key=lambda hole: (hole.start_frame, hole.stop_frame))
    return Got(
        plan.frames,
        plan.rate,
        plan.channels,
        plan.start_time,
        plan.stop_time,
        plan.objects,
        tuple(holes),
        plan.parts,
        tuple(corrupt),
        plan.lossy,
    )


def _first_good(objects: _Objects, cut: Cut, corrupt: list[str]) -> tuple[Piece, Frames | str]:
    """The frames of the object that is meant, else of another that has the same; those that are damaged are
    named."""
    found = objects.get(cut.piece)
    piece, why = cut.piece, found
    for other in (cut.piece, *cut.others):
        if other is not cut.piece:
            piece, found = other, objects.get(other)
        if not isinstance(found, str):
            return piece, found
        if other.key not in corrupt:
            corrupt.append(other.key)
    return cut.piece, why


class _Objects:
    """Decoded objects in the order in which the steps need them: the last two, and the next under way."""

    def __init__(self, holdings: Holdings, pool: ThreadPoolExecutor, steps: tuple[Step, ...]) -> None:
        self._holdings = holdings
        self._pool = pool
        self._coming = _pieces(steps)
        self._held: dict[str, Future[Frames | str]] = {}
        self._used: set[str] = set()
        self._recent: deque[str] = deque(maxlen=2)  # two writers' objects give frames by turns

    def __enter__(self) -> _Objects:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._held.values():
            future.cancel()

    @property
    def done(self) -> int:
        """Objects that were needed so far."""
        return len(self._used)

    def get(self, piece: Piece) -> Frames | str:
        """The frames of an object, or the cause of a hole where it has none."""
        if piece.key not in self._recent:
            self._recent.append(piece.key)
            self._used.add(piece.key)
            for key in (self._held.keys() & self._used) - {*self._recent}:
                del self._held[key]
            self._ask(piece)
            self._look_ahead()
        return self._held[piece.key].result()

    def _look_ahead(self) -> None:
        for piece in self._coming:
            self._ask(piece)
            if len(self._held.keys() - self._used) >= AHEAD:
                return

    def _ask(self, piece: Piece) -> None:
        if piece.key not in self._held:
            self._held[piece.key] = self._pool.submit(_frames, self._holdings, piece)


def _pieces(steps: tuple[Step, ...]) -> Iterator[Piece]:
    last = ""
    for step in steps:
        if step.cut is not None and step.cut.piece.key != last:
            last = step.cut.piece.key
            yield step.cut.piece


def _frames(holdings: Holdings, piece: Piece) -> Frames | str:
    try:
        entry, frames = decode(holdings.fetch(piece.key))
    except MissingError:
        return MISSING
    except StoreError:
        raise
    except ArchiveError:
        return CORRUPT
    return frames if (entry.start, entry.stop) == (piece.start, piece.stop) else CORRUPT


def _hole(step: Step, cause: str) -> Hole:
    assert step.cut is not None
    at = step.start_frame
    return Hole(at, at + step.frames, cause, False, step.stream, step.cut.start)
