"""`listen --archive` and `ossicle archive` as a user meets them: processes, outputs, exit codes."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from commandline import COMMAND, Run, emulated, rows

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = ("--archive-set", "object_s=5", "--archive-set", "keep_s=10")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def events(told: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in told if row["event"] == name]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_heard_comes_back(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    """Every frame, and each gap where the receiver told it; segments with the objects; batches beside."""
    source = f"{emulated(speech)}&stalls=80000+16000"
    done = ossicle(
        "listen",
        source,
        "--vad",
        "webrtc",
        "--archive",
        "kept",
        "--owner",
        "me",
        *SHORT,
        "--json",
        "--out",
        "s",
    )
    assert done.returncode == 0, done.stderr
    heard = rows(done)
    (gap,) = events(heard, "gap")
    end = heard[-1]
    kept = end["archive"]
    assert (kept["objects"], kept["lost_objects"], kept["lost_frames"], kept["spool_objects"]) == (4, 0, 0, 0)
    assert kept["raw_bytes"] == 2 * (end["frames"] + end["missing_frames"])
    assert 0 < kept["streams"][0]["memory"] <= kept["streams"][0]["limit"]

    objects = rows(ossicle("archive", "ls", "--archive", "kept", "--objects", "--owner", "me", "--json"))
    objects.sort(key=lambda row: row["start_frame"])  # by time they lie as the clock had them, flat out
    assert [row["start_frame"] for row in objects] == [0, 80000, 160000, 240000]
    told = [(s["start"], s["stop"]) for row in objects for s in row["segments"]]
    assert told == [(row["start_frame"], row["stop_frame"]) for row in events(heard, "segment")]

    got = ossicle("archive", "get", "--archive", "kept", "--trim", "--out", "x.wav", "--json")
    assert got.returncode == 0, got.stderr
    (hole,) = events(rows(got), "gap")
    same = ("start_frame", "stop_frame", "frames", "cause", "estimated")
    assert [hole[name] for name in same] == [gap[name] for name in same]
    frames, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    played, _ = soundfile.read(speech, dtype="int16")
    start, stop = gap["start_frame"], gap["stop_frame"]
    np.testing.assert_array_equal(frames[:start], played[:start])
    assert not frames[start:stop].any()
    np.testing.assert_array_equal(frames[stop:], played[stop - len(frames) :])
    assert len(frames) == end["frames"] + end["missing_frames"]

    (stream,) = events(rows(ossicle("archive", "ls", "--archive", "kept", "--json")), "kept")
    part = ("--stream", stream["stream"], "--start", "79990", "--stop", "160010", "--out", "part.flac")
    got = ossicle("archive", "get", "--archive", "kept", *part)
    assert got.returncode == 0, got.stderr
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "part.flac", dtype="int16")[0], frames[79990:160010]
    )


def test_batches_are_the_segments(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    done = ossicle("listen", emulated(speech), "--vad", "webrtc", "--batches", "b", "--json")
    assert done.returncode == 0, done.stderr
    told = rows(done)
    batches = events(told, "batch")
    assert told[-1]["batches"] == len(batches) == len(files(tmp_path / "b")) >= 2
    assert all(row["seconds"] >= 5 for row in batches[:-1])
    played, _ = soundfile.read(speech, dtype="int16")
    segments = [played[row["start_frame"] : row["stop_frame"]] for row in events(told, "segment")]
    written = [soundfile.read(tmp_path / row["file"], dtype="int16")[0] for row in batches]
    np.testing.assert_array_equal(np.concatenate(written), np.concatenate(segments))
    for row, frames in zip(batches, written, strict=True):
        for job in row["jobs"]:
            at, start, n = job["batch_start"], job["start_frame"], job["frames"]
            np.testing.assert_array_equal(frames[at : at + n], played[start : start + n])


def shown(page: str, heading: str) -> list[list[str]]:
    """The lines of the first block below a heading that are ours."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"# {heading}\n")[2]
    block = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    return [words[1:] for words in lines if words[0] == "ossicle"]


