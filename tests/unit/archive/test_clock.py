"""Clocks that are wrong: of this computer, of another, and of who recorded. Audio neither goes by mistake,
nor stays where it was to go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from shelves import DAY, RATE, Shelf, Tape, noise

from ossicle.archive import upkeep
from ossicle.archive.deletion import RETENTION, parse
from ossicle.archive.entry import ArchiveError
from ossicle.archive.health import Notice
from ossicle.archive.index import FUTURE_S
from ossicle.archive.remove import DAY_S, LEAP_S, ClockError
from ossicle.archive.select import Selection
from ossicle.archive.upkeep import Upkeep

NOW = time.time()
IN_2099 = 4_070_908_800.0


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(time, "time", lambda: now)


def test_a_clock_that_leaps_deletes_nothing_by_age_at_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = shelf.add(noise(RATE), time=NOW)
    at(monkeypatch, IN_2099)
    with shelf.library() as library:
        assert library.cleanup(dry_run=True).objects == 1
        with pytest.raises(ClockError, match="days further"):
            library.cleanup()
        assert shelf.keys() == {key}
        at(monkeypatch, NOW)  # set right
        assert library.cleanup().objects == 0
        at(monkeypatch, IN_2099)
        with pytest.raises(ClockError):
            library.cleanup()
        assert library.cleanup().objects == 1  # it is 2099
    assert shelf.keys() == set()


def test_a_computer_that_was_off_for_long_cleans_up_at_the_second_time(shelf: Shelf) -> None:
    old = NOW - LEAP_S - DAY_S
    key = shelf.add(noise(RATE), time=old - 40 * DAY_S)
    os.utime(shelf.folder / key, (old, old))
    with shelf.library() as library:
        with pytest.raises(ClockError, match="8 days further"):
            library.cleanup()
        assert library.cleanup().objects == 1


def test_what_was_asked_for_goes_whatever_the_clock_says(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shelf.add(noise(RATE), time=NOW - 5, device="other")
    with shelf.library() as library:
        library.remove(Selection(device="mic"))
        shelf.add(noise(RATE, 2), time=NOW - 5)  # from another computer, late
        at(monkeypatch, IN_2099)
        with pytest.raises(ClockError):
            library.cleanup()
    assert shelf.keys() == {kept}


def test_upkeep_waits_an_hour_for_a_time_server(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add(noise(RATE), time=NOW)
    at(monkeypatch, IN_2099)
    notices: list[Notice] = []
    with shelf.library() as library:
        keeper = Upkeep(shelf.settings, library.holdings, notices.append)
        assert keeper._round()  # so the next is in EACH_S
    assert upkeep.EACH_S == 3600
    assert [notice.kind for notice in notices] == ["upkeep"]
    assert len(shelf.keys()) == 1


@pytest.mark.parametrize("recorded", [NOW + 500, IN_2099, 0.0], ids=["soon", "2099", "1970"])
@pytest.mark.parametrize("asked", [NOW, 0.0], ids=["today", "1970"])
def test_what_is_there_goes_whatever_time_it_says(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, recorded: float, asked: float
) -> None:
    shelf.add(noise(RATE), time=recorded)
    shelf.spool(noise(RATE, 2), RATE, time=recorded)
    kept = shelf.add(noise(RATE), time=recorded, device="other")
    at(monkeypatch, asked)
    with shelf.library() as library:
        assert library.remove(Selection(device="mic"), dry_run=True).objects == 1
        removed = library.remove(Selection(device="mic"))
        assert (removed.objects, removed.spooled) == (1, 1)
        assert library.spool.items() == []
    assert shelf.keys() == {kept}


def test_a_deletion_from_the_future_holds_until_it_is_seen(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else it would take all that is recorded until then, and nobody would know."""
    shelf.add(noise(RATE), time=NOW)
    with shelf.library() as library:
        at(monkeypatch, NOW + 90 * DAY_S)
        assert library.remove(Selection()).objects == 1
        (record,) = library.index.deletions()
        os.utime(shelf.folder / record.key, (NOW + 90 * DAY_S,) * 2)
        at(monkeypatch, NOW + 10)
        early, _, first = shelf.made(noise(RATE), time=NOW + 5)
        later, _, second = shelf.made(noise(RATE), time=NOW + 15)
        assert not library.index.put(first, early, 1)
        assert library.index.covered(early)
        at(monkeypatch, NOW + 1000)
        assert library.index.put(second, later, 1)
        assert not library.index.covered(later)
        library.index.remove([second])
        key = shelf.add(noise(RATE), time=NOW + 900)
        for _ in range(2):
            assert library.cleanup(days=0).objects == 0
        at(monkeypatch, NOW + 200 * DAY_S)  # which is behind the time of the record
        assert library.cleanup(days=0).objects == 0
    assert shelf.keys() == {key}
    text = (shelf.folder / record.key).read_text()
    assert parse(text).seen_at is None
    assert parse(text).reason != RETENTION


def test_the_clock_of_the_store_tells_when_a_record_was_made(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shelf.library() as library:
        at(monkeypatch, IN_2099)
        library.remove(Selection())
    at(monkeypatch, NOW + 9000)
    shelf.settings.index_path.unlink()
    key = shelf.add(noise(RATE), time=NOW + 8000)
    with shelf.library() as library:  # of another computer
        assert library.cleanup(days=0).objects == 0
        (record,) = library.index.deletions()
        assert record.holds_before <= NOW + FUTURE_S < record.made_at
    assert shelf.keys() == {key}


def test_a_clock_that_is_set_back_hides_nothing(shelf: Shelf) -> None:
    """Each time gives what was recorded at it by the clock of then, and adjoining ranges each frame once."""
    for n, moment in enumerate((0, 10, 20 - 3600, 30 - 3600, 40 - 3600)):
        shelf.add(noise(10 * RATE, n), n * 10 * RATE, time=DAY + moment)

    def got(since: float | None, until: float | None) -> tuple[list[int], list[str]]:
        """Of which objects there is how much, in seconds, and why there is silence."""
        moments = [None if moment is None else DAY + moment for moment in (since, until)]
        tape = Tape()
        with shelf.library() as library:
            library.refresh()
            plan = library.plan(Selection(since=moments[0], until=moments[1]), pad=False)
            holes = [hole.cause for hole in library.get(plan, tape).holes]
        seconds = [step.frames // RATE for step in plan.steps if step.cut]
        assert sum(seconds) * RATE + tape.silent == plan.frames
        return seconds, holes

    assert got(None, None) == ([10] * 5, [])
    assert got(5, 15) == ([5, 5], [])
    assert got(0, 5) == ([5], [])
    assert got(15, 30) == ([5], [])
    assert got(-3575, -3565) == ([5, 5], [])
    assert got(-3600, -3575) == ([5], [])
    assert got(None, 5) == ([10, 10, 10, 5], ["unrecorded"])
    assert got(-3600, 100) == ([10] * 5, ["unrecorded"])
    shelf.add(noise(10 * RATE, 9), 50 * RATE, time=DAY - 3600 + 25)
    with pytest.raises(ArchiveError, match="a clock was set back in stream"):
        got(-3600, 100)
    assert got(None, None) == ([10] * 6, [])
