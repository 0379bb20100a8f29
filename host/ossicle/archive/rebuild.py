"""The index made again from the store: names are listed, and the head of each object tells the rest.

`compare` reads the heads that the index does not have, or all of them; what the store does not hold any more
leaves the index. Records of deletions come first: what they cover is not taken in, and cleanup deletes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from ossicle.archive import deletion as deletions
from ossicle.archive.batched import batched
from ossicle.archive.coding import HEAD_BYTES, entry_of
from ossicle.archive.entry import ArchiveError
from ossicle.archive.index import Index
from ossicle.archive.key import DELETED, key_of, parse_key
from ossicle.archive.row import Row, row_of
from ossicle.archive.store import MissingError, Store, StoreError

Progress = Callable[[int, int | None], None]
"""Objects done, and of how many, None where that is not known."""
HEADS_AT_ONCE = 16
"""Requests under way: each waits for the store, and takes little of this computer."""
NAMED_MAX = 20
"""Names that a result tells; the others are counted."""
EXPECTED_MAX = 64
EXPECTED_S = 3600.0
"""What is not there so long after its last upload began will not come by that one."""
_PAGE = 512

Listed = tuple[str, int, datetime]


def ignore(done: int, total: int | None) -> None:
    """A `Progress` that shows nothing."""


@dataclass(slots=True)
class Compared:
    """What the store holds, and how the index differed."""

    objects: int = 0
    bytes: int = 0
    added: int = 0
    dropped: int = 0
    deletions: int = 0
    """Records that the index did not have."""
    foreign_count: int = 0
    foreign: list[str] = field(default_factory=list)
    """Names that are no archive's, the first of them."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Objects that do not tell what they are, and why."""
    covered: list[Row] = field(default_factory=list)
    """Objects whose deletion was asked for; the index does not have them, and cleanup deletes them."""


def compare(store: Store, index: Index, *, anew: bool = False, progress: Progress = ignore) -> Compared:
    """Make the index tell what the store holds. `anew`: each head is read, not only the unknown ones.

    Raises ArchiveError where the store or the index fails; the index is then as good as before, or better.
    """
    check_there(store, index)
    result = Compared()
    began = time.time()
    _learn_deletions(store, index, result)
    index.compare()
    with ThreadPoolExecutor(HEADS_AT_ONCE, "ossicle-heads") as pool:
        for page in batched(_own(store, result), _PAGE):
            unknown = set(index.seen([key for key, _, _ in page]))
            asked = list(page) if anew else [listed for listed in page if listed[0] in unknown]
            _take_in(index, result, unknown, list(pool.map(lambda listed: _read(store, listed), asked)))
            progress(result.objects, None)
    result.dropped = index.remove(index.gone(began))
    index.compared(began)
    return result


def check_there(store: Store, index: Index) -> None:
    """Raises StoreError where a folder that had objects is not there: its disk may be away, and what the
    index knows of it is to stay."""
    if store.is_absent and next(index.find(), None) is not None:
        raise StoreError(
            f"{store.address}: there is no such folder, and it had objects: is its disk there?",
            transient=True,
        )


def take_in_expected(store: Store, index: Index) -> None:
    """Take in what a program uploaded that was killed before it could say so. Raises as `compare` does."""
    for key, at in index.expected()[:EXPECTED_MAX]:
        listed = store.look(key)
        if listed is not None:
            _take_in(index, Compared(), {key}, [_read(store, listed)])
        elif time.time() - at > EXPECTED_S:
            index.forget([key])


def _own(store: Store, result: Compared) -> Iterator[Listed]:
    for key, size, modified in store.list():
        if parse_key(key) is not None:
            result.objects += 1
            result.bytes += size
            yield key, size, modified
        elif not deletions.is_key(key):
            result.foreign_count += 1
            if len(result.foreign) < NAMED_MAX:
                result.foreign.append(key)


def _read(store: Store, listed: Listed) -> tuple[Listed, Row | str | None]:
    """Its row, why there is none, or None where the object went meanwhile."""
    key, size, modified = listed
    try:
        return listed, described(key, store.head_bytes(key, HEAD_BYTES), size, modified.timestamp())
    except MissingError:
        return listed, None
    except ArchiveError as error:
        if getattr(error, "transient", None) is not None:  # the store's trouble, not the object's
            raise
        return listed, str(error)


def described(key: str, head: bytes, size: int, stored_at: float) -> Row:
    """The row of an object, from its first `HEAD_BYTES`. Raises ArchiveError where what it says of itself is
    not what its name says."""
    entry = entry_of(head)
    named = parse_key(key)
    if named is None or key_of(entry, named.sha256) != named:
        raise ArchiveError("it describes itself as another object than its name does")
    return row_of(key, entry, size, stored_at)


def _take_in(
    index: Index, result: Compared, unknown: set[str], read: list[tuple[Listed, Row | str | None]]
) -> None:
    rows: list[Row] = []
    for listed, told in read:
        if isinstance(told, str):
            result.unreadable.append((listed[0], told))
        elif told is not None:
            rows.append(told)
    covered = index.put_rows(rows)
    result.covered.extend(row for row in rows if row.key in covered)
    result.added += len({row.key for row in rows} & unknown - covered)


def _learn_deletions(store: Store, index: Index, result: Compared) -> None:
    known = {record.key for record in index.deletions() if record.done}
    for key, _, written in store.list(DELETED):
        if not deletions.is_key(key) or key in known:
            continue
        try:
            record = deletions.parse(store.get(key))
        except MissingError:
            continue
        except ArchiveError as error:
            if getattr(error, "transient", None) is not None:
                raise
            result.unreadable.append((key, str(error)))
            continue
        index.tell_deletion(record, written.timestamp())
        result.deletions += 1
