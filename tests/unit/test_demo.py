"""The demo's score and its picture."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ossicle.demo import Label, Score, asset, labels, score
from ossicle.picture import PictureError, Scene, draw, envelope

TRUTH = [Label(100, 200, "one"), Label(400, 500, "two")]


def test_labels_of_the_asset() -> None:
    found = labels(asset())
    assert len(found) >= 4
    assert all(0 < label.start < label.stop and label.text for label in found)


@pytest.mark.parametrize(
    ("segments", "want"),
    [
        ([(98, 203), (410, 500)], Score(2, 0, 0, 10)),
        ([(100, 200)], Score(1, 1, 0, 0)),
        ([], Score(0, 2, 0, 0)),
        ([(0, 50), (100, 200), (400, 500)], Score(2, 0, 1, 0)),
        ([(100, 500)], Score(1, 1, 0, 300)),
        ([(100, 150), (160, 200), (400, 500)], Score(2, 0, 1, 50)),
        ([(200, 400)], Score(0, 2, 1, 0)),
    ],
)
def test_score(segments: list[tuple[int, int]], want: Score) -> None:
    assert score(segments, TRUTH) == want


def test_envelope_keeps_a_click() -> None:
    frames = np.zeros(100_000, np.int16)
    frames[54_321] = -32768
    at, low, high = envelope(frames, 100)
    assert len(at) == len(low) == len(high) == 100
    assert low.min() == -1.0
    assert high.max() == 0.0
    assert at[low.argmin()] <= 54_321 < at[low.argmin() + 1]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_envelope_of_little(count: int) -> None:
    assert [len(part) for part in envelope(np.ones((count, 2), np.int16))] == [count] * 3


def scene(count: int) -> Scene:
    frames = (np.arange(count) % 2000 - 1000).astype(np.int16)
    return Scene(
        "t",
        16000,
        frames,
        [(100, 900)],
        "energy",
        0.5,
        [(0, 0.1), (99, 0.9)],
        [(100, 900, "x" * 40)],
        [(0, 9)],
    )


@pytest.mark.parametrize("count", [0, 16000])
def test_draw(tmp_path: Path, count: int) -> None:
    path = tmp_path / "p.png"
    draw(scene(count), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 5000


def test_draw_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PictureError, match=r"ossicle\[plot\]"):
        draw(scene(10), tmp_path / "p.png")
