"""The demo's recording, the truth about it, and how well segments match that truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Label:
    """An utterance as it was made: frames [start, stop) of the recording, and what is said."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """How segments match labels. `worst_edge` is in frames, over the matched pairs; 0 without any."""

    found: int
    missed: int
    extra: int
    worst_edge: int


def asset() -> Path:
    """The recording that the demo plays; it travels inside the package."""
    return Path(__file__).resolve().parent / "assets" / "speech.flac"


def labels(recording: Path) -> list[Label]:
    """The labels that lie beside a recording of the project, as tools/speech.py writes them."""
    told = json.loads(recording.with_suffix(".json").read_text(encoding="utf-8"))
    return [Label(u["start_frame"], u["stop_frame"], u["text"]) for u in told["utterances"]]


def score(segments: Sequence[tuple[int, int]], truth: Sequence[Label]) -> Score:
    """Match each label to the segment that covers most of it; a segment serves one label.

    `segments` are (start, stop) in frames. What covers no label is extra; a label without one is missed.
    """
    left = list(segments)
    found, worst = 0, 0
    for label in truth:
        best = max(left, key=lambda s: _overlap(s, label), default=None)
        if best is None or _overlap(best, label) <= 0:
            continue
        left.remove(best)
        found += 1
        worst = max(worst, abs(best[0] - label.start), abs(best[1] - label.stop))
    return Score(found, len(truth) - found, len(left), worst)


def _overlap(segment: tuple[int, int], label: Label) -> int:
    return min(segment[1], label.stop) - max(segment[0], label.start)
