"""Every object read again and proven: by its name, by the audio in it, and by what the index says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ossicle.archive import deletion as deletions
from ossicle.archive.batched import batched
from ossicle.archive.coding import decode
from ossicle.archive.entry import ArchiveError
from ossicle.archive.holdings import Found, Holdings
from ossicle.archive.key import escaped, key_of, parse_key
from ossicle.archive.problem import CORRUPT, FOREIGN, HARMLESS, MISMATCH, MISSING, UNINDEXED, Problem
from ossicle.archive.rebuild import Progress, ignore
from ossicle.archive.select import Selection
from ossicle.archive.store import MissingError, StoreError

AT_ONCE = 4
"""Objects under way: each is decoded, which takes a few MB."""
_PAGE = 512


@dataclass(slots=True)
class Verified:
    """What was found."""

    objects: int = 0
    """That were read, or only looked for."""
    bytes: int = 0
    problems: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> bool:
        """Whether any audio is in doubt."""
        return any(kind not in HARMLESS for kind in self.kinds)


def verify(
    holdings: Holdings,
    selection: Selection | None = None,
    *,
    quick: bool = False,
    progress: Progress = ignore,
    found: Callable[[Problem], None] = lambda problem: None,
) -> Verified:
    """Recompute every hash of the objects that are meant, and look for names that the index does not have.
    `quick` looks for the objects alone, and reads none. Each problem is handed to `found` as it is seen.

    Raises ArchiveError where the store cannot be asked.
    """
    result = Verified()

    def tell(problem: Problem) -> None:
        result.problems += 1
        result.kinds[problem.kind] += 1
        found(problem)

    meant = selection or Selection()
    check = _look if quick else _read
    with ThreadPoolExecutor(AT_ONCE, "ossicle-verify") as pool:
        for some in batched(holdings.find(meant), AT_ONCE):
            for one, told in zip(some, pool.map(lambda one: check(holdings, one), some), strict=True):
                result.objects += 1
                result.bytes += one.row.bytes
                if told is not None:
                    tell(told)
            progress(result.objects, None)
    for problem in _strangers(holdings, meant):
        tell(problem)
    return result


def _look(holdings: Holdings, found: Found) -> Problem | None:
    if found.spooled or holdings.store.exists(found.row.key):
        return None
    return Problem(found.row.key, MISSING, "the store does not have it")


def _read(holdings: Holdings, found: Found) -> Problem | None:
    row = found.row
    try:
        data = holdings.fetch(row.key)
        entry, _ = decode(data)
    except MissingError:
        return Problem(row.key, MISSING, "the store does not have it")
    except StoreError:
        raise
    except ArchiveError as error:
        return Problem(row.key, CORRUPT, str(error))
    named = parse_key(row.key)
    if named is None or key_of(entry, named.sha256) != named:
        return Problem(row.key, MISMATCH, "it describes itself as another object than its name does")
    if entry.text() != row.text or len(data) != row.bytes:
        return Problem(row.key, MISMATCH, "the index describes it otherwise: ossicle archive rebuild")
    return None


def _strangers(holdings: Holdings, selection: Selection) -> Iterator[Problem]:
    """What is in the store besides. Whose it is can only be asked of names, so a selection asks for all."""
    for page in batched(holdings.store.list(), _PAGE):
        own = [key for key, _, _ in page if parse_key(key) is not None]
        if selection == Selection():
            for key, _, _ in page:
                if parse_key(key) is None and not deletions.is_key(key):
                    yield Problem(key, FOREIGN, "no name of an archive's object")
        for key in holdings.index.lacking(own):
            if _may_be(selection, key):
                yield Problem(key, UNINDEXED, "the index does not have it: ossicle archive ls --refresh")


def _may_be(selection: Selection, key: str) -> bool:
    """Whether an object of this name can be meant; its time is not known."""
    named = parse_key(key)
    return (
        named is not None
        and selection.owner in (None, named.owner)
        and selection.stream in (None, named.stream)
        and (selection.device is None or escaped(selection.device) == named.device)
    )