def test_the_commands_of_the_page_run(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "speech.flac").write_bytes(speech.read_bytes())
    lines = shown("docs/archive.md", "Try it")
    assert {words[1] for words in lines[1:]} == {"ls", "get", "verify", "stats", "export", "rm"}
    for words in lines:
        done = ossicle(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout
    assert soundfile.info(tmp_path / "again.wav").frames == 300_080
    assert len(files(tmp_path / "everything")) == 2
    assert [path.parent.name for path in files(tmp_path / "kept")] == ["deleted"]


def test_the_commands_of_the_readme_run(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    listen, get, rm = shown("README.md", "Kept")
    for words in ([listen[0], emulated(speech), *listen[1:]], get, [*rm, "--yes"]):
        done = ossicle(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert "1 object" in done.stdout
    assert [path.parent.name for path in files(tmp_path / "kept")] == ["deleted"]


def test_a_damaged_object_costs_itself_alone(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    done = ossicle("listen", emulated(speech), "--vad", "webrtc", "--archive", "kept", *SHORT)
    assert done.returncode == 0, done.stderr
    second = next(path for path in files(tmp_path / "kept") if path.name.startswith("000000000080000-"))
    data = bytearray(second.read_bytes())
    data[-1000] ^= 1
    second.write_bytes(data)

    got = ossicle("archive", "get", "--archive", "kept", "--trim", "--out", "x.wav", "--json")
    assert got.returncode == 1
    assert second.name in got.stderr
    assert len(got.stderr.splitlines()) == 1
    (hole,) = events(rows(got), "gap")
    assert (hole["start_frame"], hole["stop_frame"], hole["cause"]) == (80000, 160000, "corrupt")
    frames, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    played, _ = soundfile.read(speech, dtype="int16")
    played[80000:160000] = 0
    np.testing.assert_array_equal(frames, played)

    checked = ossicle("archive", "verify", "--archive", "kept", "--json")
    assert checked.returncode == 1
    (problem,) = events(rows(checked), "problem")
    assert problem["kind"] == "corrupt"
    assert problem["key"].endswith(second.name)
    exported = ossicle("archive", "export", "out", "--archive", "kept", "--json")
    assert exported.returncode == 1
    assert rows(exported)[0]["damaged"] == [problem["key"]]
    assert len(files(tmp_path / "out")) == 4


def test_a_store_that_is_not_there_costs_nothing(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    """Listening goes on, and tells; what was kept waits on this disk, and no secret is shown."""
    place = ("--archive", "http://127.0.0.1:9/bucket", "--archive-set", "retries=0")
    place += ("--archive-set", "retry_first_s=0.1", "--archive-set", "allow_http=true")
    secret = "sesame-open"
    (tmp_path / "keys.toml").write_text(f'access_key_id = "id"\nsecret_access_key = "{secret}"\n')
    (tmp_path / "keys.toml").chmod(0o600)
    place += ("--archive-config", "keys.toml")
    done = ossicle("listen", emulated(speech), "--vad", "webrtc", *place, "--json")
    assert done.returncode == 0, done.stderr
    told = rows(done)
    assert len(events(told, "segment")) == 5
    assert {row["kind"] for row in events(told, "archive")} == {"failing"}
    kept = told[-1]["archive"]
    assert (kept["objects"], kept["spool_objects"], kept["lost_frames"]) == (0, 1, 0)
    failed = ossicle("archive", "upload", *place)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith("ossicle: 1 object left on this disk: ")
    assert "127.0.0.1:9" in line
    assert secret not in failed.stderr + failed.stdout + done.stdout + done.stderr


def test_ctrl_c_keeps_the_minute_under_way(speech: Path, tmp_path: Path) -> None:
    command = [*COMMAND, "listen", f"emulator:{speech}", "--vad", "webrtc", "--archive", "kept", "--json"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    while json.loads(child.stdout.readline())["event"] != "started":
        pass
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    told = [json.loads(line) for line in child.communicate(timeout=30)[0].splitlines()]
    assert child.returncode == 0
    assert told[-1]["interrupted"] is True
    assert told[-1]["archive"]["objects"] == 1
    assert told[-1]["archive"]["raw_bytes"] == 2 * told[-1]["frames"] > 0
