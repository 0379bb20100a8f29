"""The metrics on cases whose answer is known by hand."""

import numpy as np
import pytest

from ossicle.bench.vad import metrics
from ossicle.bench.vad.metrics import Agreement, Spread

RATE = 16000  # a cell is 160 frames, its middle 80 frames in


def marks(text):
    return np.array([mark == "#" for mark in text])


@pytest.mark.parametrize(("frames", "rate", "count"), [(1600, 16000, 10), (1759, 16000, 10), (441, 44100, 1)])
def test_only_whole_cells_count(frames, rate, count):
    assert metrics.cell_count(frames, rate) == count


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], "....."),
        ([(0, 800)], "#####"),
        ([(80, 240)], "#...."),  # half-open: the middle at 80 is in, the one at 240 is not
        ([(81, 241)], ".#..."),
        ([(400, 720), (0, 81)], "#.##."),  # in any order
        ([(160, 480), (320, 640)], ".###."),  # overlapping
        ([(700, 9000), (-500, -100)], "....#"),  # outside
    ],
)
def test_a_cell_is_speech_when_its_middle_is(ranges, expected):
    assert (metrics.cells(ranges, 5, RATE) == marks(expected)).all()


def test_cells_at_a_rate_that_is_no_multiple():
    # 10 ms are 220.5 frames at 22,050 Hz: the middles are at 110.25, 330.75, 551.25
    assert (metrics.cells([(111, 331)], 3, 22050) == marks(".#.")).all()
    assert (metrics.cells([(110, 330)], 3, 22050) == marks("#..")).all()


def test_the_probability_of_a_cell_is_that_at_its_middle():
    # VAD frames of 200 frames from 100 on; middles at 80, 240, 400, 560, 720
    lane = [(100, 0.1), (300, 0.2), (500, 0.3)]
    assert metrics.per_cell(lane, 700, 5, RATE).tolist() == [0.0, 0.1, 0.2, 0.3, 0.0]
    assert metrics.per_cell(lane, 721, 5, RATE).tolist() == [0.0, 0.1, 0.2, 0.3, 0.3]
    assert metrics.per_cell([(240, 1.0)], 800, 3, RATE).tolist() == [0.0, 1.0, 1.0]
    assert metrics.per_cell([], 800, 3, RATE).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("said", "truth", "found", "marked", "balanced"),
    [
        ("##....", "##....", 1.0, 0.0, 1.0),
        ("######", "##....", 1.0, 1.0, 0.5),
        ("......", "##....", 0.0, 0.0, 0.5),
        ("#..#..", "##....", 0.5, 0.25, 0.625),
        ("..####", "##....", 0.0, 1.0, 0.0),
        ("#.#.", "####", 0.5, None, None),
        ("#...", "....", None, 0.25, None),
    ],
)
def test_agreement(said, truth, found, marked, balanced):
    told = metrics.agreement(marks(said), marks(truth))
    assert told == Agreement(found, marked)
    assert told.balanced == balanced


def test_agreement_wants_as_many_cells():
    with pytest.raises(ValueError, match="3 cells beside 2"):
        metrics.agreement(marks("..."), marks(".."))


@pytest.mark.parametrize(
    ("values", "truth", "area"),
    [
        ([0.9, 0.8, 0.1, 0.2], "##..", 1.0),
        ([0.1, 0.2, 0.9, 0.8], "##..", 0.0),
        ([0.5, 0.5, 0.5, 0.5], "##..", 0.5),  # all ties
        ([0.9, 0.3, 0.5, 0.1], "##..", 0.75),  # three of the four pairs
        ([0.9, 0.5, 0.5, 0.1], "##..", 0.875),  # three and a half
        ([1.0, 0.0, 0.0], "#..", 1.0),
        ([0.3, 0.4], "##", None),
        ([0.3, 0.4], "..", None),
    ],
)
def test_auc(values, truth, area):
    assert metrics.auc(np.array(values), marks(truth)) == area


def test_auc_is_the_share_of_pairs_told_right():
    draw = np.random.default_rng(4)
    truth = draw.random(300) < 0.4
    values = np.round(draw.random(300) + 0.3 * truth, 1)  # many ties
    pairs = [(a > b) + 0.5 * (a == b) for a in values[truth] for b in values[~truth]]
    assert metrics.auc(values, truth) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_a_curve_needs_more_than_yes_and_no():
    assert not metrics.is_graded(np.array([0.0, 1.0, 1.0]))
    assert metrics.is_graded(np.array([0.0, 0.5, 1.0]))


@pytest.mark.parametrize(
    ("segments", "labels", "pairs"),
    [
        ([(0, 10)], [(5, 15)], [(0, 0)]),
        ([(0, 10)], [(10, 20)], []),  # touching is no overlap
        ([(0, 10), (10, 40)], [(5, 30)], [(1, 0)]),  # a label cut in two: the longer part
        ([(0, 100)], [(10, 20), (50, 90)], [(0, 1)]),  # a segment over two labels
        ([(0, 30), (40, 70)], [(5, 25), (45, 60)], [(0, 0), (1, 1)]),
        # the largest overlap goes first, though the first segment would then like the same label
        ([(0, 20), (15, 60)], [(10, 50), (55, 58)], [(1, 0)]),
        ([(0, 12), (12, 60)], [(0, 30), (40, 60)], [(0, 0), (1, 1)]),
    ],
)
def test_pairs_are_one_to_one_by_overlap(segments, labels, pairs):
    assert metrics.matched(segments, labels) == pairs


def test_edges():
    labels = [(16000, 32000), (48000, 64000), (80000, 96000), (112000, 128000)]
    segments = [
        (15200, 32320),  # 50 ms early, 20 ms late
        (40000, 41000),  # touches nothing
        (48160, 63680),  # 10 ms late, 20 ms early
        (79360, 95200),  # 40 ms early, 50 ms early
    ]
    found = metrics.edges(segments, labels, RATE)
    assert (found.pairs, found.missed, found.false) == (3, 1, 1)
    assert found.onset == Spread(40.0, 50.0, -40.0)
    assert found.offset == Spread(20.0, 50.0, -20.0)


def test_a_label_in_two_segments_is_neither_missed_nor_false():
    found = metrics.edges([(0, 100), (200, 900)], [(0, 1000)], RATE)
    assert (found.pairs, found.missed, found.false) == (1, 0, 0)
    assert found.onset.signed == 200 * 1000 / RATE


def test_no_pairs_have_no_edges():
    found = metrics.edges([], [(0, 100)], RATE)
    assert (found.onset, found.offset) == (Spread(None, None, None), Spread(None, None, None))
    assert (found.pairs, found.missed, found.false) == (0, 1, 0)


def test_p90_is_of_the_sizes():
    # sizes 1 to 10, signs mixed: nine tenths do not exceed 9
    errors = [-10.0, 9.0, -8.0, 7.0, -6.0, 5.0, -4.0, 3.0, -2.0, 1.0]
    assert Spread.of(errors) == Spread(5.5, 9.0, -0.5)


@pytest.mark.parametrize(
    ("ranges", "joined"),
    [
        ([], []),
        ([(5, 9), (0, 3)], [(0, 3), (5, 9)]),
        ([(0, 5), (3, 9), (9, 12)], [(0, 12)]),
        ([(0, 20), (3, 9)], [(0, 20)]),
    ],
)
def test_union(ranges, joined):
    assert metrics.union(ranges) == joined
