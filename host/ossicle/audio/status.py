"""What a ring tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["normal", "warning", "critical"]
Overflow = Literal["block", "reject", "overwrite"]

WARNING_FILL = 0.8
CRITICAL_FILL = 0.95


def level(fill: float) -> Level:
    """The level of a fill from 0 to 1: warning from 0.8 on, critical from 0.95 on."""
    if fill >= CRITICAL_FILL:
        return "critical"
    return "warning" if fill >= WARNING_FILL else "normal"


@dataclass(frozen=True, slots=True)
class RingStatus:
    """One moment of an :class:`ossicle.AudioRing`; all counters since it was made."""

    capacity: int
    """Frames."""
    guard: int
    """Frames: windows up to this long are views."""
    overflow: Overflow
    closed: bool
    written: int
    """Position: frames ever written."""
    read_position: int
    available: int
    """Frames that wait for the reader."""
    free: int
    """Frames that fit now."""
    fill: float
    """`available / capacity` now."""
    mean_fill: float
    """Mean over all writes of the fill just after each; 0 before the first."""
    peak_fill: float
    """The largest fill there was after a write."""
    level: Level
    """Of the fill now."""
    writes: int
    """Writes that put frames in; a write that waited counts each piece."""
    reads: int
    """Reads, peeks, chunks and histories given out."""
    bytes_in: int
    bytes_out: int
    """Bytes that the reader has left behind by reading or advancing; not those that were dropped."""
    overflows: int
    """Writes under `overwrite` that dropped something."""
    frames_dropped: int
    """Frames that `overwrite` dropped unread."""
    refused: int
    """Writes that were refused whole because they did not fit."""
    frames_refused: int
    frames_cleared: int
    """Frames that `clear` or a `resize` dropped unread."""
    waits: int
    """Times that a writer or reader had to wait for the other."""
    wait_s: float
    """Seconds spent in those waits."""
    contention: int
    """Times that one side found the other inside the ring."""
    views: int
    """Windows handed out without a copy."""
    copies: int
    """Windows handed out as copies."""
