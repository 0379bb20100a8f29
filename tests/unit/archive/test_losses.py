"""What an object would have told is told by the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossicle.archive.entry import GAPS_MAX, SEGMENTS_MAX, GapRow, SegmentRow
from ossicle.archive.losses import OVERFLOW, Losses, fitted, joined, without


def test_an_object_that_came_to_nothing_is_a_gap_and_its_rows_go_on() -> None:
    losses = Losses()
    losses.add(0, 100, [GapRow(10, 40, "capture")], [SegmentRow(5, 9, "gap")])
    losses.add(100, 200, [], [])
    assert losses.waiting == 4
    gaps, segments = losses.take([GapRow(250, 260, "capture")], [SegmentRow(210, 250, "gap")])
    assert gaps == (
        GapRow(0, 10, OVERFLOW),
        GapRow(10, 40, "capture"),
        GapRow(40, 200, OVERFLOW),
        GapRow(250, 260, "capture"),
    )
    assert segments == (SegmentRow(5, 9, "gap"), SegmentRow(210, 250, "gap"))
    assert (losses.waiting, losses.untold) == (0, 0)
    assert losses.take([], []) == ((), ())


def test_both_kinds_of_rows_are_bounded() -> None:
    losses = Losses()
    for n in range(3):
        gaps = [GapRow(1000 * n + 2 * i, 1000 * n + 2 * i + 1, "capture") for i in range(GAPS_MAX)]
        losses.add(1000 * n, 1000 * n + 1, gaps, [SegmentRow(0, 1, "end")] * SEGMENTS_MAX)
    assert losses.untold == 2 * SEGMENTS_MAX
    gaps_told, segments = losses.take([], [SegmentRow(2, 3, "end")])
    assert len(gaps_told) == GAPS_MAX
    assert gaps_told[-1].stop == 2000 + 2 * GAPS_MAX - 1
    assert gaps_told[-1].estimated
    assert len(segments) == SEGMENTS_MAX
    assert losses.waiting == 1


def test_gaps_of_unknown_length_stay_unknown() -> None:
    rows = [GapRow(n, n + 1, "capture") for n in range(GAPS_MAX)]
    assert fitted([*rows, GapRow(GAPS_MAX, None, "reset")])[-1].stop is None


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda r: (r[0], r[0] + r[1])))


@given(ranges=RANGES, gaps=RANGES)
def test_ranges_are_sets_of_positions(ranges: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> None:
    def positions(told: list[tuple[int, int]]) -> set[int]:
        return {n for start, stop in told for n in range(start, stop)}

    ordered = joined(sorted(ranges))
    assert positions(ordered) == positions(ranges)
    left = without(ordered, [GapRow(start, stop, "capture") for start, stop in gaps])
    assert positions(left) == positions(ranges) - positions(gaps)
    assert len(positions(left)) == sum(stop - start for start, stop in left)
