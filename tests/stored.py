"""What a fuzzer feeds to readers of files: keys, a WAV file that goes on, a recording with its journal.

Each takes bytes and returns, or raises something that is a fault: other than the documented errors.
"""

from __future__ import annotations

import atexit
import re
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from cursor import Cursor

from ossicle import keys as keyring
from ossicle.cli import tape
from ossicle.errors import KeyFileError
from ossicle.journal import Journal, JournalError, journal_of
from ossicle.ledger import GapRow, Origin, StreamRow, Timing
from ossicle.sinks import SinkError, WavSink
from ossicle.sinks.head import BARE_BYTES, DESCRIBED_BYTES

FRAMES = 40
LONGEST_BYTES = 1 << 30
_COLUMNS = {
    "recording": ("version", "device", "rate", "channels", "baud"),
    "stream": ("start", "id", "position", "hop", "overlap", "codec"),
    "gap": ("start", "stop", "frames", "cause", "estimated", "silent"),
    "timing": ("start", "time", "uncertainty", "true_rate"),
}


@cache
def folder() -> Path:
    """Of this process, in memory where the system has such a place: thousands of files a second are made."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="ossicle-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def keys(data: bytes) -> None:
    """A file of keys: keys of the right length, or one line that tells none of them."""
    cursor = Cursor(data)
    how = cursor.number() & 3
    if how:
        data = b"[keys]\n"
    while how and cursor.left:
        name, key = cursor.take(cursor.number() % 40), cursor.take(cursor.number() % 40)
        data += b'"%s" = "%s"\n' % (
            name if how & 1 else name.hex().encode(),
            key if how & 2 else key.hex().encode(),
        )
    path = folder() / "keys.toml"
    path.write_bytes(data)
    path.chmod(0o600)
    complaint = ""
    try:
        ring = keyring.load(path)
    except KeyFileError as error:
        complaint = str(error)
    assert "\n" not in complaint
    for secret in re.findall(rb"[0-9a-fA-F]{32,}", data):
        assert secret.decode() not in complaint, "a key is told"
    if complaint:
        return
    assert all(16 <= len(ring(device) or b"") <= 32 for device in ring)


@cache
def recorded() -> tuple[bytes, bytes]:
    """A recording that was killed: its file, and its journal."""
    out = folder() / "whole.wav"
    with WavSink(out, 16000, 1, described=True) as sink:
        journal = Journal.create(
            out, Origin("a1b2c3", 16000, 1), StreamRow(0, b"12345678", 0, 512, 0, 0), 921600
        )
        sink.write(np.arange(FRAMES, dtype=np.int16))
        journal.gap(GapRow(10, 14, 4, "overwritten", False))
        journal.stream(StreamRow(20, b"abcdefgh", 0, 512, 64, 1), GapRow(20, None, None, "reset", False))
        journal.timing(0, Timing(1e9, 0.002, 16001.25))
        sink.describe("{}")
        journal.close()
    return out.read_bytes(), journal_of(out).read_bytes()


def place(file: bytes, journal: bytes | None) -> Path:
    """The two as a killed recorder leaves them."""
    out = folder() / "talk.wav"
    for old in folder().glob("talk.wav*"):
        old.unlink()
    out.write_bytes(file)
    if journal is not None:
        journal_of(out).write_bytes(journal)
    return out


def spoiled(data: bytes, cursor: Cursor) -> bytes:
    """`data` with a few pieces of the fuzzer's in it."""
    out = bytearray(data)
    for _ in range(1 + cursor.number() % 4):
        at = cursor.number(2) % (len(out) + 1)
        piece = cursor.take(cursor.number() % 16)
        out[at : at + len(piece)] = piece
    return bytes(out) if cursor.number() & 3 else bytes(out[: cursor.number(2)])


def wav(data: bytes) -> None:
    """The head of a file that is gone on with: refused, or composed anew without a word."""
    cursor = Cursor(data)
    whole, _ = recorded()
    size = DESCRIBED_BYTES if cursor.number() & 1 else BARE_BYTES
    head = spoiled(whole[:size], cursor) if size == DESCRIBED_BYTES else spoiled(bare(), cursor)
    out = place(head + bytes(2 * FRAMES), None)
    try:
        sink = WavSink.resume(out)
    except SinkError:
        return
    with sink:
        assert 0 <= sink.frames <= out.stat().st_size
        sink.trim()
        sink.write(np.zeros((1, sink.channels) if sink.channels > 1 else 1, np.int16))
        if sink.described:
            sink.describe(sink.text)
        frames = sink.frames
    with WavSink.resume(out) as again:
        assert again.frames == frames


@cache
def bare() -> bytes:
    """The head of a file without a text."""
    out = folder() / "bare.wav"
    WavSink(out, 16000, 2).close()
    return out.read_bytes()


def recording(data: bytes) -> None:
    """`ossicle record --resume` with a file or a journal that is damaged: it says so, or goes on."""
    cursor = Cursor(data)
    file, journal = recorded()
    how = cursor.number() & 7
    if how == 0:
        file = spoiled(file, cursor)
    elif how == 1:
        journal = cursor.take(cursor.left)
    elif how < 4:
        journal = spoiled(journal, cursor)
    out = place(file, journal)
    if how >= 4:
        altered(journal_of(out), cursor)
    try:
        found = tape.take_up(out)
    except (JournalError, SinkError):
        return
    if found is None:
        return
    with found.tape:
        assert out.stat().st_size < LONGEST_BYTES
        assert found.totals.position >= found.totals.frames >= 0
        found.tape.describe()
        found.refuse_device(found.origin.device)


def altered(path: Path, cursor: Cursor) -> None:
    """Values of another kind or size in the tables."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        for _ in range(1 + cursor.number() % 3):
            table = list(_COLUMNS)[cursor.number() % len(_COLUMNS)]
            columns = _COLUMNS[table]
            column = columns[cursor.number() % len(columns)]
            how = cursor.number() & 31
            if how == 0:
                database.execute(f"DROP TABLE IF EXISTS {table}")
            elif how == 1:
                database.execute(f"DELETE FROM {table}")
            elif how == 2:
                database.execute(f"ALTER TABLE {table} ADD COLUMN more{cursor.number()} INTEGER")
            else:
                rows = cursor.number() % 3, value(cursor)
                database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?2 WHERE ?1 IN (0, rowid)", rows)
    except sqlite3.Error:
        pass
    finally:
        database.close()


def value(cursor: Cursor) -> object:
    """Of any kind that a table can hold."""
    how = cursor.number() & 7
    if how < 3:
        return cursor.number(how * 3 + 1) - (cursor.number() & 1)
    if how == 3:
        return float("inf") if cursor.number() & 1 else cursor.number(8) / 7
    if how == 4:
        return None
    return cursor.take(cursor.number() & 31) if how == 5 else cursor.take(8).decode("latin-1")
