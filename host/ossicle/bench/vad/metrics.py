"""How well speech that was found agrees with labels. Pure: ranges and numbers in, numbers out.

Most is counted in cells of 10 ms. A cell is speech when its middle lies in a range; a last cell that is not
whole is left away. Ranges are half-open, in frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..timing import percentile

CELL_MS = 10

Range: TypeAlias = tuple[int, int]
Cells: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cells compared with labels. A share of nothing is None.

    `found`: the share of the cells of speech that were taken for speech; `marked`: the share of the others.
    """

    found: float | None
    marked: float | None

    @property
    def balanced(self) -> float | None:
        """Balanced accuracy: the mean of the shares of speech and of non-speech that were told right. 0.5 is
        what a coin reaches."""
        if self.found is None or self.marked is None:
            return None
        return (self.found + 1 - self.marked) / 2


@dataclass(frozen=True, slots=True)
class Spread:
    """Errors of an edge, in ms: positive is late. `middle` (median) and `p90` are of their absolute values,
    `signed` is the median with its sign; all None when there are none."""

    middle: float | None
    p90: float | None
    signed: float | None

    @classmethod
    def of(cls, errors_ms: Sequence[float]) -> Spread:
        """Of signed errors."""
        if not errors_ms:
            return cls(None, None, None)
        sizes = [abs(error) for error in errors_ms]
        return cls(median(sizes), percentile(sizes, 0.9), median(errors_ms))


@dataclass(frozen=True, slots=True)
class Edges:
    """Segments compared with labels: edges of the pairs, labels that no segment overlaps, segments that
    overlap no label."""

    onset: Spread
    offset: Spread
    pairs: int
    missed: int
    false: int


def cell_count(frames: int, rate: int) -> int:
    """Whole cells in so many frames."""
    return frames * 1000 // (CELL_MS * rate)


def middles(count: int, rate: int) -> Floats:
    """The middle of each cell, in frames."""
    return np.asarray((np.arange(count) + 0.5) * (CELL_MS * rate / 1000), np.float64)


def cells(ranges: Iterable[Range], count: int, rate: int) -> Cells:
    """Which of `count` cells are speech. The ranges may overlap and be in any order."""
    at = middles(count, rate)
    out = np.zeros(count, np.bool_)
    for start, stop in ranges:
        out[np.searchsorted(at, start, "left") : np.searchsorted(at, stop, "left")] = True
    return out


def per_cell(lane: Sequence[tuple[int, float]], stop: int, count: int, rate: int) -> Floats:
    """The probability that holds in the middle of each cell.

    `lane` is (start, probability) of VAD frames in order; each lasts to the next, the last one to `stop`.
    Cells outside them have 0.
    """
    if not lane:
        return np.zeros(count)
    starts = np.array([start for start, _ in lane])
    values = np.array([value for _, value in lane], np.float64)
    at = middles(count, rate)
    index = np.searchsorted(starts, at, "right") - 1
    return np.where((index >= 0) & (at < stop), values[np.maximum(index, 0)], 0.0)


def agreement(said: Cells, truth: Cells) -> Agreement:
    """What was said to be speech, cell by cell, beside what is. Raises ValueError for other lengths."""
    if said.shape != truth.shape:
        raise ValueError(f"{said.shape[0]} cells beside {truth.shape[0]}")
    return Agreement(_share(said[truth]), _share(said[~truth]))


def auc(values: Floats, truth: Cells) -> float | None:
    """The area under the ROC curve: how often a cell of speech has a higher value than one without, ties
    counted half (Mann and Whitney, 1947). None where either is lacking."""
    speech, count = int(truth.sum()), len(truth)
    if not speech or speech == count:
        return None
    _, index, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    ranks = last - (times - 1) / 2  # of equal values: the mean of the ranks that they take
    total = float(ranks[index][truth].sum())
    return (total - speech * (speech + 1) / 2) / (speech * (count - speech))


def is_graded(values: Floats) -> bool:
    """Whether these are more than a yes and a no, so that a curve means something."""
    return len(np.unique(values)) > 2


def overlap(one: Range, other: Range) -> int:
    """Frames that two ranges share."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def matched(segments: Sequence[Range], labels: Sequence[Range]) -> list[tuple[int, int]]:
    """Pairs of (segment, label) by index: the two that overlap most, then the next of those that are left.

    A label that was cut in two is matched with the longer part only; so is a segment over two labels.
    """
    overlaps = [
        (shared, i, j)
        for i, segment in enumerate(segments)
        for j, label in enumerate(labels)
        if (shared := overlap(segment, label))
    ]
    pairs: list[tuple[int, int]] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for _, i, j in sorted(overlaps, key=lambda each: (-each[0], each[1], each[2])):
        if i not in taken[0] and j not in taken[1]:
            pairs.append((i, j))
            taken[0].add(i)
            taken[1].add(j)
    return sorted(pairs)


def edges(segments: Sequence[Range], labels: Sequence[Range], rate: int) -> Edges:
    """Onsets and offsets of the matched pairs, labels missed and segments that are false."""
    pairs = matched(segments, labels)
    onsets = [(segments[i][0] - labels[j][0]) * 1000 / rate for i, j in pairs]
    offsets = [(segments[i][1] - labels[j][1]) * 1000 / rate for i, j in pairs]
    return Edges(
        Spread.of(onsets),
        Spread.of(offsets),
        len(pairs),
        sum(not _touched(label, segments) for label in labels),
        sum(not _touched(segment, labels) for segment in segments),
    )


def union(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order, those that overlap or touch made one."""
    out: list[Range] = []
    for start, stop in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(stop, out[-1][1])
        else:
            out.append((start, stop))
    return out


def _share(said: Cells) -> float | None:
    return float(said.mean()) if len(said) else None


def _touched(each: Range, others: Iterable[Range]) -> bool:
    return any(overlap(each, other) for other in others)
