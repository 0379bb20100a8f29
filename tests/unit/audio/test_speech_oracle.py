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


@dataclass(frozen=True)
class Told:
    """A recording's VAD frames, and which limits are in force from which position on; the first from 0."""

    frames: list[VadFrame]
    changes: list[tuple[int, Limits]]

    def limits(self, i: int) -> Limits:
        """S-19: those in force at a VAD frame."""
        return [limits for at, limits in self.changes if at <= self.frames[i].start][-1]

    def changed(self, i: int) -> bool:
        """Whether a change takes effect with this VAD frame."""
        return i > 0 and any(self.frames[i - 1].start < at <= self.frames[i].start for at, _ in self.changes)

    @property
    def stop(self) -> int:
        return self.frames[-1].stop

    def loud(self, i: int) -> bool:
        return self.frames[i].probability >= self.limits(i).threshold

    def silent(self, i: int) -> bool:
        return self.frames[i].probability < self.limits(i).neg_threshold


@dataclass(frozen=True)
class Found:
    """Speech before it is padded; `first` and `last` are the VAD frames of its onset and its end."""

    onset: int
    end: int
    why: str
    padded: bool
    first: int
    last: int


def oracle(told: Told) -> list[tuple[int, int, str]]:
    """S-4 to S-22 over one stretch without a gap that starts at 0, as sentences of the page."""
    speeches: list[Found] = []
    i = 0
    while i < len(told.frames):
        if not told.loud(i):  # S-4
            i += 1
            continue
        first, onset, goes_on = i, told.frames[i].start, False
        while True:
            end, why, padded, i = one_speech(told, i, onset)
            heard = quiet_of(told, onset, i) if why == "silence" else end
            enough = goes_on or heard - onset >= told.limits(i - 1).min_speech  # S-7, S-13
            if enough and end > onset:
                speeches.append(Found(onset, end, why, padded, first, i - 1))
            if padded:
                break
            onset, goes_on = end, True  # S-12
            if i >= len(told.frames):  # cut with the last VAD frame: the rest ends with the capture
                speeches.append(Found(onset, told.stop, "end", True, first, i - 1))
                break
    return padded_ranges(speeches, told)


def quiet_of(told: Told, onset: int, until: int) -> int:
    """S-5: where the quiet under way after `until` VAD frames began."""
    quiet = -1
    for i in range(until):
        if told.frames[i].stop <= onset:
            continue
        if told.loud(i):
            quiet = -1
        elif told.silent(i) and quiet < 0:
            quiet = told.frames[i].start
    return quiet


def one_speech(told: Told, i: int, onset: int) -> tuple[int, str, bool, int]:
    """End, why, whether it is padded there, and the VAD frame to go on with."""
    while i < len(told.frames):
        limits, last = told.limits(i), told.frames[i]
        i += 1
        quiet = quiet_of(told, onset, i)
        if quiet >= 0 and told.silent(i - 1) and last.stop - quiet >= limits.min_silence:  # S-6
            return moved_back(told, i, onset, quiet), "silence", True, i
        if last.stop - onset >= limits.max_speech:  # S-12
            if quiet >= 0:
                return quiet, "length", True, i
            places = places_to_cut(told, i, onset)
            least = min(f.power for f in places)
            return max(f.start for f in places if f.power == least), "length", False, i
    quiet = quiet_of(told, onset, len(told.frames))
    return (quiet if quiet >= 0 else told.stop), "end", True, i


