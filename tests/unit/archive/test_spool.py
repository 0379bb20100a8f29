"""Objects on this disk: whole or not at all, proven by their names, within bounds."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from ossicle.archive import spool as spools
from ossicle.archive.entry import Entry
from ossicle.archive.key import key_of
from ossicle.archive.spool import Spool, SpoolError

from .parcels import object_at


def put(spool: Spool, start: int, time: float = 1.7e9) -> tuple[Entry, bytes, str]:
    entry, data = object_at(start, time)
    sha256 = hashlib.sha256(data).hexdigest()
    spool.put(entry, sha256, data)
    return entry, data, sha256


def test_round_trip_by_age_of_the_audio(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10)
    assert spool.items() == []
    newer, older = put(spool, 800), put(spool, 0)
    assert [item.sha256 for item in spool.items()] == [older[2], newer[2]]
    item = Spool(tmp_path / "spool", 10).items()[0]
    assert spool.read(item) == older[1]
    assert spool.entry(item) == (key_of(older[0], older[2]), older[0])
    assert spool.oldest == pytest.approx(older[0].time, abs=0.001)
    assert spool.remove(item)
    assert not spool.remove(item)
    assert spool.size() == (1, len(newer[1]))


def test_twice_is_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    put(spool, 0)
    put(spool, 0)
    assert len(spool.items()) == 1


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    put(Spool(tmp_path / "spool", 10), 0)
    assert (tmp_path / "spool").stat().st_mode & 0o77 == 0


def test_full_is_an_error_and_others_count(tmp_path: Path) -> None:
    entry, data = object_at(0)
    spool = Spool(tmp_path, (len(data) + 100) / 1e6)
    put(Spool(tmp_path, 10), 800)
    with pytest.raises(SpoolError, match="spool_max_mb"):
        spool.put(entry, hashlib.sha256(data).hexdigest(), data)
    assert len(spool.items()) == 1


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spools.os, "fsync", full)
    with pytest.raises(SpoolError, match="No space left"):
        put(Spool(tmp_path, 10), 0)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_object_is_no_object(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    put(spool, 0)
    (item,) = spool.items()
    item.path.write_bytes(item.path.read_bytes()[:-1] + b"x")
    with pytest.raises(SpoolError, match="damaged"):
        spool.read(item)
    assert spool.set_aside(item).exists()
    assert spool.items() == []


def test_what_is_no_object_tells_no_entry(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    (tmp_path / f"01700000000000-{'0' * 64}.flac").write_bytes(b"junk")
    (item,) = spool.items()
    with pytest.raises(SpoolError):
        spool.entry(item)


def test_foreign_files_and_unfinished_ones_are_not_its_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / f".{'0' * 64}.1.part").write_bytes(b"x")
    assert spool.items() == []


def test_old_unfinished_files_go_and_young_ones_stay(tmp_path: Path) -> None:
    old, young = (tmp_path / f".{digit * 64}.1.part" for digit in "01")
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    spool = Spool(tmp_path, 10)
    assert spool.take_drain()
    spool.close()
    assert (old.exists(), young.exists()) == (False, True)


def test_one_program_uploads_at_a_time(tmp_path: Path) -> None:
    first, second = Spool(tmp_path, 10), Spool(tmp_path, 10)
    assert first.take_drain()
    assert first.take_drain()
    assert not second.take_drain()
    first.close()
    assert second.take_drain()
    second.close()


def test_pipes_and_folders_named_as_objects_are_no_objects(tmp_path: Path) -> None:
    """To open a pipe waits for ever."""
    spool = Spool(tmp_path, 10)
    put(spool, 0)
    (item,) = spool.items()
    item.path.unlink()
    item.path.mkdir()
    if os.name == "posix":
        os.mkfifo(item.path.with_name(item.path.name.replace("0", "1", 1)))
    assert spool.items() == []
