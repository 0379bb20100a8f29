"""The aggregator's options, checked, and its counters."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from numbers import Integral, Real
from typing import Literal, TypedDict

from ossicle.audio.joining import Rules
from ossicle.audio.quiet import Lengths

Form = Literal["array", "wav", "base64", "base64-wav"]
FORMS: tuple[Form, ...] = ("array", "wav", "base64", "base64-wav")

RATE_MAX = 768_000
CHANNELS_MAX = 8
JOBS_MAX = 65_536
LENGTH_MAX_MS = 600_000
HELD_MAX_S = 3600  # 115 MB a channel at 16 kHz
AGE_MAX_S = 86_400
LEAST = 0.001  # what has to be there at all

_BOUNDS = {
    "min_pause_ms": (0, LENGTH_MAX_MS),
    "min_batch_ms": (0, LENGTH_MAX_MS),
    "max_piece_ms": (LEAST, LENGTH_MAX_MS),
    "min_piece_ms": (0, LENGTH_MAX_MS),
    "hangover_ms": (0, LENGTH_MAX_MS),
    "window_ms": (LEAST, 1000),  # so that its power is a whole number that a float has exactly
    "max_held_s": (LEAST, HELD_MAX_S),
    "max_age_s": (LEAST, AGE_MAX_S),
    "max_chunk_s": (LEAST, HELD_MAX_S),
}


class Options(TypedDict, total=False):
    """What may be given to `Aggregator`, which tells what they mean."""

    rate: int
    channels: int
    min_pause_ms: float
    min_batch_ms: float
    max_piece_ms: float
    min_piece_ms: float
    hangover_ms: float
    window_ms: float
    max_held_s: float
    max_age_s: float
    max_jobs: int
    max_chunk_s: float
    output: Form


@dataclass(frozen=True, slots=True)
class Measures:
    """Every option of `Aggregator`, which tells what they mean. Raises `ValueError` for nonsense."""

    rate: int = 16000
    channels: int = 1
    min_pause_ms: float = 1000
    min_batch_ms: float = 5000
    max_piece_ms: float = 10_000
    min_piece_ms: float = 2000
    hangover_ms: float = 600
    window_ms: float = 20
    max_held_s: float = 60
    max_age_s: float = 30
    max_jobs: int = 64
    max_chunk_s: float = 600
    output: Form = "array"

    def __post_init__(self) -> None:
        check_form(self.output)
        for name, most in (("rate", RATE_MAX), ("channels", CHANNELS_MAX), ("max_jobs", JOBS_MAX)):
            _whole(name, getattr(self, name), most)
        for name, (least, most) in _BOUNDS.items():
            _number(name, getattr(self, name), least, most)
        lengths = self.rules().pieces
        if lengths.most < 2 * lengths.least:
            raise ValueError(
                f"max_piece_ms is at least twice min_piece_ms, {2 * self.min_piece_ms:g}, not "
                f"{self.max_piece_ms:g}: what is too long could not be cut"
            )
        needed_ms = self.min_batch_ms + self.max_piece_ms
        if self.max_held_s * 1000 < needed_ms:
            raise ValueError(
                f"max_held_s is at least {needed_ms / 1000:g} (min_batch_ms and max_piece_ms together), not "
                f"{self.max_held_s:g}"
            )

    def frames(self, ms: float) -> int:
        """Rounded to the nearest (A-3)."""
        return round(ms * self.rate / 1000)

    def rules(self) -> Rules:
        """The lengths in frames."""
        return Rules(
            min_pause=self.frames(self.min_pause_ms),
            min_batch=max(1, self.frames(self.min_batch_ms)),
            pieces=Lengths(
                most=max(2, self.frames(self.max_piece_ms)),
                least=max(1, self.frames(self.min_piece_ms)),
                hangover=self.frames(self.hangover_ms),
                window=max(1, self.frames(self.window_ms)),
            ),
        )


@dataclass(frozen=True, slots=True)
class AggregatorStats:
    """Counters since the start, and what is held now. Audio is in frames."""

    frames_in: int
    frames_out: int
    batches: int
    held: int
    """`frames_in - frames_out`."""
    held_peak: int
    open_jobs: int
    oldest_age: int
    """Of the oldest frame that is held; 0 where nothing is."""
    ended_by_pause: int
    """Jobs, by how they ended."""
    ended_by_timeout: int
    ended_by_cut: int
    ended_by_end: int
    early_held: int
    """How often audio was given out early because more than `max_held_s` was held."""
    early_age: int
    """How often because it was older than `max_age_s`."""
    early_jobs: int
    """Jobs that were ended by timeout because more than `max_jobs` were open."""
    chunks_refused: int
    """Pushes that raised: nothing of them was taken."""


def check_form(form: str) -> None:
    """Raise `ValueError` for a form there is not."""
    if form not in FORMS:
        raise ValueError(f"audio is given as {', '.join(FORMS)}, not as {form!r}")


def _whole(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= most:
        raise ValueError(f"{name} is a whole number from 1 to {most}, not {value!r}")


def _number(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} is a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if not least <= number <= most:
        raise ValueError(f"{name} goes from {least:g} to {most:g}, not to {value!r}")