def places_to_cut(told: Told, until: int, onset: int) -> list[VadFrame]:
    """S-12; S-22: since the length that is in force was changed."""
    longest = told.limits(until - 1).max_speech
    first = until - 1
    while first > 0 and told.limits(first - 1).max_speech == longest:
        first -= 1
    return [f for f in told.frames[first:until] if f.start >= onset + longest // 2]


def moved_back(told: Told, until: int, onset: int, quiet: int) -> int:
    """S-9."""
    heard = range(until)
    silent = [told.frames[i].power for i in heard if told.frames[i].start >= quiet and told.silent(i)]
    most = 2 * sum(silent) / len(silent)
    end = quiet
    for frame in reversed([told.frames[i] for i in heard if onset <= told.frames[i].start < quiet]):
        if frame.start < quiet - told.limits(0).hangover or frame.power > most:
            break
        end = frame.start
    return end


def padded_ranges(speeches: list[Found], told: Told) -> list[tuple[int, int, str]]:
    """S-10, S-11: the next onset counts also where it gives no segment. S-21."""
    out: list[tuple[int, int, str]] = []
    floor = 0
    onsets = all_onsets(told)
    for found in speeches:
        start = max(floor, found.onset - reach(told.limits(found.first)), *kept(told, found.onset))
        start = min(start, found.onset)  # the rest of a cut is not padded: it follows on the floor
        after = [o for o in onsets if o >= found.end and o > found.onset]
        pad = told.limits(found.last).speech_pad
        stop = min([found.end + pad, told.stop, *after]) if found.padded else found.end
        out.append((start, stop, found.why))
        floor = stop
    return out


def reach(limits: Limits) -> int:
    return limits.speech_pad + limits.pre_roll


def kept(told: Told, onset: int) -> list[int]:
    """S-21: how far back a segment may reach for each change before its onset."""
    frames = told.frames
    changed = [i for i in range(len(frames)) if frames[i].start <= onset and told.changed(i)]
    return [0, *(frames[i].start - reach(told.limits(i - 1)) for i in changed)]


def all_onsets(told: Told) -> list[int]:
    out, i = [], 0
    while i < len(told.frames):
        if not told.loud(i):
            i += 1
            continue
        onset = told.frames[i].start
        out.append(onset)
        padded = False
        while not padded and i < len(told.frames):
            end, _, padded, i = one_speech(told, i, onset)
            onset = end
    return out


def some_limits(draw: random.Random, hangover: int) -> Limits:
    threshold = draw.choice((0.5, 0.5, 0.95, 0.3))
    return Limits(
        threshold=threshold,
        neg_threshold=threshold - draw.choice((0, 0.15)),
        min_speech=draw.choice((0, 20, 50)),
        max_speech=draw.choice((100, 200, 10_000)),
        min_silence=draw.choice((1, 10, 35, 60)),
        speech_pad=draw.choice((0, 15, 30, 90)),
        pre_roll=draw.choice((0, 25, 200)),
        hangover=hangover,
    )


def some_frames(draw: random.Random) -> list[VadFrame]:
    frames: list[VadFrame] = []
    while len(frames) < 120:
        for _ in range(draw.randint(1, 12)):
            at = len(frames) * SIZE
            chance = draw.choice((0.0, 0.0, 0.4, 0.9, 0.9))
            power = draw.choice((1, 1, 4, 9)) * (1 + 9 * (chance > 0.5))
            frames.append(VadFrame(at, at + SIZE, chance, power))
    return frames


def through_speech(told: Told) -> list[tuple[int, int, str]]:
    heard = Heard()
    speech = Speech(told.limits(0), heard)
    ranges = []
    for i, frame in enumerate(told.frames):
        heard.append(frame)
        if told.changed(i):
            speech.change(told.limits(i), frame.start)
        ranges += speech.push(frame.start, frame.stop, frame.probability)
    ranges += speech.finish(told.stop, "end", told.stop)
    return [(r.start, r.stop, r.ended_by) for r in ranges]


@pytest.mark.parametrize("changes", [0, 1, 3])
@pytest.mark.parametrize("part", range(3))
def test_random_probabilities(part: int, changes: int) -> None:
    found = 0
    for seed in range(part * 120, part * 120 + 120):
        draw = random.Random(f"{seed} {changes}")
        hangover = draw.choice((0, 20, 45))
        frames = some_frames(draw)
        positions = sorted(draw.randrange(1, frames[-1].stop) for _ in range(changes))
        told = Told(frames, [(at, some_limits(draw, hangover)) for at in (0, *positions)])
        segments = through_speech(told)
        assert segments == oracle(told), f"seed {seed}, {told.changes}"
        found += len(segments)
    assert found > 120
