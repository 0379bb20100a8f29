"""The meter of STATUS (W-57), against the same filters in floating point and against what the clause says."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from mpy import DEVICE, run_mpy
from numpy.typing import NDArray

SCRIPT = DEVICE / "meter_cases.py"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.M))
FRAMES = 16384
BANDS = 8
MIDDLE = 2**-1.5  # of the first octave, in cycles a sample
LATER, EARLIER = (160, 757), (482, 944)  # coefficients in 1024ths
NOTHING = 255

Samples = NDArray[np.int16]


@lru_cache
def outcome() -> str:
    done = run_mpy(SCRIPT, heapsize="4M")
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    assert f"ok {case}\n" in outcome(), outcome()


def measured(
    folder: Path, signals: dict[str, Samples], channels: int = 1, way: str = "figures"
) -> dict[str, list[int]]:
    """Peak, rms and bands of each."""
    for name, samples in signals.items():
        (folder / name).write_bytes(samples.astype("<i2").tobytes())
    files = [str(folder / name) for name in signals]
    done = run_mpy(SCRIPT, way, str(channels), *files, heapsize="8M", path=(DEVICE / "ulab_twin",))
    assert done.stderr == ""
    rows = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    return {name: row[:10] for name, row in zip(signals, rows, strict=True)}


def all_pass(x: NDArray[np.float64], coefficients: tuple[int, int]) -> NDArray[np.float64]:
    for each in coefficients:
        a = each / 1024
        y = np.zeros_like(x)
        x1 = y1 = 0.0
        for i, value in enumerate(x):
            y1 = y[i] = x1 + a * (value - y1)
            x1 = value
        x = y
    return x


def levels(samples: NDArray[np.float64]) -> list[float]:
    """Of the octaves, in dB below a square wave of 32768, by the filters that the clause leaves open."""
    x, out = samples.astype(np.float64), []
    for _ in range(BANDS):
        x = x[: len(x) // 2 * 2]
        later, earlier = all_pass(x[1::2], LATER), all_pass(x[::2], EARLIER)
        power = float(np.mean(((later - earlier) / 2) ** 2))
        out.append(-10 * np.log10(power / 32768**2) if power else 200.0)
        x = (later + earlier) / 2
    return out


def signals() -> dict[str, Samples]:
    rng = np.random.default_rng(5)
    n = np.arange(FRAMES)
    made = {
        "white": rng.normal(0, 3000, FRAMES),
        "quiet": rng.normal(0, 8, FRAMES),
        "slow": np.convolve(rng.normal(0, 2000, FRAMES + 63), np.ones(64) / 8, "valid"),
        "square": np.where(n // 20 % 2, 32767, -32768),
        "fastest": np.where(n % 2, 32767, -32768),
        "low": 9000 * np.sin(n * 0.004) + rng.normal(0, 50, FRAMES),
    }
    return {name: np.clip(np.round(x), -32768, 32767).astype(np.int16) for name, x in made.items()}


def test_the_figures_are_those_of_the_filters(tmp_path: Path) -> None:
    """Half a dB, where rounding to int16 and within the filters is not most of it."""
    made = signals()
    for name, row in measured(tmp_path, made).items():
        x = made[name].astype(np.float64)
        assert row[0] == int(np.abs(x).max()), name
        assert row[1] == int(np.sqrt(np.mean(x**2))), name
        for got, want in zip(row[2:], levels(x), strict=True):
            assert abs(got / 2 - want) <= 0.5 or (got > 180 and want > 88), (name, row[2:])


def test_an_octave_is_told_by_itself(tmp_path: Path) -> None:
    """A tone in its middle within 1 dB, and 30 dB lower in those beside it."""
    turns = MIDDLE * np.arange(FRAMES)
    tones = {
        f"octave {k}": np.round(12000 * np.sin(2 * np.pi * turns / 2**k)).astype(np.int16)
        for k in range(BANDS)
    }
    level = -20 * np.log10(12000 / np.sqrt(2) / 32768)
    for k, row in enumerate(measured(tmp_path, tones).values()):
        bands = row[2:]
        assert abs(bands[k] / 2 - level) <= 1, (k, bands)
        assert all(bands[j] >= bands[k] + 60 for j in range(BANDS) if j != k), (k, bands)


def test_white_noise_falls_by_3_db_an_octave(tmp_path: Path) -> None:
    noise = np.random.default_rng(7).normal(0, 2000, 3 * FRAMES).round().astype(np.int16)
    bands = measured(tmp_path, {"white": noise})["white"][2:]
    first = -20 * np.log10(2000 / 32768) + 10 * np.log10(2)
    assert all(abs(bands[k] / 2 - first - 3.01 * k) < 0.6 for k in range(5)), bands
    assert all(abs(bands[k] / 2 - first - 3.01 * k) < 2.5 for k in range(5, BANDS)), bands


def test_silence_and_one_step(tmp_path: Path) -> None:
    rows = measured(tmp_path, {"none": np.zeros(2048, np.int16), "ends": np.array([0, -32768] + [0] * 1022)})
    assert rows["none"] == [0, 0] + [NOTHING] * BANDS
    assert rows["ends"][:2] == [32768, 1024]


def test_two_channels(tmp_path: Path) -> None:
    """Peak and rms of both, the octaves of the first."""
    rng = np.random.default_rng(9)
    pair = np.stack([rng.normal(0, 300, 4096), rng.normal(0, 4000, 4096)], axis=1).round().astype(np.int16)
    both = measured(tmp_path, {"pair": pair}, 2)["pair"]
    alone = measured(tmp_path, {"first": pair[:, 0]})["first"]
    assert both[2:] == alone[2:]
    assert both[0] == int(np.abs(pair.astype(int)).max())
    assert both[1] == int(np.sqrt(np.mean(pair.astype(np.float64) ** 2)))


def test_ulab_gives_the_same_figures(tmp_path: Path) -> None:
    """Level exactly; octaves of what lasts within 2 dB, the two lowest within 3. With ulab's twin."""
    made = {name: x[:12288] for name, x in signals().items() if name in ("white", "quiet", "slow")}
    turns = MIDDLE * np.arange(12288)
    hiss = np.random.default_rng(11).normal(0, 2500, 12288)
    made["tones"] = np.round(
        5000 * np.sin(2 * np.pi * turns / 4) + 9000 * np.sin(2 * np.pi * turns / 32) + hiss
    ).astype(np.int16)
    plain = measured(tmp_path, made)
    ulab = measured(tmp_path, made, way="ulab")
    for name, row in ulab.items():
        assert row[:2] == plain[name][:2], name
        for k, (got, want) in enumerate(zip(row[2:], plain[name][2:], strict=True)):
            apart = abs(got - want) / 2
            assert apart <= (2 if k < 6 else 3), (name, row[2:], plain[name][2:])


