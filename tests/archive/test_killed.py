"""Killed at random moments while the store fails: what was spooled arrives, and nothing is half-written.

Each round a process that keeps an archive is killed by SIGKILL, often while it takes over what the one before
it has left. The last one is let live until nothing waits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import victim
from faultproxy import HANG, KINDS, FaultProxy, Faults
from kept import Kept, objects, soon
from motoserver import S3Server

from ossicle.archive.index import Index
from ossicle.archive.settings import load
from ossicle.sinks.archive import Archive

BEGAN = 1_780_000_000.0
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


def kill(victims: victim.Victims, given: dict[str, Any], kills: int, seed: int, most_s: float) -> set[str]:
    """So many processes; the hashes of all that lay in the spool when one was dead."""
    rng = Random(seed)
    seen: set[str] = set()
    for number in range(kills):
        task = {"settings": given, "stream": f"{number + 1:016x}", "time": BEGAN + 10_000 * number}
        moment = rng.uniform(0.01, most_s)
        victims.live({**task, "pause_s": 0.01}, lambda moment=moment: time.sleep(moment))
        seen |= spooled(given)
    return seen


def drain(given: dict[str, Any]) -> None:
    """One more program, which nobody kills."""
    archive = Archive(load(**given))
    soon(lambda: archive.drain(1))
    archive.close(10)
    assert not spooled(given)


def judge(given: dict[str, Any], seen: set[str], kills: int) -> list[Kept]:
    kept = objects(given)
    assert seen <= {each.key.sha256 for each in kept}, "something that was spooled is lost"
    for each in kept:
        wanted = victim.frames(each.entry.device, each.entry.start, each.entry.stop)
        assert np.array_equal(each.frames, wanted)
        assert each.entry.gaps == ()
    left = {path.suffix for path in load(**given).spool_folder.glob("*")}
    assert left <= {".lock", ".part"}
    with Index(load(**given).index_path) as index:
        assert index.keys() == {str(each.key) for each in kept}
    assert len({each.entry.stream for each in kept}) > kills // 3, "most were killed before they wrote"
    return kept


def test_twenty_kills_while_a_third_of_all_requests_fails(
    s3: S3Server, victims: victim.Victims, tmp_path: Path
) -> None:
    faults = Faults(0.3, (*KINDS, HANG), hang_s=0.3, seed=1)
    with FaultProxy(s3.port, faults) as proxy:
        given = {**s3.given(endpoint=proxy.url), **QUICK, "state": str(tmp_path / "state")}
        seen = kill(victims, given, 20, 3, 0.45)
        failed = proxy.failed
        proxy.faults = Faults()
        drain(given)
        judge(given, seen, 20)
    print(f"\n{failed} requests failed; {len(seen)} objects seen in the spool")
    assert failed > 20
    assert len(seen) > 20


def test_kills_while_a_folder_is_written(victims: victim.Victims, tmp_path: Path) -> None:
    given = {"url": str(tmp_path / "kept"), **QUICK, "state": str(tmp_path / "state")}
    seen = kill(victims, given, 5, 4, 0.4)
    drain(given)
    judge(given, seen, 5)
    strangers = [p for p in (tmp_path / "kept").rglob("*") if p.is_file() and p.suffix != ".flac"]
    assert strangers == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_kills(s3: S3Server, victims: victim.Victims, tmp_path: Path) -> None:
    faults = Faults(0.3, (*KINDS, HANG), hang_s=1.0, seed=2)
    with FaultProxy(s3.port, faults) as proxy:
        given = {**s3.given(endpoint=proxy.url), **QUICK, "state": str(tmp_path / "state")}
        seen = kill(victims, given, 200, 5, 1.5)
        proxy.faults = Faults()
        drain(given)
        kept = judge(given, seen, 200)
    print(f"\n{len(kept)} objects, {len(seen)} of them seen in the spool; {proxy.counts}")
