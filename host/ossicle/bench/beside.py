"""How late a consumer has its frames, beside an archive whose store fails and beside none.

The devices are simulated, in another process, and play in real time behind pseudo-terminals; each has a
consumer, a thread of its own that takes events as they come. A chunk is sent when its last frame is captured;
when that was, the process of the devices does not say, so the promptest chunk of a stream counts as if it had
taken no time. Late is what comes above that. From its first frame's capture on a chunk takes a hop more.

The archive is a second consumer of each microphone. It gets objects of a second, where a minute is usual: so
at any moment something is encoded, sent, tried again and spilled, which else happens once a minute.

Contestants take turns, since a machine has good and bad seconds. The ratio is that of two p99 of the same
turn, and of these the median.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from statistics import median
from threading import Thread
from time import monotonic, sleep
from typing import Any

from ossicle.archive.settings import load
from ossicle.links.serial import SerialLink
from ossicle.microphone import Microphone
from ossicle.proto.events import Audio
from ossicle.proto.receiver import Receiver
from ossicle.sinks.archive import Archive

from .devices import TIMEOUT_S, simulated
from .source import RATE, BenchmarkError
from .timing import percentile

HOP_S = 512 / RATE
NONE, WELL, FAILING, DOWN = "no archive", "a folder", "a store that fails", "a store that is down"
DEVICES = 4
OBJECT_S = 1
_SETTLE_S = 1.0
_CLOSE_S = 0.2
_STOP_S = 5.0

Lateness = dict[str, list[list[float]]]
"""Seconds of each chunk, turn by turn, by contestant."""


class Consumer:
    """One microphone whose chunks are timed as a thread takes them."""

    def __init__(self, port: str) -> None:
        link = SerialLink(port)
        self.microphone = Microphone(link, Receiver(baud=link.baud), timeout=TIMEOUT_S, hang_up=True)
        self.microphone.start()
        self.failure: Exception | None = None
        self._came: list[tuple[int, float]] = []
        self._events = self.microphone.subscribe()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def taken(self) -> list[tuple[int, float]]:
        """Of each chunk since the last call: the position after it, and when it came."""
        came, self._came = self._came, []
        return came

    def close(self) -> None:
        """Hang up."""
        self.microphone.close()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            for event in self._events.events():
                if isinstance(event, Audio):
                    self._came.append((event.stop, monotonic()))
        except Exception as error:  # told by `failure`: a thread's exception is seen by nobody
            self.failure = error


def measure(turns: int, turn_s: float, say: Callable[[str], None]) -> Lateness:
    """Every contestant in each turn, in an order that rotates.

    Raises BenchmarkError when frames are lost, or when an archive that was to be in trouble was in none.
    """
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(simulated(DEVICES, 60.0 + turns * 4 * (turn_s + 3), 0))
        consumers = []
        for port in ports:
            consumers.append(Consumer(port))
            stack.callback(consumers[-1].close)
        setups = _setups(stack)
        spans: dict[str, list[list[list[tuple[int, float]]]]] = {name: [] for name in setups}
        names = list(setups)
        for turn in range(turns):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                say(f"archive: turn {turn + 1} of {turns}, beside {name}")
                spans[name].append(_watch(consumers, turn_s, name, setups[name]))
        _check(consumers)
    return _late(spans)


def _setups(stack: contextlib.ExitStack) -> dict[str, dict[str, Any] | None]:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ossicle-bench-"))
    failing = stack.enter_context(store(0.3, 0.1))
    with store(0.0, 0.0) as down:
        pass
    return {
        NONE: None,
        WELL: {"url": f"{folder}/archive", "state": f"{folder}/well"},
        FAILING: {**failing, "state": f"{folder}/failing"},
        DOWN: {**down, "state": f"{folder}/down"},
    }


@contextlib.contextmanager
def store(failed: float, held: float) -> Iterator[dict[str, Any]]:
    """The settings of an archive in `failing`, which is gone when this ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.failing", f"{failed}", f"{held}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline() or 0)
        yield {
            "url": "s3://bench/archive",
            "endpoint": f"http://127.0.0.1:{port}",
            "region": "us-east-1",
            "access_key_id": "bench",
            "secret_access_key": "bench",
            "allow_http": True,
            "timeout_s": 2.0,
        }
    finally:
        child.stdin.close()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _watch(
    consumers: list[Consumer], seconds: float, name: str, settings: dict[str, Any] | None
) -> list[list[tuple[int, float]]]:
    """What each consumer took in so many seconds, all of them beside the same."""
    with contextlib.ExitStack() as stack:
        archive = None
        if settings is not None:
            archive = Archive(load(object_s=OBJECT_S, keep_s=2 * OBJECT_S, **settings), lenient=True)
            stack.callback(archive.close, _CLOSE_S)
            for consumer in consumers:
                stack.callback(archive.follow(consumer.microphone).close)
        sleep(_SETTLE_S)
        for consumer in consumers:
            consumer.taken()
        sleep(seconds)
        taken = [consumer.taken() for consumer in consumers]
        if archive is not None:
            _expect(name, archive)
    return taken


def _expect(name: str, archive: Archive) -> None:
    """Trouble, or none: else the figure would be of something else."""
    counts = archive.stats().counts
    if name == WELL and (counts.failed or not counts.uploaded):
        raise BenchmarkError(f"beside {name}: {counts.failed} uploads failed, {counts.uploaded} did not")
    if name != WELL and not counts.failed:
        raise BenchmarkError(f"beside {name}: no upload failed")


def _check(consumers: list[Consumer]) -> None:
    for consumer in consumers:
        lost = consumer.microphone.stats.link.host.gaps
        if consumer.failure is not None or lost:
            raise BenchmarkError(f"a consumer has lost something: {consumer.failure or f'{lost} gaps'}")


def _late(spans: dict[str, list[list[list[tuple[int, float]]]]]) -> Lateness:
    """Above the promptest chunk of the same stream."""
    prompt = [
        min(came - stop / RATE for turns in spans.values() for turn in turns for stop, came in turn[number])
        for number in range(DEVICES)
    ]
    return {
        name: [
            [came - stop / RATE - prompt[number] for number in range(DEVICES) for stop, came in turn[number]]
            for turn in turns
        ]
        for name, turns in spans.items()
    }


def ratio(ours: list[list[float]], others: list[list[float]], more_s: float = 0.0) -> float:
    """Of two p99 of the same turn, to each of which `more_s` is added: the median of all turns."""
    return median(
        (percentile(a, 0.99) + more_s) / (percentile(b, 0.99) + more_s)
        for a, b in zip(ours, others, strict=True)
    )
