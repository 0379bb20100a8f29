"""The tape: what is kept, what is not, and how much memory that takes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ossicle.audio.tape import LEAST_FRAMES, Tape


def numbered(start: int, stop: int, channels: int = 0) -> np.ndarray:
    numbers = np.arange(start, stop).astype(np.int16)
    return np.stack([numbers] * channels, axis=1) if channels else numbers


def append(tape: Tape, frames: np.ndarray, needed: int) -> bool:
    """Whether there had to be made room."""
    if tape.push(frames):
        return False
    tape.make_room(frames, needed)
    assert tape.push(frames)
    return True


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_what_is_needed_is_kept(channels: int) -> None:
    draw = random.Random(channels)
    tape, needed, moved = Tape(500), 500, 0
    for _ in range(300):
        frames = numbered(tape.stop, tape.stop + draw.randint(0, 9000), channels)
        moved += append(tape, frames, needed)
        needed = draw.randint(needed, tape.stop) if draw.random() < 0.8 else needed
        start = draw.randint(needed, tape.stop)
        stop = draw.randint(start, tape.stop)
        assert (tape.take(start, stop) == numbered(start, stop, channels)).all()
        assert (tape.view[start - tape.base : stop - tape.base] == numbered(start, stop, channels)).all()
    assert moved > 10


def test_what_is_taken_is_a_copy_and_the_view_is_read_only() -> None:
    tape = Tape(0)
    append(tape, numbered(0, 100), 0)
    tape.take(0, 100)[:] = -1
    assert (tape.take(0, 100) == numbered(0, 100)).all()
    with pytest.raises(ValueError, match="read-only"):
        tape.view[0] = 1


def test_room_grows_with_what_is_needed_and_shrinks_again() -> None:
    tape = Tape(0)
    for _ in range(1000):  # all is needed
        append(tape, numbered(0, 512), 0)
    assert 512_000 <= len(tape.view) <= 1.5 * 512_000 + 1024
    for _ in range(3000):  # nothing is
        append(tape, numbered(0, 512), tape.stop)
    assert len(tape.view) == LEAST_FRAMES


def test_room_is_seldom_made_in_silence() -> None:
    tape = Tape(0)
    moved = sum(append(tape, numbered(0, 512), tape.stop - 2000) for _ in range(1000))
    assert moved <= 512_000 // (LEAST_FRAMES - 3000) + 1


def test_a_restart_drops_everything() -> None:
    tape = Tape(0)
    append(tape, numbered(0, 100), 0)
    tape.restart(7000)
    assert (tape.base, tape.stop) == (7000, 7000)
    append(tape, numbered(7000, 7100), 0)
    assert (tape.take(7000, 7100) == numbered(7000, 7100)).all()
