"""Boards behind a network port (rfc2217://, socket://), and `ossicle soak --device`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Done, Run
from remote import Remote
from typer.testing import CliRunner

import ossicle as package
from ossicle.cli.commands import build
from ossicle.emulator import Emulator
from ossicle.errors import RefusedError
from ossicle.pattern import Pattern

RATE = 16000
PATTERN = Pattern(3600 * RATE)


@pytest.fixture(scope="module")
def board() -> Iterator[Emulator]:
    """In real time, on a line that has a speed."""
    with Emulator(PATTERN) as emulator:
        yield emulator
        assert emulator.failure is None


def figures(done: Done, code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.realtime
def test_a_stream_through_rfc2217_at_the_speed_it_needs(board: Emulator, ossicle: Run) -> None:
    with Remote(board.port, "rfc2217") as remote:
        found = figures(ossicle("soak", "--device", remote.url, "--seconds", "1.5"))
    assert (found["wrong"], found["lost"], found["gaps"], found["failure"]) == (0, 0, 0, None)
    assert found["frames_delivered"] >= 1.5 * RATE
    assert found["baud"] == 921600
    assert remote.speeds == [115200, 921600, 115200], "and left as it was found"


def test_socket_keeps_the_far_ends_speed(board: Emulator) -> None:
    """What does not fit is refused with what helps; what fits is heard."""
    with Remote(board.port, "socket") as remote:
        with pytest.raises(RefusedError, match=r"115200 baud.*rfc2217:// can, or take codec adpcm"):
            package.open(remote.url)
        with package.open(remote.url, codec="adpcm") as mic:
            block = mic.read(4000)
            assert (block.start, len(block), block.gaps) == (0, 4000, ())
            assert mic.stats.link.baud is None
    assert remote.speeds == [115200]
    assert remote.clients == 2


@pytest.mark.realtime
@pytest.mark.parametrize(("kind", "codec"), [("rfc2217", "pcm16"), ("socket", "adpcm")])
def test_a_port_server_that_hangs_up_costs_nothing(board: Emulator, kind: str, codec: str) -> None:
    """The port is opened again, and the stream goes on with what the ring held."""
    with Remote(board.port, kind) as remote, package.open(remote.url, codec=codec) as mic:
        mic.read(1600)
        remote.drop()
        block = mic.read(RATE, timeout=20)
        assert (block.start, len(block), block.gaps) == (1600, RATE, ())
    assert remote.clients == 2, "it was not opened again"


def test_no_server_is_one_line(ossicle: Run) -> None:
    for kind in ("rfc2217", "socket"):
        done = ossicle("soak", "--device", f"{kind}://127.0.0.1:1")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"{kind}://127.0.0.1:1" in done.stderr


def test_soak_of_a_device_on_wifi(ossicle: Run) -> None:
    with Emulator(PATTERN, link="udp", host_port=47911, plain=True) as emulator:
        done = ossicle("soak", "--device", emulator.url, "--seconds", "1", "--channels", "1")
    found = figures(done)
    assert (found["wrong"], found["lost"]) == (0, 0)
    assert found["frames_delivered"] >= RATE


def test_soak_of_stereo(ossicle: Run) -> None:
    with Emulator(Pattern(30 * RATE, channels=2), speed="max") as emulator:
        found = figures(
            ossicle("soak", "--device", emulator.url, "--seconds", "20", "--channels", "2", "--json")
        )
    assert (found["wrong"], found["lost"], found["channels"]) == (0, 0, 2)
    assert found["frames_delivered"] >= 20 * RATE


@pytest.mark.realtime
def test_soak_tells_what_was_lost_before_the_ring(ossicle: Run) -> None:
    """The firmware does not come to fetch for longer than DMA can hold."""
    with Emulator(PATTERN, stalls=[(RATE // 2, RATE)]) as emulator:
        found = figures(ossicle("soak", "--device", emulator.url, "--seconds", "2"), 1)
    assert found["wrong"] == 0
    assert found["gaps"] == 1
    assert found["lost"] > 0.5 * RATE
    assert list(found["lost_by_cause"]) == ["capture"]


def test_soak_of_a_stream_that_ends_before_its_time(ossicle: Run) -> None:
    with Emulator(Pattern(RATE), speed="max") as emulator:
        done = ossicle("soak", "--device", emulator.url, "--seconds", "2")
    assert figures(done, 1)["failure"] == "the stream ended before its time"
    assert "ended before its time" in done.stderr.splitlines()[-1]


def test_soak_of_a_microphone_compares_nothing(ossicle: Run, speech: Path) -> None:
    with Emulator(speech, speed="max") as emulator:
        done = ossicle("soak", "--device", emulator.url, "--seconds", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "set mic=pattern" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "auto", "--drop", "0.1", "--kill", "2"], "--drop, --kill"),
        (["--channels", "2"], "are for --device"),
        (["--rate", "8000"], "are for --device"),
    ],
    ids=str,
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(build(["soak", "demo"]), ["soak", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
