"""The index made from the store: whole, and of nothing that is not an archive's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from shelves import DAY, STREAM, Shelf, noise

from ossicle.archive import rebuild
from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import GapRow
from ossicle.archive.index import Index
from ossicle.archive.select import Selection
from ossicle.archive.store import Store, StoreError
from ossicle.sinks.archive import Archive


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_lost_index_comes_back_as_it_was(shelf: Shelf) -> None:
    for n in range(3):
        shelf.add(noise(500), n * 500, gaps=[GapRow(n * 500, n * 500 + 9, "lost")])
    told: list[str] = []
    with shelf.library(tell=told.append) as library:
        before = [(row.key, row.entry, row.bytes) for row in library.find()]
    assert len(before) == 3
    assert len(told) == 1
    assert "no index" in told[0]
    shelf.settings.index_path.unlink()
    with shelf.library() as library:
        assert [(row.key, row.entry, row.bytes) for row in library.find()] == before
    shelf.settings.index_path.write_bytes(b"no database" * 500)
    with shelf.library(tell=told.append) as library:
        assert [(row.key, row.entry, row.bytes) for row in library.find()] == before
    assert "could not be used" in told[1]
    with shelf.library(tell=told.append) as library:
        list(library.find())
    assert len(told) == 3  # an index that is there is taken as it is


def test_refresh_takes_in_and_lets_go(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_PAGE", 2)
    keys = [shelf.add(noise(50), n * 50) for n in range(5)]
    with shelf.library() as library:
        seen: list[int] = []
        result = library.refresh(lambda done, of: seen.append(done))
        assert (result.objects, result.added, result.dropped, seen) == (5, 5, 0, [2, 4, 5])
        (shelf.folder / keys[1]).unlink()
        new = shelf.add(noise(50), 900)
        reads: list[str] = []
        whole = Store.head_bytes

        def read(store: Store, key: str, n: int) -> bytes:
            reads.append(key)
            return whole(store, key, n)

        monkeypatch.setattr(Store, "head_bytes", read)
        result = library.refresh()
        assert (result.objects, result.added, result.dropped) == (5, 1, 1)
        assert reads == [new]  # the others are known
        assert {row.key for row in library.find()} == shelf.keys()
        assert (library.rebuild().added, len(reads)) == (0, 6)


def test_an_object_put_meanwhile_stays(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer's object comes after the store was listed: that it was not listed says nothing."""
    entry, data, key = shelf.made(noise(50))
    shelf.add(noise(50), 50)
    with shelf.library() as library, shelf.library() as writer:
        listed = Store.list

        def then_put(store: Store, prefix: str = "") -> object:
            yield from listed(store, prefix)
            if not prefix:
                writer.index.put(key, entry, len(data))

        monkeypatch.setattr(Store, "list", then_put)
        assert library.refresh().dropped == 0
        assert library.index.keys() >= {key}


def test_what_is_not_ours_is_told_and_left(shelf: Shelf) -> None:
    good = shelf.add(noise(50))
    names = ["audio/readme.txt", "photo.jpg", "audio/ann/mic/2025-06-15/00ff/1-2.flac", "deleted/notes.json"]
    for name in names:
        path = shelf.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    noise_key = good.replace("000000000000000-", "000000000000001-")
    moved_key = good.replace("/ann/", "/bob/")
    (shelf.folder / noise_key).write_bytes(b"fLaC" + bytes(range(256)))
    (shelf.folder / moved_key).parent.mkdir(parents=True)
    (shelf.folder / moved_key).write_bytes((shelf.folder / good).read_bytes())
    with shelf.library() as library:
        result = library.refresh()
        assert (result.foreign_count, sorted(result.foreign)) == (4, sorted(names))
        assert {key for key, _ in result.unreadable} == {noise_key, moved_key}
        assert "another object" in dict(result.unreadable)[moved_key]
        assert library.index.keys() == {good}
    assert all((shelf.folder / name).exists() for name in names)


