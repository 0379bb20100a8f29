"""The index: which objects an archive holds, so that nobody needs to ask the store for it.

A cache in sqlite on this computer, for one archive: what it says can be made again from the store (see
`rebuild`), all but the counters. Several threads and several programs may use it at once. One that is broken,
or of another version, is set aside and begun anew.

Two rules keep a deletion and an upload that meet from leaving audio behind. A deletion is told to the index
before its objects are looked for; and who uploads asks `put` after the upload, which says whether a deletion
covers the object. So either `put` knows of the deletion, or the deletion finds the object.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ossicle.alone import BusyError, open_alone
from ossicle.archive import deletion as deletions
from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError, Entry
from ossicle.archive.row import Row, row_of
from ossicle.archive.select import Selection

VERSION = 1
BUSY_S = 30.0
"""How long one waits for another program that writes."""
FUTURE_S = 300.0
"""What was made so much later than now was made by a clock that is wrong."""
_PAGE = 256  # rows read at once: nobody is kept from writing while a long list is gone through
_TABLES = """
CREATE TABLE object (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, device TEXT NOT NULL, stream TEXT NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, rate INTEGER NOT NULL, channels INTEGER NOT NULL,
    codec TEXT NOT NULL, time REAL NOT NULL, uncertainty REAL NOT NULL, stop_time REAL NOT NULL,
    bytes INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, stored_at REAL NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX by_time ON object (time, key);
CREATE INDEX by_stream ON object (owner, device, stream, start);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE deletion (id TEXT PRIMARY KEY, reason TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = (
    "key, owner, device, stream, start, stop, rate, channels, codec, time, uncertainty, stop_time, "
    "bytes, raw_bytes, stored_at, entry"
)
_SEEN = "(SELECT value FROM fact WHERE name = 'seen ' || id)"
_COMING = "coming "
_HAS = "SELECT 1 FROM object WHERE key = ?"


class Index:
    """An index in one file, made if it is not there. Close it, or use it in `with`.

    Each method raises ArchiveError where the file cannot be read or written, a full disk included.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_s: float = BUSY_S) -> None:
        """`busy_s`: how long each write waits for another program that writes."""
        self.path = Path(path)
        self._busy_s = busy_s
        self.set_aside: Path | None = None
        """Where a broken index was put, None if there was none."""
        self._lock = threading.RLock()  # one connection; sqlite itself keeps programs apart
        with self._told():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it tells who spoke when
            with _alone(self.path.with_suffix(".lock")):
                self._open()

    def _open(self) -> None:
        self._db = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            # A power cut may take the last rows, which the store can tell again; it breaks nothing.
            self._db.execute("PRAGMA synchronous=NORMAL")
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                self._make()
            elif version != VERSION:
                raise sqlite3.DatabaseError(f"of version {version}")
            self._db.execute(f"SELECT {_COLUMNS} FROM object LIMIT 1").fetchall()
        except sqlite3.OperationalError as error:
            self._db.close()
            if "no such" not in str(error):  # a disk in trouble is no broken index
                raise
            self._begin_anew()
        except sqlite3.DatabaseError:
            self._db.close()
            self._begin_anew()

    def _make(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")

    def _begin_anew(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.{time.strftime('%Y%m%d-%H%M%S')}")
        self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.set_aside = aside
        self._open()

    def put(self, key: str, entry: Entry, size: int, stored_at: float | None = None) -> bool:
        """An object of `size` bytes lies in the store. Twice is once.

        False where a deletion covers it: it is not in the index then, and has to go from the store.
        """
        with self._writing() as db:
            if any(deletion.covers(entry) for deletion in self._requests(db)):
                return False
            self._insert(db, [row_of(key, entry, size, time.time() if stored_at is None else stored_at)])
            self._came(db, [key])
        return True

    def expect(self, key: str) -> None:
        """An upload begins: from here on the store may hold this object, though no row tells of it yet."""
        self.note(_COMING + key, time.time())

    def expected(self) -> list[tuple[str, float]]:
        """Names that were expected and never put, and the Unix time at which they last were: the uploads that
        are under way, and those of programs that were killed."""
        with self._reading() as db:
            told = db.execute("SELECT name, value FROM fact WHERE name GLOB ?", (_COMING + "*",)).fetchall()
        return sorted((name.removeprefix(_COMING), at) for name, at in told)

    def forget(self, keys: Iterable[str]) -> None:
        """These are expected no more."""
        with self._writing() as db:
            self._came(db, keys)

    def put_rows(self, rows: Iterable[Row]) -> set[str]:
        """Several objects of which the store itself told. Returns the names of those that a deletion covers;
        they are not put."""
        with self._writing() as db:
            asked = self._requests(db)
            told = [(row, asked and any(request.covers(row.entry) for request in asked)) for row in rows]
            self._insert(db, (row for row, covered in told if not covered))
            self._came(db, (row.key for row, covered in told if not covered))
        return {row.key for row, covered in told if covered}

    def remove(self, keys: Iterable[str]) -> int:
        """Objects that are gone from the store. Returns how many of them the index had."""
        with self._writing() as db:
            return sum(db.execute("DELETE FROM object WHERE key = ?", (key,)).rowcount for key in keys)

    def find(self, selection: Selection | None = None) -> Iterator[Row]:
        """The objects that are meant, by time. Nothing is locked meanwhile; what others put or remove while
        the list is gone through may be in it or not."""
        where, values = (selection or Selection()).where()
        last: tuple[float, str] = (-1e12, "")
        while True:
            rows = self._rows(
                f"WHERE {where} AND (time, key) > (?, ?) ORDER BY time, key LIMIT {_PAGE}", [*values, *last]
            )
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1].time, rows[-1].key

    def before(self, row: Row) -> Row | None:
        """The object of the same stream that begins last before this one, None if there is none."""
        return self._beside(row, "start < ? ORDER BY start DESC")

    def after(self, row: Row) -> Row | None:
        """The object of the same stream that begins next, None if there is none."""
        return self._beside(row, "start > ? ORDER BY start")

    def keys(self) -> set[str]:
        """The names of all objects."""
        with self._reading() as db:
            return {key for (key,) in db.execute("SELECT key FROM object")}

    def lacking(self, keys: Iterable[str]) -> list[str]:
        """Those of these names that it does not have."""
        with self._reading() as db:
            return [key for key in keys if not db.execute(_HAS, (key,)).fetchone()]

    def compare(self) -> None:
        """Begin to compare with the store: `seen` tells what is there, `gone` then finds what is not. One
        thread of a program at a time."""
        with self._reading() as db:
            db.executescript(
                "CREATE TEMP TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY) WITHOUT ROWID; DELETE FROM seen;"
            )

    def seen(self, keys: Iterable[str]) -> list[str]:
        """These names are in the store. Returns those that the index does not have."""
        asked = list(keys)
        with self._writing() as db:
            db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((key,) for key in asked))
        return self.lacking(asked)

    def gone(self, since: float) -> list[str]:
        """Names that were not seen, but for those put at the Unix time `since` or later."""
        with self._reading() as db:
            told = db.execute("SELECT key FROM object WHERE stored_at < ? AND key NOT IN seen", (since,))
            return [key for (key,) in told]

    def count(self, name: str, n: int = 1) -> None:
        """Add to a counter of this archive; they begin at 0 and outlive the program."""
        self.count_all({name: n})

    def count_all(self, grown: Mapping[str, int]) -> None:
        """Add to several counters, to all or none."""
        if not grown:
            return
        with self._writing() as db:
            db.executemany(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
                [(name, n, n) for name, n in grown.items()],
            )

    def counters(self) -> dict[str, int]:
        """All counters that ever counted."""
        with self._reading() as db:
            return dict(db.execute("SELECT name, value FROM counter").fetchall())

    def tell_deletion(self, deletion: Deletion, written_at: float | None = None) -> None:
        """A deletion that holds, or what became of one; see `Deletion.covers`. `written_at`: when its record
        was, by the clock of the store."""
        text = replace(deletion, ranges=()).text()  # the store has the whole of it
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO deletion VALUES (?, ?, ?)", (deletion.id, deletion.reason, text)
            )
            if written_at is not None and deletion.made_at > written_at + FUTURE_S:
                self._saw(db, deletion.id, written_at)

    def deletions(self) -> list[Deletion]:
        """All deletions of which this index knows, by time; their ranges are in the store."""
        with self._reading() as db:
            return sorted(self._parsed(db, ""), key=lambda d: d.made_at)

    def covered(self, entry: Entry) -> bool:
        """Whether someone asked that this audio be deleted."""
        with self._reading() as db:
            return any(deletion.covers(entry) for deletion in self._requests(db))

    @property
    def compared_at(self) -> float | None:
        """Unix time of the last comparison with the whole store. None before: then it may lack objects."""
        return self.noted("compared_at")

    def compared(self, at: float) -> None:
        """It holds all that was in the store at this Unix time."""
        self.note("compared_at", at)

    def noted(self, name: str) -> float | None:
        """What `note` was told last, None before."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else float(row[0])

    def note(self, name: str, value: float) -> None:
        """Remember a number."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def stored_last(self) -> float | None:
        """Unix time at which the newest object was stored, by the clock of the store; None without any."""
        with self._reading() as db:
            (newest,) = db.execute("SELECT max(stored_at) FROM object").fetchone()
        return None if newest is None else float(newest)

    def close(self) -> None:
        """Twice is legal."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beside(self, row: Row, which: str) -> Row | None:
        of = "owner = ? AND device = ? AND stream = ?"
        rows = self._rows(f"WHERE {of} AND {which} LIMIT 1", [row.owner, row.device, row.stream, row.start])
        return rows[0] if rows else None

    def _rows(self, tail: str, values: list[object]) -> list[Row]:
        with self._reading() as db:
            return [Row(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM object {tail}", values)]

    def _insert(self, db: sqlite3.Connection, rows: Iterable[Row]) -> None:
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        names = [name.strip() for name in _COLUMNS.split(",")[:-1]]
        db.executemany(
            f"INSERT OR REPLACE INTO object ({_COLUMNS}) VALUES ({marks})",
            ([*(getattr(row, name) for name in names), row.text] for row in rows),
        )

    def _came(self, db: sqlite3.Connection, keys: Iterable[str]) -> None:
        db.executemany("DELETE FROM fact WHERE name = ?", ((_COMING + key,) for key in keys))

    def _requests(self, db: sqlite3.Connection) -> list[Deletion]:
        return self._parsed(db, "WHERE reason = ?", deletions.REQUEST)

    def _parsed(self, db: sqlite3.Connection, which: str, *values: str) -> list[Deletion]:
        rows = db.execute(f"SELECT record, {_SEEN} FROM deletion {which}", values).fetchall()
        found, now = [], time.time()
        for text, seen_at in rows:
            deletion = deletions.parse(text)
            if seen_at is None and deletion.made_at > now + FUTURE_S:
                seen_at = self._saw(db, deletion.id, now)
            found.append(replace(deletion, seen_at=seen_at))
        return found

    def _saw(self, db: sqlite3.Connection, id: str, at: float) -> float:
        """A record is from the future, else its audio would go for as long as that clock was wrong."""
        db.execute("INSERT OR IGNORE INTO fact VALUES (?, ?)", (f"seen {id}", at))
        return at

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._told(), self._lock:
            yield self._db

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._told(), self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise ArchiveError(f"{self.path}: the index of the archive: {error}") from None
        except sqlite3.DatabaseError as error:
            raise ArchiveError(
                f"{self.path}: the index of the archive: {error}; move it away, and it is made again"
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise ArchiveError(f"{self.path}: the index of the archive: {error}") from None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One program at a time makes an index, or sets one aside."""
    end = time.monotonic() + BUSY_S
    while True:
        try:
            file = open_alone(str(path), make=True)
            break
        except BusyError:
            if time.monotonic() > end:
                raise ArchiveError(f"{path}: another program has held the index for {BUSY_S:.0f} s") from None
            time.sleep(0.02)
    try:
        yield
    finally:
        os.close(file)
