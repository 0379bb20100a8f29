"""Runs a voice detector over labelled audio as users run it: through the segmenter, in one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.segmenter import Segmenter
from ossicle.audio.vad import Engine, engine

from .corpus import Mix
from .metrics import (
    Agreement,
    Cells,
    Edges,
    Range,
    agreement,
    auc,
    cell_count,
    cells,
    edges,
    is_graded,
    per_cell,
)

THRESHOLD = 0.5
BLOCK_MS = 10  # as a capture comes in where it matters when a segment is given


@dataclass(frozen=True, slots=True)
class Subject:
    """A voice detector to judge: its name, how it is made for a rate, and options of the segmenter."""

    name: str
    make: Callable[[int], Engine]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What came out for one mix: segments, where the capture was when each was given, and the probabilities
    of the VAD frames as the segmenter got them: (start, probability), the last one until `lane_stop`."""

    segments: tuple[Range, ...]
    given: tuple[int, ...]
    lane: tuple[tuple[int, float], ...]
    lane_stop: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a subject did on one mix.

    `segments`: cells in the segments, padding and all. `bare`: cells by the engine's probability alone, from
    0.5 on. `auc` is None for an engine that says only yes or no; `edges` and `auc` are None without labels.
    """

    subject: str
    segments: Agreement
    bare: Agreement
    auc: float | None
    edges: Edges | None


def ours(**options: Any) -> tuple[list[Subject], list[str]]:
    """The engines built in, with these options of the segmenter, and a note for each not installed.

    An engine is made once for a rate, and the segmenter resets it for every mix: to load a model takes longer
    than to run it over a short one.
    """
    subjects, notes = [], []
    for name in ("webrtc", "energy", "silero"):
        try:
            engine(name)
        except EngineMissingError as error:
            notes.append(f"{name} was not measured: {error}")
            continue
        subjects.append(Subject(name, cache(partial(engine, name)), options))
    return subjects, notes


def hear(subject: Subject, mix: Mix, block_ms: float | None = None) -> Heard:
    """Push a mix through a new segmenter, whole, or block by block to see when each segment is given."""
    lane: list[tuple[int, float]] = []
    lane_stop = 0

    def note(start: int, stop: int, probability: float) -> None:
        nonlocal lane_stop
        lane.append((start, probability))
        lane_stop = stop

    segmenter = Segmenter(subject.make(mix.rate), rate=mix.rate, on_vad_frame=note, **subject.options)
    size = len(mix.frames) if block_ms is None else round(block_ms * mix.rate / 1000)
    segments: list[Range] = []
    given: list[int] = []
    for at in range(0, len(mix.frames), size):
        found = segmenter.push(mix.frames[at : at + size])
        segments += [(each.start, each.stop) for each in found]
        given += [segmenter.position] * len(found)
    found = segmenter.flush()
    segments += [(each.start, each.stop) for each in found]
    given += [segmenter.position] * len(found)
    return Heard(tuple(segments), tuple(given), tuple(lane), lane_stop)


def truth_of(mix: Mix) -> Cells:
    """Which cells of the mix are labelled as speech."""
    ranges = ((label.start, label.stop) for label in mix.labels)
    return cells(ranges, cell_count(len(mix.frames), mix.rate), mix.rate)


def judge(subject: Subject, mix: Mix) -> Verdict:
    """One subject on one mix."""
    heard, truth = hear(subject, mix), truth_of(mix)
    values = per_cell(heard.lane, heard.lane_stop, len(truth), mix.rate)
    labels = [(label.start, label.stop) for label in mix.labels]
    return Verdict(
        subject.name,
        agreement(cells(heard.segments, len(truth), mix.rate), truth),
        agreement(values >= THRESHOLD, truth),
        auc(values, truth) if is_graded(values) else None,
        edges(heard.segments, labels, mix.rate) if labels else None,
    )


def best(verdicts: Iterable[Verdict], bare: bool = True) -> Verdict:
    """Of several on one mix, the one of the highest balanced accuracy; the first of equals. Raises ValueError
    for none."""

    def key(verdict: Verdict) -> float:
        balanced = (verdict.bare if bare else verdict.segments).balanced
        return -1.0 if balanced is None else balanced

    return max(verdicts, key=key)
