"""One stream out of its objects: every position once, from an object that really has it, or for a reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossicle.archive.entry import GapRow
from ossicle.archive.track import MISSING, Cut, Piece, Track


def piece(start: int, stop: int, *gaps: GapRow, time: float | None = None, key: str = "") -> Piece:
    at = 100.0 + start / 10 if time is None else time
    return Piece(key or f"{start}-{stop}", start, stop, at, 0.01, 10.0, gaps)


def told(track: Track, start: int, stop: int) -> list[tuple[int, int, str]]:
    return [
        (cut.start, cut.stop or 0, cut.piece.key if isinstance(cut, Cut) else cut.cause)
        for cut in track.cuts(start, stop)
    ]


def test_objects_gaps_and_what_is_missing() -> None:
    lost, over = GapRow(10, 14, "lost"), GapRow(20, 35, "capture", True)
    track = Track([piece(35, 40, over), piece(0, 20, lost), piece(50, 60)])
    assert told(track, 0, 60) == [
        (0, 10, "0-20"),
        (10, 14, "lost"),
        (14, 20, "0-20"),
        (20, 35, "capture"),
        (35, 40, "35-40"),
        (40, 50, MISSING),
        (50, 60, "50-60"),
    ]
    assert told(track, 12, 37) == [
        (12, 14, "lost"),
        (14, 20, "0-20"),
        (20, 35, "capture"),
        (35, 37, "35-40"),
    ]
    assert [gap.estimated for gap in track.cuts(0, 60) if isinstance(gap, GapRow)] == [False, True, False]


def test_a_frame_of_two_writers_is_taken_once_and_from_who_has_it() -> None:
    late = piece(0, 20, GapRow(5, 15, "overflow"), key="late")
    whole = piece(0, 20, GapRow(12, 13, "lost"), key="whole")
    expected = [(0, 12, "whole"), (12, 13, "overflow"), (13, 20, "whole")]
    assert told(Track([late, whole]), 0, 20) == expected


def test_bounds_reach_into_gaps_that_adjoin() -> None:
    track = Track([piece(10, 20, GapRow(4, 8, "lost"), GapRow(8, 10, "lost"), GapRow(20, 25, "lost"))])
    assert (track.low, track.high) == (4, 25)
    assert track.time_of(4) == 100.4
    assert track.position_at(0) == 4
    assert track.position_at(1e9) == 25
    assert track.unknown_gap() is None
    unknown = GapRow(20, None, "reboot")
    assert Track([piece(10, 20, unknown)]).unknown_gap() == unknown


def test_times_name_positions_that_never_go_back() -> None:
    # The second object's clock is 0.25 s behind what the first one thought.
    track = Track([piece(0, 20), piece(20, 40, time=101.75)])
    positions = [track.position_at(99.0 + n / 100) for n in range(700)]
    assert positions == sorted(positions)
    assert positions[0] == 0
    assert positions[-1] == 40
    assert track.position_at(100.05) == 1
    assert track.position_at(100.1) == 1
    assert track.position_at(101.8) == 21


spans = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda span: (span[0], sum(span)))


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    pieces = []
    for n, (start, stop) in enumerate(draw(st.lists(spans, min_size=1, max_size=6))):
        gaps = [GapRow(a, b, f"gap{n}") for a, b in draw(st.lists(spans, max_size=3))]
        pieces.append(piece(start, stop, *gaps, key=f"{n}"))
    return Track(pieces)


@given(tracks(), spans)
def test_every_position_is_told_once(track: Track, span: tuple[int, int]) -> None:
    start, stop = span
    at = start
    real = {
        (one.key, p)
        for one in track.pieces
        for p in range(one.start, one.stop)
        if not any(gap.start <= p < (gap.stop or 0) for gap in one.gaps)
    }
    for cut in track.cuts(start, stop):
        assert cut.start == at
        assert cut.stop is not None
        assert cut.stop > at
        for position in range(cut.start, cut.stop):
            if isinstance(cut, Cut):
                assert (cut.piece.key, position) in real
            else:
                assert all(p != position for _, p in real)
                gaps = {gap.cause for gap in track.gaps if gap.start <= position < (gap.stop or 0)}
                assert cut.cause in (gaps or {MISSING})
        at = cut.stop
    assert at == stop
