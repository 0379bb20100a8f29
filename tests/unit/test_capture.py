"""The loop under the listening commands: one timeline, every frame and gap once, a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from ossicle.cli.capture import Place, Totals, capture
from ossicle.cli.guard import Interrupts
from ossicle.proto.events import Audio, Ended, Event, Gap, Started


class Notes:
    """A consumer that writes down what it is fed."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.said: list[tuple[object, ...]] = []
        self.fail_at = fail_at

    def audio(self, start: int, frames: np.ndarray) -> None:
        if self.fail_at is not None and start >= self.fail_at:
            raise OSError("disk full")
        self.said.append(("audio", start, len(frames)))

    def stream(self, start: int, started: Started, position: int) -> None:
        self.said.append(("stream", start, started.stream_id, position))

    def gap(self, gap: Gap, frames: int | None) -> None:
        self.said.append(("gap", gap.start, gap.stop))

    def finish(self) -> None:
        self.said.append(("finish",))


def audio(start: int, count: int) -> Audio:
    return Audio(start, np.arange(count, dtype=np.int16))


def test_one_timeline_with_gaps() -> None:
    notes = Notes()
    events = [audio(0, 10), Gap(10, 14, "overwritten"), audio(14, 6), Ended(20)]
    totals = capture(events, [notes], Interrupts())
    assert notes.said == [("audio", 0, 10), ("gap", 10, 14), ("audio", 14, 6), ("finish",)]
    assert totals == Totals(frames=16, position=20, gaps=1, missing=4)


def test_a_reset_device_goes_on_after_what_came_before() -> None:
    notes = Notes()
    events = [audio(0, 10), Gap(10, None, "reset"), audio(0, 5), Gap(5, 7, "deadline"), audio(7, 1)]
    totals = capture(events, [notes], Interrupts())
    assert notes.said[1:] == [
        ("gap", 10, None),
        ("audio", 10, 5),
        ("gap", 15, 17),
        ("audio", 17, 1),
        ("finish",),
    ]
    assert (totals.position, totals.missing) == (18, 2)


def started(name: str, *, resumed: bool = False) -> Started:
    return Started(name.encode().ljust(8), 1, 16000, 1, 512, 0, 1.0, 0, 33792, 0, 0, resumed)


A, B = b"a".ljust(8), b"b".ljust(8)


def test_streams_are_told_where_they_begin() -> None:
    notes = Notes()
    events = [started("a"), audio(0, 10), started("a", resumed=True), audio(10, 2), Gap(12, None, "reset")]
    capture([*events, started("b"), Gap(0, 3, "overwritten"), audio(3, 1)], [notes], Interrupts())
    assert notes.said == [
        ("stream", 0, A, 0),
        ("audio", 0, 10),
        ("audio", 10, 2),
        ("gap", 12, None),
        ("stream", 12, B, 0),
        ("gap", 12, 15),
        ("audio", 15, 1),
        ("finish",),
    ]


@pytest.mark.parametrize("reset", [False, True])
def test_the_timeline_goes_on_where_an_earlier_loop_left_it(reset: bool) -> None:
    """Frame 100 of it is frame 40 of stream a."""
    notes = Notes()
    same = [started("a", resumed=True), audio(40, 5)]
    other = [Gap(40, None, "reset"), started("b"), audio(0, 5)]
    totals = capture(
        other if reset else same,
        [notes],
        Interrupts(),
        place=Place(100, 40, A),
        totals=Totals(frames=90, position=100, gaps=1, missing=10),
    )
    new = [("gap", 100, None), ("stream", 100, B, 0)]
    assert notes.said == [*(new if reset else []), ("audio", 100, 5), ("finish",)]
    assert totals == Totals(frames=95, position=105, gaps=1 + reset, missing=10)


@pytest.mark.parametrize("limit", [None, 25])
def test_a_gap_that_is_too_long_takes_no_time(limit: int | None) -> None:
    notes = Notes()
    events = [started("a"), audio(0, 10), Gap(10, 5010, "overwritten"), audio(5010, 8)]
    totals = capture(
        [*events, Gap(5018, 5020, "x"), audio(5020, 9)], [notes], Interrupts(), limit, longest=99
    )
    assert notes.said == [
        ("stream", 0, A, 0),
        ("audio", 0, 10),
        ("gap", 10, None),
        ("stream", 10, A, 5010),
        ("audio", 10, 8),
        ("gap", 18, 20),
        ("audio", 20, 9 if limit is None else 5),
        ("finish",),
    ]
    assert totals.missing == 5002


@pytest.mark.parametrize(
    ("limit", "want"),
    [
        (10, [("audio", 0, 10), ("finish",)]),
        (12, [("audio", 0, 10), ("gap", 10, 12), ("finish",)]),
        (17, [("audio", 0, 10), ("gap", 10, 14), ("audio", 14, 3), ("finish",)]),
    ],
)
def test_limit_is_exact(limit: int, want: list[tuple[object, ...]]) -> None:
    notes = Notes()
    totals = capture([audio(0, 10), Gap(10, 14, "x"), audio(14, 6)], [notes], Interrupts(), limit)
    assert notes.said == want
    assert totals.position == limit
    assert not totals.interrupted


def test_consumers_are_finished_when_one_fails() -> None:
    first, second = Notes(), Notes(fail_at=10)
    with pytest.raises(OSError, match="disk full"):
        capture([audio(0, 10), audio(10, 10), audio(20, 10)], [first, second], Interrupts())
    assert first.said == [("audio", 0, 10), ("audio", 10, 10), ("finish",)]
    assert second.said == [("audio", 0, 10), ("finish",)]


def test_ctrl_c_while_waiting_keeps_what_came() -> None:
    notes = Notes()

    def events() -> Iterator[Event]:
        yield audio(0, 10)
        os.kill(os.getpid(), signal.SIGINT)
        yield audio(10, 10)

    with Interrupts().installed() as interrupts:
        totals = capture(events(), [notes], interrupts)
    assert notes.said == [("audio", 0, 10), ("finish",)]
    assert totals.interrupted


def test_ctrl_c_never_cuts_a_write() -> None:
    class Slow(Notes):
        def audio(self, start: int, frames: np.ndarray) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            super().audio(start, frames)

    notes = Slow()
    with Interrupts().installed() as interrupts:
        totals = capture([audio(0, 10), audio(10, 10)], [notes], interrupts)
    assert notes.said == [("audio", 0, 10), ("finish",)]
    assert totals.interrupted
