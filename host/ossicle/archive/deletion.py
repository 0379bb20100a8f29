"""The record that audio was deleted: it stays in the store when the audio is gone.

It is written first, as an intent, and completed in the end; so what was broken off is known, and is taken up
again by the next cleanup. What it asks for holds for all audio captured before it was made, wherever that
still waits: in a spool, in the memory of a running program, on another computer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ossicle.archive.entry import TIME_MAX, TIME_MIN, ArchiveError, Entry
from ossicle.archive.key import DELETED
from ossicle.archive.select import Selection

VERSION = 1
REQUEST = "request"
RETENTION = "retention"
_KEY = re.compile(DELETED + r"/\d{4}-\d{2}-\d{2}T\d{6}Z-(?P<id>[0-9a-f]{8,32})\.json")


@dataclass(frozen=True, slots=True)
class Deletion:
    """One deletion. `ranges` tells what went, without a sound of it, and is empty until it is done."""

    id: str
    """In hex."""
    made_at: float
    """Unix time."""
    selection: Selection
    reason: str = REQUEST
    """"request": someone asked; "retention": it was kept for as long as it had to be."""
    done: bool = False
    objects: int = 0
    bytes: int = 0
    ranges: tuple[dict[str, Any], ...] = ()
    """One for each run of objects of a stream: owner, device, stream, start, stop, time, stop_time and
    objects."""
    seen_at: float | None = None
    """Unix time at which an index saw it first that has a record from the future: whoever made it had a wrong
    clock. Not part of its text."""

    @property
    def holds_before(self) -> float:
        """Unix time: what was captured later stays."""
        return self.made_at if self.seen_at is None else min(self.made_at, self.seen_at)

    @property
    def key(self) -> str:
        """Its name in the store."""
        made = datetime.fromtimestamp(self.made_at, UTC).replace(tzinfo=None, microsecond=0)
        return f"{DELETED}/{made.isoformat().replace(':', '')}Z-{self.id}.json"

    def covers(self, entry: Entry) -> bool:
        """Whether an object has to go, whenever it appears. What was captured later never has."""
        return entry.time < self.holds_before and self.selection.covers(entry)

    def text(self) -> str:
        """As JSON in ASCII, on one line."""
        return json.dumps(
            {
                "ossicle_deletion": VERSION,
                "id": self.id,
                "made_at": self.made_at,
                "selection": self.selection.as_dict(),
                "reason": self.reason,
                "done": self.done,
                "objects": self.objects,
                "bytes": self.bytes,
                "ranges": list(self.ranges),
            },
            separators=(",", ":"),
        )


def is_key(text: str) -> bool:
    """Whether a name in the store is that of a record."""
    return _KEY.fullmatch(text) is not None


def parse(text: str | bytes) -> Deletion:
    """What `Deletion.text` wrote. Raises ArchiveError for anything else."""
    try:
        told = json.loads(text)
        if told.pop("ossicle_deletion") != VERSION:
            raise ArchiveError("made by another version of Ossicle")
        if "seen_at" in told:
            raise ValueError
        told["selection"] = Selection.of(told["selection"])
        told["ranges"] = tuple(told["ranges"])
        deletion = Deletion(**told)
        _check(deletion)
    except ArchiveError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ArchiveError("not a record of a deletion") from None
    return deletion


def _check(deletion: Deletion) -> None:
    kinds = (type(deletion.done), type(deletion.objects), type(deletion.bytes), type(deletion.reason))
    if kinds != (bool, int, int, str) or type(deletion.made_at) not in (int, float):
        raise TypeError
    if deletion.reason not in (REQUEST, RETENTION) or not all(type(row) is dict for row in deletion.ranges):
        raise ValueError
    if not re.fullmatch("[0-9a-f]{8,32}", deletion.id) or not TIME_MIN < deletion.made_at < TIME_MAX:
        raise ValueError
