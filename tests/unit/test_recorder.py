"""A recorder that is killed between any two of its steps: the file and the journal that it leaves agree, and
the one that goes on makes of them what one that was never killed makes."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle import journal as journals
from ossicle.cli.capture import Place, Totals, capture
from ossicle.cli.guard import Interrupts
from ossicle.cli.recorder import Recorder
from ossicle.cli.tape import Tape, begin, take_up
from ossicle.journal import journal_of
from ossicle.ledger import GapRow, Ledger, Origin, StreamRow, Timing
from ossicle.proto.events import Audio, Event, Gap, Started
from ossicle.proto.request import Resume
from ossicle.sinks import SinkError, open_sink

RATE = 16000
LONGEST = 5000
A, B, C = b"aaaaaaaa", b"bbbbbbbb", b"cccccccc"


def sound(stream: bytes, start: int, stop: int) -> np.ndarray:
    return (((np.arange(start, stop) * 7919) % 30011) + stream[0]).astype(np.int16)


def started(stream: bytes, resumed: bool = False) -> Started:
    return Started(stream, 1, RATE, 1, 512, 0, 1.0, 0, 33792, 0, 0, resumed)


class Device:
    """Gives a script of streams from any place on: each a list of gaps, and its length."""

    SCRIPT: tuple[tuple[bytes, tuple[Gap, ...], int], ...] = (
        (A, (Gap(700, 1100, "overwritten"), Gap(2000, 12_000, "deadline"), Gap(13_000, 13_001, "x")), 13_500),
        (B, (), 0),
        (C, (Gap(0, 90, "overwritten"), Gap(90, 200, "capture", True)), 900),
    )

    device, rate, channels = "mic", RATE, 1

    def __init__(self, resume: Resume | None = None) -> None:
        self._from = resume or Resume(A, 0, 512)
        self.started = started(self._from.stream_id)

    def resume(self, position: int) -> Resume:
        return Resume(A, position, 512, 921600)

    stats = SimpleNamespace(link=SimpleNamespace(true_rate=RATE * 1.0001))

    def time_of(self, position: int) -> tuple[float, float]:
        return 1e9 + position / RATE, 0.002

    def events(self) -> Iterator[Event]:
        names = [stream for stream, _, _ in self.SCRIPT]
        first = names.index(self._from.stream_id)
        position = self._from.position
        for number, (stream, gaps, length) in enumerate(self.SCRIPT):
            if number < first:
                continue
            self.started = started(stream, number == first and position > 0)
            yield self.started
            yield from self._play(stream, gaps, length, position)
            if number + 1 < len(names):
                yield Gap(length, None, "reset")
            position = 0

    def _play(self, stream: bytes, gaps: tuple[Gap, ...], length: int, position: int) -> Iterator[Event]:
        while position < length:
            gap = next((gap for gap in gaps if gap.start <= position < (gap.stop or 0)), None)
            if gap is not None:
                assert position == gap.start, "a gap that was told is not asked for again"
                yield gap
                position = gap.stop or 0
                continue
            ahead = [gap.start for gap in gaps if gap.start > position]
            stop = min([length, position + 512, *ahead])
            yield Audio(position, sound(stream, position, stop))
            position = stop


def expected() -> tuple[np.ndarray, list[StreamRow], list[GapRow]]:
    """By hand. The gap of 10,000 frames takes no time, a stream without a frame gave way to the next."""
    zeros = [np.zeros(n, np.int16) for n in (400, 1, 200)]
    parts = [sound(A, 0, 700), zeros[0], sound(A, 1100, 2000), sound(A, 12_000, 13_000), zeros[1]]
    parts += [sound(A, 13_001, 13_500), zeros[2], sound(C, 200, 900)]
    end_of_a = 700 + 400 + 900 + 1000 + 1 + 499
    streams = [
        StreamRow(0, A, 0, 512, 0, 0),
        StreamRow(2000, A, 12_000, 512, 0, 0),
        StreamRow(end_of_a, C, 0, 512, 0, 0),
    ]
    gaps = [
        GapRow(700, 1100, 400, "overwritten", False),
        GapRow(2000, None, 10_000, "deadline", False),
        GapRow(3000, 3001, 1, "x", False),
        GapRow(end_of_a, None, None, "reset", False),
        GapRow(end_of_a, end_of_a + 90, 90, "overwritten", False),
        GapRow(end_of_a + 90, end_of_a + 200, 110, "capture", True),
    ]
    return np.concatenate(parts), streams, gaps


class Killed(BaseException):
    """The process is gone."""


class Fate:
    """Counts the steps that change a disk, and kills the process at one of them, or in its middle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        self.at: int | None = None
        self.half = False
        for module, name in ((os, "write"), (os, "ftruncate"), (Path, "unlink")):
            monkeypatch.setattr(module, name, self._watched(getattr(module, name), name == "write"))
        connect = sqlite3.connect
        fate = self

        class Connection(sqlite3.Connection):
            def execute(self, *arguments: Any) -> Any:
                fate.step()
                if "synchronous" in arguments[0]:  # the disk of a test need not survive a power cut
                    arguments = ("PRAGMA synchronous = OFF",)
                return super().execute(*arguments)

        fake = SimpleNamespace(
            connect=lambda *given, **named: connect(*given, factory=Connection, **named), Error=sqlite3.Error
        )
        monkeypatch.setattr(journals, "sqlite3", fake)

    def step(self) -> bool:
        """True when this one is to be done by half."""
        self.steps += 1
        if self.at is None or self.steps < self.at:
            return False
        if self.half and self.steps == self.at:
            return True
        raise Killed

    def _watched(self, real: Any, divisible: bool) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if self.step():
                if divisible and len(arguments[1]) != 2048:  # a head lies within a page: whole or not at all
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise Killed
            return real(*arguments, **named)

        return call

    def plan(self, at: int | None, half: bool = False) -> None:
        self.steps, self.at, self.half = 0, at, half


