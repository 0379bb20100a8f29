"""Where streams are cut into objects, and which object tells what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossicle.archive.cutter import UNTOLD, Cutter, Piece
from ossicle.archive.entry import GAPS_MAX, SEGMENTS_MAX, GapRow, SegmentRow

STEP = 100


def ranges(pieces: list[Piece]) -> list[tuple[int, int]]:
    return [(piece.start, piece.stop) for piece in pieces]


def test_cut_by_position_and_closed_by_the_first_frame_beyond() -> None:
    cutter = Cutter(STEP)
    assert cutter.audio(30, 70) == []
    assert ranges(cutter.audio(100, 1)) == [(30, 100)]
    assert ranges(cutter.audio(101, 250)) == [(100, 200), (200, 300)]
    assert ranges(cutter.end()) == [(300, 351)]


def test_a_segment_told_late_goes_into_the_object_that_is_open() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 100)
    assert cutter.segment(20, 90, "silence") == []
    (piece,) = cutter.audio(100, 10)
    assert piece.segments == (SegmentRow(20, 90, "silence"),)


def test_a_gap_inside_is_a_row() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 10)
    assert cutter.gap(10, 40, "capture", True) == []
    cutter.audio(40, 20)
    (piece,) = cutter.end()
    assert piece == Piece(0, 60, (GapRow(10, 40, "capture", True),), ())


def test_a_gap_up_to_the_end_of_an_object_stays_in_it() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 90)
    cutter.gap(90, 100, "capture")
    (piece,) = cutter.audio(100, 5)
    assert piece == Piece(0, 90, (GapRow(90, 100, "capture"),), ())
    assert cutter.end() == [Piece(100, 105, (), ())]


@pytest.mark.parametrize("stop", [101, 5000, None])
def test_a_gap_that_leaves_the_object_is_told_by_the_next(stop: int | None) -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 90)
    assert cutter.gap(90, stop, "overwritten") == []
    (first,) = cutter.audio(6000, 5) if stop is None else cutter.audio(stop, 5)
    assert first == Piece(0, 90, (), ())
    (second,) = cutter.end()
    assert second.gaps[0] == GapRow(90, stop, "overwritten")


def test_a_gap_that_nothing_follows_is_told_by_the_last_object() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 90)
    cutter.gap(90, None, "reset")
    assert cutter.end() == [Piece(0, 90, (GapRow(90, None, "reset"),), ())]
    assert cutter.untold == 0


def test_a_gap_before_the_first_frame() -> None:
    cutter = Cutter(STEP)
    cutter.gap(0, 250, "overwritten")
    cutter.audio(250, 10)
    assert cutter.end() == [Piece(250, 260, (GapRow(0, 250, "overwritten"),), ())]


def test_what_nothing_follows_and_nothing_precedes_is_counted() -> None:
    cutter = Cutter(STEP)
    cutter.gap(0, 250, "overwritten")
    cutter.segment(0, 5, "end")
    assert cutter.end() == []
    assert cutter.untold == 2


def test_positions_that_jump_are_a_gap() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 10)
    cutter.audio(15, 10)
    assert cutter.end() == [Piece(0, 25, (GapRow(10, 15, UNTOLD),), ())]


def test_frames_that_come_again_are_left_out() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 50)
    cutter.audio(20, 10)
    cutter.audio(40, 20)
    assert ranges(cutter.end()) == [(0, 60)]
    assert cutter.repeated == 20


def test_flush_closes_in_the_middle_and_tells_what_waits() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 40)
    cutter.gap(40, 5000, "overwritten")
    assert cutter.flush() == [Piece(0, 40, (GapRow(40, 5000, "overwritten"),), ())]
    assert cutter.flush() == []
    cutter.audio(5000, 10)
    assert cutter.end() == [Piece(5000, 5010, (), ())]


def test_one_gap_or_segment_too_many_begins_the_next_object() -> None:
    cutter = Cutter(10 * GAPS_MAX)
    done = []
    for n in range(GAPS_MAX + 2):
        done += cutter.audio(4 * n, 2)
        done += cutter.gap(4 * n + 2, 4 * n + 4, "capture")
    assert ranges(done) == [(0, 4 * GAPS_MAX + 2)]
    assert [len(piece.gaps) for piece in done + cutter.end()] == [GAPS_MAX, 2]

    cutter = Cutter(10 * SEGMENTS_MAX)
    done = []
    for n in range(SEGMENTS_MAX + 2):
        done += cutter.audio(4 * n, 4)
        done += cutter.segment(4 * n, 4 * n + 3, "silence")
    assert [len(piece.segments) for piece in done + cutter.end()] == [SEGMENTS_MAX, 2]


def test_gaps_without_a_frame_between_them_stay_bounded() -> None:
    cutter = Cutter(STEP)
    cutter.audio(0, 1)
    for n in range(3 * GAPS_MAX):
        cutter.gap(1 + 1000 * n, 1 + 1000 * (n + 1), "overwritten")
    (piece,) = cutter.end()
    assert len(piece.gaps) == GAPS_MAX
    assert piece.gaps[-1] == GapRow(1 + 1000 * (GAPS_MAX - 1), 1 + 3000 * GAPS_MAX, "overwritten", True)
    assert cutter.joined == 2 * GAPS_MAX


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("audio"), st.integers(1, 150)),
        st.tuples(st.just("gap"), st.integers(1, 300)),
        st.tuples(st.just("unknown"), st.integers(1, 300)),
        st.tuples(st.just("segment"), st.just(0)),
        st.tuples(st.just("flush"), st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS, first=st.integers(0, 250))
def test_every_frame_and_every_row_is_told_once(steps: list[tuple[str, int]], first: int) -> None:
    cutter = Cutter(STEP)
    at = first
    heard: set[int] = set()
    gaps, segments, pieces = [], [], []
    for what, n in steps:
        if what == "audio":
            pieces += cutter.audio(at, n)
            heard.update(range(at, at + n))
            at += n
        elif what == "segment":
            segments.append(SegmentRow(max(0, at - 5), at, "silence"))
            pieces += cutter.segment(max(0, at - 5), at, "silence")
        elif what == "flush":
            pieces += cutter.flush()
        else:
            gaps.append(GapRow(at, at + n if what == "gap" else None, "capture"))
            pieces += cutter.gap(at, gaps[-1].stop, "capture")
            at += n if what == "gap" else 0
    pieces += cutter.end()
    told = [n for piece in pieces for n in range(piece.start, piece.stop)]
    assert len(told) == len(set(told))
    silence = {n for row in gaps if row.stop is not None for n in range(row.start, row.stop)}
    assert set(told) - silence == heard
    assert all(piece.start // STEP == (piece.stop - 1) // STEP for piece in pieces)
    rows = [row for piece in pieces for row in piece.gaps]
    assert rows == gaps[: len(rows)]
    assert len(gaps) - len(rows) + len(segments) - sum(len(p.segments) for p in pieces) == cutter.untold
