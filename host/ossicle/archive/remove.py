"""Audio deleted, on request or because it was kept for as long as it had to be; a record stays.

In this order, so that it may be broken off anywhere and taken up again: the record as an intent, in the store
and the index; then the audio, in the store and the spool; then the record with what went. Only objects with
an archive's names are ever deleted. Objects go whole: one that is meant in part goes with the rest of it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ossicle.archive import deletion as deletions
from ossicle.archive.batched import batched
from ossicle.archive.coding import HEAD_BYTES, entry_of
from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError
from ossicle.archive.holdings import Holdings
from ossicle.archive.index import Index
from ossicle.archive.key import AUDIO, Key, escaped, parse_key
from ossicle.archive.rebuild import Compared, Progress, compare, ignore
from ossicle.archive.row import Row
from ossicle.archive.select import Selection
from ossicle.archive.store import MissingError, StoreError

DAY_S = 86400.0
LEAP_S = 7 * DAY_S
"""A clock that is so much further than when the archive was last written or cleaned up may be wrong."""
_TOGETHER = 256  # objects in one request
_RUN_S = 120.0  # objects of a stream with less than this between them are told as one range
_TRIES = 4
_CLEANED = "cleaned_at"


class ClockError(ArchiveError):
    """Nothing went by its age, since this computer's clock may be wrong; the next cleanup trusts it."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What went, or would go; `ranges` as in `Deletion`."""

    objects: int
    """In the store."""
    bytes: int
    seconds: float
    """Of audio."""
    ranges: tuple[dict[str, Any], ...]
    spooled: int
    """Objects that went from this computer's spool, besides."""
    records: tuple[str, ...]
    """Names of the records in the store."""
    dry_run: bool


@dataclass(slots=True)
class _Tally:
    objects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    spooled: int = 0
    records: list[str] = field(default_factory=list)
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, row: Row, *, spooled: bool = False) -> None:
        self.spooled += spooled
        self.objects += not spooled
        self.bytes += row.bytes
        self.seconds += (row.stop - row.start) / row.rate
        runs = self.runs.setdefault((row.owner, row.device, row.stream), [])
        last = runs[-1] if runs else None
        if (
            last is not None
            and 0 <= row.start - last["start"] <= last["stop"] - last["start"] + _RUN_S * row.rate
        ):
            last["stop"] = max(last["stop"], row.stop)
            last["stop_time"] = max(last["stop_time"], row.stop_time)
            last["objects"] += 1
        else:
            names = ("owner", "device", "stream", "start", "stop", "time", "stop_time")
            runs.append({**{name: getattr(row, name) for name in names}, "objects": 1})

    def add_unreadable(self, key: Key) -> None:
        """Of which only the name is known."""
        self.objects += 1
        runs = self.runs.setdefault((key.owner, key.device, key.stream), [])
        runs.append({"owner": key.owner, "device": key.device, "stream": key.stream, "start": key.start})

    @property
    def ranges(self) -> tuple[dict[str, Any], ...]:
        return tuple(run for runs in self.runs.values() for run in runs)

    def removed(self, dry_run: bool) -> Removed:
        return Removed(
            self.objects, self.bytes, self.seconds, self.ranges, self.spooled, tuple(self.records), dry_run
        )


def remove(
    holdings: Holdings, selection: Selection, *, dry_run: bool = False, progress: Progress = ignore
) -> Removed:
    """Delete what is meant, of all audio captured so far: what is in the store and in this computer's spool,
    whatever time it says it is of, and what comes into the store later from elsewhere and was captured
    before. A record is left even where nothing was found.

    Raises ArchiveError where the store fails; `cleanup` completes what was begun.
    """
    compared = compare(holdings.store, holdings.index)
    record = Deletion(secrets.token_hex(8), time.time(), selection)
    tally = _Tally()
    if not dry_run:
        _tell(holdings, record)
    _carry_out(holdings, record, compared, tally, dry_run, progress, _ahead(holdings, record))
    if not dry_run:
        _sweep(holdings, selection.owner)
    return tally.removed(dry_run)


def cleanup(
    holdings: Holdings,
    days: float,
    *,
    owner: str | None = None,
    dry_run: bool = False,
    progress: Progress = ignore,
) -> Removed:
    """Delete audio older than so many days, of one owner or of all; 0 keeps it for ever. Complete deletions
    that were broken off, or whose audio came later. Leaves no record where nothing went.

    Where the clock is `LEAP_S` further than it was when anything was last stored or cleaned up, nothing goes
    by its age this time: a computer that wakes up in 2099 would delete all that it has.

    Raises ClockError then, when the rest is done, and ArchiveError where the store fails.
    """
    compared = compare(holdings.store, holdings.index)
    leapt = None if dry_run or days <= 0 else _leapt(holdings.index)
    tally = _Tally()
    for record in holdings.index.deletions():
        if record.reason == deletions.REQUEST:
            _carry_out(holdings, record, compared, tally, dry_run, progress)
    if days > 0 and leapt is None:
        until = time.time() - days * DAY_S
        record = _of_today(holdings, Selection(owner=owner, until=until))
        _carry_out(holdings, record, compared, tally, dry_run, progress)
    if not dry_run:
        _sweep(holdings, owner)
        holdings.index.note(_CLEANED, time.time())
    if leapt is not None:
        raise ClockError(
            f"nothing was deleted by its age: this computer's clock is {leapt / DAY_S:.0f} days further than "
            f"when the archive was last written or cleaned up; if it is right, do this again"
        )
    return tally.removed(dry_run)


