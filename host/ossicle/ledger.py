"""What the frames of a recording mean: its streams, its gaps and its times; and the text that tells it.

The text is JSON, and lies in the file itself, where players show a file's comment. It has a fixed room, so
the ledger keeps only the first streams and gaps, and counts the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .proto._wire import Codec

STREAMS_KEPT = 16
GAPS_KEPT = 64
VERSION = 1
_DEVICE_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """What the whole recording comes from."""

    device: str
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class StreamRow:
    """From frame `start` of the file on lies the stream `stream_id`, from its frame `position` on."""

    start: int
    stream_id: bytes
    position: int
    hop: int
    overlap: int
    codec: int


@dataclass(frozen=True, slots=True)
class GapRow:
    """Frames [start, stop) of the file are silence that stands for a gap of `frames`.

    `stop` None: the gap takes no room in the file; `frames` is None as well where nobody knows its length.
    """

    start: int
    stop: int | None
    frames: int | None
    cause: str
    estimated: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """When the first frame of a stream row was captured (Unix time), how sure that is (seconds), and how many
    frames a second of the host's clock the microphone really has; None for not yet known."""

    time: float | None = None
    uncertainty: float | None = None
    true_rate: float | None = None


@dataclass(slots=True)
class Ledger:
    """Rows come in the order of the file. `start` names a stream row: a later one with the same start takes
    its place."""

    origin: Origin
    streams: list[StreamRow] = field(default_factory=list)
    """The first ones, and the last."""
    timings: dict[int, Timing] = field(default_factory=dict)
    gaps: list[GapRow] = field(default_factory=list)
    """The first ones."""
    last_gap: GapRow | None = None
    stream_count: int = 0
    gap_count: int = 0
    missing: int = 0
    """Frames that gaps are known to hide."""

    def stream(self, row: StreamRow) -> None:
        """Another stream begins, or the same one further on."""
        if self.streams and self.streams[-1].start == row.start:
            self.streams.pop()
            self.timings.pop(row.start, None)
            self.stream_count -= 1
        if len(self.streams) > STREAMS_KEPT:
            self.timings.pop(self.streams.pop().start, None)
        self.streams.append(row)
        self.stream_count += 1

    def gap(self, row: GapRow) -> GapRow:
        """A gap. Returns it as it is kept: two that take no room, and no frame between them, are one."""
        last = self.last_gap
        if last is not None and row.stop is None and last.stop is None and last.start == row.start:
            known = last.frames is not None and row.frames is not None
            row = replace(row, frames=(last.frames or 0) + (row.frames or 0) if known else None)
            self.gap_count -= 1
            self.missing -= last.frames or 0
            if self.gaps[-1] is last:
                self.gaps.pop()
        self.last_gap = row
        self.gap_count += 1
        self.missing += row.frames or 0
        if len(self.gaps) < GAPS_KEPT:
            self.gaps.append(row)
        return row

    def text(self, most_bytes: int) -> str:
        """All of it in JSON, in ASCII; what is too long for `most_bytes` is left out from the end."""
        streams = [self._told(row) for row in self.streams[:STREAMS_KEPT]]
        gaps = [_told_gap(row) for row in self.gaps]
        while True:
            text = self._compose(streams, gaps)
            if len(text) <= most_bytes or not (gaps or streams):
                return text
            (gaps or streams).pop()

    def _compose(self, streams: list[dict[str, Any]], gaps: list[dict[str, Any]]) -> str:
        told = {
            "ossicle": VERSION,
            "device": self.origin.device[:_DEVICE_CHARACTERS],
            "rate": self.origin.rate,
            "channels": self.origin.channels,
            "stream_count": self.stream_count,
            "gap_count": self.gap_count,
            "missing_frames": self.missing,
            "streams": streams,
            "gaps": gaps,
        }
        return json.dumps(told, separators=(",", ":"))

    def _told(self, row: StreamRow) -> dict[str, Any]:
        told: dict[str, Any] = {
            "start_frame": row.start,
            "stream": row.stream_id.hex(),
            "position": row.position,
            "codec": Codec(row.codec).name.lower(),
        }
        timing = self.timings.get(row.start, Timing())
        moment = _moment(timing.time)
        if moment and timing.uncertainty is not None:
            told["time"] = moment
            told["uncertainty"] = round(timing.uncertainty, 6)
        if timing.true_rate is not None:
            told["true_rate"] = round(timing.true_rate, 4)
            told["drift_ppm"] = round((timing.true_rate / self.origin.rate - 1) * 1e6, 2)
        return told


def _moment(time: float | None) -> str:
    """In ISO 8601; "" where it is not known, or no date: a clock that is wrong ends no recording."""
    try:
        return "" if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _told_gap(row: GapRow) -> dict[str, Any]:
    return {
        "start_frame": row.start,
        "stop_frame": row.stop,
        "frames": row.frames,
        "cause": row.cause,
        "estimated": row.estimated,
    }
