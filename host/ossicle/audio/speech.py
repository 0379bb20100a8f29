"""From the probability of each VAD frame to ranges of speech: `shared_spec/SEGMENTER.md`, clause by clause.

Positions and lengths are in frames of the capture. No audio comes in here, and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ossicle.audio.segment import EndedBy

QUIET_RATIO = 2.0  # S-9: a VAD frame of up to twice the silence's power (3 dB) sounds like it


@dataclass(frozen=True, slots=True)
class Limits:
    """The segmenter's options, lengths in frames."""

    threshold: float
    neg_threshold: float
    min_speech: int
    max_speech: int
    min_silence: int
    speech_pad: int
    pre_roll: int
    hangover: int


@dataclass(frozen=True, slots=True)
class Range:
    """Where a segment goes, padding and all."""

    start: int
    stop: int
    ended_by: EndedBy


class Recall(Protocol):
    """What is known of earlier VAD frames. Few are ever asked about, so nothing is worked out before.

    `back` is how many VAD frames before the latest, 0 being the latest itself. Power is the mean square.
    """

    def start(self, back: int, /) -> int:
        """Where the VAD frame begins."""
        ...

    def power(self, back: int, /) -> float:
        """Its power."""
        ...

    def quietest(self, position: int, /) -> int:
        """Where the least powerful VAD frame begins (of equals, the last) of those from `position` on."""
        ...


NOTHING: tuple[Range, ...] = ()


class Speech:
    """Takes VAD frames in order and gives ranges when they are complete."""

    def __init__(self, limits: Limits, recall: Recall, origin: int = 0) -> None:
        self._limits = limits
        self._recall = recall
        self._floor = origin  # no range reaches before this position
        self._onset: int | None = None  # where speech began, or None in silence
        self._start = origin  # where its range starts, padding and all
        self._goes_on = False  # it is the rest of a range that was cut
        self._half = origin  # where it may be cut: at the VAD frames from here on
        self._full = origin  # when: at the end of a VAD frame from here on
        self._quiet: int | None = None  # where speech may have ended
        self._quiet_frames = 0  # VAD frames from there to the latest
        self._quiet_power = 0.0  # summed over those of them that are silence
        self._quiet_count = 0  # how many these are
        self._ended: Range | None = None  # that waits for its padding: `stop` is where it may go

    def change(self, limits: Limits, start: int) -> None:
        """The VAD frame that begins at `start`, the next one, is the first judged by other limits (S-20)."""
        before = self._limits
        self._limits = limits
        # What may be wanted from before the change is kept no longer than it was to be.
        self._floor = max(self._floor, start - before.speech_pad - before.pre_roll)
        if self._onset is not None and limits.max_speech != before.max_speech:
            self._full = self._onset + limits.max_speech
            self._half = max(start, self._onset + limits.max_speech // 2)

    @property
    def speaking(self) -> bool:
        return self._onset is not None

    def oldest_needed(self, now: int) -> int:
        """No future range starts before this, if the next VAD frame starts at `now`."""
        if self._ended:
            return self._ended.start
        return self._padded(now) if self._onset is None else self._start

    def oldest_recalled(self, now: int) -> int:
        """No VAD frame that starts before this will be recalled, if the next one starts at `now`."""
        if self._onset is None:
            return now
        quiet = now if self._quiet is None else self._quiet
        return min(quiet - self._limits.hangover, self._half)

    def push(self, start: int, stop: int, probability: float) -> Sequence[Range]:
        """The VAD frame `[start, stop)`."""
        # Nearly every VAD frame is one in silence or in the midst of speech: these two ways call nothing.
        if self._onset is None:
            if probability < self._limits.threshold and self._ended is None:
                return NOTHING
        elif probability >= self._limits.threshold and stop < self._full:
            self._quiet = None
            return NOTHING
        return self._judge(start, stop, probability)

    def finish(self, position: int, ended_by: EndedBy, floor: int) -> Sequence[Range]:
        """The capture breaks off at `position` and goes on, if at all, at `floor`."""
        if self._onset is not None:
            stop = position if self._quiet is None else self._quiet
            self._end(stop, stop, ended_by)
        out = self._settle(position)
        self._floor = floor
        return out

    def _judge(self, start: int, stop: int, probability: float) -> list[Range]:
        limits = self._limits
        out: list[Range] = []
        if self._onset is None:
            if probability >= limits.threshold:
                out += self._settle(start)
                self._begin(start, self._padded(start))
        elif probability >= limits.threshold:
            self._quiet = None
        elif probability < limits.neg_threshold:
            self._hear_silence(start)
        if self._onset is not None:
            out += self._go_on(stop, probability < limits.neg_threshold)
        if self._ended and stop >= self._ended.stop:
            out += self._settle(stop)
        return out

    def _go_on(self, stop: int, silent: bool) -> Sequence[Range]:
        """Speech that ends with this VAD frame, or does not."""
        assert self._onset is not None
        if self._quiet is not None:
            self._quiet_frames += 1
        if self._quiet is not None and silent and stop - self._quiet >= self._limits.min_silence:
            self._end(self._pulled_back(), self._quiet, "silence")
        elif stop >= self._full:
            return self._end_at_length()
        return NOTHING

    def _begin(self, onset: int, start: int, goes_on: bool = False) -> None:
        self._onset = onset
        self._start = start
        self._goes_on = goes_on
        self._half = onset + self._limits.max_speech // 2
        self._full = onset + self._limits.max_speech
        self._quiet = None

    def _hear_silence(self, start: int) -> None:
        if self._quiet is None:
            self._quiet = start
            self._quiet_frames = 0
            self._quiet_power = 0.0
            self._quiet_count = 0
        self._quiet_power += self._recall.power(0)
        self._quiet_count += 1

    def _pulled_back(self) -> int:
        """The end of speech: where the silence after it is already heard while the engine still says
        speech."""
        assert self._quiet is not None
        assert self._onset is not None
        loudest = QUIET_RATIO * self._quiet_power / self._quiet_count
        earliest = max(self._onset, self._quiet - self._limits.hangover)
        stop, back = self._quiet, self._quiet_frames
        while stop > earliest:
            start = self._recall.start(back)
            if start < earliest or self._recall.power(back) > loudest:
                break
            stop = start
            back += 1
        return stop

    def _end(self, stop: int, heard: int, ended_by: EndedBy) -> None:
        """Speech is over at `stop`; it was taken for speech until `heard`, and that must be long enough."""
        assert self._onset is not None
        enough = self._goes_on or heard - self._onset >= self._limits.min_speech
        if enough and stop > self._onset:
            self._ended = Range(self._start, stop + self._limits.speech_pad, ended_by)
        self._onset = None

    def _end_at_length(self) -> Sequence[Range]:
        assert self._onset is not None
        if self._quiet is not None:
            self._end(self._quiet, self._quiet, "length")
            return NOTHING
        start, stop = self._start, self._recall.quietest(self._half)
        self._floor = max(self._floor, stop)
        self._begin(stop, stop, goes_on=True)
        return (Range(start, stop, "length"),)

    def _padded(self, onset: int) -> int:
        return max(self._floor, onset - self._limits.speech_pad - self._limits.pre_roll)

    def _settle(self, most: int) -> Sequence[Range]:
        """Give the range that waits, padded up to `most` at the furthest."""
        ended = self._ended
        if ended is None:
            return NOTHING
        self._ended = None
        stop = min(ended.stop, most)
        self._floor = max(self._floor, stop)
        return (Range(ended.start, stop, ended.ended_by),)
