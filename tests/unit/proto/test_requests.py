"""What is asked for and when, chunk by chunk; and when an ACK is due."""

from itertools import pairwise

import pytest
from simaudio import audio

from ossicle.proto._wire import Flag
from ossicle.proto.acks import Acks
from ossicle.proto.counters import Counters
from ossicle.proto.reassembly import Reassembly
from ossicle.proto.requests import Requests
from ossicle.proto.roundtrip import RoundTrip
from ossicle.proto.sightings import Sightings

HOP = 64


class Stream(Reassembly):
    """A reassembly that is given chunks of the known audio."""

    def __init__(self, window):
        self.counters = Counters()
        super().__init__(HOP, 0, window, self.counters, lambda event: None)

    def chunk(self, sequence, frames=HOP, flags=0):
        start = sequence * HOP
        return self.add(sequence, flags, audio(start, start + frames))


class Asking:
    """Requests of a stream of known audio, with the time told by the test."""

    def __init__(self, live=False, window=100):
        self.stream = Stream(window=window)
        self.round_trip = RoundTrip(0.25)
        self.requests = Requests(live, self.stream.counters, self.round_trip)
        self.sightings = Sightings()
        self.last_audio = 0.0

    def chunk(self, sequence, now=1.0, resent=False, **more):
        stream = self.stream
        wanted = stream.wants(sequence)
        stream.chunk(sequence, **more)
        self.last_audio = now
        if wanted:
            self.requests.came(sequence, resent, self.sightings.since(sequence), now)
        elif not resent:
            self.requests.came_again(sequence, now)
        if resent:
            self.requests.resent(sequence, now)

    def poll(self, now=1.0, heard=None):
        self.sightings.look(self.stream.next, self.stream.highest, now)
        heard = now if heard is None else heard
        return self.requests.poll(self.stream, self.sightings, now, heard, self.last_audio)


def test_nothing_is_asked_for_while_nothing_is_missing():
    asking = Asking()
    asking.chunk(0)
    assert asking.poll() == []


def test_at_most_eight_ranges_oldest_first_or_newest_first():
    for live, wanted in [
        (False, [(0, 1)] + [(at, at + 2) for at in range(2, 22, 3)]),
        (True, [(at, at + 2) for at in range(35, 57, 3)]),
    ]:
        asking = Asking(live, window=1000)
        for sequence in range(1, 60, 3):
            asking.chunk(sequence)
        assert asking.poll() == wanted
        assert asking.requests.due_at == 1.01


def test_the_others_come_in_the_next_request():
    asking = Asking(window=1000)
    for sequence in range(1, 40, 2):
        asking.chunk(sequence)
    together = [s for _ in range(3) for start, stop in asking.poll() for s in range(start, stop)]
    assert together == list(range(0, 40, 2))


@pytest.mark.parametrize(("rtt", "again"), [(0.0, 0.1), (0.02, 0.1), (0.3, 0.6), (9.0, 18.0)])
def test_asked_again_after_two_round_trips(rtt, again):
    asking = Asking()
    for _ in range(50):  # until the variation is nothing
        asking.round_trip.add(rtt)
    asking.chunk(3)
    assert asking.poll(1.0) == [(0, 3)]
    assert asking.poll(1.0 + again - 0.01) == []
    assert asking.requests.due_at == pytest.approx(1.0 + again, abs=1e-3)
    assert asking.poll(1.0 + again + 0.001) == [(0, 3)]
    assert asking.stream.counters.asked_again == 3
    assert asking.stream.counters.requests == 6


def test_a_varying_round_trip_costs_a_part_of_the_ring_at_most():
    round_trip = RoundTrip(0.25)
    round_trip.add(0.004)
    assert round_trip.again_s == 0.1
    for rtt in (0.5, 0.01) * 20:
        round_trip.add(rtt)
    late = round_trip.again_s - round_trip.smoothed_s
    assert late == pytest.approx(max(0.25, round_trip.smoothed_s))
    round_trip.add(1e9)  # a clock that jumped
    assert round_trip.smoothed_s < 2


def test_a_device_that_is_not_heard_is_asked_less_and_less():
    asking = Asking()
    asking.chunk(1)
    times = [t / 100 for t in range(100, 600) if asking.poll(t / 100, heard=0.9)]
    steps = [b - a for a, b in pairwise(times)]
    assert steps[:4] == pytest.approx([0.2, 0.4, 0.8, 1.0], abs=0.011)
    assert max(steps) == pytest.approx(1.0, abs=0.011)
    asking = Asking()
    asking.chunk(1)
    times = [t / 100 for t in range(100, 600) if asking.poll(t / 100)]
    assert len(times) > 45  # the ring does not wait, and somebody is there


def test_what_is_next_in_the_devices_queue_is_not_asked_for_again():
    asking = Asking()
    asking.chunk(9)
    assert asking.poll(1.0) == [(0, 9)]
    asking.chunk(1, 1.02, resent=True)
    assert asking.poll(1.11) == [(0, 1)]
    assert asking.poll(1.13) == [(2, 9)]


