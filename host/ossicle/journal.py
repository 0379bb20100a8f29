"""The journal of a recording: what a restarted recorder needs to go on with the same file.

It lies beside the file (`talk.wav.journal`), in sqlite's WAL mode, for as long as the recording is not
finished. Two rules make it right whenever the recorder is killed:

1. *The file's own length is the truth.* The journal never says how long the file is; whatever it says about
   frames that the file does not have is forgotten when it is opened (`settle`).
2. *What frames mean is written before they are.* The row of a stream or a gap is committed before the first
   frame behind it goes into the file, and the journal as a whole before the first frame of all.

So a journal that is missing or has no rows, beside a file without frames, is a recording that was not begun.
Rows are few: one transaction for each gap and each stream, and one each few seconds for the times. They are
not flushed to the disk one by one: what the system was given survives a kill, not a power cut, after which
the journal may be older than the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

from .errors import OssicleError
from .ledger import GapRow, Ledger, Origin, StreamRow, Timing
from .proto._wire import Codec

VERSION = 1
SUFFIX = ".journal"
_COMPANIONS = ("-wal", "-shm", "-journal")  # sqlite's own files; the first lasts while the journal is open
_TABLES = """
CREATE TABLE recording (version INTEGER, device TEXT, rate INTEGER, channels INTEGER, baud INTEGER);
CREATE TABLE stream (start INTEGER PRIMARY KEY, id BLOB, position INTEGER, hop INTEGER, overlap INTEGER,
    codec INTEGER);
CREATE TABLE gap (start INTEGER, stop INTEGER, frames INTEGER, cause TEXT, estimated INTEGER,
    silent INTEGER, PRIMARY KEY (start, silent));