def _leapt(index: Index) -> float | None:
    """By how many seconds the clock is further than what tells of a time, if that is much."""
    known = [at for at in (index.noted(_CLEANED), index.stored_last()) if at is not None]
    ahead = time.time() - max(known, default=time.time())
    return ahead if ahead > LEAP_S else None


def _ahead(holdings: Holdings, record: Deletion) -> set[str]:
    """Objects that are there already, and say that they are of later: somebody's clock was wrong."""
    rows = [holdings.index.find(record.selection), (row for row, _ in holdings.waiting(record.selection))]
    return {row.key for some in rows for row in some if not _goes(record, row)}


def _sweep(holdings: Holdings, owner: str | None) -> None:
    """What a killed writer left half-written is audio, too, and in no list."""
    holdings.store.sweep(f"{AUDIO}/{owner}" if owner else AUDIO)


def _carry_out(
    holdings: Holdings,
    record: Deletion,
    compared: Compared,
    total: _Tally,
    dry_run: bool,
    progress: Progress,
    also: Set[str] = frozenset(),
) -> None:
    """`also`: objects that go whatever time they are of."""
    tally = _Tally()
    for page in batched(_meant(holdings, record, compared, also), _TOGETHER):
        keys = [item.key if isinstance(item, Row) else str(item) for item in page]
        if not dry_run:
            if not tally.objects and record.reason == deletions.RETENTION:
                _tell(holdings, record)
            holdings.store.delete(keys)
            holdings.index.remove(keys)
        for item in page:
            for each in (tally, total):
                each.add(item) if isinstance(item, Row) else each.add_unreadable(item)
        progress(total.objects, None)
    for row, waiting in list(holdings.waiting(record.selection)):
        if (row.key in also or _goes(record, row)) and (dry_run or holdings.spool.remove(waiting)):
            tally.add(row, spooled=True)
            total.add(row, spooled=True)
    if record.reason == deletions.REQUEST and not dry_run:
        _remove_damaged(holdings, record)
    if dry_run or (record.done and not tally.objects and not tally.spooled):
        return
    if record.reason == deletions.RETENTION and not tally.objects and not tally.spooled:
        return
    done = _completed(holdings, record, tally)
    _tell(holdings, done)
    total.records.append(done.key)


def _meant(holdings: Holdings, record: Deletion, compared: Compared, also: Set[str]) -> Iterator[Row | Key]:
    for row in holdings.index.find(record.selection):
        if row.key in also or _goes(record, row):
            yield row
    if record.reason == deletions.REQUEST:
        yield from (row for row in compared.covered if record.covers(row.entry))
    for name, _ in compared.unreadable:
        key = parse_key(name)
        if key is not None and _whole_day(record.selection, key):
            yield key


def _goes(record: Deletion, row: Row) -> bool:
    if record.reason == deletions.RETENTION:
        return record.selection.until is not None and row.stop_time <= record.selection.until
    return row.time < record.holds_before


def _whole_day(selection: Selection, key: Key) -> bool:
    """Whether an object that does not tell its time is meant: its name has a date, so only with all of it."""
    try:
        day = datetime.fromisoformat(key.date).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return (
        selection.owner in (None, key.owner)
        and (selection.device is None or escaped(selection.device) == key.device)
        and selection.stream in (None, key.stream)
        and (selection.since is None or day >= selection.since)
        and (selection.until is None or day + DAY_S <= selection.until)
    )


def _remove_damaged(holdings: Holdings, record: Deletion) -> None:
    """Files of the spool that were set aside: what they hold is audio, too. Of one that does not tell whose,
    the time in its name decides."""
    for path in holdings.spool.folder.glob("*.damaged"):
        with suppress(ValueError, OSError):
            at = int(path.name.partition("-")[0] or "0") / 1000
            try:
                with path.open("rb") as file:
                    meant = record.covers(entry_of(file.read(HEAD_BYTES)))
            except ArchiveError:
                since, until = record.selection.since, record.selection.until
                meant = (until is None or at < until) and (since is None or at > since - _RUN_S)
            if meant and at < record.holds_before:
                path.unlink()


def _of_today(holdings: Holdings, selection: Selection) -> Deletion:
    """One record of retention a day and owner, so that they do not outnumber the audio."""
    now = time.time()
    day = datetime.fromtimestamp(now, UTC).date()
    for record in holdings.index.deletions():
        made = datetime.fromtimestamp(record.made_at, UTC).date()
        if record.reason == deletions.RETENTION and made == day and record.selection.owner == selection.owner:
            return replace(record, selection=selection, done=False, ranges=_ranges(holdings, record))
    return Deletion(secrets.token_hex(8), now, selection, deletions.RETENTION)


def _completed(holdings: Holdings, record: Deletion, tally: _Tally) -> Deletion:
    """With what went this time and before."""
    return replace(
        record,
        done=True,
        objects=record.objects + tally.objects + tally.spooled,
        bytes=record.bytes + tally.bytes,
        ranges=(*_ranges(holdings, record), *tally.ranges),
    )


def _ranges(holdings: Holdings, record: Deletion) -> tuple[dict[str, Any], ...]:
    """What the record in the store tells already; the index leaves it out."""
    try:
        return deletions.parse(holdings.store.get(record.key)).ranges
    except MissingError:
        return ()
    except StoreError:
        raise
    except ArchiveError:
        return ()  # someone wrote something else there; it is replaced


def _tell(holdings: Holdings, record: Deletion) -> None:
    for left in reversed(range(_TRIES)):
        try:
            holdings.store.put(record.key, record.text().encode())
            break
        except StoreError as error:
            if not error.transient or not left:
                raise
            time.sleep(0.2 * 2 ** (_TRIES - left))
    holdings.index.tell_deletion(record)
