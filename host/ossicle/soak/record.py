"""What an emulated microphone captured, and when, by its own record.

The board writes rows into a file (`firmware/boards/unix_shims/record.py`, which tells what they are); here
they become positions and times. Times are those of `time.monotonic`, which on the emulator's Linux is the
clock that the board reads too.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

import numpy as np
from numpy.typing import NDArray

BEGUN, CAPTURED, DROPPED, HEAP, MET = 1, 2, 3, 4, 5
TROUBLES = (
    "i2s_skipped",
    "request_lost",
    "callback_lost",
    "storm",
    "no_memory",
    "mailbox_full",
    "held_up",
    "i2s_failed",
    "wifi_failed",
)
"""Planted troubles by the number that the board gives them."""
_ROW = np.dtype("<i4")
_ROW_BYTES = 16
_MASK = (1 << 30) - 1
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """One stream of the board, from the start of its source on.

    `heads` are positions and `times` when each was reached, in seconds, ascending, beginning with 0.
    `drops` are ranges of frames that were captured and did not fit into DMA.
    """

    frames: int
    heads: NDArray[np.int64]
    times: NDArray[np.float64]
    drops: tuple[tuple[int, int], ...]

    @property
    def captured(self) -> int:
        """Frames that the microphone gave, also those that DMA had no room for."""
        return int(self.heads[-1])

    @property
    def dropped(self) -> int:
        """Frames that never reached the firmware."""
        return sum(stop - start for start, stop in self.drops)

    def when(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """When so many frames had been captured, in between by the rate; infinity for what never was."""
        times: NDArray[np.float64] = np.interp(positions, self.heads, self.times, right=np.inf)
        return times

    def reached(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the DMA buffer was full with which so many frames had been captured; else infinity."""
        at = np.searchsorted(self.heads, positions, side="left")
        times: NDArray[np.float64] = np.append(self.times, np.inf)[at]
        return times


class Record:
    """The file that an `Emulator` gets as `record`. It may be read while it grows."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offset = 0
        self._rows: list[NDArray[np.int32]] = []
        self.heaps: list[tuple[float, int]] = []
        """When the heap was looked at, and bytes in use after a collection."""
        self.captured = 0
        """Frames of the stream in force."""
        self.met: dict[str, int] = {}
        """How often each planted trouble has struck the board."""
        self._begun: list[float] = []  # when each stream began

    def poll(self) -> None:
        """Read what came since the last time; once in 17 minutes at least, for the board's clock wraps."""
        while data := os.pread(self._file.fileno(), _READ_BYTES, self._offset):
            rows = np.frombuffer(data[: len(data) // _ROW_BYTES * _ROW_BYTES], _ROW).reshape(-1, 4)
            if not len(rows):
                return
            self._offset += len(rows) * _ROW_BYTES
            self._rows.append(rows)
            self._begun += [self._absolute(ticks) for ticks in rows[rows[:, 0] == BEGUN][:, 2].tolist()]
            captured = rows[rows[:, 0] == CAPTURED]
            if len(captured):
                self.captured = int(captured[-1, 1])
            for row in rows[rows[:, 0] == HEAP]:
                self.heaps.append((self._absolute(int(row[2])), int(row[1])))
            for row in rows[rows[:, 0] == MET]:
                name = TROUBLES[int(row[1])]
                self.met[name] = self.met.get(name, 0) + 1

    def drops(self) -> list[tuple[int, int]]:
        """Ranges of the stream in force that DMA has dropped."""
        captures = self.captures()
        return list(captures[-1].drops) if captures else []

    def captures(self) -> list[Capture]:
        """Every stream, in order."""
        self.poll()
        if not self._rows:
            return []
        rows = np.concatenate(self._rows)
        self._rows = [rows]
        starts = [*np.flatnonzero(rows[:, 0] == BEGUN), len(rows)]
        pieces = [rows[start:stop] for start, stop in pairwise(starts)]
        return [self._capture(piece, begun) for piece, begun in zip(pieces, self._begun, strict=True)]

    @staticmethod
    def _capture(rows: NDArray[np.int32], begun: float) -> Capture:
        kinds = rows[:, 0]
        marks = rows[(kinds == BEGUN) | (kinds == CAPTURED)].astype(np.int64)
        steps = np.diff(marks[:, 2])
        steps = (steps + (_MASK + 1) // 2 & _MASK) - (_MASK + 1) // 2  # the short way round
        times = begun + np.concatenate([[0], np.cumsum(steps)]) / 1e6
        heads = np.concatenate([[0], marks[1:, 1]])
        drops: list[tuple[int, int]] = []
        for _, start, _, count in rows[kinds == DROPPED].tolist():
            if drops and drops[-1][1] == start:
                drops[-1] = (drops[-1][0], start + count)
            else:
                drops.append((start, start + count))
        return Capture(int(marks[0, 1]), heads, times, tuple(drops))

    @staticmethod
    def _absolute(ticks_us: int) -> float:
        """When the board's clock had this value; that must be less than 17 minutes ago."""
        now_us = int(time.monotonic() * 1e6)
        return (now_us - (now_us - ticks_us & _MASK)) / 1e6
