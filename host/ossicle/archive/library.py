"""An archive for who reads it: find, get, export, verify, delete.

    with Library(settings.load(url="s3://recordings")) as library:
        plan = library.plan(Selection(device="kitchen", since=..., until=...))
        with open_sink("kitchen.wav", plan.rate, plan.channels) as sink:
            got = library.get(plan, sink)

Where this computer has no index of the archive yet, the first question makes one from the store.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ossicle.archive import export as exporting
from ossicle.archive import get as getting
from ossicle.archive import plan as planning
from ossicle.archive import rebuild as rebuilding
from ossicle.archive import remove as removing
from ossicle.archive import stats as counting
from ossicle.archive import verify as verifying
from ossicle.archive.export import Exported
from ossicle.archive.get import FrameSink, Got
from ossicle.archive.holdings import Found, Holdings
from ossicle.archive.index import Index
from ossicle.archive.layout import Plan
from ossicle.archive.problem import Problem
from ossicle.archive.rebuild import Compared, Progress, ignore
from ossicle.archive.remove import Removed
from ossicle.archive.row import Row
from ossicle.archive.select import Selection
from ossicle.archive.settings import Settings
from ossicle.archive.spool import Spool
from ossicle.archive.stats import LibraryStats
from ossicle.archive.store import Store, StoreError
from ossicle.archive.verify import Verified


class Library:
    """One archive. Close it, or use it in `with`. Every method raises ArchiveError, of which StoreError is
    one, with one line that says what is wrong."""

    def __init__(self, settings: Settings, *, tell: Callable[[str], object] = lambda text: None) -> None:
        """`tell` is given what takes long, or went wrong and was mended, as a line for who waits.

        The store is not asked; a folder that is not there is an archive without objects.
        """
        self.settings = settings
        self._tell = tell
        self.is_partial = False
        """Whether it tells only what this computer knows, for the store was never read; see `known`."""
        self.store = Store(settings)
        self.spool = Spool(settings.spool_folder, settings.spool_max_mb)
        self.index = Index(settings.index_path)
        self.holdings = Holdings(self.store, self.index, self.spool)
        if self.index.set_aside is not None:
            tell(f"the index could not be used, and lies in {self.index.set_aside}")

    def known(self, progress: Progress = ignore, *, lenient: bool = False) -> None:
        """See to it that the index was made from the store once. Each question does that by itself. Raises
        StoreError where a folder that had objects is not there.

        `lenient`: where the store is not reached, questions are answered by what this computer knows, such as
        what waits in its spool; that is told.
        """
        rebuilding.check_there(self.store, self.index)
        if self.is_partial:
            return
        if self.index.compared_at is not None:
            with contextlib.suppress(StoreError):  # of a store that is not reached, what is known is told
                rebuilding.take_in_expected(self.store, self.index)
            return
        if not self.store.is_absent:
            self._tell(f"this computer has no index of {self.store.address} yet: reading the store")
        try:
            self.refresh(progress)
        except StoreError as error:
            if not (lenient and error.transient):
                raise
            self._tell(f"{error}; what this computer knows is told")
            self.is_partial = True

    def find(self, selection: Selection | None = None) -> Iterator[Row]:
        """The objects that are meant, by time, those in the spool among them."""
        return (found.row for found in self.found(selection))

    def found(self, selection: Selection | None = None) -> Iterator[Found]:
        """The same, and of each whether it still waits in the spool."""
        self.known()
        return self.holdings.find(selection)

    def refresh(self, progress: Progress = ignore) -> Compared:
        """Take in what others wrote, and forget what is gone from the store."""
        return rebuilding.compare(self.store, self.index, progress=progress)

    def rebuild(self, progress: Progress = ignore) -> Compared:
        """Make the index anew, from the head of every object in the store."""
        return rebuilding.compare(self.store, self.index, anew=True, progress=progress)

    def plan(
        self,
        selection: Selection,
        *,
        start: int | None = None,
        stop: int | None = None,
        pad: bool = True,
    ) -> Plan:
        """What one recording of a time range will be; see `plan.plan`."""
        self.known()
        bounded = selection.since is not None or selection.until is not None
        rows: Iterator[Row] = self.find(selection)
        if start is not None or stop is not None:
            rows = (
                row
                for row in rows
                if (stop is None or row.start < stop) and (start is None or row.stop > start)
            )
        return planning.plan(
            rows,
            selection,
            start=start,
            stop=stop,
            pad=pad,
            neighbours=self._beside if bounded or start is not None or stop is not None else _nobody,
            deletions=self.index.deletions(),
        )

    def get(self, plan: Plan, sink: FrameSink, progress: Progress = ignore) -> Got:
        """Write a planned recording; see `get.get`."""
        return getting.get(self.holdings, plan, sink, progress)

    def export(self, selection: Selection, folder: Path, progress: Progress = ignore) -> Exported:
        """Copy objects as they are; see `export.export`."""
        self.known()
        return exporting.export(self.holdings, selection, folder, progress)

    def verify(
        self,
        selection: Selection | None = None,
        *,
        quick: bool = False,
        progress: Progress = ignore,
        found: Callable[[Problem], None] = lambda problem: None,
    ) -> Verified:
        """Prove the objects; see `verify.verify`."""
        self.known()
        return verifying.verify(self.holdings, selection, quick=quick, progress=progress, found=found)

    def remove(self, selection: Selection, *, dry_run: bool = False, progress: Progress = ignore) -> Removed:
        """Delete audio for good; see `remove.remove`."""
        return removing.remove(self.holdings, selection, dry_run=dry_run, progress=progress)

    def cleanup(
        self,
        *,
        days: float | None = None,
        owner: str | None = None,
        dry_run: bool = False,
        progress: Progress = ignore,
    ) -> Removed:
        """Delete what is older than `days`, as in the settings unless given, of one owner or of all; see
        `remove.cleanup`."""
        kept = self.settings.retention_days if days is None else days
        return removing.cleanup(self.holdings, kept, owner=owner, dry_run=dry_run, progress=progress)

    def stats(self) -> LibraryStats:
        """What is kept, and how well it was kept."""
        self.known()
        return counting.stats(self.holdings, str(self.store.address))

    def close(self) -> None:
        """Twice is legal."""
        self.index.close()
        self.spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _beside(self, first: Row, last: Row) -> Iterator[Row]:
        """What lies before and after in the stream: it tells of gaps that reach out of a range."""
        of = Selection(first.owner, first.device, first.stream)
        waiting = [row for row, _ in self.holdings.waiting(of)]
        before = [row for row in waiting if row.start < first.start]
        after = [row for row in waiting if row.start > last.start]
        if (row := self.index.before(first)) is not None:
            before.append(row)
        if (row := self.index.after(last)) is not None:
            after.append(row)
        if before:
            yield max(before, key=lambda row: row.start)
        if after:
            yield min(after, key=lambda row: row.start)


def _nobody(first: Row, last: Row) -> Iterator[Row]:
    return iter(())
