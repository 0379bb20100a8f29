"""One stream on its way into an archive: its last minutes in memory, and where it is cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Protocol

from ossicle.archive.coding import check
from ossicle.archive.cutter import Cutter, Piece
from ossicle.archive.entry import (
    DEVICE_MAX,
    PCM_MAX_BYTES,
    POSITION_MAX,
    TIME_MAX,
    ArchiveError,
    Entry,
    GapRow,
    SegmentRow,
    is_rate,
)
from ossicle.archive.health import Account, StreamStats
from ossicle.archive.losses import Losses
from ossicle.archive.settings import Settings
from ossicle.locks import RLock
from ossicle.sinks.past import Frames, Past

MEGABYTE = 1_000_000
ARRIVAL_UNSURE_S = 10.0
"""How far off the time of arrival may be: a device's ring and the buffers on this computer lie before it."""
_RING_SHARE = 0.5  # of the memory; the other half is for objects that wait
_SLACK = 1.5  # of an object's audio that the ring holds, at least: to encode takes time


class GapLike(Protocol):
    """As `ossicle.Gap`."""

    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int | None: ...
    @property
    def cause(self) -> str: ...
    @property
    def estimated(self) -> bool: ...


TimeOf = Callable[[int], tuple[float, float] | None]
"""Unix time at which a position was captured and how sure that is, in seconds; None while it is not known."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece to be encoded, and what was known of its time when it was cut."""

    piece: Piece
    time: float
    uncertainty: float
    true_rate: float | None
    heard_at: float
    """Monotonic, when its first frame came."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """What was known of a piece's time when its first frame came."""

    start: int
    time: tuple[float, float] | None
    arrived: float
    heard_at: float


