"""Uploads in the background, with a store that fails as it is told to."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ossicle.archive import outbox
from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError
from ossicle.archive.health import Notice, Tally
from ossicle.archive.index import Index
from ossicle.archive.key import key_of
from ossicle.archive.select import Selection
from ossicle.archive.settings import load
from ossicle.archive.spool import Spool
from ossicle.archive.store import Store, StoreError
from ossicle.archive.upload import Uploader

from .parcels import account, object_at, parcel_at

PATIENCE_S = 20.0


class Failing(Store):
    """Real, in memory of this process; `trouble` is called before each put."""

    trouble: Callable[[str], object] = staticmethod(lambda key: None)

    def put(self, key: str, data: bytes) -> None:
        self.trouble(key)
        super().put(key, data)


class Bench:
    """An uploader with all it works on."""

    def __init__(self, tmp_path: Path, **given: object) -> None:
        quick = {"retry_first_s": 0.01, "retry_max_s": 0.05, "retries": 1, **given}
        self.settings = load(url=f"memory://{tmp_path.name}", state=tmp_path, **quick)
        self.store = Failing(self.settings)
        self.index = Index(self.settings.index_path)
        self.spool = Spool(self.settings.spool_folder, self.settings.spool_max_mb)
        self.notices: list[Notice] = []
        self.tally = Tally()
        self.account, self.lost = account(limit=10_000_000)
        self.uploader = self.another()

    def another(self) -> Uploader:
        return Uploader(self.settings, self.store, self.index, self.spool, self.tally, self.notices.append)

    def put(self, start: int) -> str:
        parcel = parcel_at(start, self.account, born=time.monotonic())
        self.uploader.put(parcel)
        return parcel.key

    def stored(self) -> list[str]:
        return sorted(key for key, _, _ in self.store.list("audio"))

    def indexed(self) -> list[str]:
        return sorted(row.key for row in self.index.find())


@contextmanager
def bench(tmp_path: Path, **given: object) -> Iterator[Bench]:
    made = Bench(tmp_path, **given)
    try:
        yield made
    finally:
        made.store.trouble = lambda key: None
        made.uploader.stop(0.0)
        made.index.close()


def refused(key: str) -> None:
    raise StoreError("the server failed", transient=True)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_stored_indexed_and_gone_from_memory(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        keys = sorted(it.put(800 * n) for n in range(5))
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == it.indexed() == keys
        counts = it.tally.counts()
        assert (counts.uploaded, counts.attempts, counts.failed, counts.spooled) == (5, 5, 0, 0)
        assert it.account.objects == 0
        assert it.spool.items() == []
        assert it.index.counters()["uploaded"] == 5


def test_tried_again_until_it_is_through(tmp_path: Path) -> None:
    with bench(tmp_path, retries=100) as it:
        left = [7]

        def trouble(key: str) -> None:
            if left[0]:
                left[0] -= 1
                refused(key)

        it.store.trouble = trouble
        keys = sorted(it.put(800 * n) for n in range(3))
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == it.indexed() == keys
        assert it.tally.counts().failed == 7


def test_a_store_that_is_down_fills_the_spool_and_drains_it_later(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        it.store.trouble = refused
        keys = sorted(it.put(800 * n) for n in range(5))
        it.uploader.start()
        until(lambda: len(it.spool.items()) == 5 and it.account.objects == 0)
        until(lambda: it.uploader.failing is not None)
        assert it.uploader.failing == "the server failed"
        it.store.trouble = lambda key: None
        until(lambda: it.stored() == keys)
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.spool.items() == []
        assert it.indexed() == keys
        assert [notice.kind for notice in it.notices] == ["failing", "recovered"]
        assert it.uploader.failing is None


def test_a_store_that_is_down_sees_few_requests(tmp_path: Path) -> None:
    """Two threads that wait for at least half a second on average, whatever waits."""
    with bench(tmp_path, retry_first_s=60.0, retry_max_s=60.0) as it:
        asked: list[str] = []

        def trouble(key: str) -> None:
            asked.append(key)
            refused(key)

        it.store.trouble = trouble
        for n in range(40):
            it.put(800 * n)
        it.uploader.start()
        until(lambda: len(asked) == it.settings.uploads)
        until(lambda: len(it.spool.items()) == 40)
        assert len(asked) <= it.settings.uploads + 2  # one that has drawn a very short wait


def test_a_hanging_upload_holds_up_neither_the_spool_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SLOW_S", 0.05)
    with bench(tmp_path) as it:
        go_on = threading.Event()
        it.store.trouble = lambda key: go_on.wait(PATIENCE_S)
        for n in range(4):
            it.put(800 * n)
        it.uploader.start()
        until(lambda: len(it.spool.items()) == 4)
        began = time.monotonic()
        it.uploader.stop(0.1)
        assert time.monotonic() - began < PATIENCE_S / 2
        assert it.lost == []
        go_on.set()


@pytest.mark.parametrize("first", ["spool", "store"])
def test_what_was_both_spooled_and_uploaded_leaves_the_spool_and_goes_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(outbox, "SLOW_S", 0.0)
    with bench(tmp_path) as it:
        both, other = threading.Event(), threading.Event()
        put = it.spool.put

        def slow(*given: Any) -> Any:
            both.set()
            if first == "store":
                assert other.wait(PATIENCE_S)
            kept = put(*given)
            other.set()
            return kept

        def trouble(key: str) -> None:
            assert both.wait(PATIENCE_S)
            if first == "spool":
                assert other.wait(PATIENCE_S)
                time.sleep(0.05)  # until the outbox knows

        monkeypatch.setattr(it.spool, "put", slow)
        it.store.trouble = trouble
        key = it.put(0)
        it.uploader.start()
        until(lambda: it.stored() == [key])
        if first == "store":
            until(lambda: it.tally.counts().uploaded == 1)
        other.set()
        assert it.uploader.wait_done(PATIENCE_S)
        until(lambda: it.spool.items() == [])
        assert it.tally.counts().attempts == 1


def test_what_is_not_through_at_the_end_lies_in_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SLOW_S", 1e9)
    with bench(tmp_path, retry_first_s=30.0, retry_max_s=30.0, retries=100) as it:
        it.store.trouble = refused
        it.uploader.start()
        keys = sorted(it.put(800 * n) for n in range(3))
        it.uploader.stop(0.2)
        assert len(it.spool.items()) == 3
        it.store.trouble = lambda key: None
        it.uploader = it.another()
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == it.indexed() == keys


def test_the_end_tries_once_more_though_the_next_try_is_far_off(tmp_path: Path) -> None:
    with bench(tmp_path, retry_first_s=600.0, retry_max_s=600.0, uploads=1) as it:
        it.store.trouble = refused
        key = it.put(0)
        it.uploader.start()
        until(lambda: len(it.spool.items()) == 1 or it.tally.counts().failed > 0)
        it.store.trouble = lambda key: None
        it.uploader.stop(PATIENCE_S)
        assert it.stored() == [key]


def test_a_full_spool_keeps_it_in_memory_and_says_so_once(tmp_path: Path) -> None:
    with bench(tmp_path, spool_max_mb=0) as it:
        it.store.trouble = refused
        keys = sorted(it.put(800 * n) for n in range(2))
        it.uploader.start()
        until(lambda: it.tally.counts().spool_failed > 0)
        until(lambda: it.uploader.failing is not None)
        assert it.account.objects > 0
        it.store.trouble = lambda key: None
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == keys
        assert [notice.kind for notice in it.notices].count("spool") == 1


def test_the_end_without_store_and_spool_loses_and_says_what(tmp_path: Path) -> None:
    with bench(tmp_path, spool_max_mb=0) as it:
        it.store.trouble = refused
        it.put(0)
        it.uploader.start()
        it.uploader.stop(0.1)
        assert it.lost == [(0, 800)]
        assert it.tally.counts().dropped_objects == 1


def test_an_object_that_fails_each_time_holds_up_no_other(tmp_path: Path) -> None:
    with bench(tmp_path, uploads=1, spool_max_mb=0) as it:
        poison = it.put(0)
        it.store.trouble = lambda key: refused(key) if key == poison else None
        others = sorted(it.put(800 * n) for n in range(1, 5))
        it.uploader.start()
        until(lambda: it.stored() == others)


def test_what_an_earlier_program_left_is_uploaded(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        entry, data = object_at(0)
        sha256 = hashlib.sha256(data).hexdigest()
        it.spool.put(entry, sha256, data)
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == [str(key_of(entry, sha256))]
        assert it.spool.items() == []


def test_a_damaged_leftover_is_set_aside_and_the_others_go_up(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        entries = [object_at(800 * n) for n in range(3)]
        for entry, data in entries:
            it.spool.put(entry, hashlib.sha256(data).hexdigest(), data)
        first, second, _ = it.spool.items()
        first.path.write_bytes(b"junk")
        second.path.write_bytes(second.path.read_bytes()[:-1])
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert len(it.stored()) == 1
        assert it.tally.counts().damaged == 2
        assert len(list(it.spool.folder.glob("*.damaged"))) == 2


def test_what_someone_asked_to_delete_is_not_uploaded(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        it.index.tell_deletion(Deletion("0" * 16, time.time(), Selection(owner="anna")))
        entry, data = object_at(800)
        it.spool.put(entry, hashlib.sha256(data).hexdigest(), data)
        it.put(0)
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == it.spool.items() == []
        assert it.tally.counts().deleted == 2


def test_a_deletion_that_comes_during_the_upload_counts(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        deletion = Deletion("0" * 16, time.time(), Selection(owner="anna"))
        it.store.trouble = lambda key: it.index.tell_deletion(deletion)
        it.put(0)
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == it.indexed() == []


def test_an_index_that_takes_nothing_fails_no_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(tmp_path) as it:
        real = it.index.put

        def full(*args: object) -> bool:
            raise ArchiveError("the index of the archive: database or disk is full")

        monkeypatch.setattr(it.index, "put", full)
        first = it.put(0)
        it.uploader.start()
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.stored() == [first]
        assert it.indexed() == []
        monkeypatch.setattr(it.index, "put", real)
        second = it.put(800)
        assert it.uploader.wait_done(PATIENCE_S)
        assert it.indexed() == sorted([first, second])


def test_a_tell_that_fails_ends_nothing(tmp_path: Path) -> None:
    with bench(tmp_path) as it:

        def broken(notice: Notice) -> None:
            raise ValueError

        it.uploader = Uploader(it.settings, it.store, it.index, it.spool, it.tally, broken)
        it.store.trouble = refused
        key = it.put(0)
        it.uploader.start()
        until(lambda: it.uploader.failing is not None)
        it.store.trouble = lambda key: None
        until(lambda: it.stored() == [key])


@pytest.mark.parametrize("how", ["read_bytes", "open", "unlink"])
def test_a_file_that_cannot_be_read_or_removed_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with bench(tmp_path) as it:
        for n in range(3):
            entry, data = object_at(800 * n)
            it.spool.put(entry, hashlib.sha256(data).hexdigest(), data)
        bad, true = it.spool.items()[0].path, getattr(Path, how)

        def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path == bad:
                raise PermissionError(13, "Permission denied", str(path))
            return true(path, *args, **kwargs)

        monkeypatch.setattr(Path, how, refuse)
        it.uploader.start()
        assert not it.uploader.wait_done(PATIENCE_S)
        assert len(it.stored()) == len(it.indexed()) == 2 + (how == "unlink")
        assert [item.path for item in it.spool.items()] == [bad]
        assert it.tally.counts().attempts == 2 + (how == "unlink")  # and none again and again
        assert [notice.kind for notice in it.notices] == ["spool"]
        assert "Permission denied" in it.notices[0].text
        assert it.uploader.failing is None


def test_counts_that_the_index_did_not_take_are_counted_later(tmp_path: Path) -> None:
    with bench(tmp_path) as it:
        it.tally.add(uploaded=3, failed=1)
        news = it.tally.news()
        it.tally.keep(news)
        it.tally.add(uploaded=1)
        assert it.tally.news() == {"uploaded": 4, "failed": 1}
        assert it.tally.news() == {}
        it.index.count_all({})
        it.index.count_all({"uploaded": 4, "failed": 1})
        assert it.index.counters() == {"uploaded": 4, "failed": 1}
        it.uploader.start()
