"""One object as the index knows it."""

from __future__ import annotations

from dataclasses import dataclass

from ossicle.archive.entry import Entry, parse


@dataclass(frozen=True, slots=True)
class Row:
    """One object; the fields are those of `Entry`."""

    key: str
    owner: str
    device: str
    stream: str
    start: int
    stop: int
    rate: int
    channels: int
    codec: str
    time: float
    uncertainty: float
    stop_time: float
    bytes: int
    """Of the object in the store."""
    raw_bytes: int
    stored_at: float
    """Unix time."""
    text: str

    @property
    def entry(self) -> Entry:
        """All that is known, with gaps and segments."""
        return parse(self.text)

    @property
    def sha256(self) -> str:
        """Of the object's bytes, in hex: its name tells it."""
        return self.key.rpartition("-")[2].partition(".")[0]


def row_of(key: str, entry: Entry, size: int, stored_at: float) -> Row:
    """The row of an object of `size` bytes."""
    return Row(
        key,
        entry.owner,
        entry.device,
        entry.stream,
        entry.start,
        entry.stop,
        entry.rate,
        entry.channels,
        entry.codec,
        entry.time,
        entry.uncertainty,
        entry.stop_time,
        size,
        entry.raw_bytes,
        stored_at,
        entry.text(),
    )
