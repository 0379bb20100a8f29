"""Plans, lanes, gates, and what the worker says through its pipe."""

from __future__ import annotations

from collections import Counter

import pytest

from ossicle.soak import tape
from ossicle.soak.lane import Gate, Lane, corrupted
from ossicle.soak.messages import frame_size, head_size
from ossicle.soak.plan import DOWN, UP, Fate, Faults, Plan, Span, span

BAD = Faults(drop=0.1, dup=0.02, reorder=0.05, corrupt=0.03, delay_ms=5, jitter_ms=20, seed=3)


def test_the_same_seed_decides_the_same() -> None:
    one = [BAD.fate(0, UP, index) for index in range(500)]
    again = [Faults(0.1, 0.02, 0.05, 0.03, 5, 20, 3).fate(0, UP, index) for index in range(500)]
    assert one == again
    assert one[::-1] == [BAD.fate(0, UP, index) for index in reversed(range(500))], "in any order"
    others = [
        [BAD.fate(0, DOWN, index) for index in range(500)],
        [BAD.fate(1, UP, index) for index in range(500)],
        [Faults(0.1, 0.02, 0.05, 0.03, 5, 20, 4).fate(0, UP, index) for index in range(500)],
    ]
    assert all(one != other for other in others)


def test_faults_are_as_frequent_as_they_should_be() -> None:
    fates = [BAD.fate(0, UP, index) for index in range(20_000)]
    passed = [fate for fate in fates if not fate.drop]
    assert len(fates) - len(passed) == pytest.approx(2000, rel=0.1)
    assert sum(fate.dup for fate in passed) == pytest.approx(0.02 * len(passed), rel=0.2)
    assert sum(fate.reorder for fate in passed) == pytest.approx(0.05 * len(passed), rel=0.15)
    assert sum(fate.corrupt is not None for fate in passed) == pytest.approx(0.03 * len(passed), rel=0.2)
    delays = [fate.delay_s for fate in passed]
    assert min(delays) == pytest.approx(0.005, abs=1e-4)
    assert max(delays) == pytest.approx(0.025, abs=1e-4)
    assert all(Faults(seed=7).fate(0, UP, index).plain for index in range(100))


@pytest.mark.parametrize(
    "text", ["", "5", "5:", ":1", "a:1", "-1:2", "1:0", "1:-1", "nan:1", "1:nan", "1:inf"]
)
def test_a_span_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="AT:SECONDS"):
        span(text)


