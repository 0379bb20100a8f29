"""A consumer's buffer: nothing out of order, nothing silent, nothing without a bound."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simaudio import audio

from ossicle.errors import LinkError
from ossicle.proto import events as ev
from ossicle.subscription import END, Subscription

RATE = 1000
RING = 300


def started(channels=1):
    return ev.Started(b"x" * 8, 1, RATE, channels, 64, 0, 1.0, 0, RING, 0, 0)


def subscription(maxsize_s=1.0, *, waits=False, channels=1):
    made = Subscription(maxsize_s, waits=waits, time_of=lambda position: None, leave=lambda consumer: None)
    made.put([started(channels)])
    return made


def heard(start, stop):
    return ev.Audio(start, audio(start, stop))


def drain(consumer, most=10**9):
    found = []
    while (item := consumer.take(most)) is not None and item is not END:
        found.append(item)
    return found


def test_everything_comes_in_the_order_in_which_it_was_told():
    consumer = subscription()
    status = ev.Log(0, "between")
    consumer.put([heard(0, 50), status, heard(50, 80), ev.Gap(80, 95, "capture"), heard(95, 100)])
    consumer.finish(None)
    found = drain(consumer)
    assert [type(e).__name__ for e in found] == ["Started", "Audio", "Log", "Audio", "Gap", "Audio"]
    assert check_frames(found) == 85
    assert consumer.take() is END
    assert consumer.take() is END


def check_frames(found):
    """Frames in the order of their positions; every one is right."""
    position = 0
    total = 0
    for event in found:
        if isinstance(event, ev.Audio):
            assert event.start == position
            assert np.array_equal(event.frames, audio(event.start, event.stop))
            position = event.stop
            total += len(event.frames)
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = event.stop or 0
    return total


def test_what_was_not_read_in_time_is_a_gap():
    consumer = subscription(0.1)
    consumer.put([heard(0, 60), heard(60, 150)])
    found = drain(consumer)
    assert [e for e in found if isinstance(e, ev.Gap)] == [ev.Gap(0, 50, "overflow")]
    assert check_frames(found) == 100
    assert consumer.stats().overflowed == 50


def test_gaps_among_what_was_lost_stay_gaps():
    consumer = subscription(0.1)
    consumer.put([heard(0, 60), ev.Gap(60, 1000, "capture"), heard(1000, 1150)])
    found = drain(consumer)
    assert [(e.start, e.stop, e.cause) for e in found if isinstance(e, ev.Gap)] == [
        (0, 60, "overflow"),
        (60, 1000, "capture"),
        (1000, 1050, "overflow"),
    ]
    assert check_frames(found) == 100


@given(st.lists(st.tuples(st.sampled_from("agrt"), st.integers(1, 180)), max_size=60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_interleaving_accounts_for_every_position(actions, copied):
    consumer = subscription(0.1)
    position = 0
    found = []
    for action, count in actions:
        if action == "a":
            consumer.put([heard(position, position + count)])
            position += count
        elif action == "g":
            consumer.put([ev.Gap(position, position + count, "deadline")])
            position += count
        elif action == "r":
            found.append(consumer.take(count))
        elif copied:
            other = Subscription(0.15, waits=False, time_of=lambda p: None, leave=lambda c: None)
            other.begin_like(consumer)
            other.finish(None)
            rest = [e for e in drain(other) if isinstance(e, ev.Audio | ev.Gap)]
            assert sum((e.stop - e.start) for e in rest) == position - place(found)
            assert check_from(rest, place(found)) == position
    found += drain(consumer)
    assert check_from(found, 0) == position


def place(found):
    return max((e.stop for e in found if isinstance(e, ev.Audio | ev.Gap)), default=0)


def check_from(found, position):
    for event in found:
        if isinstance(event, ev.Audio):
            assert event.start == position
            assert np.array_equal(event.frames, audio(event.start, event.stop))
            position = event.stop
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = event.stop
    return position


def test_marks_are_bounded_and_what_is_dropped_is_one_gap():
    consumer = subscription(0.1)
    consumer.put([heard(0, 50)])
    for _ in range(9000):
        consumer.put([ev.Log(0, "again")])
    consumer.put([heard(50, 60)])
    found = drain(consumer)
    assert len(found) < 8300
    assert [e for e in found if isinstance(e, ev.Gap)] == [ev.Gap(0, 50, "overflow")]
    assert check_frames(found) == 10


def test_a_reset_among_what_is_dropped_is_told():
    consumer = subscription(0.1)
    consumer.put([heard(0, 50), ev.Gap(50, None, "reset"), started(), heard(0, 20)])
    consumer.put([ev.Log(0, "again")] * 9000)
    gaps = [e for e in drain(consumer) if isinstance(e, ev.Gap)]
    assert gaps[0].stop is None
    assert gaps[-1] == ev.Gap(0, 20, "overflow")


def test_an_error_comes_after_all_that_came_before_it():
    consumer = subscription()
    consumer.put([heard(0, 10)])
    consumer.finish(LinkError("gone"))
    consumer.finish(None)
    assert check_frames([consumer.take(), consumer.take()]) == 10
    with pytest.raises(LinkError):
        consumer.take()


def test_read_gives_what_was_asked_for():
    consumer = subscription()
    consumer.put([heard(0, 30), ev.Log(0, "x"), heard(30, 100)])
    block = consumer.read(40)
    assert (block.start, len(block), block.gaps) == (0, 40, ())
    assert np.array_equal(block.data, audio(0, 40))
    assert consumer.read(60).stop == 100


def test_a_read_that_times_out_takes_nothing():
    consumer = subscription()
    consumer.put([heard(0, 30)])
    with pytest.raises(TimeoutError):
        consumer.read(40, timeout=0.01)
    consumer.put([heard(30, 40)])
    assert np.array_equal(consumer.read(40, timeout=0).data, audio(0, 40))


def test_a_read_ends_at_a_gap_and_the_next_names_it():
    consumer = subscription()
    consumer.put([heard(0, 30), ev.Gap(30, 50, "capture"), heard(50, 90)])
    assert len(consumer.read(40, timeout=1)) == 30
    block = consumer.read(40, timeout=1)
    assert (block.start, len(block)) == (50, 40)
    assert block.gaps == (ev.Gap(30, 50, "capture"),)


def test_a_read_at_the_end_is_short_and_then_empty():
    consumer = subscription()
    consumer.put([heard(0, 30)])
    consumer.finish(None)
    assert len(consumer.read(40)) == 30
    block = consumer.read(40)
    assert (block.start, len(block)) == (30, 0)


def test_a_read_after_an_overflow_names_it():
    consumer = subscription(0.1)
    consumer.put([heard(0, 150)])
    block = consumer.read(40)
    assert (block.start, block.gaps) == (50, (ev.Gap(0, 50, "overflow"),))


def test_more_than_the_buffer_can_never_come():
    with pytest.raises(ValueError, match="at most 500"):
        subscription(1.0).read(501)


def test_before_the_stream_there_is_no_format():
    empty = Subscription(1, waits=False, time_of=lambda p: None, leave=lambda c: None)
    with pytest.raises(RuntimeError):
        empty.blocks()
    with pytest.raises(ValueError, match="maxsize_s"):
        Subscription(0, waits=False, time_of=lambda p: None, leave=lambda c: None)
    with pytest.raises(ValueError, match="maxsize_s"):
        Subscription(float("inf"), waits=False, time_of=lambda p: None, leave=lambda c: None)


def test_a_waiting_consumer_holds_back_what_it_cannot_hold():
    consumer = subscription(0.1, waits=True)
    assert consumer.stats().capacity == 3 * RING
    assert consumer.hold == 2 * RING
    consumer.put([heard(0, 200)])
    assert consumer.hold == 2 * RING
    drain(consumer)
    assert consumer.hold == 2 * RING + 200


def test_two_threads():
    consumer = subscription(5.0)
    length = 20_000
    found = []

    def put():
        for start in range(0, length, 37):
            consumer.put([heard(start, min(start + 37, length))])
        consumer.finish(None)

    thread = threading.Thread(target=put)
    thread.start()
    found = list(consumer.events())
    thread.join(10)
    assert check_from(found, 0) == length
    assert isinstance(found[0], ev.Started)


def test_stereo_blocks():
    consumer = subscription(channels=2)
    consumer.put([ev.Audio(0, audio(0, 100, 2))])
    consumer.finish(None)
    blocks = list(consumer.blocks(64, dtype="float32"))
    assert [block.data.shape for block in blocks] == [(64, 2), (36, 2)]


def test_leaving_ends_the_iteration():
    left = []
    consumer = Subscription(1, waits=False, time_of=lambda p: None, leave=left.append)
    consumer.put([started()])
    with consumer:
        pass
    assert left == [consumer]
    assert list(consumer.blocks()) == []
    consumer.put([heard(0, 10)])
    assert list(consumer.blocks()) == []
