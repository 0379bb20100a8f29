"""The segmenter's written semantics, and the same at any block size."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ossicle.audio.segmenter import Segment, Segmenter

RATE = 1000
VAD_FRAME = 10
FILE = Path(__file__).resolve().parents[3] / "shared_spec" / "vectors" / "segmenter.json"
VECTORS = json.loads(FILE.read_text())["vectors"]

Audio = np.ndarray[Any, np.dtype[np.int16]]
Event = Audio | int  # frames, or the length of a gap


class Script:
    """A voice detector that says what it was told, VAD frame by VAD frame."""

    name = "script"
    rate = RATE
    frame_size = VAD_FRAME

    def __init__(self, probabilities: list[float], hangover_ms: int) -> None:
        self.left = list(probabilities)
        self.hangover_ms = hangover_ms
        self.resets = 0

    def probability(self, vad_frame: Audio) -> float:
        assert vad_frame.shape == (VAD_FRAME,)
        return self.left.pop(0)

    def reset(self) -> None:
        self.resets += 1


def scene(heard: list[Any]) -> tuple[list[Event], list[float]]:
    """What is pushed, and what the detector will say of it."""
    events: list[Event] = []
    said: list[float] = []
    for run in heard:
        if isinstance(run, dict):
            events.append(run["gap"])
            continue
        count, probability, level = run
        whole, part = divmod(round(count * VAD_FRAME), VAD_FRAME)
        said += [probability] * (whole + (part > 0))
        events.append(np.full(whole * VAD_FRAME + part, level, np.int16))
    return events, said


def run(segmenter: Segmenter, events: list[Event], changes: list[Any], cut: Any) -> list[Segment]:
    """Changes are asked for as late as possible; all at once before a whole capture."""
    out: list[Segment] = []
    waiting = list(changes)
    for event in events:
        if isinstance(event, int):
            ask(segmenter, waiting, segmenter.position + event)
            out += segmenter.gap(segmenter.position, segmenter.position + event)
            continue
        at = 0
        while at < len(event):
            step = cut(len(event))
            ask(segmenter, waiting, segmenter.position + step)
            out += segmenter.push(event[at : at + step])
            at += step
    return out + segmenter.flush()


def ask(segmenter: Segmenter, waiting: list[Any], before: int) -> None:
    """For the changes of positions that the capture would go beyond."""
    for change in list(waiting):
        at, options = change
        if at < before:
            segmenter.configure(at=at, **options)
            waiting.remove(change)


DRAW = random.Random(5)
CUTS = {
    "whole": lambda n: n,
    "one by one": lambda n: 1,
    "by 7": lambda n: 7,
    "any": lambda n: DRAW.randint(1, 40),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("vector", VECTORS, ids=[v["id"] for v in VECTORS])
def test_vector(vector: dict[str, Any], cut: str) -> None:
    events, said = scene(vector["heard"])
    engine = Script(said, vector["hangover_ms"])
    segmenter = Segmenter(engine, rate=RATE, **vector["options"])
    found = run(segmenter, events, vector.get("changes", []), CUTS[cut])
    assert [[s.start, s.stop, s.ended_by] for s in found] == vector["segments"]
    assert engine.left == [], "every VAD frame was heard"
    gaps = sum(isinstance(event, int) for event in events)
    assert engine.resets == 1 + gaps + 1, "the detector begins anew at the start, after gaps and at the end"
    timeline = on_a_line(events)
    for segment in found:
        assert (segment.frames == timeline[segment.start : segment.stop]).all()
        assert not (segment.frames == GAP).any(), "no segment hides a gap"


@pytest.mark.parametrize(
    ("id", "when"),
    [("plain", [1000]), ("pause", [900, 1300]), ("padding-waits", [850]), ("padding-meets", [840, 1180])],
)
def test_a_segment_is_given_as_soon_as_it_is_certain(id: str, when: list[int]) -> None:
    """S-11: when the quiet and the padding are complete, or at the next onset."""
    (vector,) = [vector for vector in VECTORS if vector["id"] == id]
    events, said = scene(vector["heard"])
    segmenter = Segmenter(Script(said, vector["hangover_ms"]), rate=RATE, **vector["options"])
    given = []
    for frames in on_a_line(events).reshape(-1, VAD_FRAME):
        given += [segmenter.position for _ in segmenter.push(frames)]
    assert given == when


GAP = -1


def on_a_line(events: list[Event]) -> Audio:
    return np.concatenate([np.full(e, GAP, np.int16) if isinstance(e, int) else e for e in events])


def test_ids_are_unique() -> None:
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS)
