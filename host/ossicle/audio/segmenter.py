"""Speech in a capture, segment by segment, as it comes. The rules are `shared_spec/SEGMENTER.md`.

Time is counted in samples, never by a clock: the same audio gives the same segments at any block size and any
speed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from ossicle.audio.chunk import Frames
from ossicle.audio.errors import RingShapeError, RingTypeError
from ossicle.audio.resample import Mono, Resampler, mono
from ossicle.audio.segment import EndedBy, Segment
from ossicle.audio.speech import Limits, Range, Speech, VadFrame
from ossicle.audio.tape import Tape
from ossicle.audio.vad import Engine, engine

MAX_SPEECH_S = 600.0  # the audio of a segment is kept in memory: 19 MB a channel at 16 kHz
LANE_VAD_FRAMES = 8192  # four minutes of Silero
PIECE_FRAMES = 16384  # a long block goes through in such pieces, so that memory stays bounded

__all__ = ["Segment", "Segmenter", "find_segments"]


class Segmenter:
    """Finds speech in int16 audio of `rate` frames a second, by the probabilities of a voice detector.

    Options, named and meant as Silero's users know them:

    - `threshold`: from this probability on it is speech.
    - `neg_threshold`: below it, it is silence; between the two nothing changes. `threshold - 0.15` unless
      given.
    - `min_speech_ms`: shorter speech is no segment.
    - `max_speech_s`: longer speech is cut at its quietest place. At most 600, since it is kept in memory.
    - `min_silence_ms`: silence this long ends a segment.
    - `speech_pad_ms`: added on both sides. `pre_roll_ms`: added before that in front, for soft beginnings.

    The voice detector hears the mean of all channels, resampled to its own rate; a segment has all channels
    as they came. `on_vad_frame`, if given, is called with (start, stop, probability) for every VAD frame.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        rate: int,
        threshold: float = 0.5,
        neg_threshold: float | None = None,
        min_speech_ms: float = 250,
        max_speech_s: float = 30.0,
        min_silence_ms: float = 100,
        speech_pad_ms: float = 30,
        pre_roll_ms: float = 60,
        start: int = 0,
        on_vad_frame: Callable[[int, int, float], None] | None = None,
    ) -> None:
        """`start` is the position of the first frame. Raises `ValueError` for options that make no sense."""
        self._engine = engine
        self._rate = rate
        low = max(threshold - 0.15, 0.01) if neg_threshold is None else neg_threshold
        if not 0 < low <= threshold <= 1:
            raise ValueError(f"0 < neg_threshold <= threshold <= 1 does not hold for {low} and {threshold}")
        lengths = (min_speech_ms, min_silence_ms, speech_pad_ms, pre_roll_ms)
        if not all(isfinite(ms) and 0 <= ms <= 60_000 for ms in lengths):
            raise ValueError("min_speech_ms, min_silence_ms, speech_pad_ms, pre_roll_ms go from 0 to 60000")
        if not 1 <= max_speech_s <= MAX_SPEECH_S:
            raise ValueError(f"max_speech_s goes from 1 to {MAX_SPEECH_S:.0f}: a segment is kept in memory")
        self._limits = Limits(
            threshold=threshold,
            neg_threshold=low,
            min_speech=self._frames(min_speech_ms),
            max_speech=self._frames(max_speech_s * 1000),
            min_silence=max(1, self._frames(min_silence_ms)),
            speech_pad=self._frames(speech_pad_ms),
            pre_roll=self._frames(pre_roll_ms),
            hangover=self._frames(getattr(engine, "hangover_ms", 0)),
        )
        self._speech = Speech(self._limits, start)
        self._tape = Tape(start)
        self._resampler = Resampler(rate, engine.rate)
        self._shape: tuple[int, ...] | None = None  # of one frame
        self._waiting: Mono = np.zeros(0, np.int16)  # less than a VAD frame
        self._origin = start  # where the engine began to hear
        self._heard = 0  # samples at the engine's rate since there
        self._lane: deque[tuple[int, float]] = deque(maxlen=LANE_VAD_FRAMES)
        self._on_vad_frame = on_vad_frame
        self.probability = 0.0
        """Of the latest VAD frame."""
        engine.reset()

    @property
    def position(self) -> int:
        """Position of the next frame to push."""
        return self._tape.stop

    @property
    def speaking(self) -> bool:
        """Whether the latest VAD frame lies in speech, as far as is known now."""
        return self._speech.speaking

    @property
    def threshold(self) -> float:
        """From this probability on it is speech."""
        return self._limits.threshold

    @property
    def lane(self) -> list[tuple[int, float]]:
        """(start, probability) of the latest VAD frames, at most 8192 of them; for drawing."""
        return list(self._lane)

    def push(self, frames: Frames) -> list[Segment]:
        """Hear the next frames, int16 of shape `(frames,)` or `(frames, channels)`; the segments that they
        end.

        Raises `RingTypeError` or `RingShapeError` (`TypeError`, `ValueError`) for other audio.
        """
        self._inspect(frames)
        segments: list[Segment] = []
        for at in range(0, len(frames), PIECE_FRAMES):
            piece = frames[at : at + PIECE_FRAMES]
            self._tape.push(piece)
            segments += self._hear(self._resampler.push(mono(piece)))
        return segments

    def gap(self, start: int, stop: int) -> list[Segment]:
        """Frames `[start, stop)` will never come. Speech ends there, and the voice detector begins anew.

        Of unknown length: `stop` equal to `start`. Raises `ValueError` unless `start` is `position`.
        """
        if start != self.position or stop < start:
            raise ValueError(f"a gap of [{start}, {stop}) does not follow position {self.position}")
        return self._break_off("gap", stop)

    def flush(self) -> list[Segment]:
        """The capture ends here: the segment that is under way, if any. A push after it begins anew."""
        return self._break_off("end", self.position)

    def _break_off(self, ended_by: EndedBy, go_on: int) -> list[Segment]:
        segments = self._hear(self._resampler.finish(), last=True)
        segments += self._cut_out(self._speech.finish(self.position, ended_by, go_on))
        self._engine.reset()
        self._tape.restart(go_on)
        self._waiting = self._waiting[:0]
        self._origin, self._heard = go_on, 0
        return segments

    def _hear(self, samples: Mono, last: bool = False) -> list[Segment]:
        """Give the engine whole VAD frames; the last one of a stretch is filled up with zeros."""
        size = self._engine.frame_size
        waiting = np.concatenate((self._waiting, samples))
        segments: list[Segment] = []
        at = 0
        while len(waiting) - at >= size:
            segments += self._cut_out(self._hear_one(waiting[at : at + size], size))
            at += size
        self._waiting = waiting[at:]
        if last and len(self._waiting):
            padded = np.zeros(size, np.int16)
            padded[: len(self._waiting)] = self._waiting
            segments += self._cut_out(self._hear_one(padded, len(self._waiting)))
        self._forget()
        return segments

    def _hear_one(self, vad_frame: Mono, real: int) -> list[Range]:
        samples = vad_frame[:real].astype(np.float64)
        start = self._place(self._heard)
        self._heard += real
        stop = self._place(self._heard)
        self.probability = float(self._engine.probability(vad_frame))
        self._lane.append((start, self.probability))
        if self._on_vad_frame:
            self._on_vad_frame(start, stop, self.probability)
        if stop <= start:
            return []
        power = float(np.dot(samples, samples)) / real
        return self._speech.push(VadFrame(start, stop, self.probability, power))

    def _place(self, samples: int) -> int:
        """The position in the capture of a count of samples at the engine's rate."""
        return min(self._origin + samples * self._rate // self._engine.rate, self.position)

    def _cut_out(self, ranges: list[Range]) -> list[Segment]:
        return [
            Segment(r.start, r.stop, self._rate, self._tape.take(r.start, r.stop), r.ended_by) for r in ranges
        ]

    def _forget(self) -> None:
        needed = self._speech.oldest_needed
        if needed is None:
            now = self._place(self._heard)
            needed = now - self._limits.speech_pad - self._limits.pre_roll
        self._tape.forget(needed)

    def _inspect(self, frames: Frames) -> None:
        if not isinstance(frames, np.ndarray) or frames.dtype != np.int16:
            kind = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
            raise RingTypeError(f"the segmenter takes arrays of int16, not {kind}")
        if frames.ndim not in (1, 2) or (frames.ndim == 2 and not frames.shape[1]):
            raise RingShapeError(f"the segmenter takes (frames,) or (frames, channels), not {frames.shape}")
        if self._shape is None:
            self._shape = frames.shape[1:]
        if frames.shape[1:] != self._shape:
            raise RingShapeError(f"frames of shape {frames.shape} after frames of {(0, *self._shape)}")

    def _frames(self, ms: float) -> int:
        return round(ms * self._rate / 1000)


def find_segments(frames: Frames, rate: int, vad: Engine | str = "auto", **options: Any) -> list[Segment]:
    """The speech in a whole recording: int16 of shape `(frames,)` or `(frames, channels)`.

    `vad` is the name of a voice detector, or one itself; `options` are those of `Segmenter`. It is the
    streaming segmenter that does the work, so a stream of the same audio gives the same.
    """
    detector = engine(vad, rate) if isinstance(vad, str) else vad
    segmenter = Segmenter(detector, rate=rate, **options)
    return segmenter.push(frames) + segmenter.flush()
