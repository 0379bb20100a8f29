"""The host under test, as a process of its own: it hears microphones and writes what it gets to stdout.

    python -m ossicle.soak.worker        its task comes as JSON on stdin, so that no key is in its arguments

It is killed at any moment, so it keeps nothing: where it goes on is in the task of the next one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from threading import Lock, Thread
from typing import Any

from ossicle.errors import OssicleError
from ossicle.proto.events import Audio, Ended, Gap, Started

from .tape import AUDIO, DONE, ENDED, FAILED, GAP, STARTED, Row, row

_whole = Lock()  # a row is written whole, whichever thread writes it


class Teller:
    """Writes rows of one device."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._position = 0

    def audio(self, event: Audio) -> None:
        """Frames, with the time at which the application has them."""
        body = event.frames.tobytes()
        _write(Row(AUDIO, self._device, event.start, time.monotonic(), body).pack())
        self._position = event.stop

    def say(self, kind: int, position: int | None = None, **fields: Any) -> None:
        """Anything else."""
        at = self._position if position is None else position
        _write(row(kind, self._device, at, time.monotonic(), **fields))


def _write(data: bytes) -> None:
    view = memoryview(data)
    with _whole:
        while view:
            view = view[os.write(1, view) :]


def hear(microphone: Any, tell: Teller) -> None:
    """One microphone to its end."""
    for event in microphone.events():
        if isinstance(event, Audio):
            tell.audio(event)
        elif isinstance(event, Gap):
            tell.say(GAP, event.start, stop=event.stop, cause=event.cause)
        elif isinstance(event, Started):
            tell.say(STARTED, **_started(event, microphone))
        elif isinstance(event, Ended):
            tell.say(ENDED, event.stop)


def _started(event: Started, microphone: Any) -> dict[str, Any]:
    return {
        "stream_id": event.stream_id.hex(),
        "hop": event.hop,
        "overlap": event.overlap,
        "ring_frames": event.ring_frames,
        "resumed": event.resumed,
        "baud": microphone.stats.link.baud,
    }


def listen(task: dict[str, Any]) -> None:
    """The task's one microphone."""
    from ossicle.api import open as open_microphone

    options = _options(task)
    if task["resume"]:
        from ossicle.proto.request import Resume

        given = task["resume"]
        options["resume"] = Resume(
            bytes.fromhex(given["stream_id"]), given["position"], given["hop"], given["baud"]
        )
    with open_microphone(task["url"], **options) as microphone:
        tell = Teller(0)
        hear(microphone, tell)
        tell.say(DONE, stats=_plain(microphone.stats.link))


def serve(task: dict[str, Any]) -> None:
    """All of the task's microphones, each in a thread of its own."""
    from ossicle.api import serve as serve_microphones

    threads = []
    failures: list[BaseException] = []
    with serve_microphones(task["url"], **_options(task)) as server:
        for _ in task["devices"]:
            microphone = server.accept(task["open"]["timeout"])
            number = task["devices"].index(microphone.device)
            threads.append(Thread(target=_hear_one, args=(microphone, Teller(number), failures)))
            threads[-1].start()
    # The server is closed: a board whose stream has ended would be started again.
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _hear_one(microphone: Any, tell: Teller, failures: list[BaseException]) -> None:
    try:
        with microphone:
            hear(microphone, tell)
            tell.say(DONE, stats=_plain(microphone.stats.link))
    except Exception as error:  # told by the main thread
        failures.append(error)


def _options(task: dict[str, Any]) -> dict[str, Any]:
    options = dict(task["open"])
    if task["keys"] and not options["plain"]:
        options["keys"] = {device: bytes.fromhex(key) for device, key in task["keys"].items()}
    return options


def _plain(stats: Any) -> dict[str, Any]:
    """What the receiver counted, for people who look for the cause."""
    host = stats.host
    return {name: getattr(host, name) for name in type(host).__dataclass_fields__}


def main() -> int:
    """Take the task and do it."""
    task = json.load(sys.stdin)
    try:
        serve(task) if len(task["devices"]) > 1 else listen(task)
    except (OssicleError, TimeoutError) as error:
        Teller(0).say(FAILED, text=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