def test_the_round_trip_is_measured_by_the_first_that_was_asked_for_once():
    asking = Asking()
    asking.chunk(5)
    assert asking.poll(1.0) == [(0, 5)]
    asking.chunk(1, 1.06, resent=True)
    assert asking.round_trip.smoothed_s == pytest.approx(0.06)
    asking.chunk(2, 1.5, resent=True)
    assert asking.round_trip.smoothed_s == pytest.approx(0.06)
    assert asking.poll(1.7) == [(0, 1), (3, 5)]
    asking.chunk(0, 2.5, resent=True)  # which of the two was answered?
    assert asking.round_trip.smoothed_s == pytest.approx(0.06)


def test_what_resuming_brings_is_not_asked_for():
    asking = Asking()
    asking.chunk(3)
    asking.poll(1.0)
    asking.requests.resumed(5.0)
    assert asking.poll(5.0) == []
    assert asking.poll(5.05) == []
    asking.chunk(0, 5.06)
    assert asking.requests._reordering.wait_s == 0.0
    assert asking.poll(5.11) == [(1, 3)]


@pytest.mark.parametrize(("live", "most"), [(False, 0.1), (True, 0.008)])
def test_what_is_only_late_is_waited_for_once_that_is_known(live, most):
    asking = Asking(live, window=10_000)
    asking.chunk(1)
    assert asking.poll(1.0) == [(0, 1)]
    asking.chunk(0, 1.006)
    assert asking.stream.counters.asked_early == 1
    asking.chunk(3, 2.0)
    assert asking.poll(2.0) == []
    assert asking.requests.due_at == pytest.approx(2.0066)
    assert asking.poll(2.006) == []
    assert asking.poll(asking.requests.due_at) == [(2, 3)]
    asking.chunk(2, 2.5)
    assert asking.requests._reordering.wait_s == most
    asking.chunk(4, 3.0)
    for sequence in range(6, 1000, 2):  # lost, all of them: there is nothing to wait for
        asking.chunk(sequence, 3.0)
        asking.poll(3.0)
        asking.chunk(sequence - 1, 3.0, resent=True)
    assert asking.requests._reordering.wait_s == 0.0


def test_a_chunk_that_its_re_send_has_overtaken_was_late_too():
    asking = Asking()
    asking.chunk(1)
    asking.poll(1.0)
    asking.chunk(0, 1.01, resent=True)
    asking.chunk(0, 1.04)
    assert asking.requests._reordering.wait_s == pytest.approx(0.044)
    asking.chunk(0, 1.09)  # twice on the way
    asking.chunk(1, 1.09)
    assert asking.requests._reordering.wait_s == pytest.approx(0.044)
    assert asking.stream.counters.asked_early == 1
    for sequence in range(3, 3000, 2):
        asking.chunk(sequence, 2.0)
        asking.poll(2.0)
        asking.chunk(sequence - 1, 2.0, resent=True)
    assert len(asking.requests._healed) == 256


def test_few_are_looked_at_where_much_is_missing():
    for live, wanted in [(False, [(0, 512)]), (True, [(90_000 - 512, 90_000)])]:
        asking = Asking(live, window=100_000)
        asking.chunk(90_000)
        assert asking.poll() == wanted


def test_the_tail_is_asked_for_after_a_while_and_not_after_the_last():
    asking = Asking()
    asking.chunk(0, 4.5)
    assert asking.poll(5.0) == []
    assert asking.poll(5.6) == [(1, 9)]
    assert asking.poll(5.7) == []
    asking.chunk(1, 5.8, frames=3, flags=Flag.LAST)
    assert asking.poll(50.0) == []


def test_sightings_count_from_when_something_later_came():
    sightings = Sightings()
    assert sightings.before(9.0) == 0
    sightings.look(0, 2, 1.0)
    sightings.look(0, 2, 1.05)
    sightings.look(0, 4, 1.1)
    assert [sightings.since(s) for s in (0, 1, 2, 3, 4)] == [1.0, 1.0, 1.1, 1.1, None]
    assert [sightings.before(t) for t in (0.9, 1.0, 1.09, 1.1)] == [0, 2, 2, 4]
    sightings.look(2, 4, 1.2)
    assert sightings.oldest == 1.1
    assert sightings.before(1.05) == 0
    sightings.look(4, 4, 1.3)
    assert sightings.oldest is None
    for n in range(10_000):
        sightings.look(n, n + 64, n / 100)
    assert len(sightings._marks) <= 64


def test_acks_each_interval_each_quarter_and_on_demand():
    acks = Acks(40)
    assert acks.due(0, 0, 1.0, False)
    assert not acks.due(9, 9, 1.1, False)
    assert acks.due(10, 10, 1.1, False)
    assert not acks.due(10, 10, 1.49, False)
    assert acks.due(10, 10, 1.51, False)
    acks.hurry()
    assert acks.due(10, 10, 1.52, True)
    assert not acks.due(10, 10, 9.0, True)
