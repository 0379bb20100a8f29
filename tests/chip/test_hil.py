"""tests/hil on a device that is named by a URL: the emulated chip behind a port server, as a board is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from remote import Remote

from ossicle.chip import Chip

ROOT = Path(__file__).resolve().parent.parent.parent
CHOSEN = "test_install or test_hello or kernel or stop_ends or unplugged or neither_dead"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("more", ["", pytest.param(" or device_packets", marks=pytest.mark.soak)])
def test_a_board_behind_a_port_server(tmp_path: Path, more: str) -> None:
    """What it has is tested and told; what it lacks is skipped with the reason; its configuration is back."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "ossicle.json").write_text('{"shift": 12}')
    report = tmp_path / "report.md"
    with Chip("esp32", files=files, pace=False) as chip, Remote(chip.port, "rfc2217") as remote:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "tests/hil", "-q", "-p", "no:cacheprovider"),
                *("--device", remote.url, "--report", str(report), "-k", CHOSEN + more),
            ],
            cwd=ROOT,
            env={
                name: value for name, value in os.environ.items() if name != "CI"
            },  # there no test is skipped
            capture_output=True,
            text=True,
            timeout=280,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert report.read_text() in done.stdout
    told = json.loads(report.with_suffix(".json").read_text())
    outcomes = {each["test"]: each["outcome"] for each in told["tests"]}
    assert outcomes["test_hello"] == outcomes["test_stop_ends_at_an_exact_length"] == "passed"
    skipped = {each["test"]: each["why"] for each in told["tests"] if each["outcome"] == "skipped"}
    assert set(skipped) == {
        "test_unplugged_in_mid_stream",
        "test_the_microphone_is_neither_dead_nor_stuck",
    }
    assert "--ask" in skipped["test_unplugged_in_mid_stream"]
    assert told["target"] == remote.url
    assert told["facts"]["chip"] == "Generic ESP32 module with ESP32"
    assert len(told["kernels"]) > 10
    assert json.loads((files / "ossicle.json").read_text()) == {"shift": 12}
