"""Faults of a microphone's wiring, planted in its slots, are named after the board's own conversion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slots
from slots import Slots

from ossicle.doctor.collect import listen, other_slot
from ossicle.doctor.examine import examine
from ossicle.doctor.finding import Finding
from ossicle.emulator import Emulator
from ossicle.recording import RawSlots


def found(of: Slots, **options: Any) -> list[Finding]:
    return examine(slots.hear(of, **options))


def names(of: Slots, **options: Any) -> list[str]:
    return [each.name for each in found(of, **options)]


def random_slots(count: int) -> Slots:
    return np.random.default_rng(3).integers(-(2**31), 2**31, count)


def held(of: Slots) -> Slots:
    """What the line held last: all ones or all zeros, as of a slot that nobody drives."""
    return -(of >> 8 & 1)


def with_breaks(of: Slots) -> Slots:
    """A contact that opens for 30 ms, four times."""
    broken = of.copy()
    for at in range(20000, len(of), 18000):
        start = at + int(np.argmax(np.abs(of[at : at + 8000])))
        broken[start : start + 480] = 0
    return broken


Plant = Callable[[Slots], Slots]
FAULTS: list[tuple[str, str, Plant, dict[str, Any]]] = [
    ("no data line", "silent", lambda s: s * 0, {}),
    ("data line high", "silent", lambda s: s * 0 - 1, {}),
    ("data line on a clock", "silent", lambda s: s * 0 + 0x55555555, {"config": {"dc_blocker": False}}),
    ("the other slot's last bit", "silent", held, {}),
    ("floating data line", "floating", lambda s: random_slots(len(s)), {}),
    ("floating, shift 16", "floating", lambda s: random_slots(len(s)), {"config": {"shift": 16}}),
    ("one bit late", "one_bit_shift", slots.late, {}),
    ("one bit late, line high before", "one_bit_shift", lambda s: slots.late(s, 1), {}),
    ("one bit late, no blocker", "one_bit_shift", slots.late, {"config": {"dc_blocker": False}}),
    (
        "one bit late, anything before, no blocker",
        "one_bit_shift",
        lambda s: slots.late(s, random_slots(len(s)) & 1),
        {"config": {"dc_blocker": False}},
    ),
    ("bit 22 always 0", "stuck_bits", lambda s: s & ~(1 << 22), {}),
    ("bit 19 always 1", "stuck_bits", lambda s: s | 1 << 19, {}),
    ("bit 19 always 1, no blocker", "stuck_bits", lambda s: s | 1 << 19, {"config": {"dc_blocker": False}}),
    ("loose contact", "breaks", with_breaks, {}),
]


@pytest.mark.parametrize(("what", "name", "plant", "options"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_of_the_wiring_is_named(
    speech: Path, what: str, name: str, plant: Plant, options: dict[str, Any]
) -> None:
    told = found(plant(slots.of(speech)), **options)
    assert [each.name for each in told if each.severity == "fault"] == [name]
    assert told[0].cure


@pytest.mark.parametrize("config", [{}, {"dc_blocker": False, "shift": 15}])
def test_a_good_microphone_has_none(speech: Path, config: dict[str, Any]) -> None:
    assert names(slots.of(speech), config=config) == []


def test_a_late_microphone_that_is_told_to_be_late_has_none(speech: Path) -> None:
    """The cure for `one_bit_shift`."""
    assert names(slots.late(slots.of(speech), 1), config={"late": 1}) == []


def test_low_bits_that_carry_nothing(speech: Path) -> None:
    """Of a microphone of 16 bits the two lowest of the converted sample are 0, and that is all right."""
    assert names(slots.of(speech) & ~0xFFFF) == []
    (only,) = found(slots.of(speech) & ~0x7FFFF)
    assert (only.name, only.severity, only.numbers["bits"]) == ("stuck_bits", "hint", "0,1,2,3,4")


def test_the_other_slot_is_looked_into(speech: Path) -> None:
    good = slots.of(speech)
    empty = held(good)
    with Emulator(RawSlots(slots.signed(slots.pair(empty, good))), speed="max", conversion="real") as board:
        heard = listen(board.url, 60)
        assert [each.name for each in examine(heard)] == ["silent"]
        told = examine(replace(heard, other=other_slot(board.url, "left")))
    assert [each.name for each in told] == ["wrong_slot"]
    assert told[0].numbers["sound"] == "right"


def test_two_empty_slots_are_no_wrong_slot(speech: Path) -> None:
    heard = slots.hear(slots.of(speech) * 0)
    told = examine(replace(heard, other=heard.sound))
    assert [each.name for each in told] == ["silent"]


def test_one_of_two_microphones_is_empty(speech: Path) -> None:
    good = slots.of(speech)
    (only,) = found(slots.pair(good, held(good)), channels=2)
    assert (only.name, only.channel) == ("silent", "right")