def test_deletions_are_learnt_and_hold(shelf: Shelf) -> None:
    key = shelf.add(noise(50))
    later = shelf.add(noise(50), 50, time=DAY + 60)
    record = Deletion("ab" * 8, DAY + 50, Selection(stream=STREAM))
    path = shelf.folder / record.key
    path.parent.mkdir()
    path.write_text(record.text())
    (path.parent / "2025-06-15T000000Z-0123456789abcdef.json").write_text(json.dumps({"ossicle_deletion": 2}))
    with shelf.library() as library:
        result = library.refresh()
        assert [row.key for row in result.covered] == [key]
        assert library.index.keys() == {later}
        assert library.index.deletions() == [record]
        assert [name for name, _ in result.unreadable] == ["deleted/2025-06-15T000000Z-0123456789abcdef.json"]


def test_a_store_in_trouble_changes_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add(noise(50))
    with shelf.library() as library:
        library.refresh()
        compared = library.index.compared_at
        shelf.add(noise(50), 50)

        def fail(store: Store, key: str, n: int) -> bytes:
            raise StoreError("the server failed", transient=False)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "head_bytes", fail)
            with pytest.raises(StoreError):
                library.refresh()
        assert library.index.compared_at == compared
        assert len(library.index.keys()) == 1
        assert library.refresh().added == 1


def test_many_heads_are_read_at_once_and_come_out_right(shelf: Shelf) -> None:
    heard = noise(6400)
    for n in range(64):
        shelf.add(heard[n * 100 : (n + 1) * 100], n * 100)
    with shelf.library() as library:
        rows = list(library.find())
    assert [row.start for row in rows] == list(np.arange(64) * 100)
    assert all(f"/{row.start:015d}-" in row.key for row in rows)


def test_what_a_killed_writer_stored_is_there_without_a_comparison(shelf: Shelf) -> None:
    with shelf.library() as library:
        assert list(library.find()) == []  # compared, and never again
        came, coming, old = "0a", "0b", "0c"
        keys = [shelf.add(noise(500), 0, stream=came)]
        keys += [shelf.made(noise(500), 0, stream=each)[2] for each in (coming, old)]
        for key in keys:
            library.index.expect(key)
        library.index.note("coming " + keys[2], time.time() - rebuild.EXPECTED_S - 1)
        assert [row.stream for row in library.find()] == [came]
        assert [key for key, _ in library.index.expected()] == [keys[1]]
        library.index.forget(keys)
        assert library.index.expected() == []


def test_what_is_deleted_does_not_come_back_as_expected(shelf: Shelf) -> None:
    key = shelf.add(noise(500), 0)
    with shelf.library() as library:
        library.remove(Selection(owner="ann"))
        assert shelf.keys() == set()
        shelf.add(noise(500), 0)
        library.index.expect(key)
        assert list(library.find()) == []


def test_who_uploads_says_so_before(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any moment after it, the object is found."""
    seen = []
    put = Store.put

    def look_first(store: Store, key: str, data: bytes) -> None:
        with Index(shelf.settings.index_path) as index:
            seen.append([expected for expected, _ in index.expected()] == [key])
        put(store, key, data)

    monkeypatch.setattr(Store, "put", look_first)
    with Archive(shelf.settings) as archive, archive.stream(device="mic", stream="1", rate=8000) as stream:
        stream.audio(0, noise(800))
    assert seen == [True]
    with shelf.library() as library:
        assert library.index.expected() == []
        assert len(list(library.find())) == 1


def test_an_upload_is_expected_until_its_row_is_there(shelf: Shelf) -> None:
    entry, _, key = shelf.made(noise(500), 0)
    with shelf.library() as library:
        library.index.expect(key)
        assert library.index.put(key, entry, 1)
        assert library.index.expected() == []


def test_a_store_that_is_not_reached_is_not_asked_for_what_is_expected(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add(noise(500), 0)
    with shelf.library() as library:
        assert len(list(library.find())) == 1
        library.index.expect(shelf.made(noise(500), 500)[2])

        def fail(*_: object) -> None:
            raise StoreError("away", transient=True)

        monkeypatch.setattr(Store, "look", fail)
        assert len(list(library.find())) == 1
