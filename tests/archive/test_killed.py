"""Killed at random moments while the store fails: what was spooled arrives, and nothing is half-written.

Each round a process that keeps an archive is killed by SIGKILL, some of them while they begin. Every third
hears nothing, and is killed while it uploads what those before it have left. The last one is let live until
nothing waits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import victim
from faultproxy import HANG, KINDS, FaultProxy, Faults
from kept import Kept, objects, soon
from motoserver import S3Server

from ossicle.archive.library import Library
from ossicle.archive.settings import load
from ossicle.sinks.archive import Archive

BEGAN = 1_780_000_000.0
UNFINISHED = re.compile(r"\.flac#\d+")
SPOOLED = re.compile(r"\d+-([0-9a-f]{64})\.flac")
QUICK = {
    "object_s": 1,
    "keep_s": 4,
    "retry_first_s": 0.05,
    "retry_max_s": 0.2,
    "retries": 0,
    "timeout_s": 2,
    "retention_days": 0,
}


@pytest.fixture(scope="module")
def victims() -> Iterator[victim.Victims]:
    made = victim.Victims()
    yield made
    made.close()


def spooled(given: dict[str, Any]) -> set[str]:
    """The hashes of the objects in the spool."""
    folder = load(**given).spool_folder
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return {found[1] for found in map(SPOOLED.fullmatch, names) if found}


def task(given: dict[str, Any], number: int, devices: tuple[str, ...] = victim.DEVICES) -> dict[str, Any]:
    return {
        "settings": given,
        "stream": f"{number + 1:016x}",
        "time": BEGAN + 10_000 * number,
        "devices": devices,
        "pause_s": 0.01,
    }


def kill(
    victims: victim.Victims, proxy: FaultProxy, given: dict[str, Any], kills: int, seed: int, most_s: float
) -> set[str]:
    """So many processes; the hashes of all that lay in the spool when one was dead. For some of them there is
    no server at all."""
    rng = Random(seed)
    seen: set[str] = set()
    for number in range(kills):
        devices = victim.DEVICES if number % 3 < 2 else ()
        moment = rng.uniform(0.0, most_s)
        doom = partial(time.sleep, moment + 0.2 * (number % 6 == 1))
        with proxy.outage() if number % 6 == 1 else nullcontext():
            victims.live(task(given, number, devices), doom, opened=number % 4 > 0)
        seen |= spooled(given)
    return seen


def drain(given: dict[str, Any]) -> None:
    """One more program, which nobody kills."""
    archive = Archive(load(**given))
    soon(lambda: archive.drain(1))
    archive.close(10)
    assert not spooled(given)


def judge(given: dict[str, Any], seen: set[str]) -> list[Kept]:
    kept = objects(given)
    assert seen <= {each.key.sha256 for each in kept}, "something that was spooled is lost"
    for each in kept:
        wanted = victim.frames(each.entry.device, each.entry.start, each.entry.stop)
        assert np.array_equal(each.frames, wanted)
        assert each.entry.gaps == ()
    left = {path.suffix for path in load(**given).spool_folder.glob("*")}
    assert left <= {".lock", ".part"}
    stored = {str(each.key) for each in kept}
    with Library(load(**given)) as library:
        assert library.index.keys() <= stored, "the index never tells of what is not there"
        library.refresh()  # a kill between store and index leaves an object without its row
        assert library.index.keys() == stored
    return kept


def test_twenty_kills_while_a_third_of_all_requests_fails(
    s3: S3Server, victims: victim.Victims, tmp_path: Path
) -> None:
    faults = Faults(0.3, (*KINDS, HANG), hang_s=0.3, seed=1)
    with FaultProxy(s3.port, faults) as proxy:
        given = {**s3.given(endpoint=proxy.url), **QUICK, "state": str(tmp_path / "state")}
        seen = kill(victims, proxy, given, 20, 3, 0.4)
        failed = proxy.failed
        proxy.faults = Faults()
        drain(given)
        judge(given, seen)
    print(f"\n{failed} requests failed; {len(seen)} objects seen in the spool")
    assert failed > 10
    assert len(seen) > 10


def test_kills_while_a_folder_is_written(victims: victim.Victims, tmp_path: Path) -> None:
    """Each as soon as an object is there: it is about to write more."""
    given = {"url": str(tmp_path / "kept"), **QUICK, "state": str(tmp_path / "state")}

    def written() -> int:
        return sum(1 for path in (tmp_path / "kept").rglob("*.flac") if path.is_file())

    for number in range(5):
        before = written()
        victims.live(task(given, number), lambda before=before: soon(lambda: written() > before), opened=True)
    drain(given)
    kept = judge(given, set())
    assert len({each.entry.stream for each in kept}) == 5
    strangers = [p for p in (tmp_path / "kept").rglob("*") if p.is_file() and p.suffix != ".flac"]
    assert all(UNFINISHED.fullmatch(path.suffix) for path in strangers), "nobody takes these for objects"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_kills(s3: S3Server, victims: victim.Victims, tmp_path: Path) -> None:
    faults = Faults(0.3, (*KINDS, HANG), hang_s=1.0, seed=2)
    with FaultProxy(s3.port, faults) as proxy:
        given = {**s3.given(endpoint=proxy.url), **QUICK, "state": str(tmp_path / "state")}
        seen = kill(victims, proxy, given, 200, 5, 1.5)
        proxy.faults = Faults()
        drain(given)
        kept = judge(given, seen)
    print(f"\n{len(kept)} objects, {len(seen)} of them seen in the spool; {proxy.counts}")
