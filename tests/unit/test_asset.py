"""The labelled recordings are what their labels say, as far as can be told without the maker."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

EDGE_S = 0.05


def labels_of(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def power_lane(frames: npt.NDArray[np.int16], window: int) -> npt.NDArray[np.float64]:
    lane = frames.astype(np.float64) if frames.ndim == 1 else frames[:, 0].astype(np.float64)
    count = len(lane) // window
    return (lane[: count * window].reshape(count, window) ** 2).mean(axis=1)


def test_samples_are_those_of_the_labels(labelled: list[Path]) -> None:
    for path in labelled:
        told = labels_of(path)
        frames, rate = soundfile.read(path, dtype="int16")
        assert (rate, len(frames)) == (told["rate"], told["frames"])
        assert hashlib.sha256(frames.astype("<i2").tobytes()).hexdigest() == told["sha256_of_samples"]
        assert (1 if frames.ndim == 1 else frames.shape[1]) == told["channels"]


def test_labels_are_ordered_and_inside(labelled: list[Path]) -> None:
    for path in labelled:
        told = labels_of(path)
        edges = [edge for u in told["utterances"] for edge in (u["start_frame"], u["stop_frame"])]
        assert edges == sorted(set(edges))
        assert edges[0] >= told["rate"]
        assert edges[-1] <= told["frames"] - told["rate"]
        for utterance in told["utterances"]:
            assert utterance["start"] == utterance["start_frame"] / told["rate"]
            assert utterance["stop"] == utterance["stop_frame"] / told["rate"]


@pytest.mark.parametrize("edge", ["start_frame", "stop_frame"])
def test_edges_agree_with_the_power_in_the_mix(labelled: list[Path], edge: str) -> None:
    """Found anew from the noisy mix: the power leaves the noise floor within 50 ms of each label.

    Only windows well above the floor count, so a soft first sound may be found late: hence 50 ms,
    and 150 ms for the fricative that begins "Stop."
    """
    for path in labelled:
        told = labels_of(path)
        frames, rate = soundfile.read(path, dtype="int16")
        window = rate // 100
        power = power_lane(frames, window)
        floor = np.median(power[: told["utterances"][0]["start_frame"] // window])
        loud = np.flatnonzero(power > floor * 2.5) * window
        for utterance in told["utterances"]:
            inside = loud[
                (loud >= utterance["start_frame"] - rate // 4) & (loud < utterance["stop_frame"] + rate // 4)
            ]
            found = inside[0] if edge == "start_frame" else inside[-1] + window
            slack = 0.15 if utterance["text"].startswith("S") else EDGE_S
            assert abs(found - utterance[edge]) <= slack * rate, (path.name, utterance["text"], found)


def test_small_enough_for_a_wheel(labelled: list[Path]) -> None:
    assert all(path.stat().st_size < 500_000 for path in labelled)
