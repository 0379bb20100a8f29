"""The segmenter's rules against a slow reading of SEGMENTER.md that sees the whole recording at once."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from ossicle.audio.speech import Limits, Speech

SIZE = 10


@dataclass(frozen=True)
class VadFrame:
    start: int
    stop: int
    probability: float
    power: float


class Heard(list[VadFrame]):
    """What was heard so far, as speech recalls it."""

    def start(self, back: int) -> int:
        return self[-1 - back].start

    def power(self, back: int) -> float:
        return self[-1 - back].power

    def quietest(self, position: int) -> int:
        found = min((f for f in self if f.start >= position), key=lambda f: (f.power, -f.start))
        return found.start


def oracle(frames: list[VadFrame], limits: Limits) -> list[tuple[int, int, str]]:
    """S-4 to S-15 over one stretch without a gap that starts at 0, as sentences of the page."""
    end_of_capture = frames[-1].stop if frames else 0
    speeches: list[tuple[int, int, str, bool]] = []  # onset, end, why, padded at its end
    i = 0
    while i < len(frames):
        if frames[i].probability < limits.threshold:  # S-4
            i += 1
            continue
        onset, goes_on = frames[i].start, False
        while True:
            end, why, padded, i = one_speech(frames, i, onset, limits, end_of_capture)
            heard = quiet_of(frames, onset, i, limits) if why == "silence" else end
            enough = goes_on or heard - onset >= limits.min_speech  # S-7, S-13
            if enough and end > onset:
                speeches.append((onset, end, why, padded))
            if padded:
                break
            onset, goes_on = end, True  # S-12
            if i >= len(frames):  # cut with the last VAD frame: the rest ends with the capture
                speeches.append((onset, end_of_capture, "end", True))
                break
    return padded_ranges(speeches, frames, limits, end_of_capture)


def quiet_of(frames: list[VadFrame], onset: int, until: int, limits: Limits) -> int:
    """S-5: where the quiet under way after `frames[:until]` began."""
    quiet = -1
    for frame in frames[:until]:
        if frame.stop <= onset:
            continue
        if frame.probability >= limits.threshold:
            quiet = -1
        elif frame.probability < limits.neg_threshold and quiet < 0:
            quiet = frame.start
    return quiet


def one_speech(
    frames: list[VadFrame], i: int, onset: int, limits: Limits, end_of_capture: int
) -> tuple[int, str, bool, int]:
    """End, why, whether it is padded there, and the VAD frame to go on with."""
    while i < len(frames):
        i += 1
        quiet = quiet_of(frames, onset, i, limits)
        last = frames[i - 1]
        over = last.probability < limits.neg_threshold and last.stop - quiet >= limits.min_silence
        if quiet >= 0 and over:  # S-6
            return moved_back(frames[:i], onset, quiet, limits), "silence", True, i
        if last.stop - onset >= limits.max_speech:  # S-12
            if quiet >= 0:
                return quiet, "length", True, i
            places = [f for f in frames[:i] if f.start >= onset + limits.max_speech // 2]
            least = min(f.power for f in places)
            return max(f.start for f in places if f.power == least), "length", False, i
    quiet = quiet_of(frames, onset, len(frames), limits)
    return (quiet if quiet >= 0 else end_of_capture), "end", True, i


def moved_back(frames: list[VadFrame], onset: int, quiet: int, limits: Limits) -> int:
    """S-9."""
    silent = [f.power for f in frames if f.start >= quiet and f.probability < limits.neg_threshold]
    most = 2 * sum(silent) / len(silent)
    end = quiet
    for frame in reversed([f for f in frames if onset <= f.start < quiet]):
        if frame.start < quiet - limits.hangover or frame.power > most:
            break
        end = frame.start
    return end


def padded_ranges(
    speeches: list[tuple[int, int, str, bool]], frames: list[VadFrame], limits: Limits, end_of_capture: int
) -> list[tuple[int, int, str]]:
    """S-10, S-11: the next onset counts also where it gives no segment."""
    out: list[tuple[int, int, str]] = []
    floor = 0
    onsets = all_onsets(frames, limits)
    for onset, end, why, padded in speeches:
        start = max(floor, onset - limits.speech_pad - limits.pre_roll)
        after = [o for o in onsets if o >= end and o > onset]
        stop = min([end + limits.speech_pad, end_of_capture, *after]) if padded else end
        out.append((start, stop, why))
        floor = stop
    return out


def all_onsets(frames: list[VadFrame], limits: Limits) -> list[int]:
    out, i = [], 0
    while i < len(frames):
        if frames[i].probability < limits.threshold:
            i += 1
            continue
        onset = frames[i].start
        out.append(onset)
        padded = False
        while not padded and i < len(frames):
            end, _, padded, i = one_speech(frames, i, onset, limits, frames[-1].stop)
            onset = end
    return out


@pytest.mark.parametrize("part", range(4))
def test_random_probabilities(part: int) -> None:
    found = 0
    for seed in range(part * 150, part * 150 + 150):
        draw = random.Random(seed)
        limits = Limits(
            threshold=0.5,
            neg_threshold=0.35,
            min_speech=draw.choice((0, 20, 50)),
            max_speech=draw.choice((100, 200, 10_000)),
            min_silence=draw.choice((1, 10, 35, 60)),
            speech_pad=draw.choice((0, 15, 30, 90)),
            pre_roll=draw.choice((0, 25)),
            hangover=draw.choice((0, 20, 45)),
        )
        frames = []
        while len(frames) < 120:
            for _ in range(draw.randint(1, 12)):
                at = len(frames) * SIZE
                chance = draw.choice((0.0, 0.0, 0.4, 0.9, 0.9))
                frames.append(
                    VadFrame(at, at + SIZE, chance, draw.choice((1, 1, 4, 9)) * (1 + 9 * (chance > 0.5)))
                )
        heard = Heard()
        speech = Speech(limits, heard)
        ranges = []
        for frame in frames:
            heard.append(frame)
            ranges += speech.push(frame.start, frame.stop, frame.probability)
        ranges += speech.finish(frames[-1].stop, "end", frames[-1].stop)
        told = [(r.start, r.stop, r.ended_by) for r in ranges]
        assert told == oracle(frames, limits), f"seed {seed}, {limits}"
        found += len(told)
    assert found > 150