class ArchiveStream:
    """Takes a stream in its order. `Archive.stream` makes one; its methods never wait for disk or network.

    Feed it from one thread. A device that restarts begins another stream, with an `ArchiveStream` of its own.
    """

    def __init__(
        self,
        settings: Settings,
        device: str,
        stream: str,
        rate: int,
        channels: int,
        *,
        hand_over: Callable[[ArchiveStream, Cut], None],
        time_of: TimeOf,
        true_rate: Callable[[], float | None],
    ) -> None:
        check(settings.codec, rate, channels)
        capacity, step = sizes(settings, rate, channels)
        self.device = device[:DEVICE_MAX].encode(errors="replace").decode()  # half a surrogate is no text
        self.stream = stream
        self.rate = rate
        self.channels = channels
        self.step = step
        """Frames of the range of an object."""
        self._lock = RLock()  # of all that follows
        self._past = Past(capacity, channels)
        self._cutter = Cutter(step)
        self._losses = Losses()
        self._hand_over = hand_over
        self._time_of = time_of
        self._true_rate = true_rate
        self._begun: _Begun | None = None
        self._last_at = time.monotonic()  # when the last frames came
        self._idle_s = float(settings.object_s)
        self._closed = False
        self.beyond = 0
        """Frames at positions that no object can have."""
        self._aside = 0
        name = f"{self.device} {stream[:8]}"
        limit = round(settings.memory_mb * MEGABYTE)
        self.account = Account(name, limit, self._past.bytes, self.lost)

    # What the stream tells

    def audio(self, start: int, frames: Frames) -> None:
        """The frames of positions [start, start + len(frames)): int16 of shape (n,) for one channel and
        (n, channels) else. Raises RingTypeError and RingShapeError for others, ArchiveError once closed."""
        start = index(start)
        with self._lock:
            self._check_open()
            if not 0 <= start <= POSITION_MAX - len(frames):
                self.beyond += len(frames)
                return
            fresh = frames[max(0, self._cutter.position - start) :]
            if len(fresh):
                self._past.append(start + len(frames) - len(fresh), fresh)
            self._last_at = time.monotonic()
            cuts = self._cuts(self._cutter.audio(start, len(frames)), start + len(frames))
        self._hand(cuts)

    def gap(self, gap: GapLike) -> None:
        """Positions that will never come; `stop` None where nobody knows how many."""
        start = max(0, index(gap.start))
        stop = None if gap.stop is None else max(start, index(gap.stop))
        with self._lock:
            self._check_open()
            if max(start, stop or 0) >= POSITION_MAX:
                self._aside += 1
                return
            cuts = self._cuts(self._cutter.gap(start, stop, gap.cause, bool(gap.estimated)), start)
        self._hand(cuts)

    def segment(self, start: int, stop: int, ended_by: str) -> None:
        """Speech in positions [start, stop) is over."""
        start, stop = index(start), index(stop)
        with self._lock:
            self._check_open()
            if max(abs(start), abs(stop)) >= POSITION_MAX:
                self._aside += 1
                return
            cuts = self._cuts(self._cutter.segment(start, stop, ended_by), self._cutter.position)
        self._hand(cuts)

    def history(self, start: int, n: int) -> Frames:
        """A copy of the frames of positions [start, start + n), gaps as silence, from the last minutes.
        Raises HistoryError, which names what is there."""
        return self._past.history(start, n)

    @property
    def span(self) -> tuple[int, int]:
        """Positions that `history` has."""
        return self._past.span

    @property
    def position(self) -> int:
        """Of the next frame."""
        return self._cutter.position

    @property
    def closed(self) -> bool:
        """Whether it takes no more."""
        return self._closed

    def close(self) -> None:
        """The stream is over: what is not written yet is written in the background. Twice is legal."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            cuts = self._cuts(self._cutter.end(), self._cutter.position)
        self._hand(cuts)

    def __enter__(self) -> ArchiveStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the archive asks

    def flush_idle(self, now: float) -> None:
        """Let what was heard be written when nothing came for long, as the end of its minute never may."""
        with self._lock:
            if self._closed or self._cutter.open_at is None or now - self._last_at < self._idle_s:
                return
            cuts = self._cuts(self._cutter.flush(), self._cutter.position)
        self._hand(cuts)

    def read(self, start: int, stop: int) -> tuple[Frames, tuple[int, int] | None]:
        """See `Past.read`."""
        return self._past.read(start, stop)

    def lost(self, what: Piece | Entry) -> None:
        """An object came to nothing; the next one tells it."""
        with self._lock:
            self._losses.add(what.start, what.stop, what.gaps, what.segments)

    def rows(
        self, gaps: Sequence[GapRow], segments: Sequence[SegmentRow]
    ) -> tuple[tuple[GapRow, ...], tuple[SegmentRow, ...]]:
        """What an object tells: its own rows, and those of objects that came to nothing."""
        with self._lock:
            return self._losses.take(gaps, segments)

    @property
    def untold(self) -> int:
        """Rows that no object could tell."""
        waiting = self._losses.waiting if self._closed else 0
        return self._cutter.untold + self._losses.untold + self._aside + waiting

    def heard_at(self) -> float | None:
        """When the first frame came that is in no object yet, None where there is none."""
        with self._lock:
            return self._begun.heard_at if self._begun and self._cutter.open_at is not None else None

    def stats(self) -> StreamStats:
        """A snapshot."""
        account = self.account
        return StreamStats(
            self.device, self.stream, self.position, account.held, account.limit, account.peak, account.level
        )

    def _check_open(self) -> None:
        if self._closed:
            raise ArchiveError(f"the stream {self.stream} of {self.device} is closed")

    def _hand(self, cuts: list[Cut]) -> None:
        for cut in cuts:
            self._hand_over(self, cut)

    def _cuts(self, pieces: list[Piece], position: int) -> list[Cut]:
        """Pieces with their times; the frame before `position` has just come."""
        cuts = [self._cut(piece, position) for piece in pieces]
        opened = self._cutter.open_at
        if opened is not None and (self._begun is None or self._begun.start != opened):
            self._begun = self._begin(opened, position)
        return cuts

    def _begin(self, start: int, position: int) -> _Begun:
        ago = max(0, position - start) / self.rate
        arrived = min(max(0.0, time.time() - ago), TIME_MAX - 1)  # a clock may say anything
        return _Begun(start, self._asked(start), arrived, time.monotonic())

    def _cut(self, piece: Piece, position: int) -> Cut:
        begun = self._begun
        if begun is None or begun.start != piece.start:
            begun = self._begin(piece.start, position)
        # The clocks are compared over the last minutes: either answer may be the better one.
        known = [answer for answer in (begun.time, self._asked(piece.start)) if answer is not None]
        moment, unsure = min(known, key=lambda a: a[1], default=(begun.arrived, ARRIVAL_UNSURE_S))
        return Cut(piece, moment, unsure, self._measured(), begun.heard_at)

    def _asked(self, position: int) -> tuple[float, float] | None:
        """What the clock says; one that fails or tells nonsense ends no recording."""
        try:
            found = self._time_of(position)
            if found is None:
                return None
            moment, unsure = float(found[0]), float(found[1])
        except Exception:
            return None
        return (moment, unsure) if 0 <= moment < TIME_MAX and 0 <= unsure < 1e9 else None

    def _measured(self) -> float | None:
        try:
            found = self._true_rate()
            rate = None if found is None else float(found)
        except Exception:
            return None
        return rate if rate is not None and is_rate(rate, self.rate) else None


def sizes(settings: Settings, rate: int, channels: int) -> tuple[int, int]:
    """Frames of the ring, and of an object's range. Where `keep_s` of audio would take more than half of the
    memory the ring is shorter; where it then holds no object and a half, objects are halved, and
    where one would be too large to be read."""
    frame_bytes = 2 * channels
    most = int(_RING_SHARE * settings.memory_mb * MEGABYTE / frame_bytes)
    capacity = max(1, min(settings.keep_s * rate, most))
    step = settings.object_s * rate
    while step > 1 and (_SLACK * step > capacity or step * frame_bytes > PCM_MAX_BYTES):
        step = -(-step // 2)
    return capacity, step
