"""Which objects of an archive are meant."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from ossicle.archive.entry import ArchiveError, Entry

_FAR = 1e13  # seconds; no calendar goes so far


@dataclass(frozen=True, slots=True)
class Selection:
    """Objects of which all that is given holds; nothing given means all. Half-open in time, like all ranges:
    an object is meant where any frame of it was captured at `since` or later, and before `until`."""

    owner: str | None = None
    device: str | None = None
    """As the device calls itself, see `Entry.device`."""
    stream: str | None = None
    """The stream's id in hex."""
    since: float | None = None
    """Unix time."""
    until: float | None = None
    """Unix time."""

    def __post_init__(self) -> None:
        if self.stream is not None:
            object.__setattr__(self, "stream", self.stream.lower())
        if any(not _is_text(text) for text in (self.owner, self.device, self.stream) if text is not None):
            raise ArchiveError("an owner, a device and a stream have names that are text")
        if any(not abs(at) < _FAR for at in (self.since, self.until) if at is not None):
            raise ArchiveError("a time range ends at times that a calendar has")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ArchiveError("the time range is empty: it ends where it starts, or before")

    def covers(self, entry: Entry) -> bool:
        """Whether an object is meant."""
        return self.meets(entry.owner, entry.device, entry.stream, entry.time, entry.stop_time)

    def meets(self, owner: str, device: str, stream: str, time: float, stop_time: float) -> bool:
        """Whether any frame of a stream, captured in [time, stop_time), is meant."""
        return (
            self.owner in (None, owner)
            and self.device in (None, device)
            and self.stream in (None, stream)
            and (self.since is None or stop_time > self.since)
            and (self.until is None or time < self.until)
        )

    def where(self) -> tuple[str, list[Any]]:
        """The same as a condition of SQL over the columns of the index, and its values."""
        conditions = {
            "owner = ?": self.owner,
            "device = ?": self.device,
            "stream = ?": self.stream,
            "stop_time > ?": self.since,
            "time < ?": self.until,
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        return " AND ".join(given) or "1", list(given.values())

    def as_dict(self) -> dict[str, Any]:
        """What was given, as plain values."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, told: Any) -> Selection:
        """From what `as_dict` made. Raises ArchiveError for anything else: it may come from the store."""
        kinds: dict[str, tuple[type, ...]] = {"owner": (str,), "device": (str,), "stream": (str,)}
        names = {field.name for field in fields(cls)}
        if not isinstance(told, dict) or not told.keys() <= names:
            raise ArchiveError("not a selection of an archive's objects")
        if not all(type(value) in kinds.get(name, (int, float)) for name, value in told.items()):
            raise ArchiveError("not a selection of an archive's objects")
        return cls(**told)


def _is_text(text: str) -> bool:
    """Whether a table takes it; half a surrogate, as bytes of a command may become, is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
