"""From the probability of each VAD frame to ranges of speech: `shared_spec/SEGMENTER.md`, clause by clause.

Positions and lengths are in frames of the capture. No audio comes in here, and no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

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
class VadFrame:
    """What is known of one VAD frame: where it is, how probably speech, and its power (mean square)."""

    start: int
    stop: int
    probability: float
    power: float


@dataclass(frozen=True, slots=True)
class Range:
    """Where a segment goes, padding and all."""

    start: int
    stop: int
    ended_by: EndedBy


class Speech:
    """Takes VAD frames in order and gives ranges when they are complete."""

    def __init__(self, limits: Limits, origin: int = 0) -> None:
        self._limits = limits
        self._floor = origin  # no range reaches before this position
        self._onset: int | None = None  # where speech began, or None in silence
        self._goes_on = False  # it is the rest of a range that was cut
        self._quiet: int | None = None  # where speech may have ended
        self._quiet_power = 0.0  # of the VAD frames from there on that are silence
        self._quiet_count = 0
        self._tail: deque[VadFrame] = (
            deque()
        )  # the VAD frames since onset, from the hangover before `_quiet` on
        self._cut: VadFrame | None = None  # the quietest one so far where speech may be cut
        self._ended: tuple[int, int, EndedBy] | None = None  # a range that still waits for its padding

    @property
    def speaking(self) -> bool:
        return self._onset is not None

    @property
    def oldest_needed(self) -> int | None:
        """No future range starts before this; None when only what the next onset needs is of interest."""
        if self._ended:
            return self._ended[0]
        return None if self._onset is None else self._padded(self._onset)

    def push(self, frame: VadFrame) -> list[Range]:
        limits = self._limits
        out: list[Range] = []
        if self._onset is None:
            if frame.probability >= limits.threshold:
                out += self._settle(frame.start)
                self._begin(frame.start)
        elif frame.probability >= limits.threshold:
            self._quiet = None
        elif frame.probability < limits.neg_threshold:
            self._hear_silence(frame)
        if self._onset is not None:
            self._remember(frame)
            if self._quiet is not None and self._is_over(frame):
                self._end(self._pulled_back(), self._quiet, "silence")
            elif frame.stop - self._onset >= limits.max_speech:
                out += self._end_at_length()
        if self._ended and frame.stop >= self._ended[1] + limits.speech_pad:
            out += self._settle(frame.stop)
        return out

    def finish(self, position: int, ended_by: EndedBy, floor: int) -> list[Range]:
        """The capture breaks off at `position` and goes on, if at all, at `floor`."""
        if self._onset is not None:
            stop = position if self._quiet is None else self._quiet
            self._end(stop, stop, ended_by)
        out = self._settle(position)
        self._floor = floor
        return out

    def _begin(self, position: int, goes_on: bool = False) -> None:
        self._onset = position
        self._goes_on = goes_on
        self._quiet = None
        self._cut = None
        while self._tail and self._tail[0].start < position:
            self._tail.popleft()

    def _hear_silence(self, frame: VadFrame) -> None:
        if self._quiet is None:
            self._quiet = frame.start
            self._quiet_power = 0.0
            self._quiet_count = 0
        self._quiet_power += frame.power
        self._quiet_count += 1

    def _remember(self, frame: VadFrame) -> None:
        self._tail.append(frame)
        edge = frame.stop if self._quiet is None else self._quiet
        while self._tail and self._tail[0].start < edge - self._limits.hangover:
            self._tail.popleft()
        assert self._onset is not None
        if frame.start - self._onset >= self._limits.max_speech // 2 and (
            self._cut is None or frame.power <= self._cut.power
        ):
            self._cut = frame

    def _is_over(self, frame: VadFrame) -> bool:
        assert self._quiet is not None
        silent = frame.probability < self._limits.neg_threshold
        return silent and frame.stop - self._quiet >= self._limits.min_silence

    def _pulled_back(self) -> int:
        """The end of speech: where the silence after it is already heard while the engine still says
        speech."""
        assert self._quiet is not None
        stop = self._quiet
        loudest = QUIET_RATIO * self._quiet_power / self._quiet_count
        for frame in reversed(self._tail):
            if frame.start >= self._quiet:
                continue
            if frame.power > loudest:
                break
            stop = frame.start
        return stop

    def _end(self, stop: int, heard: int, ended_by: EndedBy) -> None:
        """Speech is over at `stop`; it was taken for speech until `heard`, and that must be long enough."""
        assert self._onset is not None
        enough = self._goes_on or heard - self._onset >= self._limits.min_speech
        if enough and stop > self._onset:
            self._ended = (self._padded(self._onset), stop, ended_by)
        self._onset = None

    def _end_at_length(self) -> list[Range]:
        assert self._onset is not None
        if self._quiet is not None:
            self._end(self._quiet, self._quiet, "length")
            return []
        assert self._cut is not None, "the longest speech is longer than two VAD frames"
        start, stop = self._padded(self._onset), self._cut.start
        self._floor = stop
        self._begin(stop, goes_on=True)
        return [Range(start, stop, "length")]

    def _padded(self, onset: int) -> int:
        return max(self._floor, onset - self._limits.speech_pad - self._limits.pre_roll)

    def _settle(self, most: int) -> list[Range]:
        """Give the range that waits, padded up to `most` at the furthest."""
        if self._ended is None:
            return []
        start, stop, ended_by = self._ended
        self._ended = None
        self._floor = min(stop + self._limits.speech_pad, max(most, stop))
        return [Range(start, self._floor, ended_by)]
