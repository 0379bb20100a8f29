"""The ring benchmark: all contestants are there and do the work, and it is noticed when one does not."""

from itertools import islice

import numpy as np
import pytest

from ossicle.bench import peers, ring
from ossicle.bench.contestants import CAPACITY, HOP, LAP, WINDOW, Contestant, Deque, Locked, Views
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError
from ossicle.bench.timing import Timing

COPIES = "AudioRing, copies"
PRINTLESS = "cascade-vad, its printing taken out"
SLIDING = "numpy_ringbuffer"
NAMES = (
    ring.OURS,
    COPIES,
    ring.LOCKED,
    ring.CASCADE,
    PRINTLESS,
    SLIDING,
    "collections.deque",
    "queue.Queue",
    ring.BARE,
)


@pytest.fixture(scope="module")
def news():
    """How each contestant is made."""
    found, missing = ring.contestants()
    assert missing == []
    return found


def test_the_table(capfd):
    said = []
    table = ring.run(Effort(quick=True, say=said.append))
    assert tuple(row.name for row in table.rows) == NAMES
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert row.values["int16_ns"] > 0
        assert row.values["float32_ratio"] > 0
    assert table.value(ring.LOCKED, "int16_ratio") == table.value(ring.LOCKED, "float32_ratio") == 1.0
    assert [limit.bound for limit in table.limits] == [0.6, 8.0, 0.6, 8.0]
    assert not [note for note in table.notes if "Not measured" in note]
    assert said
    assert capfd.readouterr().out == "", "what cascade-vad prints goes nowhere"


@pytest.mark.parametrize("name", NAMES)
def test_each_gives_the_windows_that_went_in(news, name):
    views = ring.prove(name, news[name])
    if name == ring.OURS:
        assert views == 1.0
    elif name in (ring.CASCADE, PRINTLESS):
        assert 0.9 < views < 1.0, "but where they go over the end"
    elif name != ring.BARE:
        assert views == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_run_goes_on_where_the_last_ended(news, name):
    audio = ring.sound("int16", 2 * LAP)
    contestant = news[name]("int16")
    blocks = iter(ring.blocks_of(audio))
    given = []
    for size in (1, 7, 40, 3, 100, 99):
        contestant.run(islice(blocks, size), lambda window: given.append(window.copy()))
    assert len(given) == (len(audio) - WINDOW) // HOP + 1
    for number, window in enumerate(given):
        np.testing.assert_array_equal(window, audio[number * HOP : number * HOP + WINDOW])


class Spoilt(Locked):
    """A ring that does something to its window number 20."""

    def __init__(self, dtype, spoil):
        super().__init__(dtype)
        self.spoil = spoil

    def run(self, blocks, take):
        count = 0

        def pass_on(window):
            nonlocal count
            count += 1
            for each in self.spoil(window) if count == 20 else [window]:
                take(each)

        super().run(blocks, pass_on)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda window: [], "windows came out"),
        (lambda window: [window, window], "windows came out"),
        (lambda window: [np.roll(window, 1)], "frame 76000 is another"),
        (lambda window: [window[:-1]], "frame 76000 is another"),
        (lambda window: [window.astype(np.float64)], "frame 76000 is another"),
        (lambda window: [np.bitwise_xor(window.view(np.uint8), 1).view(window.dtype)], "frame 76000"),
    ],
)
def test_one_that_cheats_is_found(spoil, message):
    with pytest.raises(BenchmarkError, match=message):
        ring.prove("x", lambda dtype: Spoilt(dtype, spoil))


class Hungry(Contestant):
    """Holds 100 kB for a moment, in each second operation."""

    def run(self, blocks, take):
        for number, _ in enumerate(blocks):
            bytearray(100_000 if number % 2 else 0)


def test_memory_is_counted(news):
    assert 50_000 <= ring.allocated(Hungry(), 20) < 51_000
    views = ring.allocated(Views("int16"), 250)
    assert 0 < views < 600, "no copy of a window"
    assert ring.allocated(news[COPIES]("int16"), 250) > views + WINDOW * 512 / HOP
    assert ring.allocated(Deque("int16"), 250) > 1024, "a copy of a block at least"


@pytest.mark.parametrize(
    ("ours_ns", "holds"), [(50, [True, True]), (70, [False, True]), (90, [False, False])]
)
def test_limits(ours_ns, holds):
    found = {ring.OURS: ours_ns, ring.LOCKED: 100, ring.CASCADE: 600}
    limits = ring._limits({"int16": {name: Timing((float(ns),)) for name, ns in found.items()}})
    assert [limit.holds for limit in limits] == holds


def test_who_is_missing_is_named(monkeypatch):
    def load(name, say):
        raise peers.PeerMissing(f"{name} is on the moon")

    monkeypatch.setattr(peers, "load", load)
    table = ring.run(Effort(quick=True))
    had = {ring.CASCADE, PRINTLESS, SLIDING}
    assert [row.name for row in table.rows] == [name for name in NAMES if name not in had]
    assert "Not measured: cascade-vad is on the moon." in table.notes
    assert "Not measured: numpy_ringbuffer is on the moon." in table.notes
    assert [limit.bound for limit in table.limits] == [0.6, 0.6]


def test_the_locked_ring_refuses_what_does_not_fit():
    locked = Locked("int16")
    locked.write(np.zeros(CAPACITY, np.int16))
    with pytest.raises(OverflowError):
        locked.write(np.zeros(1, np.int16))


def test_cascade_prints_when_it_is_not_hushed(news, capfd):
    """So that what is measured with its printing is what it does."""
    contestant = news[ring.CASCADE]("int16")
    block = ring.sound("int16", 512)
    contestant.ring.write(block)
    assert "write" in capfd.readouterr().out
    hushed = news[PRINTLESS]("int16")
    with hushed.quiet():
        hushed.ring.write(block)
    assert capfd.readouterr().out == ""
    hushed.ring.write(block)
    assert "write" in capfd.readouterr().out, "and it is given its print back"
