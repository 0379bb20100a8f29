"""Blocks: sizes, overlap, gaps, types."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossicle.block import Block, Cutter
from ossicle.proto.events import Audio, Gap


def cutter(blocksize=10, overlap=0, dtype="int16", always_2d=False, channels=1):
    return Cutter(
        blocksize, overlap, dtype, always_2d, 16000, channels, lambda position: (position / 16000, 0.001)
    )


def feed(cutter, items):
    """Blocks of items: numbers are frames of audio, pairs are gaps' stops and causes."""
    position = 0
    blocks = []
    for item in items:
        if isinstance(item, int):
            left = item
            while left:
                count = min(left, cutter.wants)
                frames = np.arange(position, position + count).astype(np.int16)
                blocks.append(cutter.audio(Audio(position, frames)))
                position += count
                left -= count
        else:
            stop = None if item is None else position + item[0]
            blocks.append(cutter.gap(Gap(position, stop, "capture")))
            position = stop or 0
    blocks.append(cutter.end())
    return [block for block in blocks if block is not None]


def shape(blocks):
    return [(block.start, len(block), [(gap.start, gap.stop) for gap in block.gaps]) for block in blocks]


def test_blocks_of_one_size_and_a_short_last_one():
    assert shape(feed(cutter(), [3, 20, 2])) == [(0, 10, []), (10, 10, []), (20, 5, [])]


def test_a_length_that_fits_has_no_short_block():
    assert shape(feed(cutter(), [20])) == [(0, 10, []), (10, 10, [])]
    assert feed(cutter(), []) == []


def test_overlapping_blocks():
    assert shape(feed(cutter(overlap=4), [23])) == [(0, 10, []), (6, 10, []), (12, 10, []), (18, 5, [])]
    assert shape(feed(cutter(overlap=4), [22])) == [(0, 10, []), (6, 10, []), (12, 10, [])]


def test_a_block_ends_at_a_gap_and_the_next_names_it():
    assert shape(feed(cutter(overlap=4), [12, (5,), 11])) == [
        (0, 10, []),
        (6, 6, []),
        (17, 10, [(12, 17)]),
        (23, 5, []),
    ]


def test_gaps_in_a_row_and_at_both_ends():
    assert shape(feed(cutter(), [(3,), (2,), 4, (7,)])) == [(5, 4, [(0, 3), (3, 5)]), (16, 0, [(9, 16)])]


def test_after_a_reset_positions_start_again():
    assert shape(feed(cutter(), [4, None, 4])) == [(0, 4, []), (0, 4, [(4, None)])]


@given(
    st.lists(st.integers(1, 40) | st.tuples(st.integers(1, 50)), max_size=20),
    st.integers(1, 30),
    st.integers(0, 29),
)
@settings(deadline=None)
def test_blocks_hold_every_frame_and_every_gap(items, blocksize, overlap):
    overlap = min(overlap, blocksize - 1)
    blocks = feed(cutter(blocksize, overlap), items)
    position = 0
    for block in blocks:
        for gap in block.gaps:
            assert gap.start == position
            position = gap.stop
        assert block.start <= position
        assert position - block.start <= (overlap if not block.gaps else 0)
        assert np.array_equal(block.data, np.arange(block.start, block.stop).astype(np.int16))
        position = block.stop
    assert position == sum(item if isinstance(item, int) else item[0] for item in items)


def test_float_is_within_minus_one_and_one():
    made = cutter(3, dtype="float32").audio(Audio(0, np.array([-32768, 0, 32767], np.int16)))
    assert made.data.dtype == np.float32
    assert made.data.tolist() == [-1.0, 0.0, 32767 / 32768]


def test_shapes():
    stereo = np.zeros((4, 2), np.int16)
    assert cutter(4, channels=2).audio(Audio(0, stereo)).data.shape == (4, 2)
    assert cutter(4, always_2d=True).audio(Audio(0, np.zeros(4, np.int16))).data.shape == (4, 1)
    empty = cutter(4, channels=2)
    empty.gap(Gap(0, 5, "capture"))
    assert empty.end().data.shape == (0, 2)


def test_a_block_is_an_array_and_knows_its_time():
    made = cutter(4).audio(Audio(160, np.array([1, 2, 3, 4], np.int16)))
    assert np.asarray(made).tolist() == [1, 2, 3, 4]
    assert np.asarray(made) is made.data
    assert np.asarray(made, dtype=np.float32).dtype == np.float32
    assert np.array(made, copy=True) is not made.data
    assert np.abs(made).max() == 4
    assert (made.start, made.stop, len(made)) == (160, 164, 4)
    assert made.time == pytest.approx(0.01)
    assert made.uncertainty == 0.001
    with pytest.raises(ValueError, match="copy"):
        made.__array__(np.float32, copy=False)


def test_blocks_are_the_callers_own():
    frames = np.array([1, 2, 3, 4], np.int16)
    made = cutter(4, overlap=2).audio(Audio(0, frames))
    made.data[:] = 9
    assert frames.tolist() == [1, 2, 3, 4]
    assert isinstance(made, Block)


def test_overlap_is_not_shared_between_blocks():
    cut = cutter(4, overlap=2)
    first = cut.audio(Audio(0, np.array([1, 2, 3, 4], np.int16)))
    first.data[:] = 9
    second = cut.audio(Audio(4, np.array([5, 6], np.int16)))
    assert second.data.tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("blocksize", "overlap", "dtype"), [(0, 0, "int16"), (4, 4, "int16"), (4, -1, "int16"), (4, 0, "f8")]
)
def test_what_makes_no_sense_is_refused(blocksize, overlap, dtype):
    with pytest.raises(ValueError, match=r"blocksize|dtype"):
        cutter(blocksize, overlap, dtype)
