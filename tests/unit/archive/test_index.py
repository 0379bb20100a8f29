"""The index of an archive: what is put is found, by several programs at once, whatever became of the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ossicle.archive.deletion import RETENTION, Deletion
from ossicle.archive.entry import ArchiveError, Entry, GapRow, SegmentRow
from ossicle.archive.index import Index
from ossicle.archive.key import key_of
from ossicle.archive.select import Selection

DAY = 1_750_000_000.0


def entry(n: int = 0, **change: object) -> Entry:
    """Minute `n` of a stream."""
    made = Entry(
        owner="ann",
        device="kitchen mic",
        stream="00ff00ff00ff00ff",
        start=n * 960_000,
        stop=(n + 1) * 960_000,
        rate=16_000,
        channels=1,
        codec="flac",
        time=DAY + 60 * n,
        uncertainty=0.004,
        true_rate=None,
        gaps=(GapRow(n * 960_000 + 5, None, "lost"),),
        segments=(SegmentRow(n * 960_000, n * 960_000 + 9, "silence"),),
        pcm_sha256="0" * 64,
    )
    return replace(made, **change)  # type: ignore[arg-type]


def key(of: Entry) -> str:
    return str(key_of(of, f"{of.start:064x}"))


def put(index: Index, *entries: Entry) -> None:
    for one in entries:
        assert index.put(key(one), one, 1000, stored_at=5.0)


def test_what_is_put_is_found(tmp_path: Path) -> None:
    with Index(tmp_path / "deep" / "index.sqlite") as index:
        put(index, entry(1), entry(0), entry(1))
        first, second = index.find()
        assert first.entry == entry(0)
        assert (second.key, second.bytes, second.stored_at) == (key(entry(1)), 1000, 5.0)
        assert second.sha256 == f"{960_000:064x}"
        assert (second.stop_time, second.raw_bytes) == (DAY + 120, 1_920_000)
        assert index.after(first) == second
        assert index.after(second) is None
        assert index.before(second) == first
        assert index.before(first) is None
        assert index.remove([first.key, "never"]) == 1
        assert list(index.find()) == [second]
    with Index(tmp_path / "deep" / "index.sqlite") as index:
        assert index.keys() == {key(entry(1))}
        assert index.set_aside is None


@pytest.mark.parametrize(
    ("selection", "minutes"),
    [
        (Selection(), {0, 1, 2}),
        (Selection(since=DAY + 60), {1, 2}),
        (Selection(until=DAY + 60), {0}),
        (Selection(since=DAY + 59.9, until=DAY + 60.1), {0, 1}),
        (Selection(owner="ann", device="kitchen mic", stream="00FF00FF00FF00FF"), {0, 1, 2}),
        (Selection(owner="bob"), set()),
        (Selection(device="kitchen"), set()),
        (Selection(stream="00"), set()),
    ],
)
def test_the_index_and_the_selection_agree(tmp_path: Path, selection: Selection, minutes: set[int]) -> None:
    entries = [entry(n) for n in range(3)]
    with Index(tmp_path / "index.sqlite") as index:
        put(index, *entries)
        assert {row.start // 960_000 for row in index.find(selection)} == minutes
    assert {one.start // 960_000 for one in entries if selection.covers(one)} == minutes


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ArchiveError, match="empty"):
        Selection(since=5, until=5)


def test_a_long_list_comes_in_order_and_whole(tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        put(index, *(entry(n, time=DAY + n // 3) for n in range(700)))  # the same time on both sides of pages
        rows = list(index.find())
    assert len(rows) == len({row.key for row in rows}) == 700
    assert [(row.time, row.key) for row in rows] == sorted((row.time, row.key) for row in rows)


def test_counters_outlive_the_program(tmp_path: Path) -> None:
    for _ in range(2):
        with Index(tmp_path / "index.sqlite") as index:
            index.count("stored")
            index.count("bytes", 40)
    with Index(tmp_path / "index.sqlite") as index:
        assert index.counters() == {"stored": 2, "bytes": 80}


def test_an_upload_that_meets_a_deletion_is_told(tmp_path: Path) -> None:
    asked = Deletion("ab" * 8, DAY + 90, Selection(device="kitchen mic"))
    kept = Deletion("cd" * 8, DAY + 900, Selection(), reason=RETENTION)
    with Index(tmp_path / "index.sqlite") as index:
        index.tell_deletion(kept)
        index.tell_deletion(asked)
        index.tell_deletion(asked)
        assert index.covered(entry(1))
        assert not index.put(key(entry(1)), entry(1), 1)  # begun before it was asked
        assert index.put(key(entry(2)), entry(2), 1)  # begun after
        assert index.put(key(entry(0, device="other")), entry(0, device="other"), 1)
        assert not index.covered(entry(2))
        assert [deletion.id for deletion in index.deletions()] == [asked.id, kept.id]
        assert index.deletions()[0] == asked


def test_threads_share_one_and_programs_too(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    script = f"""
from ossicle.archive.index import Index
with Index({str(path)!r}) as index:
    for _ in range(60): index.count("n")
"""
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    with Index(path) as index:
        threads = [threading.Thread(target=lambda: [index.count("n") for _ in range(60)]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [other.wait(60) for other in others] == [0, 0]
        assert index.counters() == {"n": 300}


@pytest.mark.parametrize("broken", ["noise", "version", "tables", "empty"])
def test_a_broken_index_is_set_aside(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "index.sqlite"
    if broken == "noise":
        path.write_bytes(bytes(range(1, 256)) * 50)
    elif broken == "empty":
        path.write_bytes(b"")
    else:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA user_version={7 if broken == 'version' else 1}")
        db.execute("CREATE TABLE other (x)")
        db.close()
    with Index(path) as index:
        assert index.compared_at is None
        put(index, entry())
        assert len(list(index.find())) == 1
        assert (index.set_aside is None) == (broken == "empty")
        index.compared(7.0)
    with Index(path) as index:
        assert len(index.keys()) == 1
        assert index.compared_at == 7.0


def test_trouble_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match=r"index\.sqlite: the index of the archive"):
        Index(tmp_path / "file" / "index.sqlite")
    index = Index(tmp_path / "index.sqlite")
    index.close()
    with pytest.raises(ArchiveError, match="the index of the archive"):
        index.keys()
