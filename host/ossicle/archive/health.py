"""How an archive that is being written fares: memory by stream, counters, and what is worth telling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal

from ossicle.archive.entry import Entry
from ossicle.locks import RLock

Level = Literal["normal", "warning", "critical"]
WARNING = 0.8
CRITICAL = 0.95
_ORDER: tuple[Level, ...] = ("normal", "warning", "critical")


def level(share: float) -> Level:
    """What a share of the memory allowed means."""
    return "critical" if share >= CRITICAL else "warning" if share >= WARNING else "normal"


def worst(levels: list[Level]) -> Level:
    """The worst of them, "normal" for none."""
    return max(levels, key=_ORDER.index, default="normal")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that changed; `text` is one line and tells no secret."""

    kind: Literal["failing", "recovered", "spool", "dropped", "health", "lost", "upkeep"]
    """"failing": uploads fail, and objects go to the spool; "recovered": they succeed again; "spool": it
    takes nothing; "dropped": an object is lost, for there was no room left; "lost": audio was overwritten
    before it was encoded; "health": a stream's memory is on another level; "upkeep": old audio is not cleaned
    up."""
    text: str


Tell = Callable[[Notice], object]


@dataclass(slots=True, eq=False)
class Account:
    """Memory of one stream, in bytes; changed under the outbox's lock."""

    name: str
    limit: int
    ring: int
    """For audio; taken at once and kept."""
    lost: Callable[[Entry], object]
    """Is told of an object that will never be in the store."""
    objects: int = 0
    """Encoded, and in no other place than here."""
    peak: int = 0
    level: Level = "normal"

    @property
    def held(self) -> int:
        """All of it."""
        return self.ring + self.objects

    @property
    def share(self) -> float:
        """Of what is allowed."""
        return self.held / self.limit

    def add(self, size: int) -> bool:
        """Objects came or, negative, went. Whether the level has changed."""
        self.objects += size
        self.peak = max(self.peak, self.held)
        before, self.level = self.level, level(self.share)
        return before != self.level


@dataclass(slots=True)
class Counts:
    """What was done since the archive was opened."""

    attempts: int = 0
    """Uploads that were begun."""
    failed: int = 0
    """Uploads that failed; each is tried again."""
    uploaded: int = 0
    """Objects that are in the store and the index."""
    raw_bytes: int = 0
    """Of these objects as PCM."""
    stored_bytes: int = 0
    """Of these objects as they are."""
    spooled: int = 0
    """Objects that went into the spool."""
    spool_failed: int = 0
    """Times that the spool took none."""
    damaged: int = 0
    """Objects in the spool that were not what they had been."""
    deleted: int = 0
    """Objects that were not kept, for someone had asked that they be deleted."""
    dropped_objects: int = 0
    """Lost, since neither store nor spool nor memory took them."""
    dropped_frames: int = 0
    """In them."""
    lost_frames: int = 0
    """Overwritten before they were encoded."""
    untold: int = 0
    """Gaps and segments that no object tells."""
    unlisted: int = 0
    """Objects in the store that the index did not take; it is compared with the store later."""


@dataclass(frozen=True, slots=True)
class StreamStats:
    """One stream that is being archived; memory in bytes."""

    device: str
    stream: str
    position: int
    """Of the next frame."""
    memory: int
    limit: int
    peak: int
    health: Level


@dataclass(frozen=True, slots=True)
class ArchiveStats:
    """A snapshot."""

    counts: Counts
    streams: tuple[StreamStats, ...]
    health: Level
    """Of the stream that fares worst."""
    failing: str | None
    """Why uploads fail, None while they succeed."""
    waiting: int
    """Objects in memory, not in the store yet."""
    spool_objects: int
    spool_bytes: int
    unsaved_s: float
    """Age of the oldest sample that is not in the store."""

    @property
    def share(self) -> float:
        """Of the objects that are through, those that are in the store; 1.0 before the first."""
        through = self.counts.uploaded + self.counts.dropped_objects
        return self.counts.uploaded / through if through else 1.0

    @property
    def ratio(self) -> float | None:
        """Stored bytes of each byte of PCM, None before the first object."""
        return self.counts.stored_bytes / self.counts.raw_bytes if self.counts.raw_bytes else None


class Tally:
    """Counts, and what of them was not yet added to the counters of the index. Any thread may add."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._counts = Counts()
        self._told = Counts()

    def add(self, **counted: int) -> None:
        """Add to counts by their names."""
        with self._lock:
            for name, n in counted.items():
                setattr(self._counts, name, getattr(self._counts, name) + n)

    def counts(self) -> Counts:
        """A copy."""
        with self._lock:
            return replace(self._counts)

    def news(self) -> dict[str, int]:
        """By how much each count has grown since the last call."""
        grown = {}
        with self._lock:
            for one in fields(Counts):
                value = getattr(self._counts, one.name)
                if value != getattr(self._told, one.name):
                    grown[one.name] = value - getattr(self._told, one.name)
                    setattr(self._told, one.name, value)
        return grown

    def keep(self, grown: dict[str, int]) -> None:
        """Nobody took what `news` told: it is news again."""
        with self._lock:
            for name, n in grown.items():
                setattr(self._told, name, getattr(self._told, name) - n)
