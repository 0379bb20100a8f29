"""Deletion: what was asked for is gone everywhere, nothing else is, and a record says so."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from shelves import DAY, RATE, STREAM, Shelf, noise

from ossicle.archive import deletion as deletions
from ossicle.archive.deletion import RETENTION, Deletion
from ossicle.archive.entry import ArchiveError
from ossicle.archive.select import Selection
from ossicle.archive.store import Store, StoreError

OTHER = "0123456789abcdef"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def records(shelf: Shelf) -> list[Deletion]:
    return [deletions.parse(path.read_bytes()) for path in sorted(shelf.folder.glob("deleted/*.json"))]


def fill(shelf: Shelf) -> dict[str, str]:
    """Objects of a second each, by what is special about them."""
    return {
        "first": shelf.add(noise(RATE), 0),
        "second": shelf.add(noise(RATE), RATE),
        "third": shelf.add(noise(RATE), 2 * RATE),
        "stream": shelf.add(noise(RATE), 0, stream=OTHER, time=DAY + 10),
        "device": shelf.add(noise(RATE), 0, device="hall"),
        "owner": shelf.add(noise(RATE), 0, owner="bob"),
    }


@pytest.mark.parametrize(
    ("selection", "gone"),
    [
        (Selection(owner="bob"), {"owner"}),
        (Selection(device="hall"), {"device"}),
        (Selection(stream=OTHER), {"stream"}),
        (Selection(owner="ann", device="mic", since=DAY + 1.5, until=DAY + 2), {"second"}),
        (Selection(owner="ann", device="mic", since=DAY + 1.5, until=DAY + 2.5), {"second", "third"}),
        (Selection(until=DAY + 1), {"first", "device", "owner"}),
        (Selection(), {"first", "second", "third", "stream", "device", "owner"}),
        (Selection(owner="nobody"), set()),
    ],
)
def test_what_is_meant_goes_and_nothing_else(shelf: Shelf, selection: Selection, gone: set[str]) -> None:
    keys = fill(shelf)
    with shelf.library() as library:
        tried = library.remove(selection, dry_run=True)
        assert shelf.keys() == set(keys.values())
        assert records(shelf) == []
        done = library.remove(selection)
        assert (tried.objects, tried.bytes, tried.ranges) == (done.objects, done.bytes, done.ranges)
        assert (done.objects, done.seconds) == (len(gone), float(len(gone)))
        left = {key for name, key in keys.items() if name not in gone}
        assert shelf.keys() == left == library.index.keys()
    (record,) = records(shelf)
    assert done.records == (record.key,)
    assert (record.done, record.objects, record.selection) == (True, len(gone), selection)
    assert sum(run["objects"] for run in record.ranges) == len(gone)


def test_what_was_captured_later_stays(shelf: Shelf) -> None:
    shelf.add(noise(RATE), 0)
    with shelf.library() as library:
        assert library.remove(Selection(owner="ann")).objects == 1
        later = shelf.add(noise(RATE), RATE, time=time.time() + 500)
        assert library.cleanup().objects == 0
    assert shelf.keys() == {later}


def test_the_record_tells_what_went(shelf: Shelf) -> None:
    fill(shelf)
    with shelf.library() as library:
        library.remove(Selection(stream=STREAM, device="mic", owner="ann"))
    (record,) = records(shelf)
    assert record.ranges == (
        {
            "owner": "ann",
            "device": "mic",
            "stream": STREAM,
            "start": 0,
            "stop": 3 * RATE,
            "time": DAY,
            "stop_time": DAY + 3,
            "objects": 3,
        },
    )
    assert abs(record.made_at - time.time()) < 600


def test_what_waits_anywhere_goes_too(shelf: Shelf) -> None:
    """In the spool of this computer, on its way up in another program, and in a store that others fill."""
    shelf.add(noise(RATE), 0)
    shelf.spool(noise(RATE), RATE)
    kept = shelf.spool(noise(RATE), RATE, device="hall")
    late, data, late_key = shelf.made(noise(RATE), 2 * RATE)
    later, _, later_key = shelf.made(noise(RATE), 3 * RATE, time=time.time() + 100)
    with shelf.library() as library, shelf.library() as other:
        done = library.remove(Selection(device="mic"))
        assert (done.objects, done.spooled) == (1, 1)
        assert [row.key for row in library.find()] == [kept]
        assert not other.index.put(late_key, late, len(data))  # the writer deletes what it has just put
        assert other.index.put(later_key, later, 5)  # captured after it was asked
        other.index.remove([later_key])
        shelf.add(noise(RATE), 2 * RATE)  # from a computer that knew nothing of it
        cleaned = library.cleanup(days=0)
        assert (cleaned.objects, shelf.keys()) == (1, set())
    (record,) = records(shelf)
    assert record.objects == 3
    assert [run["objects"] for run in record.ranges] == [2, 1]


def test_another_computer_learns_of_it(shelf: Shelf) -> None:
    """Its index has the object, and its spool has one; the record in the store reaches both."""
    shelf.add(noise(RATE), 0)
    shelf.spool(noise(RATE), RATE)
    with shelf.library() as library:
        library.refresh()
    record = Deletion("ab" * 8, DAY + 100, Selection(owner="ann"))
    (shelf.folder / "deleted").mkdir()
    (shelf.folder / record.key).write_text(record.text())
    with shelf.library() as library:
        done = library.cleanup(days=0)
        assert (done.objects, done.spooled, done.records) == (1, 1, (record.key,))
        assert list(library.find()) == []
        assert library.cleanup(days=0).records == ()  # nothing is left to tell
    assert shelf.keys() == set()


def test_a_deletion_that_is_broken_off_is_taken_up(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = fill(shelf)
    with shelf.library() as library:

        def fail(store: Store, keys: object) -> None:
            raise StoreError("the server failed", transient=True)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "delete", fail)
            with pytest.raises(StoreError):
                library.remove(Selection(device="mic"))
        (record,) = records(shelf)
        assert not record.done
        assert shelf.keys() == set(keys.values())
        library.cleanup(days=0)
        assert shelf.keys() == {keys["device"]}
    (record,) = records(shelf)
    assert (record.done, record.objects) == (True, 5)


def test_an_object_that_tells_nothing_goes_with_its_day(shelf: Shelf) -> None:
    key = shelf.add(noise(RATE), 0)
    (shelf.folder / key).write_bytes(b"damaged")
    day = DAY // 86400 * 86400
    with shelf.library() as library:
        assert library.remove(Selection(device="mic", since=day, until=day + 86399)).objects == 0
        assert library.remove(Selection(device="hall")).objects == 0
        assert library.remove(Selection(device="mic", since=day, until=day + 86400)).objects == 1
    assert shelf.keys() == set()


def test_a_damaged_file_of_the_spool_goes_too(shelf: Shelf) -> None:
    spool = shelf.settings.spool_folder
    entry, data, _ = shelf.made(noise(RATE), 0)
    with shelf.library() as library:
        item = library.spool.put(entry, hashlib.sha256(data).hexdigest(), data)
        library.spool.set_aside(item)
        noise_only = spool / f"{int(DAY * 1000):014d}-{'0' * 64}.flac.damaged"
        noise_only.write_bytes(b"nothing")
        library.remove(Selection(until=DAY - 1000))
        library.remove(Selection(device="hall", until=DAY - 1000))
        assert len(list(spool.glob("*.damaged"))) == 2
        library.remove(Selection(device="mic"))
    assert list(spool.glob("*.damaged")) == []


def test_cleanup_by_age(shelf: Shelf) -> None:
    now = time.time()
    for n in range(2):
        shelf.add(noise(RATE), n * RATE, time=now - 40 * 86400 + n)
    young = shelf.add(noise(60 * RATE), 2 * RATE, time=now - 29 * 86400)
    bobs = shelf.add(noise(RATE), 0, time=now - 40 * 86400, owner="bob")
    foreign = shelf.folder / "audio" / "ann" / "old.flac"
    foreign.write_bytes(b"x")
    with shelf.library() as library:
        assert library.cleanup(days=0).objects == 0
        assert library.cleanup(dry_run=True).objects == 3
        assert len(shelf.keys()) == 5
        done = library.cleanup(owner="ann")  # 30 days unless set otherwise
        assert (done.objects, len(done.records)) == (2, 1)
        assert shelf.keys() == {young, bobs, "audio/ann/old.flac"}
        assert library.cleanup(owner="ann").records == ()
        assert library.cleanup(days=29 - 1 / 86400, owner="ann").objects == 0  # its end is younger
        assert library.cleanup(days=28, owner="ann").objects == 1
        assert library.cleanup().objects == 1
    assert foreign.exists()
    by_owner = {record.selection.owner: record for record in records(shelf)}
    assert (len(records(shelf)), by_owner["ann"].reason, by_owner["ann"].objects) == (2, RETENTION, 3)
    assert len(by_owner["ann"].ranges) == 2  # one record a day and owner


def test_retention_does_not_keep_new_audio_out(shelf: Shelf) -> None:
    """Only a request holds for what comes later; a longer retention may be set tomorrow."""
    now = time.time()
    shelf.add(noise(RATE), 0, time=now - 40 * 86400)
    with shelf.library() as library:
        assert library.cleanup().objects == 1
        shelf.add(noise(RATE), RATE, time=now - 40 * 86400)
        assert library.refresh().added == 1


def test_what_a_killed_writer_left_goes_too(shelf: Shelf) -> None:
    keys = fill(shelf)
    left = shelf.folder / f"{keys['first']}#1"
    left.write_bytes(b"half")
    with shelf.library() as library:
        library.remove(Selection())
        assert left.exists()  # it may be written to right now
        os.utime(left, (time.time() - 7200,) * 2)
        library.remove(Selection(), dry_run=True)
        library.cleanup(days=0, owner="bob")
        assert left.exists()
        library.cleanup(days=0)
        assert not left.exists()
        left.write_bytes(b"half")
        os.utime(left, (time.time() - 7200,) * 2)
        library.remove(Selection(owner="ann", stream=OTHER))
        assert not left.exists()


def test_an_empty_range_deletes_nothing() -> None:
    with pytest.raises(ArchiveError):
        Selection(since=DAY, until=DAY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"ossicle_deletion":1}',
        '{"ossicle_deletion":9}',
        '{"ossicle_deletion":1,"id":"../x"}',
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ArchiveError):
        deletions.parse(text)


@pytest.mark.parametrize(
    "change",
    [{"id": "../../x"}, {"made_at": "now"}, {"selection": {"owner": 5}}, {"selection": {"all": True}}],
)
def test_a_record_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    import json

    told = json.loads(Deletion("ab" * 8, DAY, Selection(owner="ann")).text())
    assert deletions.parse(json.dumps(told)).selection.owner == "ann"
    with pytest.raises(ArchiveError):
        deletions.parse(json.dumps({**told, **change}))
