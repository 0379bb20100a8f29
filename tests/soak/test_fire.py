"""Under fire for as long as the promises say: `python3 tools/dev.py soak`.

The device's ring is 64 KB, two seconds. OSSICLE_SOAK_HOURS sets the length of the flat-out runs.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from ossicle.soak.plan import Faults, Plan, Span
from ossicle.soak.report import Outcome
from ossicle.soak.run import Run

HOURS = float(os.environ.get("OSSICLE_SOAK_HOURS", "1"))
RATE = 16000
RING_FRAMES = 33792 - 512
HOP_MS = 32
DMA_MS = 16
CLEAN = Faults(seed=1)
BAD = Faults(drop=0.1, corrupt=0.02, reorder=0.05, dup=0.02, seed=1)
LINKS = ["serial", "udp", "ws"]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def soak(seconds: float, **plan: Any) -> tuple[Outcome, dict[str, Any]]:
    outcome = Run(Plan(seconds=seconds, **plan)).go()
    figures = outcome.figures()
    print(f"\n{figures}")
    assert outcome.failure == "", figures
    assert figures["wrong"] == 0
    assert figures["lost_before_ring"] == 0, "the machine was too busy to emulate a microphone"
    return outcome, figures


def nothing_lost(seconds: float, **plan: Any) -> dict[str, Any]:
    outcome, figures = soak(seconds, **plan)
    boards = plan.get("devices", 1)
    assert figures["frames_delivered"] == figures["frames_captured"] == seconds * RATE * boards
    assert (figures["lost"], figures["gaps"], figures["streams"]) == (0, 0, boards)
    assert outcome.holds
    return figures


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("link", LINKS)
def test_drop_corruption_reorder_and_duplicates(link: str, seed: int) -> None:
    faults = Faults(drop=0.1, corrupt=0.02, reorder=0.05, dup=0.02, seed=seed)
    figures = nothing_lost(60, link=link, faults=faults)
    assert figures["up"]["dropped"] > 150


@pytest.mark.parametrize("faults", [CLEAN, BAD], ids=["clean", "bad"])
@pytest.mark.parametrize("link", LINKS)
def test_three_outages(link: str, faults: Faults) -> None:
    outages = (Span(10, 1.5), Span(25, 1.5), Span(40, 1.5))
    nothing_lost(60, link=link, faults=faults, outages=outages)


@pytest.mark.parametrize("link", LINKS)
def test_three_kills(link: str) -> None:
    assert nothing_lost(60, link=link, kills=(10, 25, 40))["kills"] == 3


@pytest.mark.parametrize("link", LINKS)
def test_an_outage_longer_than_the_ring(link: str) -> None:
    """Exactly what the ring could not hold, in one gap; to come back may take a fifth of a second more."""
    outcome, figures = soak(30, link=link, outages=(Span(10, 4),))
    assert outcome.holds
    assert (figures["gaps"], figures["streams"]) == (1, 1)
    least = 4 * RATE - RING_FRAMES
    assert figures["lost_unavoidable"] == pytest.approx(least, abs=3 * 512)
    assert 0 <= figures["lost"] - figures["lost_unavoidable"] <= 0.2 * RATE


@pytest.mark.parametrize("link", LINKS)
def test_an_hour_flat_out(link: str) -> None:
    """The host's memory and the device's heap are at the end as at the start."""
    figures = nothing_lost(round(HOURS * 3600), link=link, faults=BAD, flat_out=True)
    assert figures["host_growth_mb"] < 1.0
    assert figures["device_heap_bytes"] == figures["device_heap_start_bytes"] > 0


@pytest.mark.parametrize("link", LINKS)
def test_live_latency(link: str) -> None:
    clean = nothing_lost(60, link=link, mode="live")
    assert clean["latency_ms"]["p99"] <= HOP_MS + DMA_MS + 15
    _, lossy = soak(60, link=link, mode="live", faults=Faults(drop=0.02, seed=1))
    assert lossy["latency_ms"]["p99"] <= HOP_MS + 60
    assert lossy["lost"] < 0.002 * lossy["frames_captured"]


@pytest.mark.parametrize("link", LINKS)
def test_overhead(link: str) -> None:
    """Sealed but for serial; of a WebSocket with the headers and masks of its frames, of serial with COBS."""
    assert nothing_lost(60, link=link)["overhead"] <= 0.04


@pytest.mark.parametrize("link", ["udp", "ws"])
def test_twenty_boards(link: str) -> None:
    faults = Faults(drop=0.05, corrupt=0.01, reorder=0.03, dup=0.01, seed=1)
    nothing_lost(60, link=link, faults=faults, devices=20)
