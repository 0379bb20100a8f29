"""Reassembly: chunks in every order, gaps, copies, and which way each frame came."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simaudio import audio
from simworld import check

from ossicle.proto import events as ev
from ossicle.proto._wire import Flag
from ossicle.proto.counters import Counters
from ossicle.proto.reassembly import Reassembly

HOP = 64


class Stream(Reassembly):
    """A reassembly that is given chunks of the known audio."""

    def __init__(self, hop=HOP, overlap=0, window=100):
        self.events = []
        self.counters = Counters()
        super().__init__(hop, overlap, window, self.counters, self.events.append)

    def chunk(self, sequence, frames=None, flags=0):
        start = sequence * self.hop
        count = self.hop + self.overlap if frames is None else frames
        return self.add(sequence, flags, audio(start, start + count))


def gaps(stream):
    return [(e.start, e.stop, e.cause) for e in stream.events if isinstance(e, ev.Gap)]


@pytest.mark.parametrize("overlap", [0, 20, 64, 150])
def test_any_order_gives_the_same(overlap):
    for order in permutations(range(5)):
        stream = Stream(overlap=overlap)
        for sequence in order:
            if sequence == 4:
                stream.chunk(4, overlap + 10, Flag.LAST)
            else:
                stream.chunk(sequence)
        told = check(stream.events)
        assert told.gaps == []
        assert told.ended == told.frames == 4 * HOP + overlap + 10


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_mixture_of_chunks_and_losses_accounts_for_every_position(data):
    overlap = data.draw(st.sampled_from([0, 20, 64, 150]))
    stream = Stream(overlap=overlap, window=data.draw(st.sampled_from([8, 100])))
    count = 20  # the last chunk's sequence
    length = count * HOP + overlap + 13
    actions = data.draw(st.lists(st.tuples(st.integers(0, count), st.sampled_from("caog")), max_size=80))
    for sequence, action in actions:
        if sequence == count:
            stream.chunk(sequence, overlap + 13, Flag.LAST)
        elif action == "c":
            stream.chunk(sequence)
        elif action == "g":
            stream.gone(sequence, min(sequence + 3, count - 3), "overwritten")
        elif action == "o":
            stream.expect(sequence)
        else:
            assert list(stream.missing()) == sorted(stream.missing(newest_first=True))
    for start, stop in list(stream.missing()):
        stream.gone(start, stop, "capture")
    told = check(stream.events)
    assert stream.counters.frames == told.frames
    assert stream.next >= min(stream.highest, count)
    assert len(stream._chunks) <= stream.window
    if told.ended is not None:
        assert told.ended == length
        assert sum(ways(stream)) == told.frames
    assert sum(ways(stream)) <= told.frames


def ways(stream):
    counters = stream.counters
    return counters.frames_first, counters.frames_overlap, counters.frames_resent


def test_it_is_counted_which_way_each_frame_came():
    stream = Stream(overlap=HOP // 2)
    stream.chunk(0)
    stream.chunk(2)
    stream.chunk(1, flags=Flag.RESENT)  # half of it was there
    assert ways(stream) == (2 * HOP, HOP // 2, HOP // 2)
    stream.chunk(4)
    stream.gone(3, 4, "overwritten")  # half of it was there
    assert ways(stream) == (3 * HOP, HOP, HOP // 2)
    stream.chunk(5, HOP // 2 + 7, Flag.LAST)
    assert ways(stream) == (3 * HOP + HOP // 2 + 7, HOP, HOP // 2)
    assert sum(ways(stream)) == stream.counters.frames
    whole = Stream(overlap=HOP)
    for sequence in (0, 2, 4, 5):
        whole.chunk(sequence)
    whole.chunk(6, 3, Flag.LAST | Flag.RESENT)
    assert ways(whole) == (4 * HOP, 2 * HOP + 3, 0)


def test_a_chunk_beyond_the_window_says_what_was_overwritten():
    stream = Stream(window=10)
    stream.chunk(0)
    stream.chunk(30)
    assert stream.next == 21
    assert gaps(stream) == []  # may still grow
    for sequence in range(21, 30):
        stream.chunk(sequence)
    assert gaps(stream) == [(HOP, 21 * HOP, "overwritten")]


def test_what_is_malformed_changes_nothing():
    stream = Stream(overlap=10)
    assert not stream.chunk(0, HOP)  # neither whole nor flagged
    assert not stream.chunk(0, HOP + 11, Flag.LAST)
    assert stream.chunk(3)
    assert not stream.chunk(2, 5, Flag.LAST)  # a later one exists
    assert stream.chunk(4, 5, Flag.LAST)
    assert not stream.chunk(5)
    assert not stream.chunk(3, 5, Flag.LAST)
    assert stream.counters.chunks == 2


def test_ranges_of_gone_are_bounded():
    stream = Stream(window=1000)
    for sequence in range(2, 400, 2):
        stream.gone(sequence, sequence + 1, "capture")
    assert stream.counters.ranges_refused == 199 - 64
    stream.gone(0, 400, "overwritten")
    assert stream.next == 400


def test_gone_of_what_came_keeps_what_came():
    stream = Stream()
    stream.chunk(2)
    stream.gone(0, 5, "overwritten")
    stream.chunk(5)
    assert gaps(stream) == [(0, 2 * HOP, "overwritten"), (3 * HOP, 5 * HOP, "overwritten")]
    check(stream.events)


def test_nothing_lies_beyond_the_last():
    stream = Stream()
    stream.chunk(3, 5, Flag.LAST)
    stream.gone(0, 100, "overwritten")
    assert stream.ended
    assert stream.highest == 4
    assert stream.events[-1] == ev.Ended(3 * HOP + 5)


def test_what_is_known_to_exist_is_missing():
    stream = Stream()
    stream.chunk(0)
    stream.expect(3)
    assert list(stream.missing()) == [(1, 3)]
    assert not stream.complete


def test_a_chunk_that_was_said_to_be_gone_and_comes_all_the_same():
    """Beyond the window, where making room for it settles it."""
    stream = Stream(window=10)
    stream.gone(5, 50, "capture")
    stream.chunk(45)
    assert stream.next == 50
    assert stream.counters.duplicates + stream.counters.late == 1
    stream.gone(0, 60, "capture")
    assert stream.next == 60


def test_causes_are_told_apart():
    stream = Stream()
    stream.gone(0, 2, "overwritten")
    stream.gone(2, 3, "capture")
    stream.gone(1, 4, "deadline")
    stream.chunk(4)
    assert gaps(stream) == [
        (0, 2 * HOP, "overwritten"),
        (2 * HOP, 3 * HOP, "capture"),
        (3 * HOP, 4 * HOP, "deadline"),
    ]


def test_a_stream_that_is_reset_ends_in_a_gap_of_unknown_length():
    stream = Stream()
    stream.chunk(0)
    stream.gone(1, 2, "capture")
    stream.close("reset")
    assert gaps(stream) == [(HOP, 2 * HOP, "capture"), (2 * HOP, None, "reset")]


def test_copies_are_compared_with_what_was_told_and_with_what_waits():
    stream = Stream(overlap=HOP)
    stream.chunk(0)
    other = audio(0, 2 * HOP).copy()
    other[5] += 1
    stream.add(0, 0, other)
    stream.chunk(2)
    other = audio(2 * HOP, 4 * HOP).copy()
    other[[3, 9]] += 1
    stream.add(2, 0, other)
    found = [e for e in stream.events if isinstance(e, ev.Disagreement)]
    assert found == [ev.Disagreement(5, 6), ev.Disagreement(2 * HOP + 3, 2 * HOP + 10)]
    assert stream.counters.duplicates == 2
