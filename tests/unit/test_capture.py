"""The loop under the listening commands: one timeline, every frame and gap once, a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from ossicle.cli.capture import Totals, capture
from ossicle.cli.guard import Interrupts
from ossicle.proto.events import Audio, Ended, Event, Gap


class Notes:
    """A consumer that writes down what it is fed."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.said: list[tuple[object, ...]] = []
        self.fail_at = fail_at

    def audio(self, start: int, frames: np.ndarray) -> None:
        if self.fail_at is not None and start >= self.fail_at:
            raise OSError("disk full")
        self.said.append(("audio", start, len(frames)))

    def gap(self, gap: Gap) -> None:
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
