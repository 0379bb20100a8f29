"""Speech in a capture, segment by segment, as it comes. The rules are `shared_spec/SEGMENTER.md`.

Time is counted in samples, never by a clock: the same audio gives the same segments at any block size and any
speed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Unpack

import numpy as np
from numpy import ndarray

from ossicle.audio.chunk import Frames
from ossicle.audio.errors import RingShapeError, RingTypeError
from ossicle.audio.hearing import Hearing
from ossicle.audio.options import Changes, Options, Values
from ossicle.audio.segment import EndedBy, Segment
from ossicle.audio.speech import Range, Speech
from ossicle.audio.tape import Tape
from ossicle.audio.vad import Engine, engine

LANE_VAD_FRAMES = 8192  # four minutes of Silero
INT16 = np.dtype(np.int16)
PIECE_FRAMES = 16384  # a long block goes through in such pieces, so that memory stays bounded

__all__ = ["Segment", "Segmenter", "find_segments"]


class Segmenter:
    """Finds speech in int16 audio of `rate` frames a second, by the probabilities of a voice detector.

    Options, named and meant as Silero's users know them, with what they are unless given:

    - `threshold` (0.5): from this probability on it is speech.
    - `neg_threshold` (`threshold - 0.15`): below it, it is silence; between the two nothing changes.
    - `min_speech_ms` (250): shorter speech is no segment.
    - `max_speech_s` (30): longer speech is cut at its quietest place. It is kept in memory: at most 600.
    - `min_silence_ms` (100): silence this long ends a segment.
    - `speech_pad_ms` (30): added on both sides.
    - `pre_roll_ms` (60): added before that in front, for soft beginnings.

    `preset` names a set of them, of which single ones may then be named beside it:

    - "command": short words count, and a segment is there 0.3 s after its end.
    - "dictation": a pause of up to a second is part of it.
    - "recording": nothing is missed; what lies close together is one segment, with much around it.
    - "default": what is told above.

    `configure` changes them while it runs.

    The voice detector hears the mean of all channels, resampled to its own rate; a segment has all channels
    as they came. `on_vad_frame`, if given, is called with (start, stop, probability) for every VAD frame.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        rate: int,
        preset: str | None = None,
        start: int = 0,
        on_vad_frame: Callable[[int, int, float], None] | None = None,
        **options: Unpack[Values],
    ) -> None:
        """`start` is the position of the first frame.

        Raises `ValueError` for options that make no sense, `UnknownPresetError` (one of them) for a preset
        that there is not.
        """
        if not 0 < 2 * engine.frame_size <= engine.rate:
            raise ValueError(
                f"{engine.name}: a VAD frame of {engine.frame_size} samples at {engine.rate} Hz; "
                f"it has to be 1 sample to half a second long"
            )
        self._engine = engine
        self._size = engine.frame_size
        self._probability = engine.probability
        self._rate = rate
        self._hangover_ms = getattr(engine, "hangover_ms", 0)
        self._changes = Changes(Options().changed(preset, **options))
        limits = self._changes.options.limits(rate, self._hangover_ms)
        self._tape = Tape(start)
        self._hearing = Hearing(self._tape, rate, engine.rate, engine.frame_size)
        self._speech = Speech(limits, self._hearing, start)
        self._shape: tuple[int, ...] | None = None  # of one frame
        self._lane: deque[tuple[int, float]] = deque(maxlen=LANE_VAD_FRAMES)
        self._on_vad_frame = on_vad_frame
        engine.reset()

    @property
    def position(self) -> int:
        """Position of the next frame to push."""
        return self._tape.stop

    @property
    def probability(self) -> float:
        """Of the latest VAD frame; 0 before there was one."""
        return self._lane[-1][1] if self._lane else 0.0

    @property
    def speaking(self) -> bool:
        """Whether the latest VAD frame lies in speech, as far as is known now."""
        return self._speech.speaking

    @property
    def threshold(self) -> float:
        """From this probability on it is speech."""
        return self._changes.options.threshold

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._changes.options

    @property
    def options_ahead(self) -> Options:
        """The options when every change that waits has taken effect."""
        return self._changes.last

    @property
    def lane(self) -> list[tuple[int, float]]:
        """(start, probability) of the latest VAD frames, at most 8192 of them; for drawing."""
        return list(self._lane)

    def push(self, frames: Frames) -> list[Segment]:
        """Hear the next frames, int16 of shape `(frames,)` or `(frames, channels)`; the segments that they
        end.

        Raises `RingTypeError` or `RingShapeError` (`TypeError`, `ValueError`) for other audio.
        """
        if type(frames) is not ndarray or frames.dtype is not INT16 or frames.shape[1:] != self._shape:
            self._inspect(frames)
        if len(frames) > PIECE_FRAMES:
            pieces = [frames[at : at + PIECE_FRAMES] for at in range(0, len(frames), PIECE_FRAMES)]
            return [segment for piece in pieces for segment in self.push(piece)]
        if not self._tape.push(frames):
            self._make_room(frames)
        if self._hearing.tape is not self._tape:
            self._hearing.push(frames, self._oldest_recalled())
        return self._judge()

    def configure(
        self, *, at: int | None = None, preset: str | None = None, **options: Unpack[Values]
    ) -> int:
        """Change options while it runs; those that are not named stay, unless a preset is.

        The change takes effect with the first VAD frame that begins at position `at` or after; unless given,
        `at` is `position`. Returns where that VAD frame begins, if no gap comes before. What becomes of
        speech under way is told in SEGMENTER.md (S-19 to S-23).

        Raises `ValueError` where options make no sense, `at` lies before `position`, or 16 changes wait
        already; then nothing has changed. Not to be called while another thread pushes.
        """
        position = self.position if at is None else at
        if not isinstance(position, Integral):
            raise ValueError(f"at is a position, a whole number of frames, not {at!r}")
        if position < self.position:
            raise ValueError(f"a change at {position} comes too late: position {self.position} is reached")
        self._changes.add(int(position), {"preset": preset, **options})
        return self._hearing.first_from(int(position))

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
        self._hearing.finish(self._oldest_recalled())
        segments = self._judge()
        segments += self._judge_rest()
        segments += self._cut_out(self._speech.finish(self.position, ended_by, go_on))
        self._engine.reset()
        self._tape.restart(go_on)
        self._hearing.restart(go_on)
        return segments

    def _make_room(self, frames: Frames) -> None:
        """Put these frames onto the tape when it is full."""
        now = self._hearing.place(self._hearing.next)
        self._tape.make_room(frames, self._speech.oldest_needed(now))
        self._tape.push(frames)

    def _judge(self) -> list[Segment]:
        """Hear every whole VAD frame that is there, and what speech ends with it.

        webrtc judges 30 ms of audio in the time that a few calls in Python take: none is made that can be
        spared.
        """
        segments: list[Segment] = []
        hearing, size, tell, changes = self._hearing, self._size, self._on_vad_frame, self._changes
        place = None if hearing.same_rate else hearing.place
        tape = hearing.tape
        view, base = tape.view, tape.base
        at = hearing.next
        last = base + tape.kept - size
        while at <= last:
            chance = float(self._probability(view[at - base : at - base + size]))
            start = place(at) if place else at
            if start >= changes.at:
                self._change(start)
            hearing.next = at = at + size
            stop = place(at) if place else at
            self._lane.append((start, chance))
            if tell:
                tell(start, stop, chance)
            ranges = self._speech.push(start, stop, chance)
            if ranges:
                segments += self._cut_out(ranges)
        return segments

    def _judge_rest(self) -> list[Segment]:
        """Hear what is left of less than a VAD frame, filled up with zeros (S-15)."""
        hearing = self._hearing
        rest = hearing.rest()
        if not len(rest):
            return []
        padded = np.zeros(self._size, np.int16)
        padded[: len(rest)] = rest
        chance = float(self._probability(padded))
        start, stop = hearing.place(hearing.next), hearing.place(hearing.next + len(rest))
        hearing.next += self._size
        if start >= self._changes.at:
            self._change(start)
        self._lane.append((start, chance))
        if self._on_vad_frame:
            self._on_vad_frame(start, stop, chance)
        # Resampled, the rest may be less than a frame of the capture.
        return self._cut_out(self._speech.push(start, stop, chance)) if stop > start else []

    def _change(self, start: int) -> None:
        options = self._changes.take(start)
        self._speech.change(options.limits(self._rate, self._hangover_ms), start)

    def _oldest_recalled(self) -> int:
        return self._speech.oldest_recalled(self._hearing.place(self._hearing.next))

    def _cut_out(self, ranges: Sequence[Range]) -> list[Segment]:
        return [
            Segment(r.start, r.stop, self._rate, self._tape.take(r.start, r.stop), r.ended_by) for r in ranges
        ]

    def _inspect(self, frames: Frames) -> None:
        if not isinstance(frames, np.ndarray) or frames.dtype != np.int16:
            kind = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
            raise RingTypeError(f"the segmenter takes arrays of int16, not {kind}")
        if frames.ndim not in (1, 2) or (frames.ndim == 2 and not frames.shape[1]):
            raise RingShapeError(f"the segmenter takes (frames,) or (frames, channels), not {frames.shape}")
        if self._shape is None:
            self._shape = frames.shape[1:]
            self._hearing.begin(channels=bool(self._shape))
        if frames.shape[1:] != self._shape:
            raise RingShapeError(f"frames of shape {frames.shape} after frames of {(0, *self._shape)}")


def find_segments(frames: Frames, rate: int, vad: Engine | str = "auto", **options: Any) -> list[Segment]:
    """The speech in a whole recording: int16 of shape `(frames,)` or `(frames, channels)`.

    `vad` is the name of a voice detector, or one itself; `options` are those of `Segmenter`. It is the
    streaming segmenter that does the work, so a stream of the same audio gives the same.
    """
    detector = engine(vad, rate) if isinstance(vad, str) else vad
    segmenter = Segmenter(detector, rate=rate, **options)
    return segmenter.push(frames) + segmenter.flush()
