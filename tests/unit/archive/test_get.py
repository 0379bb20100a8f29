"""Any time range as one recording: every frame that was kept, bit for bit, and a reason for all others."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shelves import DAY, RATE, STREAM, Shelf, Tape, noise

from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError, GapRow
from ossicle.archive.get import Got
from ossicle.archive.layout import Hole
from ossicle.archive.row import row_of
from ossicle.archive.select import Selection
from ossicle.archive.store import MissingError
from ossicle.sinks import open_sink

SECOND = RATE
OTHER = "0123456789abcdef"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def get(shelf: Shelf, selection: Selection | None = None, **how: object) -> tuple[Got, Tape]:
    tape = Tape()
    with shelf.library() as library:
        plan = library.plan(selection or Selection(), **how)  # type: ignore[arg-type]
        got = library.get(plan, tape)
    assert got.frames == plan.frames == len(tape.frames)
    assert sum(hole.stop_frame - hole.start_frame for hole in got.holes) == tape.silent
    return got, tape


def between(a: float, b: float, **more: str) -> Selection:
    return Selection(since=DAY + a, until=DAY + b, **more)


def test_a_stream_comes_back_bit_for_bit(shelf: Shelf) -> None:
    heard = noise(5 * SECOND)
    for n in (2, 0, 1):
        shelf.add(heard[2 * n * SECOND : 2 * (n + 1) * SECOND], 2 * n * SECOND)
    got, tape = get(shelf)
    assert np.array_equal(tape.frames, heard)
    assert (got.holes, got.corrupt, got.objects, got.lossy) == ((), (), 3, False)
    assert (got.start_time, got.stop_time) == (DAY, DAY + 5)
    (part,) = got.parts
    assert (part.start_frame, part.stop_frame, part.stream, part.position) == (0, 5 * SECOND, STREAM, 0)
    assert (part.time, part.uncertainty) == (DAY, 0.002)


@pytest.mark.parametrize("cut", [0.3, 2.0, 2.00001, 3.999])
def test_ranges_that_adjoin_give_each_frame_once(shelf: Shelf, cut: float) -> None:
    heard = noise(5 * SECOND)
    for n in range(3):
        times = DAY + 2 * n + 0.01 * n  # each time is a little off from what the one before says
        shelf.add(heard[2 * n * SECOND : 2 * (n + 1) * SECOND], 2 * n * SECOND, time=times)
    _, first = get(shelf, between(0, cut), pad=False)
    _, second = get(shelf, between(cut, 9), pad=False)
    assert np.array_equal(np.concatenate([first.frames, second.frames]), heard)
    assert abs(len(first.frames) - cut * SECOND) < 0.02 * SECOND


def test_gaps_are_silence_of_their_length_and_told(shelf: Shelf) -> None:
    heard = noise(6 * SECOND)
    inside, across = GapRow(100, 300, "lost", True), GapRow(SECOND, 3 * SECOND, "capture")
    first = heard[:SECOND].copy()
    first[100:300] = 0
    shelf.add(first, 0, gaps=[inside])
    shelf.add(heard[3 * SECOND : 4 * SECOND], 3 * SECOND, gaps=[across])
    got, tape = get(shelf)
    assert got.holes == (
        Hole(100, 300, "lost", True, STREAM, 100),
        Hole(SECOND, 3 * SECOND, "capture", False, STREAM, SECOND),
    )
    expected = heard[: 4 * SECOND].copy()
    expected[100:300] = 0
    expected[SECOND : 3 * SECOND] = 0
    assert np.array_equal(tape.frames, expected)
    # A range that ends, or starts, within the gap: its cause is told by an object outside of the range.
    ends, _ = get(shelf, between(0.5, 2))
    assert ends.holes == (Hole(SECOND // 2, 3 * SECOND // 2, "capture", False, STREAM, SECOND),)
    starts, _ = get(shelf, between(2, 3.5))
    assert starts.holes == (Hole(0, SECOND, "capture", False, STREAM, 2 * SECOND),)


def test_what_is_gone_without_a_word_is_missing_or_deleted(shelf: Shelf) -> None:
    heard = noise(6 * SECOND)
    for n in (0, 4):
        shelf.add(heard[n * SECOND : (n + 2) * SECOND], n * SECOND)
    got, _ = get(shelf)
    assert got.holes == (Hole(2 * SECOND, 4 * SECOND, "missing", False, STREAM, 2 * SECOND),)
    with shelf.library() as library:
        library.index.tell_deletion(Deletion("ab" * 8, DAY + 100, between(2, 3, device="mic")))
    got, _ = get(shelf)
    assert [hole.cause for hole in got.holes] == ["deleted"]


def test_a_deletion_asked_for_before_explains_nothing(shelf: Shelf) -> None:
    for n in (0, 4):
        shelf.add(noise(SECOND), n * SECOND)
    with shelf.library() as library:
        library.index.tell_deletion(Deletion("ab" * 8, DAY - 100, Selection(device="mic")))
    got, _ = get(shelf)
    assert [hole.cause for hole in got.holes] == ["missing"]


def test_streams_follow_each_other_by_the_clock(shelf: Shelf) -> None:
    first, second = noise(SECOND, 1), noise(2 * SECOND, 2)
    shelf.add(first, 7 * SECOND, time=DAY, gaps=[GapRow(8 * SECOND, None, "reboot")])
    shelf.add(second, 0, time=DAY + 3.5, stream=OTHER)
    got, tape = get(shelf)
    assert got.holes == (Hole(SECOND, 3 * SECOND + SECOND // 2, "reboot", True, None, None),)
    assert np.array_equal(tape.frames[:SECOND], first)
    assert np.array_equal(tape.frames[got.parts[1].start_frame :], second)
    assert [(part.stream, part.position) for part in got.parts] == [(STREAM, 7 * SECOND), (OTHER, 0)]
    got, _ = get(shelf, Selection(stream=STREAM))
    assert got.holes == (Hole(SECOND, SECOND, "reboot", True, STREAM, 8 * SECOND),)  # its length is not known


def test_padding_reaches_to_both_ends(shelf: Shelf) -> None:
    heard = noise(2 * SECOND)
    shelf.add(heard, 0, time=DAY + 1)
    got, tape = get(shelf, between(0, 10))
    assert (got.frames, got.start_time, got.stop_time) == (10 * SECOND, DAY, DAY + 10)
    assert [(h.start_frame, h.stop_frame, h.cause) for h in got.holes] == [
        (0, SECOND, "unrecorded"),
        (3 * SECOND, 10 * SECOND, "unrecorded"),
    ]
    assert np.array_equal(tape.frames[SECOND : 3 * SECOND], heard)
    got, tape = get(shelf, between(0, 10), pad=False)
    assert (got.holes, got.start_time) == ((), DAY + 1)
    assert np.array_equal(tape.frames, heard)


def test_padding_ends_in_the_present(shelf: Shelf) -> None:
    now = time.time()
    shelf.add(noise(SECOND), 0, time=now - 10)
    got, _ = get(shelf, Selection(since=now - 10, until=now + 1e6))
    assert 10 * SECOND <= got.frames < 300 * SECOND


def test_a_clock_that_runs_off_makes_no_hole(shelf: Shelf) -> None:
    heard = noise(4 * SECOND)
    for n in range(4):
        shelf.add(
            heard[n * SECOND : (n + 1) * SECOND], n * SECOND, time=DAY + n * 1.01, true_rate=RATE / 1.01
        )
    got, tape = get(shelf, between(0.5, 4))
    assert got.holes == ()
    assert np.array_equal(tape.frames, heard[round(0.5 * RATE / 1.01) + 1 : round(4 * RATE / 1.01) + 1])


def test_positions_of_one_stream(shelf: Shelf) -> None:
    heard = noise(4 * SECOND)
    shelf.add(heard[: 2 * SECOND], 0)
    shelf.add(heard[2 * SECOND :], 2 * SECOND)
    _, tape = get(shelf, Selection(stream=STREAM), start=2 * SECOND - 5, stop=2 * SECOND + 7)
    assert np.array_equal(tape.frames, heard[2 * SECOND - 5 : 2 * SECOND + 7])
    got, tape = get(shelf, Selection(stream=STREAM), start=4 * SECOND - 3)
    assert np.array_equal(tape.frames, heard[-3:])
    assert got.start_time == pytest.approx(DAY + 4 - 3 / RATE)


def test_frames_of_two_writers_are_taken_once(shelf: Shelf) -> None:
    heard = noise(2 * SECOND)
    torn = heard.copy()
    torn[500:900] = 0
    shelf.add(torn, 0, gaps=[GapRow(500, 900, "overflow")])
    shelf.add(heard[400:], 400, time=DAY + 400 / RATE + 0.003)
    shelf.add(heard[400:], 400, time=DAY + 400 / RATE - 0.003)
    got, tape = get(shelf)
    assert np.array_equal(tape.frames, heard)
    assert got.holes == ()


@pytest.mark.parametrize("how", ["bits", "cut", "other", "gone"])
def test_a_damaged_object_is_a_hole_and_the_rest_follows(shelf: Shelf, how: str) -> None:
    heard = noise(9 * SECOND)
    keys = [shelf.add(heard[n * SECOND : (n + 1) * SECOND], n * SECOND) for n in range(9)]
    with shelf.library() as library:
        library.refresh()
    path = shelf.folder / keys[4]
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "bits":
        data[-50] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[:-70] if how == "cut" else (shelf.folder / keys[5]).read_bytes())
    got, tape = get(shelf)
    assert got.corrupt == (keys[4],)
    cause = "missing" if how == "gone" else "corrupt"
    assert got.holes == (Hole(4 * SECOND, 5 * SECOND, cause, False, STREAM, 4 * SECOND),)
    expected = heard.copy()
    expected[4 * SECOND : 5 * SECOND] = 0
    assert np.array_equal(tape.frames, expected)


@pytest.mark.parametrize("damaged", [0, 1])
def test_what_one_writer_lost_to_damage_another_has(shelf: Shelf, damaged: int) -> None:
    heard = noise(2 * SECOND)
    keys = [shelf.add(heard, 0), shelf.add(heard, 0, time=DAY + 0.0001)]
    with shelf.library() as library:
        library.refresh()
    (shelf.folder / sorted(keys)[damaged]).write_bytes(b"damaged")
    got, tape = get(shelf)
    assert got.holes == ()
    assert np.array_equal(tape.frames, heard)
    assert got.corrupt == ((sorted(keys)[0],) if damaged == 0 else ())  # the second is not asked for


def test_a_damaged_object_is_named_once(shelf: Shelf) -> None:
    key = shelf.add(noise(SECOND), 0, gaps=[GapRow(50, 60, "lost")])
    with shelf.library() as library:
        library.refresh()
    (shelf.folder / key).write_bytes(b"damaged")
    got, _ = get(shelf)
    assert got.corrupt == (key,)
    assert [hole.cause for hole in got.holes] == ["corrupt", "lost", "corrupt"]


def test_an_object_of_other_positions_than_the_index_says(shelf: Shelf) -> None:
    entry, _, _ = shelf.made(noise(2 * SECOND), 0)
    key = shelf.add(noise(2 * SECOND), 0)
    wrong = row_of(key, replace(entry, stop=SECOND), 1, 0.0)
    with shelf.library() as library:
        library.refresh()
        library.index.put_rows([wrong])
    got, _ = get(shelf)
    assert [(hole.stop_frame, hole.cause) for hole in got.holes] == [(SECOND, "corrupt")]


def test_what_waits_in_the_spool_is_there_too(shelf: Shelf) -> None:
    heard = noise(3 * SECOND)
    shelf.add(heard[:SECOND], 0)
    shelf.spool(heard[2 * SECOND :], 2 * SECOND)
    key = shelf.spool(heard[SECOND : 2 * SECOND], SECOND)
    shelf.add(heard[SECOND : 2 * SECOND], SECOND)  # stored a moment ago, and still there
    _, tape = get(shelf)
    assert np.array_equal(tape.frames, heard)
    with shelf.library() as library:
        found = list(library.found())
        assert [one.spooled for one in found] == [False, True, True]
        assert [one.row.key for one in found].count(key) == 1


def test_channels_and_opus(shelf: Shelf) -> None:
    stereo = noise(SECOND, channels=2)
    shelf.add(stereo, 0, device="pair")
    _, tape = get(shelf, Selection(device="pair"))
    assert np.array_equal(tape.frames, stereo)
    shelf.add(noise(SECOND), 0, device="far", codec="opus")
    with shelf.library() as library:
        assert library.refresh().added == 1
    got, tape = get(shelf, Selection(device="far"))
    assert got.lossy
    assert len(tape.frames) == SECOND


def test_it_goes_into_a_file(shelf: Shelf, tmp_path: Path) -> None:
    heard = noise(SECOND)
    shelf.add(heard, 0)
    with shelf.library() as library:
        plan = library.plan(between(0, 3))
        seen: list[tuple[int, int | None]] = []
        with open_sink(tmp_path / "out.wav", plan.rate, plan.channels) as sink:
            library.get(plan, sink, lambda done, of: seen.append((done, of)))
        assert seen == [(1, 1)]
    import soundfile

    frames, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert (rate, len(frames)) == (RATE, 3 * SECOND)
    assert np.array_equal(frames[:SECOND], heard)
    assert not frames[SECOND:].any()


def test_what_makes_no_recording_is_told(shelf: Shelf) -> None:
    def refused(said: str, selection: Selection | None = None, **how: object) -> None:
        with pytest.raises(ArchiveError, match=said) as caught:
            get(shelf, selection, **how)
        assert "\n" not in str(caught.value)

    refused("nothing is kept")
    shelf.add(noise(SECOND), 0)
    shelf.add(noise(SECOND), 0, device="hall")
    shelf.add(noise(SECOND), 0, device="hall", owner="bob")
    shelf.add(noise(SECOND), 0, device="wide", stream=OTHER, time=DAY + 9)
    shelf.add(noise(SECOND, channels=2), 0, device="wide", stream="77")
    shelf.add(noise(2 * SECOND), 0, device="twice", stream="1")
    shelf.add(noise(2 * SECOND), 0, device="twice", stream="2")
    with shelf.library() as library:
        library.refresh()
    refused("choose with --owner: ann, bob")
    refused("choose with --device: hall, mic, twice, wide", Selection(owner="ann"))
    refused(rf"choose with --stream: {OTHER} \(8000 Hz, 1 channels\), 77", Selection(device="wide"))
    refused("two streams at the same time: choose with --stream", Selection(device="twice"))
    refused("nothing is kept", between(100, 200))
    refused("choose one with --stream", Selection(device="mic"), start=5)
    refused("the range is empty", Selection(stream=STREAM), start=5, stop=5)


def test_a_store_that_fails_is_no_damage(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from ossicle.archive.store import Store, StoreError

    shelf.add(noise(SECOND), 0)

    def fail(store: Store, key: str) -> bytes:
        raise StoreError("the server failed", transient=True)

    monkeypatch.setattr(Store, "get", fail)
    with pytest.raises(StoreError, match="the server failed"):
        get(shelf)
    assert issubclass(MissingError, StoreError)
