"""Silero through Ossicle's path beside Silero alone: whether resampling and VAD frames cost accuracy.

Alone is the package itself, given the mix at 16 kHz in its own VAD frames of 512 samples. Ours are the
probabilities of the VAD frames as the segmenter gets them, once from the same samples and once from the mix
at 44.1 kHz, which it resamples itself. Both are compared with the labels in the same cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import soxr

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.vad import engine

from ..figures import Column, Limit, Row, Table
from .corpus import Int16, Label, Mix
from .judge import THRESHOLD, Subject, hear, truth_of
from .metrics import Cells, Floats, agreement, auc, per_cell
from .peers import SILERO_FRAMES, SILERO_RATE, silero_alone

OTHER_RATE = 44100
AUC_LOST, BALANCED_LOST = 0.005, 0.01

LANES = {
    "alone": "alone",
    "ours": "ours",
    "ours_44": "ours from 44.1 kHz",
    "alone_44": "alone, from 44.1 kHz converted at once",
}
COLUMNS = tuple(
    Column(f"{what}_{key}", f"{label}, {text}", digits=4)
    for what, text in (("auc", "AUC"), ("balanced", "balanced accuracy"))
    for key, label in LANES.items()
)


@dataclass(frozen=True, slots=True)
class Score:
    """Of one lane of probabilities."""

    auc: float
    balanced: float


def converted(mix: Mix, rate: int) -> Mix:
    """The mix at another rate, by soxr's best quality in one go."""
    out = _convert(mix.frames, mix.rate, rate)
    labels = tuple(
        Label(round(each.start * rate / mix.rate), round(each.stop * rate / mix.rate), each.kind, each.text)
        for each in mix.labels
    )
    return Mix(mix.name, rate, out, labels, mix.noise, mix.snr_db)


def scores(mix: Mix) -> dict[str, Score]:
    """Silero on a mix, by each way of `LANES`. Raises `EngineMissingError` without Silero."""
    truth = truth_of(mix)
    other = converted(mix, OTHER_RATE)
    back = _convert(other.frames, OTHER_RATE, SILERO_RATE)[: len(mix.frames)]
    lanes = {
        "alone": _alone(mix.frames, len(truth)),
        "ours": _ours(mix, len(truth)),
        "ours_44": _ours(other, len(truth)),
        "alone_44": _alone(back, len(truth)),
    }
    return {key: _score(values, truth) for key, values in lanes.items()}


def table(mixes: Iterable[Mix]) -> Table:
    """Silero on these mixes; without rows, and with a note, where it is not installed."""
    title = "Silero through Ossicle's path and alone"
    try:
        engine("silero")
        found = {mix.name: scores(mix) for mix in mixes}
    except EngineMissingError as error:
        return Table("vad_silero", title, COLUMNS, (), (f"Not measured: {error}",))
    rows = tuple(Row(name, _values(each)) for name, each in found.items())
    worst = max(found, key=lambda name: found[name]["alone"].balanced - found[name]["ours_44"].balanced)
    lost = found[worst]["alone"].balanced - found[worst]["ours_44"].balanced
    notes = (
        f"Probabilities of the VAD frames, speech from {THRESHOLD} on, in cells of 10 ms; no padding.",
        "Audio that was at 44.1 kHz has little left above 7.4 kHz after any usual conversion to 16 kHz, and"
        " Silero hears that. Hence the last lane: the same conversion without our path."
        f" The mix that differs most from 16 kHz is {worst}: {lost:.3f} of balanced accuracy.",
    )
    return Table("vad_silero", title, COLUMNS, rows, notes, _limits(list(found.values())))


def _values(found: dict[str, Score]) -> dict[str, float]:
    return {f"{what}_{key}": getattr(found[key], what) for what in ("auc", "balanced") for key in LANES}


def _limits(found: list[dict[str, Score]]) -> tuple[Limit, ...]:
    def lost(what: str, peer: str, our: str) -> list[float]:
        return [getattr(each[peer], what) - getattr(each[our], what) for each in found]

    mean = lost("balanced", "alone", "ours_44")
    return (
        Limit("AUC lost at 16 kHz, worst mix", max(lost("auc", "alone", "ours")), AUC_LOST),
        Limit("AUC lost from 44.1 kHz, worst mix", max(lost("auc", "alone", "ours_44")), AUC_LOST),
        Limit(
            "balanced accuracy lost at 16 kHz, worst mix",
            max(lost("balanced", "alone", "ours")),
            BALANCED_LOST,
        ),
        Limit(
            "balanced accuracy lost from 44.1 kHz, worst mix, to Silero alone on the converted audio",
            max(lost("balanced", "alone_44", "ours_44")),
            BALANCED_LOST,
        ),
        Limit(
            "balanced accuracy lost from 44.1 kHz, mean of the mixes, to Silero alone at 16 kHz",
            sum(mean) / len(mean),
            BALANCED_LOST,
        ),
    )


def _convert(frames: Int16, from_rate: int, to_rate: int) -> Int16:
    out = soxr.resample(frames.astype(np.float64), from_rate, to_rate, quality="VHQ")
    rounded: Int16 = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
    return rounded


def _ours(mix: Mix, count: int) -> Floats:
    heard = hear(Subject("silero", lambda rate: engine("silero", rate)), mix)
    return per_cell(heard.lane, heard.lane_stop, count, mix.rate)


def _alone(frames: Int16, count: int) -> Floats:
    values = silero_alone(frames)
    lane = [(i * SILERO_FRAMES, float(value)) for i, value in enumerate(values)]
    return per_cell(lane, len(frames), count, SILERO_RATE)


def _score(values: Floats, truth: Cells) -> Score:
    area, balanced = auc(values, truth), agreement(values >= THRESHOLD, truth).balanced
    if area is None or balanced is None:
        raise ValueError("a mix needs speech and silence")
    return Score(area, balanced)
