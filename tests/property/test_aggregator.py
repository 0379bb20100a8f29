"""Any order of chunks, segments, pauses, timeouts, cuts, silence and ends: nothing lost, doubled or moved.

What comes out is compared with what went in by itself, and each answer with the oracle's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from batching import Op, Player, Samples, expect
from hypothesis import given
from hypothesis import strategies as st
from oracle.aggregator import AggregatorModel
from profiles import examples

RATE = 100
JOBS = st.sampled_from(["a", "a", "b", "c"])
RUN = st.tuples(
    st.one_of(st.integers(0, 6), st.integers(0, 120), st.sampled_from([20, 100, 200, 500, 1000])),
    st.sampled_from([0, 1, 2, 3, 10, 400, 32767]),
)
AUDIO = st.lists(RUN, max_size=4)
POSITIONS = st.integers(0, 2000)


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Any that may be, small, so that each bound and each length comes into force."""
    least = draw(st.integers(0, 40))
    most = draw(st.integers(max(1, 2 * least), 120))
    batch = draw(st.sampled_from([0, 1, 30, 50, 90]))
    return {
        "rate": RATE,
        "channels": draw(st.sampled_from([1, 1, 2])),
        "min_pause_ms": 10 * draw(st.sampled_from([0, 1, 10, 50])),
        "min_batch_ms": 10 * batch,
        "max_piece_ms": 10 * most,
        "min_piece_ms": 10 * least,
        "hangover_ms": 10 * draw(st.integers(0, 20)),
        "window_ms": 10 * draw(st.integers(1, 15)),
        "max_held_s": (batch + most + draw(st.integers(0, 400))) / RATE,
        "max_age_s": draw(st.sampled_from([0.2, 1, 3, 1000])),
        "max_jobs": draw(st.sampled_from([1, 2, 3, 64])),
    }


def operations() -> st.SearchStrategy[list[Op]]:
    extra = st.fixed_dictionaries({}, optional={"start": POSITIONS})
    by = st.sampled_from(["pause", "pause", "timeout", "timeout", "cut", "end"])
    ended_by = st.sampled_from(["silence", "silence", "length", "gap", "end"])
    push = st.tuples(st.just("push"), JOBS, AUDIO, extra)
    finish = st.tuples(st.just("finish"), JOBS, by)
    advance = st.fixed_dictionaries({}, optional={"frames": st.integers(0, 150), "to": POSITIONS})
    segment = st.tuples(st.just("segment"), JOBS, POSITIONS, AUDIO, ended_by, st.none())
    rest = st.one_of(segment, st.tuples(st.just("advance"), advance), st.tuples(st.just("flush")))
    return st.lists(st.one_of(push, push, finish, finish, rest).map(list), max_size=30)


def sound(runs: list[tuple[int, int]], channels: int, number: int) -> Samples:
    """Samples of these levels, of which no two stretches are alike."""
    dice = np.random.default_rng(number)
    shape = (sum(count for count, _ in runs), channels)
    levels = np.repeat([level for _, level in runs], [count for count, _ in runs])
    noise = dice.uniform(-1, 1, shape) * levels.reshape(-1, 1)
    frames = noise.astype(np.int16)
    return frames[:, 0] if channels == 1 else frames


def plain(frames: Samples) -> list[tuple[int, ...]]:
    rows = frames.reshape(-1, 1) if frames.ndim == 1 else frames
    return [tuple(row) for row in rows.tolist()]


def play(wishes: dict[str, Any], ops: list[Op]) -> None:
    player, model = Player(wishes), AggregatorModel(**wishes)
    for number, op in enumerate([*ops, ["flush"]]):
        runs = op[2] if op[0] == "push" else op[3] if op[0] == "segment" else []
        audio = sound(runs, wishes["channels"], number)
        assert player.do(op, audio) == expect(model, op, plain(audio)), f"operation {number}: {op}"
        stats = player.aggregator.stats
        assert stats.held <= player.aggregator.options.frames(wishes["max_held_s"] * 1000)
        assert stats.open_jobs <= wishes["max_jobs"]
        assert stats.oldest_age == model.oldest_age() <= round(wishes["max_age_s"] * RATE)
        early = {"held": stats.early_held, "age": stats.early_age, "jobs": stats.early_jobs}
        assert early == model.early
    for job, pieces in player.pushed.items():
        went_in = np.concatenate(pieces)
        came_out = np.concatenate([went_in[:0], *player.out.get(job, [])])
        assert np.array_equal(went_in, came_out), job


@examples(300)
@given(options(), operations())
def test_whatever_is_called_when(wishes: dict[str, Any], ops: list[Op]) -> None:
    play(wishes, ops)


@pytest.mark.soak
@examples(10_000)
@given(options(), operations())
def test_whatever_is_called_when_for_long(wishes: dict[str, Any], ops: list[Op]) -> None:
    play(wishes, ops)


@examples(60)
@given(
    options(), st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0, 3, 400])), max_size=5), st.data()
)
def test_the_same_in_chunks_of_any_size(
    wishes: dict[str, Any], runs: list[tuple[int, int]], data: st.DataObject
) -> None:
    """A-1: a job in one chunk, and in many, where no bound comes between."""
    wishes = {**wishes, "max_held_s": 3600, "max_age_s": 3600}
    audio = sound(runs, wishes["channels"], 1)
    whole, pieces = Player(wishes), Player(wishes)
    whole.do(["push", "a", [], {"start": 7}], audio)
    at = 0
    while at < len(audio):
        step = data.draw(st.integers(1, len(audio)))
        pieces.do(["push", "a", [], {} if at else {"start": 7}], audio[at : at + step])
        at += step
    end = data.draw(st.sampled_from(["pause", "timeout", "cut"]))
    assert pieces.do(["finish", "a", end]) == whole.do(["finish", "a", end])
    assert pieces.do(["flush"]) == whole.do(["flush"])
