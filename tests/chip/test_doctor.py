"""The doctor at a chip: at its REPL, and with the microphone's L/R wired for the other slot."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commandline import Run, rows

from ossicle.chip import Chip

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def right_only(tmp_path: Path, speech: Path) -> Path:
    """Nothing in the left slot; speech, 12 dB below full scale, in the right one."""
    samples, rate = soundfile.read(speech, dtype="int16")
    path = tmp_path / "right.wav"
    soundfile.write(path, np.stack([samples * 0, samples // 4], axis=1), rate, subtype="PCM_16")
    return path


def findings(said: list[dict[str, object]]) -> list[object]:
    return [row["finding"] for row in said if row["event"] == "finding"]


@pytest.fixture
def firmware(files: Path) -> Path:
    """The sources, and a ring that leaves memory beside them for a stream of two channels."""
    shutil.copytree(ROOT / "firmware", files, ignore=shutil.ignore_patterns("unix*", "__pycache__"))
    (files / "ossicle.json").write_text('{"ring_samples": 12288}')
    return files


def test_a_repl_is_told(ossicle: Run, chip: Chip) -> None:
    done = ossicle("doctor", chip.port, "--timeout", "1")
    assert done.returncode == 1
    assert "FAULT repl" in done.stdout
    assert "of v1.2" in done.stdout
    assert f"ossicle install {chip.port}" in done.stdout


def test_the_microphone_is_in_the_other_slot(ossicle: Run, firmware: Path, right_only: Path) -> None:
    with Chip(files=firmware, source=right_only, pace=False) as chip:
        done = ossicle("doctor", chip.port, "--seconds", "1", "--yes", "--json")
    said = rows(done)
    assert findings(said)[0] == "wrong_slot"
    notes = [row for row in said if row["event"] == "note"]
    assert [row["text"] for row in notes] == ["the board listens to the right slot now"]
    after = said[said.index(notes[0]) :]
    assert {"wrong_slot", "silent"} & {*findings(after)} == set()
    assert done.returncode == 0, done.stdout
