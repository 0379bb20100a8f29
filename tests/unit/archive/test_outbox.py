"""What goes up, what goes into the spool, and what is lost when memory is full."""

from __future__ import annotations

from pathlib import Path

from ossicle.archive.health import Tally
from ossicle.archive.outbox import SLOW_S, Outbox
from ossicle.archive.spool import Spooled

from .parcels import account, parcel_at

KEPT = Spooled(0.0, "0" * 64, 1, Path("x"))


def test_the_oldest_goes_up_first_and_each_once() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account()
    first, second = parcel_at(0, owner, size=10), parcel_at(800, owner, size=10)
    box.put(first)
    box.put(second)
    assert [box.next_upload(0.0) for _ in range(3)] == [first, second, None]
    assert owner.objects == 20
    box.landed(first, True)
    box.landed(second, True)
    assert (owner.objects, box.waiting) == (0, 0)


def test_a_failed_one_waits_and_another_goes_up_meanwhile() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account()
    first, second = parcel_at(0, owner, size=10), parcel_at(800, owner, size=10)
    box.put(first)
    box.put(second)
    assert box.next_upload(0.0) is first
    box.landed(first, False, not_before=5.0)
    assert box.next_upload(1.0) is second
    assert box.next_upload(4.9) is None
    assert box.next_upload(5.0) is first


def test_what_is_slow_goes_into_the_spool_also_while_it_is_on_its_way_up() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account()
    parcel = parcel_at(0, owner, size=10, born=100.0)
    box.put(parcel)
    assert box.next_upload(100.0) is parcel
    assert box.next_spill(100.0 + SLOW_S - 0.1) is None
    assert box.next_spill(100.0 + SLOW_S) is parcel
    assert box.next_spill(100.0 + SLOW_S) is None
    box.spilled(parcel, KEPT)
    assert owner.objects == 10  # the upload still holds it
    box.landed(parcel, False)
    assert (owner.objects, box.waiting, box.unsafe) == (0, 0, 0)


def test_what_failed_too_often_goes_into_the_spool_at_once() -> None:
    box, (owner, _) = Outbox(Tally(), 1), account()
    parcel = parcel_at(0, owner, size=10, born=100.0)
    box.put(parcel)
    for _ in range(2):
        assert box.next_spill(100.0) is None
        assert box.next_upload(100.0) is parcel
        box.landed(parcel, False)
    assert box.next_spill(100.0) is parcel


def test_all_goes_into_the_spool_in_a_hurry_or_when_memory_is_short() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account(limit=1000, ring=500)
    parcel = parcel_at(0, owner, size=299)
    box.put(parcel)
    assert box.next_spill(0.0) is None
    box.put(parcel_at(800, owner, size=1))
    assert owner.level == "warning"
    assert box.next_spill(0.0) is parcel

    box, (owner, _) = Outbox(Tally(), 3), account()
    parcel = parcel_at(0, owner, size=10)
    box.put(parcel)
    box.hurry = True
    assert box.next_spill(0.0) is parcel


def test_a_spool_that_takes_nothing_is_asked_again() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account()
    parcel = parcel_at(0, owner, size=10)
    box.put(parcel)
    box.hurry = True
    assert box.next_spill(0.0) is parcel
    box.spilled(parcel, None)
    assert box.next_spill(0.0) is parcel


def test_levels_are_told_at_80_and_95_percent() -> None:
    box, (owner, _) = Outbox(Tally(), 3), account(limit=1000, ring=500)
    sizes = (290, 10, 149, 1)
    told = [[n.kind for n in box.put(parcel_at(800 * i, owner, size=s))] for i, s in enumerate(sizes)]
    assert told == [[], ["health"], [], ["health"]]
    assert owner.level == "critical"


def test_memory_is_bounded_by_stream_and_the_oldest_is_lost() -> None:
    tally = Tally()
    box, (owner, lost), (other, other_lost) = Outbox(tally, 3), account(limit=1000, ring=500), account()
    box.put(parcel_at(0, other, size=10))
    parcels = [parcel_at(800 * n, owner, size=200) for n in range(4)]
    for parcel in parcels[:2]:
        box.put(parcel)
    assert box.next_upload(0.0) is not None  # the other stream's
    assert box.next_upload(0.0) is parcels[0]
    kinds = [notice.kind for parcel in parcels[2:] for notice in box.put(parcel)]
    assert kinds.count("dropped") == 2
    assert lost == [(800, 1600), (1600, 2400)]  # not the one that is on its way
    assert owner.held <= owner.limit
    assert owner.peak <= owner.limit
    assert other_lost == []
    counts = tally.counts()
    assert (counts.dropped_objects, counts.dropped_frames) == (2, 1600)


def test_a_new_one_is_lost_where_no_other_can_be() -> None:
    box, (owner, lost) = Outbox(Tally(), 3), account(limit=1000, ring=500)
    box.put(parcel_at(0, owner, size=400))
    assert box.next_upload(0.0) is not None
    assert [notice.kind for notice in box.put(parcel_at(800, owner, size=400))] == ["dropped"]
    assert lost == [(800, 1600)]


def test_given_up_is_lost_but_for_what_is_in_the_spool() -> None:
    tally = Tally()
    box, (owner, lost) = Outbox(tally, 3), account()
    first, second = parcel_at(0, owner, size=10), parcel_at(800, owner, size=10)
    box.put(first)
    box.put(second)
    assert box.next_upload(0.0) is first
    box.hurry = True
    assert box.next_spill(0.0) is first
    box.spilled(first, KEPT)
    assert [notice.kind for notice in box.give_up()] == ["dropped"]
    assert lost == [(800, 1600)]
    box.landed(second, False)  # too late, and no harm
    assert owner.objects == 10
