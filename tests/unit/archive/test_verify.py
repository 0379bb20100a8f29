"""Verify, export and stats: every object is proven, copied whole, and counted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from shelves import DAY, RATE, STREAM, Shelf, noise

from ossicle.archive.entry import ArchiveError, GapRow
from ossicle.archive.holdings import Holdings
from ossicle.archive.key import key_of
from ossicle.archive.problem import Problem
from ossicle.archive.row import row_of
from ossicle.archive.select import Selection


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def verified(
    shelf: Shelf, selection: Selection | None = None, *, quick: bool = False
) -> tuple[dict[str, str], bool]:
    """What is wrong with which object, and whether audio is in doubt."""
    problems: list[Problem] = []
    with shelf.library() as library:
        result = library.verify(selection, quick=quick, found=problems.append)
    assert result.problems == len(problems) == sum(result.kinds.values())
    assert all("\n" not in problem.text for problem in problems)
    return {problem.key: problem.kind for problem in problems}, result.failed


def test_a_sound_archive(shelf: Shelf) -> None:
    for n in range(6):
        shelf.add(noise(RATE), n * RATE, gaps=[GapRow(n * RATE, n * RATE + 1, "lost")])
    shelf.add(noise(RATE), 0, device="far", codec="opus")
    shelf.spool(noise(RATE), 6 * RATE)
    with shelf.library() as library:
        seen: list[int] = []
        result = library.verify(progress=lambda done, of: seen.append(done))
        assert (result.objects, result.problems, seen[-1]) == (8, 0, 8)
        assert result.bytes == sum(row.bytes for row in library.find())
    assert verified(shelf, quick=True) == ({}, False)


def test_every_kind_of_trouble_has_its_name(shelf: Shelf) -> None:
    keys = [shelf.add(noise(RATE), n * RATE) for n in range(5)]
    with shelf.library() as library:
        library.refresh()
        row = next(library.find(Selection(since=DAY + 4.5)))
        wrong = replace(row.entry, gaps=(GapRow(4 * RATE, 5 * RATE, "lost"),))
        library.index.put(row.key, wrong, row.bytes)
    (shelf.folder / keys[0]).unlink()
    data = bytearray((shelf.folder / keys[1]).read_bytes())
    data[len(data) // 2] ^= 4
    (shelf.folder / keys[1]).write_bytes(data)
    (shelf.folder / keys[2]).write_bytes(b"")
    new = shelf.add(noise(RATE), 9 * RATE)
    (shelf.folder / "audio" / "notes.txt").write_text("x")
    expected = {keys[0]: "missing", keys[1]: "corrupt", keys[2]: "corrupt", keys[4]: "mismatch"}
    assert verified(shelf) == ({**expected, new: "unindexed", "audio/notes.txt": "foreign"}, True)
    assert verified(shelf, Selection(owner="ann")) == ({**expected, new: "unindexed"}, True)
    assert verified(shelf, Selection(since=DAY + 3, until=DAY + 4, device="hall")) == ({}, False)
    assert verified(shelf, quick=True)[0][keys[0]] == "missing"
    with shelf.library() as library:
        library.remove(Selection(until=DAY + 3))
        library.rebuild()
    assert verified(shelf) == ({"audio/notes.txt": "foreign"}, False)


def test_an_object_under_another_name_does_not_pass(shelf: Shelf) -> None:
    """Its bytes are right, its audio too; but it is another minute than the index believes."""
    entry, data, key = shelf.made(noise(RATE), 0)
    moved = replace(entry, start=RATE, stop=2 * RATE, time=DAY + 1)
    name = str(key_of(moved, hashlib.sha256(data).hexdigest()))
    path = shelf.folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with shelf.library() as library:
        library.index.compared(DAY)
        library.index.put_rows([row_of(name, moved, len(data), 0.0)])
    assert verified(shelf) == ({name: "mismatch"}, True)
    assert name != key


def test_an_export_is_whole_and_is_gone_on_with(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [shelf.add(noise(RATE), n * RATE) for n in range(5)]
    shelf.add(noise(RATE), 0, device="hall")
    out = tmp_path / "copies"
    meant = Selection(device="mic")
    with shelf.library() as library:
        done = library.export(meant, out)
        assert (done.objects, done.skipped, done.failed) == (5, 0, [])
        assert done.bytes == sum((shelf.folder / key).stat().st_size for key in keys)
        lines = [json.loads(line) for line in done.manifest.read_text().splitlines()]
        assert [line["key"] for line in lines] == keys
        for line in lines:
            data = (out / line["key"]).read_bytes()
            assert data == (shelf.folder / line["key"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (line["bytes"], line["sha256"])
            assert line["entry"]["stream"] == STREAM
        torn = bytes(len((out / keys[1]).read_bytes()))  # as long as it was
        (out / keys[1]).write_bytes(torn)
        (out / keys[2]).unlink()
        fetched: list[str] = []
        whole = Holdings.fetch

        def fetch(holdings: Holdings, key: str) -> bytes:
            fetched.append(key)
            return whole(holdings, key)

        monkeypatch.setattr(Holdings, "fetch", fetch)
        done = library.export(meant, out)
        assert (done.objects, done.skipped, sorted(fetched)) == (5, 3, sorted(keys[1:3]))
        assert (out / keys[1]).read_bytes() == (shelf.folder / keys[1]).read_bytes()
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == sorted(
        [*keys, "manifest.jsonl"]
    )


def test_an_export_beside_an_earlier_one(shelf: Shelf, tmp_path: Path) -> None:
    keys = [shelf.add(noise(RATE), 0, device=device) for device in ("hall", "yard")]
    out = tmp_path / "copies"
    with shelf.library() as library:
        for device in ("hall", "yard", "yard"):
            manifest = library.export(Selection(device=device), out).manifest
        told = [json.loads(line)["key"] for line in manifest.read_text().splitlines()]
        assert sorted(told) == sorted(keys)
        (out / keys[0]).unlink()
        library.export(Selection(device="yard"), out)
        assert [json.loads(line)["key"] for line in manifest.read_text().splitlines()] == [keys[1]]
        manifest.write_text('{"shopping": ["milk"]}\n')
        with pytest.raises(ArchiveError, match="no export's"):
            library.export(Selection(), out)
        assert "milk" in manifest.read_text()


def test_an_export_tells_what_it_could_not_have(shelf: Shelf, tmp_path: Path) -> None:
    keys = [shelf.add(noise(RATE), n * RATE) for n in range(3)]
    with shelf.library() as library:
        library.refresh()
        (shelf.folder / keys[0]).unlink()
        (shelf.folder / keys[1]).write_bytes(b"damaged")
        done = library.export(Selection(), tmp_path / "copies")
        assert {problem.key: problem.kind for problem in done.failed} == {
            keys[0]: "missing",
            keys[1]: "corrupt",
        }
        assert (done.objects, len(done.manifest.read_text().splitlines())) == (1, 1)
        (tmp_path / "file").write_text("")
        with pytest.raises(ArchiveError, match="file"):
            library.export(Selection(), tmp_path / "file" / "below")


def test_stats(shelf: Shelf) -> None:
    with shelf.library() as library:
        nothing = library.stats()
        assert (nothing.objects, nothing.ratio, nothing.first_time, nothing.upload_share) == (
            0,
            None,
            None,
            None,
        )
    sizes = [len(shelf.made(noise(RATE), n * RATE)[1]) for n in range(2)]
    shelf.add(noise(RATE), 0)
    shelf.spool(noise(RATE), RATE)
    shelf.add(noise(2 * RATE), 0, device="hall", stream="1", time=DAY + 50)
    shelf.add(noise(RATE), 0, device="hall", stream="2", time=DAY + 90)
    with shelf.library() as library:
        library.index.count("uploaded", 999)
        library.index.count("dropped_objects", 1)
        library.refresh()
        told = library.stats()
        hall, mic = told.devices
        assert (mic.device, mic.objects, mic.streams, mic.seconds, mic.bytes) == (
            "mic",
            2,
            1,
            2.0,
            sum(sizes),
        )
        assert (hall.device, hall.objects, hall.streams, hall.seconds) == ("hall", 2, 2, 3.0)
        assert (hall.first_time, hall.last_time) == (DAY + 50, DAY + 91)
        assert (told.objects, told.seconds, told.raw_bytes) == (4, 5.0, 10 * RATE)
        assert told.ratio == told.bytes / told.raw_bytes
        assert (told.first_time, told.last_time) == (DAY, DAY + 91)
        assert (told.spooled_objects, told.spooled_bytes) == (1, sizes[1])
        assert told.oldest_unsaved_s is not None
        assert told.oldest_unsaved_s > 1000
        assert (told.upload_share, told.counters) == (0.999, {"uploaded": 999, "dropped_objects": 1})
