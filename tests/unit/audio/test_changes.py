"""Changing the segmenter's options while it runs: the same however it is pushed, and all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import examples

from ossicle.audio import tape
from ossicle.audio.options import PRESETS, WAITING_MAX, Options
from ossicle.audio.segmenter import Segment, Segmenter

RATE = 1000
SIZE = 10

Change = tuple[int, dict[str, Any]]


class Loudness:
    """Speech as probable as the audio is loud: a thousandth of the mean amplitude."""

    name = "loudness"
    hangover_ms = 30

    def __init__(self, rate: int = RATE) -> None:
        self.rate = rate
        self.frame_size = rate // 100

    def probability(self, vad_frame: Any) -> float:
        return min(1.0, float(np.abs(vad_frame.astype(np.int32)).mean()) / 1000)

    def reset(self) -> None:
        pass


def level(frames: int, amplitude: int) -> np.ndarray:
    return np.full(frames, amplitude, np.int16)


LEVELS = st.sampled_from([0, 0, 5, 320, 450, 600, 950, 950])
RUNS = st.lists(st.tuples(st.integers(1, 400), LEVELS), min_size=1, max_size=12)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "preset": st.sampled_from(list(PRESETS)),
    "threshold": st.sampled_from([0.3, 0.4, 0.5, 0.7, 0.96]),
    "min_speech_ms": st.sampled_from([0, 40, 100]),
    "max_speech_s": st.sampled_from([1, 1.3]),
    "min_silence_ms": st.sampled_from([0, 20, 100, 700]),
    "speech_pad_ms": st.sampled_from([0, 15, 300]),
    "pre_roll_ms": st.sampled_from([0, 60, 900]),
}


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, Any]:
    """Stretches of audio with gaps between, and changes at positions of their own."""
    stretches = []
    for runs in draw(st.lists(RUNS, min_size=1, max_size=3)):
        frames = np.concatenate([level(*run) for run in runs])
        stretches.append((frames, draw(st.sampled_from([0, 1, 250]))))
    length = sum(len(frames) + gap for frames, gap in stretches)
    positions = draw(st.lists(st.integers(0, length), max_size=6, unique=True))
    change = st.fixed_dictionaries({}, optional=OPTIONS)
    return {
        "stretches": stretches,
        "changes": [(at, draw(change)) for at in sorted(positions)],
        "channels": draw(st.sampled_from([0, 0, 2])),
        "detector": draw(st.sampled_from([RATE, RATE, 1600])),
    }


def whole(scene: dict[str, Any]) -> Iterator[tuple[np.ndarray | int, list[Change]]]:
    """Everything asked for before the first frame, and each stretch in one push."""
    changes = scene["changes"]
    for frames, gap in scene["stretches"]:
        yield frames, changes
        yield gap, []
        changes = []


def in_pieces(
    scene: dict[str, Any], sizes: list[int], leads: list[int]
) -> Iterator[tuple[np.ndarray | int, list[Change]]]:
    """In blocks of these sizes in turn, each change asked for some frames before it must be."""
    changes = list(zip(scene["changes"], leads, strict=False))
    position = turn = 0
    for frames, gap in scene["stretches"]:
        pieces: list[np.ndarray | int] = []
        at = 0
        while at < len(frames):
            pieces.append(frames[at : at + sizes[turn % len(sizes)]])
            at += sizes[turn % len(sizes)]
            turn += 1
        for piece in [*pieces, gap]:
            stop = position + (piece if isinstance(piece, int) else len(piece))
            due = [each for each in changes if each[0][0] - each[1] < stop]
            changes = [each for each in changes if each not in due]
            yield piece, [change for change, _ in due]
            position = stop


def through(scene: dict[str, Any], steps: Iterator[tuple[np.ndarray | int, list[Change]]]) -> list[Any]:
    segmenter = Segmenter(Loudness(scene["detector"]), rate=RATE, min_speech_ms=50)
    found: list[Segment] = []
    for piece, changes in steps:
        for at, options in changes:
            segmenter.configure(at=at, **options)
        if isinstance(piece, int):
            found += segmenter.gap(segmenter.position, segmenter.position + piece)
        else:
            channels = scene["channels"]
            found += segmenter.push(np.stack([piece] * channels, axis=1) if channels else piece)
    found += segmenter.flush()
    return [(s.start, s.stop, s.ended_by, s.frames.tobytes()) for s in found]


@examples(120)
@given(
    scenes(),
    st.lists(st.integers(1, 300), min_size=1, max_size=5),
    st.lists(st.integers(0, 2000), min_size=6),
)
def test_the_same_at_any_block_size_and_whenever_asked(
    scene: dict[str, Any], sizes: list[int], leads: list[int]
) -> None:
    """S-1, S-19; also where every few blocks the tape is full and forgets what is not needed (S-21)."""
    once = through(scene, whole(scene))
    assert through(scene, in_pieces(scene, sizes, leads)) == once
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape, "LEAST_FRAMES", 1)
        assert through(scene, in_pieces(scene, sizes, leads)) == once
        assert through(scene, in_pieces(scene, [1], [0] * 6)) == once


def test_it_tells_the_vad_frame_that_it_takes_effect_with() -> None:
    """S-19: at the pushed frames' end, or later."""
    heard: list[tuple[int, float]] = []
    segmenter = Segmenter(
        Loudness(), rate=RATE, start=500, on_vad_frame=lambda a, b, p: heard.append((a, segmenter.threshold))
    )
    assert segmenter.configure(threshold=0.6) == 500
    segmenter.push(level(25, 0))
    assert segmenter.configure(threshold=0.7) == 530
    assert segmenter.configure(at=541, threshold=0.8) == 550
    segmenter.push(level(5, 0))
    assert segmenter.configure(at=560, threshold=0.9) == 560
    segmenter.push(level(40, 0))
    expected = {500: 0.6, 510: 0.6, 520: 0.6, 530: 0.7, 540: 0.7, 550: 0.8, 560: 0.9}
    assert dict(heard) == expected
    segmenter.gap(570, 1003)
    assert segmenter.configure(at=1004, threshold=0.5) == 1013


