"""What an archive holds, by device, and how well it was kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ossicle.archive.holdings import Holdings

UPLOADED = "uploaded"
DROPPED = "dropped_objects"
"""Counters of who writes an archive, see `health.Counts`."""


@dataclass(slots=True)
class DeviceStats:
    """What is kept of one device of one owner."""

    owner: str
    device: str
    objects: int = 0
    bytes: int = 0
    raw_bytes: int = 0
    """Of the same audio as PCM."""
    seconds: float = 0.0
    """Of audio, silence in gaps included."""
    first_time: float = 0.0
    """Unix time of the first frame."""
    last_time: float = 0.0
    """Unix time after the last frame."""
    stream_ids: set[str] = field(default_factory=set)

    @property
    def streams(self) -> int:
        """Streams that any of it is of."""
        return len(self.stream_ids)


@dataclass(frozen=True, slots=True)
class LibraryStats:
    """A snapshot of all that is kept. Sizes and times cover what waits in this computer's spool, too."""

    url: str
    objects: int
    bytes: int
    raw_bytes: int
    seconds: float
    devices: tuple[DeviceStats, ...]
    first_time: float | None
    last_time: float | None
    spooled_objects: int
    spooled_bytes: int
    oldest_unsaved_s: float | None
    """Age of the oldest audio in the spool, None where it is empty."""
    counters: dict[str, int]
    """Of all programs on this computer that ever wrote this archive; see `health.Counts`."""
    deletions: int
    """Records of deletions that this computer knows."""
    compared_at: float | None
    """Unix time at which the index was last compared with the store."""

    @property
    def ratio(self) -> float | None:
        """Stored bytes for each byte of PCM, None where nothing is kept."""
        return self.bytes / self.raw_bytes if self.raw_bytes else None

    @property
    def upload_share(self) -> float | None:
        """Of the objects made on this computer that are through, those that came into the store; None before
        the first. The others were lost, since neither store nor spool nor memory took them."""
        uploaded = self.counters.get(UPLOADED, 0)
        through = uploaded + self.counters.get(DROPPED, 0)
        return uploaded / through if through else None


def stats(holdings: Holdings, url: str) -> LibraryStats:
    """Raises ArchiveError where the index cannot be read. The store is not asked."""
    devices: dict[tuple[str, str], DeviceStats] = {}
    for found in holdings.find():
        row = found.row
        one = devices.get((row.owner, row.device))
        if one is None:
            one = devices[row.owner, row.device] = DeviceStats(row.owner, row.device, first_time=row.time)
        one.objects += 1
        one.bytes += row.bytes
        one.raw_bytes += row.raw_bytes
        one.seconds += (row.stop - row.start) / row.rate
        one.last_time = max(one.last_time, row.stop_time)
        one.stream_ids.add(row.stream)
    waiting = holdings.spool.items()
    every = [devices[name] for name in sorted(devices)]
    return LibraryStats(
        url=url,
        objects=sum(one.objects for one in every),
        bytes=sum(one.bytes for one in every),
        raw_bytes=sum(one.raw_bytes for one in every),
        seconds=sum((one.seconds for one in every), 0.0),
        devices=tuple(every),
        first_time=min((one.first_time for one in every), default=None),
        last_time=max((one.last_time for one in every), default=None),
        spooled_objects=len(waiting),
        spooled_bytes=sum(item.size for item in waiting),
        oldest_unsaved_s=max(0.0, time.time() - waiting[0].time) if waiting else None,
        counters=holdings.index.counters(),
        deletions=len(holdings.index.deletions()),
        compared_at=holdings.index.compared_at,
    )
