"""The promise under fire, without a wall clock: what the ring holds is not lost, and live is in time.

A line loses, spoils, reorders and repeats in both directions; the device hears by DMA buffers of 16 ms.
"""

from random import Random

import numpy as np
import pytest
from simworld import RATE, Line, check, ended, world

from ossicle.proto import events as ev
from ossicle.proto.request import StreamRequest

RING_S = 33792 / RATE
HOP_S = 512 / RATE
DMA_S = 256 / RATE
LINES = pytest.mark.parametrize("datagrams", [True, False], ids=["datagrams", "serial"])


def bad(seed):
    faults = {"loss": 0.10, "noise": 0.02, "reorder": 0.05, "repeat": 0.02, "latency_s": 0.003}
    return {"down": Line(Random(seed), **faults), "up": Line(Random(seed + 500), **faults)}


def heard(seed, seconds, datagrams, *, outages=(), step_s=0.01, **more):
    """A run to its end; the pump comes round as in life."""
    w = world(seed, length=RATE * seconds, datagrams=datagrams, dma=256, **more)
    w.eager = False
    for at, length in outages:
        w.run(100 + at - w.now, step_s=step_s)
        w.down.cut = w.up.cut = True
        w.run(length, step_s=step_s)
        w.down.cut = w.up.cut = False
    assert w.run(2 * seconds + 20, ended(w), step_s=step_s), w.receiver.stats()
    told = check(w.events)
    assert told.ended == RATE * seconds
    assert told.frames + sum(gap.frames for gap in told.gaps) == told.ended
    counters = w.receiver.counters
    assert counters.frames_first + counters.frames_overlap + counters.frames_resent == told.frames
    return w, told


@LINES
@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_loses_nothing(datagrams, seed):
    w, told = heard(seed, 60, datagrams, **bad(seed))
    assert told.gaps == []
    counters = w.receiver.counters
    assert counters.frames_resent > 0.05 * told.frames
    assert counters.asked_again < 0.1 * counters.chunks
    assert counters.resent < 0.25 * counters.chunks


@pytest.mark.soak
@LINES
@pytest.mark.parametrize("seed", range(20))
def test_a_bad_line_loses_nothing_in_an_hour(datagrams, seed):
    _, told = heard(seed, 3600, datagrams, **bad(seed))
    assert told.gaps == []


@LINES
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("lines", [lambda seed: {}, bad], ids=["clean", "bad"])
def test_three_outages_that_the_ring_outlasts(datagrams, seed, lines):
    _, told = heard(seed, 25, datagrams, outages=[(4, 1.5), (10, 1.5), (16, 1.5)], **lines(seed))
    assert told.gaps == []


@LINES
@pytest.mark.parametrize("phase", [0.0, 0.017, 0.033, 0.071])
def test_an_outage_that_outlasts_the_ring_costs_what_it_could_not_hold(datagrams, phase):
    w, told = heard(3, 14, datagrams, outages=[(5 + phase, 4.0)], step_s=0.002)
    (gap,) = told.gaps
    lost_s = gap.frames / RATE
    assert gap.cause == "overwritten"
    assert 4.0 - RING_S - HOP_S <= lost_s <= 4.0 - RING_S + 0.3
    assert w.receiver.counters.resumes == 1


def latencies(w):
    """Wraps a world so that it notes how old the first frame of each Audio is when told, in seconds."""
    found = []
    collect = w.collect

    def note():
        for event in w.receiver.events():
            w.events.append(event)
            if isinstance(event, ev.Audio):
                found.append(w.now - w.device.began - event.start / RATE)
        collect()

    w.collect = note
    return found


@LINES
@pytest.mark.parametrize(
    ("hop", "loss", "reorder", "percentile", "most_s"),
    [
        (512, 0.0, 0.0, 100, HOP_S + DMA_S + 0.015),
        (320, 0.0, 0.0, 100, 320 / RATE + DMA_S + 0.015),
        (512, 0.02, 0.0, 99, HOP_S + 0.060),
        (512, 0.02, 0.02, 99, HOP_S + 0.080),
    ],
)
def test_live_is_in_time(datagrams, hop, loss, reorder, percentile, most_s):
    lines = {
        name: Line(Random(n), loss=loss, reorder=reorder, latency_s=0.001)
        for n, name in enumerate(("down", "up"))
    }
    request = StreamRequest(mode="live", hop=hop)
    w = world(5, request=request, length=RATE * 60, datagrams=datagrams, dma=256, **lines)
    w.eager = False
    found = latencies(w)
    assert w.run(90, ended(w), step_s=0.001)
    told = check(w.events)
    assert np.percentile(found, percentile) <= most_s
    assert told.frames > 0.999 * told.ended


@LINES
def test_the_hosts_packets_cost_little(datagrams):
    """Of the 4 % that a sealed stream of chunks of 512 frames may cost, the headers take 2.4."""
    w, told = heard(1, 60, datagrams)
    assert w.receiver.counters.bytes_out / (2 * told.frames) < 0.005
    assert w.receiver.counters.requests == 0
    assert w.receiver.counters.duplicates == 0
