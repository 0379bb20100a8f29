"""The segmenter's options, their presets, and changes of them that wait for their position."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, fields, replace
from math import isfinite
from numbers import Real
from sys import maxsize
from typing import Any, TypedDict

from ossicle.audio.errors import UnknownPresetError
from ossicle.audio.speech import Limits

MAX_SPEECH_S = 600.0  # the audio of a segment is kept in memory: 19 MB a channel at 16 kHz
LENGTHS_MS = ("min_speech_ms", "min_silence_ms", "speech_pad_ms", "pre_roll_ms")
LENGTH_MAX_MS = 60_000
WAITING_MAX = 16  # changes
NEVER = maxsize  # a position that no capture comes to


class Values(TypedDict, total=False):
    """What may be given to `Segmenter`, `find_segments` and `segments`; `Segmenter` tells what they mean.
    None is the same as not given."""

    threshold: float | None
    neg_threshold: float | None
    min_speech_ms: float | None
    max_speech_s: float | None
    min_silence_ms: float | None
    speech_pad_ms: float | None
    pre_roll_ms: float | None


@dataclass(frozen=True, slots=True)
class Options:
    """Every option of the segmenter, in the units of their names. Raises `ValueError` for what makes no
    sense."""

    threshold: float = 0.5
    neg_threshold: float | None = None
    min_speech_ms: float = 250
    max_speech_s: float = 30
    min_silence_ms: float = 100
    speech_pad_ms: float = 30
    pre_roll_ms: float = 60

    def __post_init__(self) -> None:
        for name in NAMES:
            value = getattr(self, name)
            if value is not None or name != "neg_threshold":
                object.__setattr__(self, name, _number(name, value))
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is above 0 and at most 1, not {self.threshold:g}")
        if not 0 < self.low <= self.threshold:
            most = f"{self.threshold:g}"
            raise ValueError(f"neg_threshold is above 0 and at most the threshold, {most}, not {self.low:g}")
        for name in LENGTHS_MS:
            value = getattr(self, name)
            if not (isfinite(value) and 0 <= value <= LENGTH_MAX_MS):
                raise ValueError(f"{name} goes from 0 to {LENGTH_MAX_MS}, not to {value:g}")
        if not 1 <= self.max_speech_s <= MAX_SPEECH_S:
            given = f"{self.max_speech_s:g}"
            raise ValueError(
                f"max_speech_s goes from 1 to {MAX_SPEECH_S:g}, not to {given}: it is kept in memory"
            )

    @property
    def low(self) -> float:
        """`neg_threshold`, or what it is unless given (S-3)."""
        return max(self.threshold - 0.15, 0.01) if self.neg_threshold is None else self.neg_threshold

    def changed(self, preset: str | None = None, **values: Any) -> Options:
        """These options with others in the place of some; a preset replaces all that are not named.

        Raises `UnknownPresetError`, `ValueError` for what makes no sense, `TypeError` for another name.
        """
        for name in values:
            if name not in NAMES:
                raise TypeError(f"no option is called {name!r}; there are: preset, {', '.join(NAMES)}")
        start = self
        if preset is not None:
            if not isinstance(preset, str) or preset not in PRESETS:
                raise UnknownPresetError(preset, PRESETS)
            start = PRESETS[preset]
        return replace(start, **{name: value for name, value in values.items() if value is not None})

    def limits(self, rate: int, hangover_ms: float) -> Limits:
        """The same in frames of a capture of `rate`, for a detector with that hangover."""

        def frames(ms: float) -> int:
            return round(ms * rate / 1000)

        return Limits(
            threshold=self.threshold,
            neg_threshold=self.low,
            min_speech=frames(self.min_speech_ms),
            max_speech=frames(self.max_speech_s * 1000),
            min_silence=max(1, frames(self.min_silence_ms)),
            speech_pad=frames(self.speech_pad_ms),
            pre_roll=frames(self.pre_roll_ms),
            hangover=frames(hangover_ms),
        )


def _number(name: str, value: object) -> float:
    """As it was given, if that is an int or a float; any other number as a float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} is a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} is a number, but not one so large") from None
    return value if isinstance(value, int | float) else number


NAMES = tuple(field.name for field in fields(Options))

PRESETS = {
    "default": Options(),
    # One word or a short sentence, answered at once. A word of 250 ms may be judged as one of 180; a click
    # that WebRTC's detector takes for speech lasts 120, hangover and all. It says no again up to 120 ms after
    # a word: with the quiet, which is six VAD frames, the segment is there after 300 ms.
    "command": Options(
        min_speech_ms=125, max_speech_s=10, min_silence_ms=160, speech_pad_ms=60, pre_roll_ms=200
    ),
    # Somebody thinks between the words.
    "dictation": Options(
        min_speech_ms=200, max_speech_s=60, min_silence_ms=1000, speech_pad_ms=100, pre_roll_ms=200
    ),
    # Nothing that may be speech is left out: what lies close together is one segment, with much around it.
    "recording": Options(
        threshold=0.3,
        min_speech_ms=60,
        max_speech_s=300,
        min_silence_ms=2000,
        speech_pad_ms=500,
        pre_roll_ms=500,
    ),
}
"""The presets by name (S-18)."""


class Changes:
    """The options in force, and changes that wait for their position. At most WAITING_MAX wait."""

    def __init__(self, options: Options) -> None:
        self.options = options
        """In force."""
        self.at = NEVER
        """Position of the next change."""
        self._waiting: list[tuple[int, dict[str, Any]]] = []

    @property
    def last(self) -> Options:
        """The options when nothing waits any more."""
        return self._after(self._waiting)

    def add(self, at: int, change: dict[str, Any]) -> None:
        """Have the arguments of `Options.changed` take effect at a position; after others of that position.

        Raises what `Options.changed` does for this or what is made of those after it, and `ValueError` when
        too many wait. Nothing has changed then.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise ValueError(
                f"{WAITING_MAX} changes of the segmenter's options wait already, the next for {self.at}"
            )
        waiting = list(self._waiting)
        insort(waiting, (at, change), key=lambda each: each[0])
        self._after(waiting)
        self._waiting = waiting
        self.at = waiting[0][0]

    def take(self, position: int) -> Options:
        """What is in force from `position` on: all that waits for it or for a position before."""
        due = [each for each in self._waiting if each[0] <= position]
        self.options = self._after(due)
        self._waiting = self._waiting[len(due) :]
        self.at = self._waiting[0][0] if self._waiting else NEVER
        return self.options

    def _after(self, changes: list[tuple[int, dict[str, Any]]]) -> Options:
        options = self.options
        for _, change in changes:
            options = options.changed(**change)
        return options