def test_it_tells_so_also_for_another_rate() -> None:
    heard: list[tuple[int, float]] = []
    segmenter = Segmenter(
        Loudness(1600), rate=RATE, on_vad_frame=lambda a, b, p: heard.append((a, segmenter.threshold))
    )
    segmenter.push(level(333, 0))
    begins = segmenter.configure(threshold=0.9)
    segmenter.push(level(600, 0))
    assert begins >= 333
    assert begins == min(at for at, threshold in heard if threshold == 0.9)
    assert begins - 333 < SIZE


def test_a_change_from_within_is_in_force_from_the_next_push_on() -> None:
    """Of a push of any length: what has been pushed is judged as it was to be."""
    asked: list[int] = []

    def louder(start: int, stop: int, probability: float) -> None:
        if probability > 0.9 and not asked:
            asked.append(segmenter.configure(threshold=0.97))

    segmenter = Segmenter(Loudness(), rate=RATE, min_speech_ms=0, on_vad_frame=louder)
    found = segmenter.push(np.concatenate([level(300, 0), level(100, 950), level(200, 0)]))
    found += segmenter.push(np.concatenate([level(100, 950), level(200, 0)]))
    assert asked == [600]
    assert [(s.start, s.stop) for s in found] == [(210, 430)]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"threshold": 1.5}, "^threshold is above 0 and at most 1, not 1.5"),
    (
        {"threshold": 0.1, "neg_threshold": 0.2},
        "^neg_threshold is above 0 and at most the threshold, 0.1, not 0.2",
    ),
    ({"threshold": "high"}, "threshold is a number, not 'high'"),
    ({"threshold": True}, "threshold is a number, not True"),
    ({"threshold": Fraction(3)}, "threshold is above 0 and at most 1, not 3"),
    ({"min_speech_ms": 10**400}, "min_speech_ms is a number, but not one so large"),
    ({"threshold": 0.6, "min_speech_ms": -1}, "min_speech_ms goes from 0 to 60000, not to -1"),
    ({"max_speech_s": 601}, "max_speech_s goes from 1 to 600, not to 601"),
    ({"speech_pad_ms": float("nan")}, "speech_pad_ms goes from 0 to 60000, not to nan"),
    ({"threshold": 0.6, "preset": "dictate"}, "no preset is called 'dictate'; there are: default, command"),
    ({"preset": ["command"]}, "no preset is called"),
    ({"at": 99, "threshold": 0.6}, "a change at 99 comes too late: position 100 is reached"),
    ({"at": 100.5}, "at is a position, a whole number of frames, not 100.5"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_wrong_value_changes_nothing(change: dict[str, Any], message: str) -> None:
    segmenter = Segmenter(Loudness(), rate=RATE, threshold=0.4)
    segmenter.push(level(100, 0))
    segmenter.configure(at=300, min_speech_ms=10)
    before = segmenter.options, segmenter.options_ahead
    with pytest.raises(ValueError, match=message) as caught:
        segmenter.configure(**change)
    assert "\n" not in str(caught.value)
    segmenter.push(level(100, 0))
    assert (segmenter.options, segmenter.options_ahead) == before


def test_what_waits_must_stay_possible() -> None:
    """A change is refused that would leave a later one without sense."""
    segmenter = Segmenter(Loudness(), rate=RATE)
    segmenter.configure(at=200, neg_threshold=0.45)
    with pytest.raises(ValueError, match=r"at most the threshold, 0\.4, not 0\.45"):
        segmenter.configure(at=100, threshold=0.4)
    segmenter.configure(at=100, threshold=0.46)
    assert segmenter.options == Options()
    assert segmenter.options_ahead == Options(threshold=0.46, neg_threshold=0.45)


def test_an_unknown_name_is_told_with_the_known() -> None:
    segmenter = Segmenter(Loudness(), rate=RATE)
    with pytest.raises(TypeError, match="no option is called 'treshold'; there are: preset, threshold,"):
        segmenter.configure(treshold=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option is called 'vad'"):
        Segmenter(Loudness(), rate=RATE, vad="auto")  # type: ignore[call-arg]


def test_what_waits_is_bounded() -> None:
    segmenter = Segmenter(Loudness(), rate=RATE)
    for n in range(WAITING_MAX):
        segmenter.configure(at=100 * (n // 2), threshold=0.9 - n / 100)
    full = "16 changes of the segmenter's options wait already, the next for 0"
    with pytest.raises(ValueError, match=full):
        segmenter.configure(threshold=0.5)
    segmenter.push(level(10, 0))
    assert segmenter.threshold == 0.89
    for _ in range(2):
        segmenter.configure(at=5000, threshold=0.5)
    with pytest.raises(ValueError, match="wait already, the next for 100"):
        segmenter.configure(threshold=0.5)
    for n in range(3, WAITING_MAX, 2):
        segmenter.push(level(100, 0))
        assert segmenter.threshold == pytest.approx(0.9 - n / 100)


def test_two_segmenters_do_not_touch_each_other() -> None:
    one, other = (Segmenter(Loudness(), rate=RATE, preset="command") for _ in range(2))
    one.configure(preset="recording")
    one.push(level(10, 0))
    other.push(level(10, 0))
    assert (one.options, other.options) == (PRESETS["recording"], PRESETS["command"])
