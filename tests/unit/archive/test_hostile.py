"""A store that others write to: one object made to harm takes nothing from the others, and can be deleted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from shelves import DAY, STREAM, Shelf, noise

from ossicle.archive import flac
from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError, parse
from ossicle.archive.key import parse_key
from ossicle.archive.select import Selection

HUGE = 10**400
ABSURD: dict[str, dict[str, Any]] = {
    "an end beyond all names": {"stop": 10**16},
    "more than a table takes": {"stop": 10**30},
    "more audio than an object has": {"stop": 10**9},
    "a rate beyond any codec": {"rate": 10**6},
    "a rate that no table takes": {"rate": 10**30},
    "a time in letters": {"time": "1750000000"},
    "a time that no float is": {"time": HUGE},
    "a time that is none": {"time": float("nan")},
    "a time that is a bool": {"time": True},
    "a doubt in letters": {"uncertainty": "1"},
    "a doubt that no float is": {"uncertainty": HUGE},
    "a measured rate in letters": {"true_rate": "8000"},
    "a measured rate that no float is": {"true_rate": HUGE},
    "a measured rate of next to nothing": {"true_rate": 5e-324},
    "a measured rate of another stream": {"true_rate": 48000.0},
    "a device that is no text": {"device": "\ud800"},
    "a device of 10 kB": {"device": "d" * 10_000},
    "a stream that leads out": {"stream": "../../../x"},
    "a gap from before all time": {"gaps": [[-(10**18), 0, "lost", False]]},
    "a gap without an end in sight": {"gaps": [[800, 10**17, "lost", False]]},
    "a gap from False to True": {"gaps": [[False, True, "lost", False]]},
    "a gap with a book for its cause": {"gaps": [[0, 1, "x" * 10_000, False]]},
    "a gap whose cause is no text": {"gaps": [[0, 1, "\udfff", False]]},
    "a segment beyond all names": {"segments": [[10**40, 10**41, "pause"]]},
    "nine channels": {"channels": 9},
    "a channel that is a bool": {"channels": True},
}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def planted(shelf: Shelf, change: dict[str, Any]) -> str:
    """An object whose entry says something else, under a name that fits its bytes."""
    entry, data, key = shelf.made(noise(800))
    spoilt = flac.with_comment(data, json.dumps({**json.loads(entry.text()), **change}))
    name = f"{key.rpartition('/')[0]}/{0:015d}-{hashlib.sha256(spoilt).hexdigest()}.flac"
    assert parse_key(name)
    path = shelf.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(spoilt)
    return name


@pytest.mark.parametrize("change", ABSURD.values(), ids=ABSURD.keys())
def test_an_entry_that_cannot_be_is_refused(shelf: Shelf, change: dict[str, Any]) -> None:
    entry, _, _ = shelf.made(noise(800))
    told = json.loads(entry.text())
    assert parse(json.dumps(told)) == entry
    with pytest.raises(ArchiveError, match="not what an archive writes"):
        parse(json.dumps({**told, **change}))


def test_objects_made_to_harm_take_nothing_from_the_others(shelf: Shelf) -> None:
    good = shelf.add(noise(800, 2), 800)
    bad = {planted(shelf, change) for change in [*ABSURD.values(), {"owner": ".."}, {"time": -5e10}]}
    with shelf.library() as library:
        compared = library.rebuild()
        assert [row.key for row in library.find()] == [good]
        assert {key for key, _ in compared.unreadable} == bad
        assert library.plan(Selection(stream=STREAM)).frames == 800
        assert library.verify().kinds == {"unindexed": len(bad)}
        assert library.stats().objects == 1
        assert library.remove(Selection(device="mic")).objects == len(bad) + 1
    assert not shelf.keys()


RECORDS: dict[str, dict[str, Any]] = {
    "made at a time that no float is": {"made_at": HUGE},
    "made at a time in letters": {"made_at": "1"},
    "of a count in letters": {"objects": "x"},
    "of a time that no float is": {"selection": {"since": HUGE}},
    "of a time that is a bool": {"selection": {"since": True}},
    "of no time": {"selection": {"until": float("nan")}},
    "of a device that is no text": {"selection": {"device": "\ud800"}},
    "for no reason": {"reason": ["request"]},
    "with ranges that are none": {"ranges": [1]},
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS.keys())
def test_a_record_of_a_deletion_that_cannot_be_closes_nothing(shelf: Shelf, change: dict[str, Any]) -> None:
    record = Deletion("00" * 8, DAY + 9, Selection(device="other"))
    shelf.add(noise(800))
    path = shelf.folder / record.key
    path.parent.mkdir()
    path.write_text(json.dumps({**json.loads(record.text()), **change}))
    with shelf.library() as library:
        compared = library.refresh()
        assert [key for key, _ in compared.unreadable] == [record.key]
        assert library.cleanup(days=0).objects == 0
        assert len(list(library.find())) == 1


@pytest.mark.parametrize(
    "given", [{"device": "\udcff"}, {"owner": "\ud800"}, {"since": float("nan")}, {"until": float("-inf")}]
)
def test_a_question_that_no_table_takes_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError):
        Selection(**given)
