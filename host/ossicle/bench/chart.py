"""The tables that say more as pictures. Needs matplotlib, which is in the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from .figures import Table

INK, OURS, OTHER, BAD = "#22303c", "#1f8a70", "#9fb1bd", "#c0392b"
COLOURS = {"webrtc": OURS, "silero": "#3b6ea5", "energy": "#e08e45"}
RAW = "raw webrtcvad"
LEVELS = ("clean", "20 dB", "10 dB", "5 dB")


def draw(tables: Sequence[Table], folder: Path) -> list[str]:
    """Write a PNG for each table that has a picture; the names of the files.

    Raises ModuleNotFoundError without matplotlib.
    """
    names = []
    for table in tables:
        painter = PAINTERS.get(table.name)
        if painter is None or not table.rows:
            continue
        name = f"{table.name}.png"
        _painted(painter, table, folder / name)
        names.append(name)
    return names


def _painted(painter: Callable[[Any, Table], None], table: Table, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(table.title, color=INK, fontsize=11)
    painter(axes, table)
    figure.savefig(path, metadata={"Software": None})


def _ring(axes: Any, table: Table) -> None:
    """Time of an operation relative to the plain ring behind a lock."""
    rows = [row for row in table.rows if isinstance(row.values.get("int16_ratio"), float)]
    names = [row.name for row in rows]
    ratios = [float(row.values["int16_ratio"] or 0) for row in rows]
    bars = axes.barh(names, ratios, color=[OURS if n.startswith("AudioRing") else OTHER for n in names])
    axes.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=3, fontsize=9)
    axes.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("time relative to a numpy ring behind one lock (int16)")
    axes.invert_yaxis()


def _handover(axes: Any, table: Table) -> None:
    """From write to having the frames, p50 and p99."""
    names = [row.name for row in table.rows]
    for key, colour, label in (("p99_us", OTHER, "p99"), ("p50_us", OURS, "p50")):
        values = [float(row.values.get(key) or 0) for row in table.rows]
        axes.barh(names, values, color=colour, label=label, height=0.8 if key == "p99_us" else 0.45)
    axes.set_xscale("log")
    axes.set_xlabel("microseconds from write to having the frames (log scale)")
    axes.invert_yaxis()
    axes.legend(frameon=False)


def _vad(axes: Any, table: Table) -> None:
    """Balanced accuracy over the level of the noise, the mean of all noises."""
    for engine in dict.fromkeys(str(row.values["engine"]) for row in table.rows):
        means = [_mean_at(table, engine, level) for level in LEVELS]
        ours = engine in COLOURS
        axes.plot(
            LEVELS,
            means,
            marker="o",
            label=engine,
            color=COLOURS.get(engine, INK if engine == RAW else OTHER),
            linestyle="-" if ours else "--",
        )
    axes.set_ylim(0.45, 1.0)
    axes.set_ylabel("balanced accuracy of 10 ms cells")
    axes.set_xlabel("speech over noise; the mean of all kinds of noise")
    axes.legend(frameon=False, fontsize=9)


def _mean_at(table: Table, engine: str, level: str) -> float | None:
    wanted = None if level == "clean" else int(level.split()[0])
    values = [
        float(row.values["balanced"] or 0)
        for row in table.rows
        if row.values["engine"] == engine and row.values.get("snr_db") == wanted
    ]
    return fmean(values) if values else None


def _noise(axes: Any, table: Table) -> None:
    """What is taken for speech where nobody speaks, recording by recording."""
    keys = [c.key for c in table.columns if c.key != "made"]
    width = 0.85 / len(keys)
    for number, key in enumerate(keys):
        heights = [float(row.values.get(key) or 0) for row in table.rows]
        places = [at + (number - (len(keys) - 1) / 2) * width for at in range(len(table.rows))]
        label = f"{RAW}, mode {key[-1]}" if key.startswith("mode_") else key
        shade = (
            ("#d9e1e6", "#c0ccd4", "#9fb1bd", "#7b909e")[int(key[-1])] if key.startswith("mode_") else OTHER
        )
        axes.bar(places, heights, width, label=label, color=COLOURS.get(key, shade))
    axes.set_xticks(range(len(table.rows)), [row.name for row in table.rows], fontsize=8)
    axes.set_ylabel("share marked as speech")
    axes.axhline(0.1, color=BAD, linewidth=0.8, linestyle=":")
    axes.legend(frameon=False, fontsize=8, ncols=2)


PAINTERS: dict[str, Callable[[Any, Table], None]] = {
    "ring": _ring,
    "handover": _handover,
    "vad": _vad,
    "vad_noise": _noise,
}