CREATE TABLE timing (start INTEGER PRIMARY KEY, time REAL, uncertainty REAL, true_rate REAL);
"""


class JournalError(OssicleError):
    """A recording that cannot be gone on with, or a journal that cannot be written."""


def journal_of(file: Path) -> Path:
    """Where the journal of a recording lies."""
    return file.with_name(file.name + SUFFIX)


def discard(file: Path) -> None:
    """Remove the journal of a recording, if there is one. Harmless at any moment: the first step decides."""
    path = journal_of(file)
    for name in (path, *(path.with_name(path.name + end) for end in _COMPANIONS)):
        name.unlink(missing_ok=True)


class Journal:
    """An open journal. Its methods raise `JournalError`, which names the file."""

    def __init__(self, file: Path, database: sqlite3.Connection, origin: Origin, baud: int | None) -> None:
        """Use `create` or `open`."""
        self.path = journal_of(file)
        self.origin = origin
        self.baud = baud
        self._file = file
        self._database = database

    @classmethod
    def create(cls, file: Path, origin: Origin, stream: StreamRow, baud: int | None) -> Self:
        """Makes the journal of a file that has no frames yet; `stream` is what they will be of."""
        discard(file)
        path = journal_of(file)
        with _told(path):
            database = _connect(path)
            try:
                database.execute("BEGIN")
                for statement in _TABLES.split(";"):
                    database.execute(statement)
                values = (VERSION, *astuple(origin), baud)
                database.execute("INSERT INTO recording VALUES (?, ?, ?, ?, ?)", values)
                database.execute(_PUT_STREAM, astuple(stream))
                database.execute("COMMIT")
            except BaseException:
                database.close()
                raise
        return cls(file, database, origin, baud)

    @classmethod
    def open(cls, file: Path) -> Self | None:
        """The journal of a recording that is not finished; None where there is none, or one without rows,
        as a kill leaves it that comes before the first frame."""
        path = journal_of(file)
        if not path.exists():
            return None
        with _told(path):
            database = _connect(path)
            try:
                row = _recording(database)
            except BaseException:
                database.close()
                raise
        if row is None or row[0] != VERSION:
            database.close()
            if row is None:
                return None
            raise JournalError(f"{path}: made by another version of Ossicle; it cannot be gone on with")
        try:
            with _told(path):
                return cls(file, database, Origin(*_kept(row[1:4], _ORIGIN)), *_kept(row[4:], _SPEED))
        except BaseException:
            database.close()
            raise

    def settle(self, frames: int) -> None:
        """Forget what lies behind the end of the file, which has `frames` frames: only a power cut leaves
        such."""
        with _told(self.path), self._transaction():
            for table in ("stream", "gap", "timing"):
                self._database.execute(f"DELETE FROM {table} WHERE start > ?", (frames,))

    def ledger(self) -> Ledger:
        """All that it tells of the file."""
        ledger = Ledger(self.origin)
        with _told(self.path):
            for row in self._database.execute("SELECT * FROM stream ORDER BY start"):
                ledger.stream(StreamRow(*_kept(row, _STREAM)))
            for row in self._database.execute(_GAPS):
                start, stop, frames, cause, about, _ = _kept(row, _GAP)
                ledger.gap(GapRow(start, stop, frames, cause, bool(about)))
            for row in self._database.execute("SELECT * FROM timing"):
                start, *timing = _kept(row, _TIMING)
                ledger.timings[start] = Timing(*timing)
        return ledger

    def silence(self) -> tuple[int, int]:
        """Frames of silence that stand for gaps, and where the last of them ends; both 0 without any."""
        with _told(self.path):
            query = "SELECT COALESCE(SUM(stop - start), 0), COALESCE(MAX(stop), 0) FROM gap"
            total, last = _kept(self._database.execute(query).fetchone(), (_count, _count))
        return total, last

    def stream(self, row: StreamRow, before: GapRow | None = None) -> None:
        """Another stream begins, or the same one further on, `before` it a gap that takes no room. It takes
        the place of one that had no frame."""
        with _told(self.path), self._transaction():
            if before is not None:
                self._database.execute(_PUT_GAP, (*astuple(before), False))
            self._database.execute("DELETE FROM timing WHERE start = ?", (row.start,))
            self._database.execute(_PUT_STREAM, astuple(row))

    def gap(self, row: GapRow) -> None:
        """A gap: before its silence is written."""
        with _told(self.path):
            self._database.execute(_PUT_GAP, (*astuple(row), True))

    def timing(self, start: int, timing: Timing) -> None:
        """What is known meanwhile of the times of the stream that begins at `start`."""
        with _told(self.path):
            self._database.execute(
                "INSERT OR REPLACE INTO timing VALUES (?, ?, ?, ?)", (start, *astuple(timing))
            )

    def speed(self, baud: int | None) -> None:
        """The speed that host and device agreed on, which the next recorder tries first."""
        if baud != self.baud:
            with _told(self.path):
                self._database.execute("UPDATE recording SET baud = ?", (baud,))
            self.baud = baud

    def close(self) -> None:
        """Leave it where it is, for a recorder that goes on. Twice is legal."""
        with _told(self.path):
            self._database.close()

    def finish(self) -> None:
        """The recording is complete: the journal goes."""
        self.close()
        discard(self._file)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


_PUT_STREAM = "INSERT OR REPLACE INTO stream VALUES (?, ?, ?, ?, ?, ?)"
_GAPS = "SELECT * FROM gap ORDER BY start, silent"
_PUT_GAP = "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?)"


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(os.fspath(path), timeout=0.5, isolation_level=None)
    try:
        # One process alone, said first of all: so there is no shared memory, which a folder on the network
        # could not have.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        database.close()
        raise
    return database


def _recording(database: sqlite3.Connection) -> Any:
    """The row of `recording`; None where its transaction was never committed."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'recording'").fetchall():
        return None
    return database.execute("SELECT * FROM recording").fetchone()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from None
    except (_DamagedError, UnicodeDecodeError):  # the latter for a column's name
        raise JournalError(f"{path}: is damaged; without it the recording cannot go on") from None


class _DamagedError(Exception):
    """A table has what no recorder has put there: sqlite takes any value in any column."""


def _kept(row: Sequence[Any], kinds: Sequence[Callable[[Any], bool]]) -> Sequence[Any]:
    """The row, if each value is of its kind."""
    if len(row) != len(kinds) or not all(kind(value) for kind, value in zip(kinds, row, strict=True)):
        raise _DamagedError
    return row


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _COUNT_LIMIT


def _text(value: Any) -> bool:
    return type(value) is str


def _time(value: Any) -> bool:
    return value is None or (type(value) is float and 0 <= value < _TIME_LIMIT)


def _counted(value: Any) -> bool:
    return value is None or _count(value)


def _codec(value: Any) -> bool:
    return type(value) is int and value in tuple(Codec)


def _stream_id(value: Any) -> bool:
    return type(value) is bytes and len(value) == _ID_BYTES


_COUNT_LIMIT = 1 << 53
_TIME_LIMIT = 2.5e11  # seconds: beyond the year 9000
_ID_BYTES = 8
_ORIGIN = (_text, _count, _count)
_SPEED = (_counted,)
_STREAM = (_count, _stream_id, _count, _count, _count, _codec)
_GAP = (_count, _counted, _counted, _text, _count, _count)
_TIMING = (_count, _time, _time, _time)
