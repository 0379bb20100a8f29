"""What is known of one object of an archive: which frames it holds, of what, when, and how it is checked.

An entry travels as JSON inside the object (see `coding`), so a store without its index tells all of it again.
Positions count frames of the stream, as everywhere; ranges are half-open.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ossicle.errors import OssicleError

VERSION = 1
GAPS_MAX = 256
SEGMENTS_MAX = 256
"""Rows in one object; one more begins the next object, so an entry always fits the head of its object."""
TEXT_MAX_BYTES = 48 * 1024
"""Below a page of Ogg, in which an Opus file keeps its comment."""
POSITION_MAX = 10**15
"""No frame lies there or beyond: names have 15 digits for the first one. 700 years at 44.1 kHz."""
PCM_MAX_BYTES = 128 << 20
"""Of the frames of one object."""
RATE_MAX = 655_350
CHANNELS_MAX = 8
"""Both as FLAC has them."""
DEVICE_MAX = 255
WORD_MAX = 32
"""Letters of a device's name, and of the word for what caused a gap or ended a segment."""
TIME_MIN, TIME_MAX = -6e10, 1e11
"""Unix times of which a calendar has the year with four digits."""


class ArchiveError(OssicleError):
    """An archive that cannot be used as asked; the text is one line, and tells no secret."""


@dataclass(frozen=True, slots=True)
class GapRow:
    """Positions [start, stop) never came; `stop` None where the length is not known."""

    start: int
    stop: int | None
    cause: str
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """Speech in [start, stop); it may have begun before the object in which it is told."""

    start: int
    stop: int
    ended_by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Frames [start, stop) of a stream: `stop - start` frames in the file, gaps among them as silence.

    `gaps` are those inside, and those before `start` that no earlier object told: a gap that reaches into a
    later minute lies between two objects. `segments` are those that were told while the object was made.
    """

    owner: str
    device: str
    """As the device calls itself; the name of the object has it in other letters."""
    stream: str
    """The stream's id in hex."""
    start: int
    stop: int
    rate: int
    channels: int
    codec: str
    """"flac" or "opus"."""
    time: float
    """Unix time at which the frame `start` was captured, right within `uncertainty` seconds."""
    uncertainty: float
    true_rate: float | None
    """Frames a second of the host's clock, None where it is not known yet."""
    gaps: tuple[GapRow, ...]
    segments: tuple[SegmentRow, ...]
    pcm_sha256: str
    """SHA-256 in hex of the frames as they went in, silence included: int16, little-endian, interleaved."""

    @property
    def frames(self) -> int:
        """In the file."""
        return self.stop - self.start

    @property
    def raw_bytes(self) -> int:
        """Of the same frames as PCM."""
        return 2 * self.channels * self.frames

    @property
    def stop_time(self) -> float:
        """Unix time after the last frame."""
        return self.time + self.frames / (self.true_rate or self.rate)

    def text(self) -> str:
        """As JSON in ASCII, on one line."""
        told = {name: getattr(self, name) for name in _PLAIN}
        told["gaps"] = [[g.start, g.stop, g.cause, g.estimated] for g in self.gaps]
        told["segments"] = [[s.start, s.stop, s.ended_by] for s in self.segments]
        return json.dumps({"ossicle_archive": VERSION, **told}, separators=(",", ":"))


_PLAIN = (
    "owner",
    "device",
    "stream",
    "start",
    "stop",
    "rate",
    "channels",
    "codec",
    "time",
    "uncertainty",
    "true_rate",
    "pcm_sha256",
)
_GAP = ((int,), (int, type(None)), (str,), (bool,))
_SEGMENT = ((int,), (int,), (str,))
_STREAM = re.compile(r"[0-9a-f]{1,32}")


def parse(text: str) -> Entry:
    """What `Entry.text` wrote. Raises ArchiveError for anything else: it comes from a store that others may
    write to."""
    try:
        told = json.loads(text)
        if told.pop("ossicle_archive") != VERSION:
            raise ArchiveError("made by another version of Ossicle")
        gaps = tuple(GapRow(*_typed(row, _GAP)) for row in told.pop("gaps"))
        segments = tuple(SegmentRow(*_typed(row, _SEGMENT)) for row in told.pop("segments"))
        entry = Entry(gaps=gaps, segments=segments, **told)
        _check(entry)
    except ArchiveError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ArchiveError("its description is not what an archive writes") from None
    return entry


def _typed(row: Any, kinds: tuple[tuple[type, ...], ...]) -> list[Any]:
    if not isinstance(row, list) or len(row) != len(kinds):
        raise TypeError
    if not all(type(value) in kind for value, kind in zip(row, kinds, strict=True)):
        raise TypeError
    return row


def is_rate(true_rate: float, rate: int) -> bool:
    """Whether a stream of so many frames a second by name may have had `true_rate` by the host's clock."""
    return rate / 2 <= true_rate <= 2 * rate


def _check(entry: Entry) -> None:
    texts = (entry.owner, entry.device, entry.stream, entry.codec, entry.pcm_sha256)
    counts = (entry.start, entry.stop, entry.rate, entry.channels)
    if not all(type(text) is str for text in texts) or not all(type(count) is int for count in counts):
        raise TypeError
    entry.device.encode()  # half a surrogate is no text, and no table takes it
    if not (_STREAM.fullmatch(entry.stream) and len(entry.device) <= DEVICE_MAX):
        raise ValueError
    if not (0 <= entry.start < entry.stop <= POSITION_MAX and entry.raw_bytes <= PCM_MAX_BYTES):
        raise ValueError
    if not (0 < entry.rate <= RATE_MAX and 0 < entry.channels <= CHANNELS_MAX):
        raise ValueError
    _check_times(entry)
    if len(entry.gaps) > GAPS_MAX or len(entry.segments) > SEGMENTS_MAX:
        raise ValueError
    told = [(gap.start, gap.stop, gap.cause) for gap in entry.gaps]
    told += [(segment.start, segment.stop, segment.ended_by) for segment in entry.segments]
    for start, stop, word in told:
        if max(abs(start), abs(stop or 0)) > POSITION_MAX or len(word.encode()) > 4 * WORD_MAX:
            raise ValueError


def _check_times(entry: Entry) -> None:
    rate = entry.true_rate
    if not all(type(value) in (int, float) for value in (entry.time, entry.uncertainty, rate or 0)):
        raise TypeError
    if not TIME_MIN < entry.time < TIME_MAX or not 0 <= entry.uncertainty < TIME_MAX:
        raise ValueError
    if rate is not None and not is_rate(rate, entry.rate):
        raise ValueError
