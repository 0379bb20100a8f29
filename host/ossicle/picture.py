"""A picture of what was heard: waveform, speech probability, segments, and the truth where it is known.

Needs matplotlib, which is the extra `plot`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import OssicleError

WIDTH_IN, HEIGHT_IN, DPI = 10.0, 4.2, 110
LINE_CHARS = 150  # of the words over the waveform, from edge to edge
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
    wave.set_title(scene.title, fontsize=11, color=INK, loc="left")
    if scene.segments or scene.gaps or scene.truth:
        wave.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=9, borderpad=0)
    figure.savefig(path)


def words(scene: Scene, index: int) -> str:
    """What was truly said there, on at most two lines that end before the next words begin."""
    start, _, text = scene.truth[index]
    until = scene.truth[index + 1][0] if index + 1 < len(scene.truth) else len(scene.frames)
    width = round(LINE_CHARS * (until - start) / max(len(scene.frames), 1)) - 2
    lines = textwrap.wrap(text, max(width, 5), max_lines=2, placeholder=" ...")
    return "\n".join(lines)


def _draw_wave(axes: Any, scene: Scene) -> None:
    at, low, high = envelope(scene.frames)
    axes.fill_between(at / scene.rate, low, high, step="post", color=INK, linewidth=0.4)
    top = max(0.05, float(np.max(np.abs(high), initial=0)), float(np.max(np.abs(low), initial=0))) * 1.7
    axes.set_ylim(-top, top)
    axes.set_ylabel("waveform\n(full scale is 1)")
    _spans(axes, scene.segments, scene.rate, SPEECH, 0.22, "speech found")
    _spans(axes, scene.gaps, scene.rate, GAP, 0.5, "gap")
    for index, (start, stop, _) in enumerate(scene.truth):
        label = "speech in truth" if index == 0 else None
        ends_s = [start / scene.rate, stop / scene.rate]
        axes.plot(ends_s, [top * 0.9] * 2, color=TRUTH, linewidth=3, label=label)
        text = axes.text(ends_s[0], top * 0.83, words(scene, index), fontsize=7, color=INK, va="top")
        text.set_in_layout(False)


def _spans(
    axes: Any, ranges: Sequence[tuple[int, int]], rate: int, color: str, alpha: float, label: str | None
) -> None:
    for start, stop in ranges:
        axes.axvspan(start / rate, stop / rate, color=color, alpha=alpha, linewidth=0, label=label)
        label = None  # once in the legend


def _draw_lane(axes: Any, scene: Scene) -> None:
    at = [start / scene.rate for start, _ in scene.lane]
    axes.step(at, [probability for _, probability in scene.lane], where="post", color=SPEECH, linewidth=1.0)
    axes.axhline(scene.threshold, color=INK, linewidth=0.6, linestyle=":")
    axes.set_ylim(-0.05, 1.05)
    axes.set_ylabel("speech probability" + (f"\n({scene.engine})" if scene.engine else ""))
    _spans(axes, scene.segments, scene.rate, SPEECH, 0.22, None)