def test_a_span() -> None:
    assert span("10:1.5") == Span(10.0, 1.5)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"link": "usb"}, "serial, udp or ws"),
        ({"devices": 0}, "from 1 to 32"),
        ({"outages": (Span(1, 2),), "stalls": (Span(2.5, 1),)}, "overlap"),
        ({"outages": (Span(9, 2),), "seconds": 10}, "not over"),
        ({"kills": (11.0,), "seconds": 10}, "not over"),
        ({"kills": (1.0,), "devices": 2, "link": "udp"}, "several devices"),
        ({"devices": 2}, "udp or ws"),
        ({"seconds": 1e5}, "seconds"),
    ],
)
def test_a_plan_that_makes_no_sense(plan: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Plan(**plan)  # type: ignore[arg-type]


@pytest.mark.parametrize("faults", [{"drop": 1.1}, {"dup": -0.1}, {"delay_ms": -1}, {"drop": float("nan")}])
def test_faults_that_make_no_sense(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="from 0 to"):
        Faults(**faults)  # type: ignore[arg-type]


def lane(*fates: Fate, gate: Gate | None = None, in_order: bool = False, loses: bool = True) -> Lane:
    """A lane with these fates for its first units, and none for the rest."""
    given = dict(enumerate(fates))
    return Lane(lambda index: given.get(index, Fate()), gate or Gate(), in_order=in_order, loses=loses)


def passed(through: Lane, units: list[bytes], times: list[float], last: float) -> list[bytes]:
    """What comes out of a lane, looked at as each unit goes in and at the end."""
    out = []
    for unit, now in zip(units, times, strict=True):
        through.put(unit, through.next_fate(), now)
        out += through.take(now)
    return out + through.take(last)


UNITS = [b"zero", b"one!", b"two!", b"three"]
TIMES = [0.0, 0.01, 0.02, 0.03]


@pytest.mark.parametrize(
    ("fate", "expected", "counted"),
    [
        (Fate(), [b"zero", b"one!", b"two!", b"three"], {}),
        (Fate(drop=True), [b"one!", b"two!", b"three"], {"dropped": 1}),
        (Fate(dup=True), [b"zero", b"zero", b"one!", b"two!", b"three"], {"duplicated": 1}),
        (Fate(reorder=True), [b"one!", b"zero", b"two!", b"three"], {"reordered": 1}),
        (Fate(delay_s=0.025), [b"one!", b"two!", b"zero", b"three"], {}),
    ],
)
def test_what_happens_to_a_unit(fate: Fate, expected: list[bytes], counted: dict[str, int]) -> None:
    through = lane(fate)
    assert passed(through, UNITS, TIMES, 1.0) == expected
    assert through.counts == Counter(counted)
    assert through.idle


def test_in_order_a_late_unit_holds_back_the_next() -> None:
    through = lane(Fate(delay_s=0.025), in_order=True)
    assert passed(through, UNITS[:3], TIMES[:3], 0.024) == []
    assert through.next_due() == pytest.approx(0.025)
    assert through.take(0.026) == UNITS[:3]


def test_a_changed_byte_is_another_one() -> None:
    through = lane(Fate(corrupt=0.6))
    unit = bytes(100)
    through.put(unit, through.next_fate(), 0.0, 40)
    (found,) = through.take(0.0)
    changed = [index for index in range(100) if found[index] != unit[index]]
    assert changed == [76]
    assert corrupted(b"", 0.5) == b""
    assert all(corrupted(b"abc", place / 997) != b"abc" for place in range(997))


def test_a_held_unit_waits_for_the_next_but_not_for_ever() -> None:
    through = lane(Fate(reorder=True))
    through.put(b"a", through.next_fate(), 0.0)
    assert through.take(0.05) == []
    assert through.next_due() is not None
    assert through.take(0.2) == [b"a"]


def test_an_outage_takes_what_passes() -> None:
    gate = Gate((Span(1.0, 0.5),))
    through = lane(gate=gate)
    assert gate.outage(1.2) is None, "it has not begun"
    gate.begin(10.0)
    gate.begin(11.0)
    assert [gate.outage(at) for at in (10.9, 11.0, 11.4, 11.5)] == [None, 0, 0, None]
    assert passed(through, [b"a", b"b", b"c"], [10.9, 11.2, 11.6], 20.0) == [b"a", b"c"]
    assert through.counts["cut"] == 1
    assert gate.closed() == [(11.0, 11.5)]


def test_an_outage_holds_what_tcp_does_not_lose() -> None:
    gate = Gate((Span(1.0, 0.5),))
    gate.begin(10.0)
    through = lane(gate=gate, in_order=True, loses=False)
    through.put(b"a", through.next_fate(), 11.1)
    assert through.take(11.2) == []
    assert through.take(11.5) == [b"a"]
    through.put(b"b", through.next_fate(), 12.0)
    through.clear()
    assert through.take(13.0) == []


def test_a_stall_gives_everything_late() -> None:
    gate = Gate((), (Span(1.0, 0.5),))
    gate.begin(10.0)
    through = lane(gate=gate)
    assert passed(through, [b"a", b"b", b"c"], [11.0, 11.2, 11.6], 20.0) == [b"a", b"b", b"c"]
    assert through.counts["cut"] == 0
    assert gate.closed() == [(11.0, 11.5)]


def test_what_waits_is_bounded() -> None:
    through = lane(*[Fate(delay_s=1.0)] * 5000)
    for _ in range(5000):
        through.put(bytes(1000), through.next_fate(), 0.0)
    assert through.counts["refused"] == 5000 - (1 << 22) // 1000
    assert len(through.take(1.0)) == (1 << 22) // 1000
    through.put(bytes(1000), Fate(), 1.0)
    assert len(through.take(1.0)) == 1, "there is room again"


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("masked", [False, True])
def test_the_size_of_a_frame(size: int, masked: bool) -> None:
    """RFC 6455, 5.2, whole and in pieces."""
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x82, mask | size))
    elif size < 65_536:
        head = bytes((0x82, mask | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x82, mask | 127)) + size.to_bytes(8, "big")
    head += b"mask" if masked else b""
    for stop in range(len(head)):
        assert frame_size(head[:stop]) == 0
    assert head_size(head) == len(head)
    assert frame_size(head + b"x") == len(head) + size


def test_rows_come_out_of_the_pipe_as_they_went_in() -> None:
    rows = [
        tape.Row(tape.AUDIO, 3, 1 << 40, 12.5, bytes(range(200))),
        tape.Row(tape.GAP, 0, 7, 13.0, b'{"stop": 9}'),
        tape.Row(tape.ENDED, 1, 9, 14.0, b"{}"),
    ]
    data = b"".join(row.pack() for row in rows)
    for step in (1, 7, 100, len(data)):
        reader = tape.Reader()
        found = [row for at in range(0, len(data), step) for row in reader.feed(data[at : at + step])]
        assert found == rows
    assert rows[1].fields == {"stop": 9}
    assert tape.Reader().feed(data[:-1]) == rows[:2], "half a row is none"
