"""What a link counted, judged without a board: the faults that a test's board cannot have at will."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ossicle.doctor import device, link, report
from ossicle.doctor.evidence import Link
from ossicle.proto.events import Hello

GOOD = Link("serial", 10.0, 16000, 1, "pcm16", 160_000, Hello(1, board="esp32"), baud=921600, packets_in=400)


def named(of: Link) -> dict[str, Any]:
    found = (check(of) for check in (*link.CHECKS, *device.CHECKS))
    return {each.name: each for each in found if each is not None}


def ticks(rate: float, seconds: int, *, began: int = 0, captured: int = 0) -> tuple[tuple[float, int], ...]:
    """STATUS once a second, frames counted in whole DMA buffers."""
    return tuple(
        (
            ((began + second * 1000) % (1 << 30)) / 1000,
            (captured + int(second * rate) // 256 * 256) % (1 << 30),
        )
        for second in range(seconds)
    )


def test_nothing_is_wrong() -> None:
    assert named(GOOD) == {}


def test_a_restart_in_mid_stream() -> None:
    found = named(replace(GOOD, gaps={"reset": 2}, lost={"reset": 0}))
    assert set(found) == {"restarted"}
    assert found["restarted"].numbers["times"] == 2


def test_samples_that_this_computer_did_not_take() -> None:
    found = named(replace(GOOD, gaps={"overflow": 1}, lost={"overflow": 1600}))
    assert set(found) == {"lost_host"}
    assert "100 ms" in found["lost_host"].text


@pytest.mark.parametrize("rate", [15_900, 16_100, 15_625, 32_000])
def test_a_wrong_rate_by_the_boards_own_clock(rate: int) -> None:
    found = named(replace(GOOD, ticks=ticks(rate, 11)))
    assert set(found) == {"rate"}
    assert float(found["rate"].numbers["rate"]) == pytest.approx(rate, rel=0.004)


@pytest.mark.parametrize("rate", [16_000, 15_999, 16_030])
def test_what_ten_seconds_cannot_tell_is_no_fault(rate: int) -> None:
    assert named(replace(GOOD, ticks=ticks(rate, 11))) == {}


def test_counters_that_wrap_are_no_wrong_rate() -> None:
    near = (1 << 30) - 4000
    wrapping = replace(GOOD, ticks=ticks(16_000, 11, began=near, captured=near))
    assert named(wrapping) == {}
    assert report.rate_of(wrapping)[0] == pytest.approx(16_000, rel=0.004)


def test_the_receivers_measurement_counts_where_there_is_one() -> None:
    assert set(named(replace(GOOD, ticks=ticks(16_000, 11), true_rate=15_940.0))) == {"rate"}
    assert named(replace(GOOD, ticks=ticks(15_000, 11), true_rate=16_001.0)) == {}


def test_a_board_that_plays_flat_out_has_no_rate() -> None:
    emulated = replace(GOOD, hello=Hello(1, board="emulator"), frames=640_000, ticks=ticks(64_000, 11))
    assert named(emulated) == {}
    assert report.rate_of(emulated) == (None, None, None)
    assert set(named(replace(emulated, hello=GOOD.hello))) == {"rate"}


def test_two_broken_packets_are_no_habit() -> None:
    assert named(replace(GOOD, garbled=2)) == {}
    assert set(named(replace(GOOD, garbled=3))) == {"link_loss"}
    assert named(replace(GOOD, packets_in=10_000, garbled=9)) == {}


def test_what_a_hello_says_in_another_type_is_not_believed() -> None:
    for said in (
        {"mic": "pattern"},
        {"mic": None},
        {"usb": 1},
        {"power_save": "yes"},
        {"reset": ["watchdog"]},
    ):
        assert named(replace(GOOD, hello=Hello(1, fields=said))) == {}