def record(out: Path, *, finish: bool) -> bool:
    """As `ossicle record --resume` does, with a device of its own. False when it was killed."""
    try:
        left = take_up(out)
        device: Any = Device(left.resume if left else None)
        place, totals = (left.place, left.totals) if left else (Place(), Totals())
        with left.tape if left else begin(out, device) as tape:
            recorder = Recorder(tape, device)
            totals = capture(
                device.events(), [recorder], Interrupts(), place=place, totals=totals, longest=LONGEST
            )
            check_totals(totals)
            if finish:
                tape.finish()
    except Killed:
        return False
    return True


def check_totals(totals: Totals) -> None:
    sounds, _, gaps = expected()
    assert totals.position == len(sounds)
    assert totals.frames == np.count_nonzero(sounds)
    assert totals.missing == sum(gap.frames or 0 for gap in gaps)


def check(out: Path) -> None:
    sounds, streams, gaps = expected()
    heard, rate = soundfile.read(out, dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(heard, sounds)
    found = journals.Journal.open(out)
    assert found is not None
    assert found.ledger().streams == streams
    assert found.ledger().gaps == gaps
    timings = {row.start: Timing(1e9 + row.position / RATE, 0.002, RATE * 1.0001) for row in streams}
    assert found.ledger().timings == timings
    found.close()
    with soundfile.SoundFile(out) as file:
        told = json.loads(file.comment)
    assert [row["stream"] for row in told["streams"]] == [row.stream_id.hex() for row in streams]
    assert [row["start_frame"] for row in told["streams"]] == [row.start for row in streams]
    assert [row["drift_ppm"] for row in told["streams"]] == [100.0] * 3
    assert told["streams"][1]["time"] == "2001-09-09T01:46:40.750000+00:00"
    assert [(row["start_frame"], row["frames"]) for row in told["gaps"]] == [
        (gap.start, gap.frames) for gap in gaps
    ]


@pytest.fixture
def fate(monkeypatch: pytest.MonkeyPatch) -> Fate:
    return Fate(monkeypatch)


def test_one_that_is_never_killed(tmp_path: Path, fate: Fate) -> None:
    out = tmp_path / "x.wav"
    assert record(out, finish=False)
    check(out)


def steps(tmp_path: Path, fate: Fate) -> int:
    """How many a recording takes from its beginning to the removal of the journal."""
    fate.plan(None)
    assert record(tmp_path / "counted.wav", finish=True)
    return fate.steps


def test_the_surest_time_of_the_beginning_is_kept(tmp_path: Path) -> None:
    """The clocks are compared over minutes: first nothing is known, then more and more, hours later less."""
    told = iter([None, (1000.5, 0.25), (1000.1, 0.002), (1003.0, 0.09), None])
    device: Any = Device()
    device.time_of = lambda position: next(told)
    device.started = started(A)
    with begin(tmp_path / "x.wav", device) as tape:
        recorder = Recorder(tape, device)
        recorder.stream(0, device.started, 0)
        known = []
        for number in range(5):
            recorder.audio(number * 10 * RATE, sound(A, 0, 1))
            known.append(tape.ledger.timings[0].time)
    assert known == [None, 1000.5, 1000.1, 1000.1, 1000.1]


@pytest.mark.parametrize("half", [False, True])
def test_killed_before_each_step_or_within_it(tmp_path: Path, fate: Fate, half: bool) -> None:
    most = steps(tmp_path, fate)
    assert most > 50
    for at in range(1, most + 1):
        out = tmp_path / f"{at}.wav"
        fate.plan(at, half)
        assert not record(out, finish=True)
        fate.plan(None)
        if out.exists() and out.stat().st_size > 2048 and not journal_of(out).exists():
            assert at > most - 4, "only when all is done"
            continue
        assert record(out, finish=False), at
        check(out)


@pytest.mark.parametrize("seed", range(12))
def test_killed_again_and_again(tmp_path: Path, fate: Fate, seed: int) -> None:
    """Also while it takes up what the one before it left."""
    draw = random.Random(seed)
    out = tmp_path / "x.wav"
    for _ in range(40):
        fate.plan(draw.randint(1, draw.choice((12, 40))), draw.random() < 0.5)
        if record(out, finish=False):
            break
    fate.plan(None)
    assert record(out, finish=False)
    check(out)


def test_an_old_recording_goes_with_its_journal_or_not_at_all(tmp_path: Path, fate: Fate) -> None:
    """Killed while it is replaced: it can be gone on with as before, or it is told that it has no journal, or
    it is gone; what is begun then has nothing of it."""
    ways = set()
    for at in range(1, 30):
        out = tmp_path / f"{at}.wav"
        fate.plan(None)
        record(out, finish=False)
        fate.plan(at)
        with pytest.raises(Killed), begin(out, Device()):  # type: ignore[arg-type]
            raise Killed
        fate.plan(None)
        size = out.stat().st_size
        if size > 2048 and not journal_of(out).exists():
            ways.add("no journal")
            with pytest.raises(journals.JournalError, match="has no journal"):
                take_up(out)
            continue
        left = take_up(out)
        if left is not None:
            ways.add("as before" if left.place.frame else "begun")
            left.tape.sink.close()
            left.tape.finish()
        else:
            ways.add("gone")
            assert record(out, finish=False)
            check(out)
    assert ways == {"as before", "no journal", "gone", "begun"}


def test_a_power_cut_may_take_the_end_of_the_file(tmp_path: Path) -> None:
    """The journal tells of frames that are not there: they are asked for, and come."""
    for frames in (0, 1, 699, 700, 1000, 1100, 1999, 2000, 2001, 3000, 3400, 3600):
        out = tmp_path / f"{frames}.wav"
        assert record(out, finish=False)
        os.truncate(out, 2048 + 2 * frames + frames % 2)
        assert record(out, finish=False), frames
        check(out)


def test_nobody_else_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    device: Any = Device()
    with begin(out, device) as tape:
        tape.sink.write(sound(A, 0, 10))
        for other in (lambda: take_up(out), lambda: begin(out, device)):
            with pytest.raises(SinkError, match="another program is writing"):
                other()
    left = take_up(out)
    assert left is not None
    assert left.resume == Resume(A, 10, 512, 921600)
    left.tape.finish()
    assert list(tmp_path.iterdir()) == [out]


def test_a_device_with_no_speed_and_a_stereo_flac(tmp_path: Path) -> None:
    """A FLAC file has no journal, and whoever asks for the impossible is told."""
    out = tmp_path / "x.flac"
    with begin(out, Device()) as tape:  # type: ignore[arg-type]
        assert tape.journal is None
        tape.finish()
    assert list(tmp_path.iterdir()) == [out]
    with pytest.raises(journals.JournalError, match="only a WAV file"):
        take_up(out)


def test_a_stream_whose_beginning_was_missed_is_the_one_in_force(tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    device: Any = Device()
    with begin(out, device) as tape:
        recorder = Recorder(tape, device)
        recorder.audio(0, sound(A, 0, 5))
        recorder.gap(Gap(5, None, "overflow"), None)
        device.started = started(B)
        recorder.gap(Gap(5, 9, "overflow"), 4)
        recorder.audio(9, sound(B, 4, 8))
        assert tape.journal is not None
        assert tape.journal.ledger().streams[1:] == [StreamRow(5, B, 0, 512, 0, 0)]
    left = take_up(out)
    assert left is not None
    assert left.resume == Resume(B, 8, 512, 921600)


def test_a_long_gap_is_a_hole_in_the_file(tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    with open_sink(out, RATE) as sink:
        tape = Tape(sink, Ledger(Origin("mic", RATE, 1)))
        Recorder(tape).gap(Gap(0, 3600 * RATE, "overwritten"), 3600 * RATE)
        sink.write(sound(A, 0, 3))
    assert soundfile.info(out).frames == 3600 * RATE + 3
    assert out.stat().st_blocks * 512 < out.stat().st_size / 100
