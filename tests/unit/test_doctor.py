"""`ossicle doctor` as a user runs it: what it prints, what programs get, and its exit code."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from commandline import Run
from typer.testing import CliRunner, Result

from ossicle.cli.commands import build
from ossicle.doctor.evidence import Evidence, Sound
from ossicle.emulator import Emulator


def doctor(*words: str) -> Result:
    """The command in this process, which is faster than a process of its own."""
    return CliRunner().invoke(build(["doctor"]), ["doctor", *words])


def events(done: Result, name: str) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in said if row["event"] == name]


@pytest.fixture
def hum(tmp_path: Path, speech: Path) -> Path:
    samples, rate = soundfile.read(speech)
    time = np.arange(len(samples)) / rate
    path = tmp_path / "hum.wav"
    soundfile.write(path, samples + 0.02 * np.sin(2 * np.pi * 50 * time), rate, subtype="PCM_16")
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(32000, np.int16), 16000)
    return path


def test_a_good_recording(ossicle: Run, speech: Path) -> None:
    done = ossicle("doctor", str(speech))
    assert (done.returncode, done.stderr) == (0, "")
    assert "noise floor -41" in done.stdout
    assert done.stdout.splitlines()[-1] == "all is well"


def test_a_hint_is_no_failure(hum: Path) -> None:
    done = doctor(str(hum), "--json")
    assert done.exit_code == 0
    (finding,) = events(done, "finding")
    assert (finding["finding"], finding["severity"]) == ("hum", "hint")
    assert finding["numbers"]["mains_hz"] == 50
    assert finding["message"]
    assert finding["cure"]
    (sound,) = events(done, "sound")
    assert sound["channel"] is None
    assert sound["figures"]["hum_hz"] == 50
    assert sound["figures"]["hum_db"] == pytest.approx(-37, abs=1)
    assert events(done, "verdict") == [{"event": "verdict", "faults": 0, "hints": 1}]


def test_a_fault_is_a_failure(empty: Path) -> None:
    done = doctor(str(empty))
    assert done.exit_code == 1
    assert "FAULT silent: there is no sound" in done.stdout
    assert "check VDD" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 fault, no hints"
    assert "Traceback" not in done.stderr


def test_no_such_recording_and_no_recording(tmp_path: Path) -> None:
    missing = doctor("missing.wav")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr == "ossicle: missing.wav: there is no such file\n"
    (tmp_path / "text.wav").write_text("no sound")
    other = doctor(str(tmp_path / "text.wav"))
    assert other.exit_code == 1
    assert other.stderr.startswith(f"ossicle: {tmp_path}/text.wav: cannot be read (")


def test_an_emulated_board(speech: Path) -> None:
    done = doctor(f"emulator:{speech}?speed=max", "--seconds", "15", "--json")
    assert done.exit_code == 0, done.stdout
    (link,) = events(done, "link")
    assert link["board"] == "emulator"
    assert link["baud"] == 921600
    assert link["lost"] == {"i2s": 0, "ring": 0, "host": 0, "packets": 0}
    assert link["true_rate"] is None  # flat out there is none
    assert events(done, "verdict") == [{"event": "verdict", "faults": 0, "hints": 0}]


def test_a_port_without_a_board() -> None:
    done = doctor("/dev/ossicle-none", "--json")
    assert done.exit_code == 1
    (finding,) = events(done, "finding")
    assert finding["finding"] == "port"
    assert "no such port" in finding["message"]


def test_what_no_url_can_be_is_usage_of_one_line() -> None:
    done = doctor("telnet://board")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "telnet" in done.stderr


def test_near_needs_two_microphones(speech: Path) -> None:
    done = doctor(str(speech), "--near", "left", "--channels", "1")
    assert done.exit_code == 2
    assert "--near" in done.stderr


def test_any_port_means_the_one_that_answers(monkeypatch: pytest.MonkeyPatch, speech: Path) -> None:
    from ossicle import discover

    with Emulator(speech, speed="max") as board:
        monkeypatch.setattr(discover, "ports", lambda: [discover.Device(board.port, "emulated")])
        done = CliRunner().invoke(build(["doctor"]), ["doctor", "--json", "--seconds", "15"])
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0, done.output
    assert [row["source"] for row in said if row["event"] == "sound"] == [board.port]


def test_no_port_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from ossicle import discover

    monkeypatch.setattr(discover, "ports", list)
    done = CliRunner().invoke(build(["doctor"]), ["doctor", "--json"])
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["finding"] for row in said if row["event"] == "finding"] == ["no_port"]
    assert done.exit_code == 1


SCRIPT = """
import json, sys
sys.stdout.write("{said}\\n")
json.dump(sys.argv[1:], open({path!r}, "w"))
sys.exit({code})
"""


@pytest.mark.parametrize(("code", "listens"), [(0, 2), (1, 1)])
def test_the_other_slot_is_set_through_config(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, listens: int
) -> None:
    """`ossicle config` is what does it; what it says against it is told."""
    import ossicle.cli.doctor as command
    from ossicle.doctor import collect

    asked = tmp_path / "asked.json"
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\n" + SCRIPT.format(said="it is locked", path=str(asked), code=code))
    os.chmod(fake, 0o755)
    noise = np.random.default_rng(1).normal(0, 300, (48000, 1)).astype(np.int16)
    noise[16000:20000] *= 20
    good = Sound(noise, 16000)
    heard: list[Evidence] = []

    def listen(url: str, seconds: float, **options: Any) -> Evidence:
        frames = good.frames if heard else good.frames * 0
        heard.append(Evidence(replace(good, frames=frames)))
        return heard[-1]

    monkeypatch.setattr(collect, "listen", listen)
    monkeypatch.setattr(collect, "other_slot", lambda *args, **options: good)
    monkeypatch.setattr(command.sys, "executable", str(fake))
    done = CliRunner().invoke(build(["doctor"]), ["doctor", "/dev/ttyUSB7", "--yes", "--json"])
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert json.loads(asked.read_text()) == [
        "-m",
        "ossicle.cli",
        "config",
        "/dev/ttyUSB7",
        "set",
        "slot=right",
    ]
    assert len(heard) == listens
    notes = [row["text"] for row in said if row["event"] == "note"]
    assert any(("right" if not code else "it is locked") in note for note in notes)
    assert done.exit_code == code


def test_nobody_is_asked_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from ossicle.doctor import collect

    good = Sound(np.random.default_rng(1).normal(0, 300, (48000, 1)).astype(np.int16), 16000)
    silent = Evidence(replace(good, frames=good.frames * 0))
    monkeypatch.setattr(collect, "listen", lambda *args, **options: silent)
    monkeypatch.setattr(collect, "other_slot", lambda *args, **options: good)
    done = CliRunner().invoke(build(["doctor"]), ["doctor", "/dev/ttyUSB7"], input="y\n")
    assert "wrong_slot" in done.stdout
    assert "slot=right" in done.stdout
    assert done.exit_code == 1
