"""`ossicle soak` on every link, short; `tests/soak/` has the long runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commandline import Run as Command
from typer.testing import CliRunner

from ossicle.cli.commands import build
from ossicle.soak.plan import Faults, Plan, Span
from ossicle.soak.report import Outcome
from ossicle.soak.run import Run

FAULTS = Faults(drop=0.1, corrupt=0.02, reorder=0.05, dup=0.02, seed=11)
KEYS = {
    "frames_captured",
    "frames_delivered",
    "wrong",
    "lost",
    "lost_within_ring",
    "gaps",
    "resent_share",
    "overhead",
    "latency_ms",
    "host_peak_mb",
    "device_heap_bytes",
}


def soak(**plan: Any) -> tuple[Outcome, dict[str, Any]]:
    outcome = Run(Plan(**plan)).go()
    figures = outcome.figures()
    assert outcome.failure == "", figures
    return outcome, figures


def assert_nothing_lost(figures: dict[str, Any], seconds: float) -> None:
    frames = round(seconds * 16000)
    told = {name: figures[name] for name in ("frames_captured", "frames_delivered", "wrong", "lost", "gaps")}
    assert told == {
        "frames_captured": frames,
        "frames_delivered": frames,
        "wrong": 0,
        "lost": 0,
        "gaps": 0,
    }, figures


@pytest.mark.realtime
@pytest.mark.parametrize("link", ["serial", "udp", "ws"])
def test_faults_two_outages_and_a_kill(link: str) -> None:
    outages = (Span(0.2, 0.7), Span(1.3, 0.3))
    outcome, figures = soak(link=link, faults=FAULTS, outages=outages, kills=(2.1,), seconds=3)
    assert_nothing_lost(figures, 3)
    assert outcome.holds
    assert (figures["streams"], figures["kills"], len(figures["recovery_ms"])) == (1, 1, 4)
    assert figures["up"]["dropped"] > 0, "there were faults"
    assert figures["up"]["audio"] >= 94
    assert figures["latency_ms"]["p50"] >= 32, "a hop takes that long"
    assert 10 < figures["host_peak_mb"] < 500
    assert 70_000 < figures["device_heap_bytes"] < 300_000


def test_flat_out() -> None:
    _, figures = soak(link="udp", faults=FAULTS, seconds=20, flat_out=True)
    assert_nothing_lost(figures, 20)
    assert figures["resent_share"] > 0.05


@pytest.mark.realtime
def test_two_boards_at_once_and_late_packets() -> None:
    faults = Faults(drop=0.05, delay_ms=5, jitter_ms=10, seed=2)
    _, figures = soak(link="udp", faults=faults, stalls=(Span(0.5, 0.3),), seconds=2, devices=2, plain=True)
    assert_nothing_lost(figures, 4)
    assert figures["streams"] == 2
    assert figures["latency_ms"]["p50"] > 32 + 5


@pytest.mark.realtime
def test_the_command(ossicle: Command) -> None:
    """A live receiver gives up after 0.2 s what the ring holds for two: that must be found."""
    done = ossicle("soak", "--mode", "live", "--outage", "0.5:0.8", "--seconds", "2", "--seed", "5")
    assert done.returncode == 1, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) >= KEYS
    assert list(figures)[: len(KEYS)] == [key for key in figures if key in KEYS]
    assert set(figures["latency_ms"]) == {"p50", "p99", "p999", "max"}
    assert (figures["wrong"], figures["gaps"], figures["seed"]) == (0, 1, 5)
    assert 0.2 * 16000 < figures["lost_within_ring"] == figures["lost"] < 16000
    assert figures["frames_delivered"] + figures["lost"] == figures["frames_captured"] == 32000
    assert "ring held" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--outage", "5"], "AT:SECONDS"),
        (["--drop", "2"], "probability"),
        (["--link", "tcp"], "serial, udp or ws"),
        (["--outage", "59:5"], "not over within"),
        (["--devices", "2"], "udp or ws"),
        (["--seconds", "0"], "--seconds"),
    ],
    ids=str,
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(build(["soak", "demo"]), ["soak", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