def test_ulab_hears_two_channels(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    pair = np.stack([rng.normal(0, 300, 4096), rng.normal(0, 4000, 4096)], axis=1).round().astype(np.int16)
    both = measured(tmp_path, {"pair": pair}, 2, "ulab")["pair"]
    assert both[:2] == measured(tmp_path, {"pair": pair}, 2)["pair"][:2]
    assert both[2:] == measured(tmp_path, {"first": pair[:, 0]}, 1, "ulab")["first"][2:]


CHOSEN = """
import sys
from fakes import Board
from ossicle import spectrum
from ossicle.app import App
if sys.argv[1:] == ["short"]:
    spectrum.numpy.zeros = lambda n: bytearray(1 << 30)
if sys.argv[1:] == ["old"]:
    spectrum.utils.spectrogram = lambda r: None
print("ulab" if isinstance(App(Board()).session.sender.meter, spectrum.Meter) else "plain")
"""


@pytest.mark.parametrize(("case", "chosen"), [("", "ulab"), ("short", "plain"), ("old", "plain")])
def test_ulab_is_taken_where_it_is_and_serves(case: str, chosen: str, tmp_path: Path) -> None:
    script = tmp_path / "chosen.py"
    script.write_text(CHOSEN)
    done = run_mpy(script, *([case] if case else []), heapsize="1M", path=(DEVICE / "ulab_twin",))
    assert (done.stderr, done.stdout) == ("", f"{chosen}\n")
