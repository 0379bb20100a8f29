"""From two emulated boards on a network that loses, through an archive whose store fails, and back.

What the archive gives must be what each receiver told: every delivered frame bit for bit, and gaps exactly
where it told them. The receiver's word is kept beside the archive, by a witness.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import numpy as np
import pytest
from boards import RATE, Network, Witness, boards
from faultproxy import KINDS, FaultProxy
from faultproxy import Faults as StoreFaults
from kept import soon
from motoserver import S3Server

from ossicle.archive.layout import Plan
from ossicle.archive.library import Library
from ossicle.archive.select import Selection
from ossicle.archive.settings import load
from ossicle.microphone import Microphone
from ossicle.proto.events import Audio, Gap, Started
from ossicle.sinks.archive import Archive
from ossicle.soak.plan import Faults, Span

HOURS = float(os.environ.get("OSSICLE_SOAK_HOURS", "1"))
BEGAN = 1_780_000_000.0
LINK = Faults(drop=0.08, dup=0.02, reorder=0.05, corrupt=0.02, seed=3)
SETTLE_S = 60.0
AHEAD_S = 60.0
"""How far a board that plays flat out may run ahead of who keeps it, in audio."""


class Sink:
    """A recording in memory."""

    def __init__(self) -> None:
        self.pieces: list[np.ndarray] = []

    def write(self, frames: np.ndarray) -> None:
        self.pieces.append(frames)

    def silence(self, frames: int) -> None:
        self.pieces.append(np.zeros(frames, np.int16))

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate(self.pieces)


def keep(microphone: Microphone, archive: Archive, witness: Witness) -> None:
    """One microphone to its end, into the archive and to the witness.

    Flat out no clock says when a frame was captured: emulated time does. The source waits for who keeps it,
    as the archive never would.
    """
    events = microphone.subscribe(AHEAD_S, "wait").events()
    witness.device = microphone.device
    witness.stream = microphone.started.stream_id.hex()
    stream = archive.stream(
        device=witness.device,
        stream=witness.stream,
        rate=RATE,
        channels=1,
        time_of=lambda position: (BEGAN + position / RATE, 0.001),
        true_rate=lambda: float(RATE),
    )
    for event in events:
        if isinstance(event, Audio):
            witness.audio(event)
            stream.audio(event.start, event.frames)
        elif isinstance(event, Gap):
            witness.gap(event)
            stream.gap(event)
        else:
            assert not (isinstance(event, Started) and event.resumed)
        assert archive.settle(stream, SETTLE_S)
    stream.close()


def keep_all(network: Network, archive: Archive, folder: Path) -> list[Witness]:
    witnesses = [Witness(folder) for _ in network.microphones]
    failures: list[BaseException] = []

    def run(microphone: Microphone, witness: Witness) -> None:
        try:
            keep(microphone, archive, witness)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=run, args=each) for each in zip(network.microphones, witnesses, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return witnesses


def compare(library: Library, witness: Witness, start: int, stop: int, plan: Plan) -> None:
    """Positions [start, stop) as the archive gives them, beside what the receiver told."""
    sink = Sink()
    got = library.get(plan, sink)
    assert got.frames == stop - start
    assert np.array_equal(sink.frames, witness.frames(start, stop))
    told = [(hole.start_frame, hole.stop_frame, hole.cause, hole.estimated) for hole in got.holes]
    wanted = [
        (max(gap.start, start) - start, min(gap.stop or 0, stop) - start, gap.cause, gap.estimated)
        for gap in witness.gaps
        if gap.start < stop and (gap.stop or 0) > start
    ]
    assert told == wanted
    assert [hole.position for hole in got.holes] == [start + first for first, *_ in told]
    assert got.corrupt == ()


def judge(given: dict[str, Any], witnesses: list[Witness]) -> None:
    """Whole streams, ranges by position and by time, and once more after the index was lost."""
    rng = Random(9)
    for lost in (False, True):
        if lost:
            load(**given).index_path.unlink()
        with Library(load(**given)) as library:
            verified = library.verify()
            assert verified.problems == 0
            for witness in witnesses:
                chosen = Selection(device=witness.device, stream=witness.stream)
                compare(library, witness, 0, witness.stop, library.plan(chosen))
                for _ in range(3):
                    start, stop = sorted(rng.sample(range(witness.stop), 2))
                    compare(library, witness, start, stop, library.plan(chosen, start=start, stop=stop))
                    timed = replace(
                        chosen, stream=None, since=BEGAN + start / RATE, until=BEGAN + stop / RATE
                    )
                    compare(library, witness, start, stop, library.plan(timed))


def round_trip(given: dict[str, Any], folder: Path, seconds: float, **trouble: Any) -> list[Witness]:
    with boards(2, seconds, faults=LINK, **trouble) as network:
        archive = Archive(load(**given))
        witnesses = keep_all(network, archive, folder)
        soon(lambda: archive.drain(1), 120)
        stats = archive.stats()
        archive.close(10)
        assert network.dropped > seconds
        for witness, pattern in zip(witnesses, network.patterns.items(), strict=False):
            print(f"\n{witness.device}: {witness.delivered} frames, {len(witness.gaps)} gaps", pattern[0])
    assert stats.counts.lost_frames == stats.counts.dropped_frames == stats.counts.untold == 0
    print(stats.counts)
    return witnesses


def test_two_boards_on_a_bad_network_and_a_store_that_fails(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(
        s3.port, StoreFaults(0.3, KINDS, seed=12, only=lambda method, path: method == "PUT")
    ) as proxy:
        given = s3.given(
            endpoint=proxy.url,
            state=str(tmp_path / "state"),
            object_s=5,
            keep_s=60,
            retry_first_s=0.05,
            retry_max_s=0.3,
            retention_days=0,
        )
        witnesses = round_trip(
            given,
            tmp_path,
            31.99,
            outages=(Span(0.7, 0.5),),
            stalls=((), ((100_000, 3_000), (159_000, 5_000))),
        )
        assert proxy.failed > 3
        judge(given, witnesses)
    causes = {gap.cause for witness in witnesses for gap in witness.gaps}
    assert causes >= {"capture", "deadline"}


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("mode", ["live", "lossless"])
def test_an_hour_of_two_boards(s3: S3Server, tmp_path: Path, mode: str) -> None:
    seconds = HOURS * 3600 + 0.1
    stalls = tuple((RATE * at, 3_000 + 10 * at) for at in range(70, round(seconds), 410))
    outages = tuple(Span(at, 0.6) for at in range(2, 60, 7))
    with FaultProxy(s3.port, StoreFaults(0.3, KINDS, seed=13)) as proxy:
        given = s3.given(endpoint=proxy.url, state=str(tmp_path / "state"), retention_days=0)
        witnesses = round_trip(given, tmp_path, seconds, outages=outages, stalls=((), stalls), mode=mode)
        print(proxy.counts)
        proxy.faults = StoreFaults()
        judge(given, witnesses)
