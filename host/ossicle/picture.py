"""A picture of what was heard: waveform, speech probability, segments, and the truth where it is known.

Needs matplotlib, which is the extra `plot`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import OssicleError

WIDTH_IN, HEIGHT_IN, DPI = 10.0, 4.2, 110
COLUMNS = 1400  # of the waveform: one minimum and one maximum each, so a click is never drawn away
INK, SPEECH, TRUTH, GAP = "#22303c", "#1f8a70", "#e08e45", "#c0392b"


class PictureError(OssicleError):
    """There is no matplotlib to draw with."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What to draw. Ranges are (start, stop) in frames; `frames` is int16, `(n,)` or `(n, channels)`.

    `lane` holds (start, speech probability) of each VAD frame; `threshold` is drawn into it.
    """

    title: str
    rate: int
    frames: npt.NDArray[np.int16]
    segments: Sequence[tuple[int, int]]
    engine: str = ""
    threshold: float = 0.5
    lane: Sequence[tuple[int, float]] = ()
    truth: Sequence[tuple[int, int, str]] = ()
    gaps: Sequence[tuple[int, int]] = field(default=())


def envelope(frames: npt.NDArray[np.int16], columns: int = COLUMNS) -> tuple[npt.NDArray[np.float64], ...]:
    """(position, lowest, highest) of at most `columns` stretches of the first channel; full scale is 1.0."""
    lane = frames if frames.ndim == 1 else frames[:, 0]
    if len(lane) == 0:
        empty = np.zeros(0, np.float64)
        return empty, empty, empty
    edges = np.unique(np.linspace(0, len(lane), min(columns, len(lane)) + 1).astype(np.int64))[:-1]
    low = np.minimum.reduceat(lane, edges).astype(np.float64) / 32768.0
    high = np.maximum.reduceat(lane, edges).astype(np.float64) / 32768.0
    return edges.astype(np.float64), low, high


def draw(scene: Scene, path: Path) -> None:
    """Write the picture to `path` (PNG, or what its suffix says). Raises PictureError and OSError."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PictureError("no picture without matplotlib: pip install 'ossicle[plot]'") from None
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
    wave, lane = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    _draw_wave(wave, scene)
    _draw_lane(lane, scene)
    lane.set_xlabel("seconds of the microphone's own time")
    lane.set_xlim(0, max(len(scene.frames) / scene.rate, 0.001))
    figure.suptitle(scene.title, fontsize=11, color=INK)
    figure.savefig(path)


def _draw_wave(axes: Any, scene: Scene) -> None:
    at, low, high = envelope(scene.frames)
    axes.fill_between(at / scene.rate, low, high, step="post", color=INK, linewidth=0.4)
    top = max(0.05, float(np.max(np.abs(high), initial=0)), float(np.max(np.abs(low), initial=0))) * 1.6
    axes.set_ylim(-top, top)
    axes.set_ylabel("waveform")
    for start, stop in scene.segments:
        axes.axvspan(start / scene.rate, stop / scene.rate, color=SPEECH, alpha=0.22, linewidth=0)
    for start, stop in scene.gaps:
        axes.axvspan(start / scene.rate, stop / scene.rate, color=GAP, alpha=0.5, linewidth=0)
    for start, stop, text in scene.truth:
        axes.plot([start / scene.rate, stop / scene.rate], [top * 0.88] * 2, color=TRUTH, linewidth=3)
        words = text if len(text) <= 26 else text[:24].rsplit(" ", 1)[0] + " ..."
        at_s = start / scene.rate
        axes.text(at_s, top * 0.76, words, fontsize=7, color=INK, va="center").set_in_layout(False)


def _draw_lane(axes: Any, scene: Scene) -> None:
    at = [start / scene.rate for start, _ in scene.lane]
    axes.step(at, [probability for _, probability in scene.lane], where="post", color=SPEECH, linewidth=1.0)
    axes.axhline(scene.threshold, color=INK, linewidth=0.6, linestyle=":")
    axes.set_ylim(-0.05, 1.05)
    axes.set_ylabel(f"speech\n({scene.engine})" if scene.engine else "speech")
    for start, stop in scene.segments:
        axes.axvspan(start / scene.rate, stop / scene.rate, color=SPEECH, alpha=0.22, linewidth=0)
