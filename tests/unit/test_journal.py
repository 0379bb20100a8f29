"""The journal: what is in it after a kill, and what is forgotten because the file does not have it."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ossicle.journal import Journal, JournalError, discard, journal_of
from ossicle.ledger import GAPS_KEPT, GapRow, Origin, StreamRow, Timing

ORIGIN = Origin("ossicle-äöü", 16000, 2)
FIRST = StreamRow(0, b"12345678", 0, 512, 0, 0)
SECOND = StreamRow(5000, b"\x00\xff345678", 0, 512, 128, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "talk.wav"


def filled(file: Path) -> Journal:
    journal = Journal.create(file, ORIGIN, FIRST, 921600)
    journal.gap(GapRow(1000, 1400, 400, "overwritten", False))
    journal.stream(SECOND, GapRow(5000, None, None, "reset", False))
    journal.gap(GapRow(5000, 5001, 1, "capture", True))
    journal.timing(0, Timing(1e9, 0.25, None))
    journal.timing(0, Timing(1e9 + 1, 0.002, 16001.25))
    journal.timing(5000, Timing())
    return journal


def test_what_goes_in_comes_out(file: Path) -> None:
    filled(file).close()
    journal = Journal.open(file)
    assert journal is not None
    assert journal.origin == ORIGIN
    assert journal.baud == 921600
    assert journal.ledger().streams == [FIRST, SECOND]
    assert journal.ledger().gaps == [
        GapRow(1000, 1400, 400, "overwritten", False),
        GapRow(5000, None, None, "reset", False),
        GapRow(5000, 5001, 1, "capture", True),
    ]
    assert journal.silence() == (401, 5001)
    assert journal.ledger().timings == {0: Timing(1e9 + 1, 0.002, 16001.25), 5000: Timing()}
    journal.speed(460800)
    journal.close()
    again = Journal.open(file)
    assert again is not None
    assert again.baud == 460800
    again.finish()
    assert list(file.parent.iterdir()) == []


def test_a_stream_without_a_frame_gives_its_place_to_the_next(file: Path) -> None:
    journal = filled(file)
    other = replace(SECOND, stream_id=b"abcdefgh")
    journal.stream(other)
    assert journal.ledger().streams == [FIRST, other]
    assert list(journal.ledger().timings) == [0]


@pytest.mark.parametrize(
    ("frames", "streams", "gaps"),
    [
        (0, 1, 0),
        (999, 1, 0),
        (1000, 1, 1),  # the kill came before its silence
        (1200, 1, 1),
        (4999, 1, 1),
        (5000, 2, 3),
        (9000, 2, 3),
    ],
)
def test_the_length_of_the_file_is_the_truth(file: Path, frames: int, streams: int, gaps: int) -> None:
    journal = filled(file)
    journal.settle(frames)
    assert (len(journal.ledger().streams), len(journal.ledger().gaps)) == (streams, gaps)
    journal.settle(frames)
    assert (len(journal.ledger().streams), len(journal.ledger().gaps)) == (streams, gaps)


WRITER = """
import sys
from pathlib import Path
from ossicle.journal import Journal
from ossicle.ledger import GapRow, Origin, StreamRow
file, at = Path(sys.argv[1]), 1
journal = Journal.create(file, Origin("d", 8000, 1), StreamRow(0, b"12345678", 0, 512, 0, 0), 9600)
while True:
    journal.gap(GapRow(at, at + 1, 1, "x" * (at % 3000), True))
    print(at, flush=True)
    at += 1
"""


@pytest.mark.parametrize("rows", [1, 40, 300])
def test_a_row_that_was_taken_survives_a_kill(file: Path, rows: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < rows:
            pass
        writer.send_signal(signal.SIGKILL)
        told = max([rows, *(int(line) for line in writer.stdout.read().splitlines())])
    journal = Journal.open(file)
    assert journal is not None
    ledger = journal.ledger()
    assert [row.start for row in ledger.gaps] == list(range(1, min(ledger.gap_count, GAPS_KEPT) + 1))
    assert told <= ledger.gap_count == journal.silence()[1] - 1 <= told + 1


def test_a_journal_that_was_not_finished_is_none(file: Path) -> None:
    """As a kill leaves it while it is made: no file, an empty one, one without tables, one without a row."""
    assert Journal.open(file) is None
    journal_of(file).touch()
    assert Journal.open(file) is None
    database = sqlite3.connect(journal_of(file))
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN")
    database.execute("CREATE TABLE recording (version)")
    database.rollback()
    with pytest.raises(JournalError, match="locked"):
        Journal.open(file)
    database.close()
    assert Journal.open(file) is None
    filled(file).close()
    filled(file).close()  # in place of what was there
    journal = Journal.open(file)
    assert journal is not None
    journal.close()


def test_one_of_another_version(file: Path) -> None:
    filled(file).close()
    database = sqlite3.connect(journal_of(file))
    database.execute("UPDATE recording SET version = 77")
    database.commit()
    database.close()
    with pytest.raises(JournalError, match="another version"):
        Journal.open(file)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE recording SET device = x'00'",
        "UPDATE recording SET rate = NULL",
        "UPDATE recording SET baud = 'x'",
        "ALTER TABLE recording ADD COLUMN more",
        "UPDATE stream SET id = 'a1b2c3d4'",
        "UPDATE stream SET id = x'11'",
        "UPDATE stream SET position = -1",
        "UPDATE stream SET hop = 2.5",
        "UPDATE stream SET codec = 77",
        "UPDATE gap SET frames = 'x'",
        "UPDATE gap SET stop = 9223372036854775807",
        "UPDATE gap SET stop = 1 WHERE start = 1000",
        "UPDATE timing SET time = 1e99",
        "UPDATE timing SET true_rate = 'x'",
        "ALTER TABLE gap ADD COLUMN more",
        "DROP TABLE timing",
    ],
)
def test_what_no_recorder_has_put_there(file: Path, change: str) -> None:
    filled(file).close()
    with contextlib.closing(sqlite3.connect(journal_of(file), isolation_level=None)) as database:
        database.execute(change)
    with pytest.raises(JournalError, match=r"talk\.wav\.journal: "):
        read(file)


def read(file: Path) -> None:
    """All that there is in a journal."""
    journal = Journal.open(file)
    assert journal is not None
    with contextlib.closing(journal):
        journal.ledger()
        journal.silence()


def test_a_column_whose_name_is_no_text(file: Path) -> None:
    filled(file).close()
    raw = journal_of(file).read_bytes()
    assert raw.count(b"frames INTEGER") == 1
    journal_of(file).write_bytes(raw.replace(b"frames INTEGER", b"\xff\xffames INTEGER"))
    with pytest.raises(JournalError, match="damaged"):
        read(file)


def test_what_is_no_journal(file: Path) -> None:
    journal_of(file).write_text("It was a dark and stormy night. " * 99)
    with pytest.raises(JournalError, match=r"talk\.wav\.journal: file is not a database"):
        Journal.open(file)
    discard(file)
    journal_of(file).mkdir()
    with pytest.raises(JournalError, match=r"talk\.wav\.journal"):
        Journal.open(file)


def test_a_closed_one_says_so(file: Path) -> None:
    journal = filled(file)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match=r"talk\.wav\.journal"):
        journal.stream(SECOND)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.wav")
    filled(file).close()
    assert os.fsencode(journal_of(file).name) == b"\xff.wav.journal"
    journal = Journal.open(file)
    assert journal is not None
    journal.finish()
