"""What `listen --archive` gives to an archive: streams by their own positions, whatever the timeline does."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from ossicle.audio.segmenter import Segment
from ossicle.cli.capture import Frames, capture
from ossicle.cli.guard import Interrupts
from ossicle.cli.keeper import ANCHOR_EACH_S, Keeper, Times
from ossicle.proto.events import Audio, Event, Gap, Started

RATE = 16000
A, B = b"aaaaaaaa", b"bbbbbbbb"


def started(stream: bytes, resumed: bool = False) -> Started:
    return Started(stream, 1, RATE, 1, 512, 0, 1.0, 0, 33792, 0, 0, resumed)


def audio(start: int, count: int) -> Audio:
    return Audio(start, np.full(count, 1, np.int16))


@dataclass
class Kept:
    """A stream of an archive that writes down what it is given."""

    stream: bytes
    said: list[tuple[object, ...]] = field(default_factory=list)

    def audio(self, start: int, frames: Frames) -> None:
        self.said.append(("audio", start, start + len(frames)))

    def gap(self, gap: Gap) -> None:
        self.said.append(("gap", gap.start, gap.stop, gap.cause))

    def segment(self, start: int, stop: int, ended_by: str) -> None:
        self.said.append(("segment", start, stop, ended_by))

    def close(self) -> None:
        self.said.append(("close",))


class Talk:
    """A voice detector to which everything is speech: a segment at each gap and at the end."""

    def __init__(self) -> None:
        self.take = lambda segment: None
        self.start: int | None = None
        self.stop = 0

    def stream(self, start: int, started: Started, position: int) -> None:
        pass

    def audio(self, start: int, frames: Frames) -> None:
        self.start = start if self.start is None else self.start
        self.stop = start + len(frames)

    def gap(self, gap: Gap, frames: int | None) -> None:
        self._tell("gap")

    def finish(self) -> None:
        self._tell("end")

    def _tell(self, why: str) -> None:
        if self.start is not None:
            self.take(Segment(self.start, self.stop, RATE, np.zeros(0, np.int16), why))
        self.start = None


def kept(events: list[Event], now: bytes = A, **limits: int) -> list[Kept]:
    streams: list[Kept] = []

    def open_stream(event: Started, times: Times) -> Kept:
        streams.append(Kept(event.stream_id))
        return streams[-1]

    microphone = SimpleNamespace(started=started(now), time_of=lambda position: None)
    voice = Talk()
    keeper = Keeper(open_stream, microphone, voice)
    voice.take = keeper.segment
    capture(events, [keeper], Interrupts(), **limits)
    return streams


def test_a_gap_and_the_speech_before_it() -> None:
    (only,) = kept([started(A), audio(0, 10), Gap(10, 14, "overwritten"), audio(14, 6)])
    assert only.said == [
        ("audio", 0, 10),
        ("segment", 0, 10, "gap"),
        ("gap", 10, 14, "overwritten"),
        ("audio", 14, 20),
        ("segment", 14, 20, "end"),
        ("close",),
    ]


def test_a_device_that_was_reset_has_another_stream() -> None:
    """On the timeline B's frames go on behind A's; in the archive they begin at 0."""
    a, b = kept(
        [
            started(A),
            Gap(0, 3, "overwritten"),
            audio(3, 7),
            started(A, resumed=True),
            audio(10, 2),
            Gap(12, None, "reset"),
            started(B),
            Gap(0, 5, "overwritten"),
            audio(5, 4),
        ]
    )
    assert (a.stream, b.stream) == (A, B)
    assert a.said[3:] == [("segment", 3, 12, "gap"), ("gap", 12, None, "reset"), ("close",)]
    assert b.said == [
        ("gap", 0, 5, "overwritten"),
        ("audio", 5, 9),
        ("segment", 5, 9, "end"),
        ("close",),
    ]


def test_a_gap_that_takes_no_time_has_its_length_in_the_archive() -> None:
    (only,) = kept([started(A), audio(0, 10), Gap(10, 9010, "overwritten"), audio(9010, 5)], longest=9)
    assert [row for row in only.said if row[0] != "segment"] == [
        ("audio", 0, 10),
        ("gap", 10, 9010, "overwritten"),
        ("audio", 9010, 9015),
        ("close",),
    ]


def test_who_was_very_late_goes_on_with_the_stream_in_force() -> None:
    """A buffer that gives up its marks loses the one that told of the stream, too."""
    a, b = kept(
        [started(A), audio(0, 10), Gap(10, None, "overflow"), Gap(0, 30, "overflow"), audio(30, 2)], B
    )
    assert a.said[-2:] == [("gap", 10, None, "overflow"), ("close",)]
    assert (b.stream, b.said[0], b.said[1]) == (B, ("gap", 0, 30, "overflow"), ("audio", 30, 32))


def test_no_more_than_was_asked_for() -> None:
    (only,) = kept([started(A), audio(0, 10), Gap(10, 50, "overwritten")], limit=20)
    assert only.said[2:] == [("gap", 10, 20, "overwritten"), ("close",)]
    (only,) = kept([started(A), audio(0, 30)], limit=20)
    assert only.said[0] == ("audio", 0, 20)


def test_the_archive_is_closed_though_the_voice_detector_fails() -> None:
    streams = [Kept(A)]
    voice = Talk()
    keeper = Keeper(lambda event, times: streams[0], SimpleNamespace(started=started(A)), voice)

    def fail(segment: Segment) -> None:
        raise OSError("disk full")

    voice.take = fail
    keeper.stream(0, started(A), 0)
    voice.start = 0
    with pytest.raises(OSError, match="disk full"):
        keeper.finish()
    assert streams[0].said == [("close",)]


def test_times_of_a_stream_outlive_it() -> None:
    """The last object of a stream is closed when the device is already on another one."""
    microphone = SimpleNamespace(started=started(A), time_of=lambda position: (1000 + position / RATE, 0.001))
    times = Times(microphone, A, RATE)
    assert times(RATE) == (1001, 0.001)
    times.note(0)
    times.note(RATE)  # too soon for another look
    times.note(ANCHOR_EACH_S * RATE)
    microphone.started = started(B)
    microphone.time_of = lambda position: (5000.0, 0.001)
    time, uncertainty = times((ANCHOR_EACH_S + 10) * RATE) or (0, 0)
    assert time == 1000 + ANCHOR_EACH_S + 10
    assert uncertainty == pytest.approx(0.001 + 10 * 1e-3)


def test_times_that_nobody_knows() -> None:
    microphone = SimpleNamespace(started=started(A), time_of=lambda position: None)
    times = Times(microphone, A, RATE)
    times.note(0)
    assert times(0) is None
