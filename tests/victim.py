"""A process that keeps an archive, to be killed at any moment.

    python tests/victim.py        tasks come as JSON on stdin, a line each

What takes long (Python, its imports) happens once. Each task is done by a fork, whose number is told on
stdout: that one is killed. It streams the task's devices, faster than real time, and never ends by itself;
one without devices uploads what others have left. On stdout it says when its archive is open.

`Victims` is the other end of it. What is heard is a function of the position, so any object can be judged
without a word from who wrote it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ossicle.pattern import Pattern

RATE = 16000
CHUNK = 4000
DEVICES = ("left", "right")
QUIET_BITS = 6
"""The pattern is noise that no coder makes smaller; so many bits less, and one does."""
OPEN = "open"
_STOP_S = 10.0


def frames(device: str, start: int, stop: int) -> np.ndarray:
    """What a device hears at these positions: int16 of shape (frames,)."""
    key = 7 + DEVICES.index(device) if device in DEVICES else 99
    return Pattern(1, key, RATE).part(start, stop - start) >> QUIET_BITS


class Victims:
    """Processes that are killed, one at a time. Close it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._ask() == "ready"

    def live(self, task: dict[str, Any], doom: Callable[[], object], *, opened: bool) -> None:
        """One that does `task` until `doom` returns, which is called when its archive is open, or as soon as
        it lives; then it is killed, and gone when this returns."""
        assert self._process.stdin is not None
        print(json.dumps(task), file=self._process.stdin, flush=True)
        victim = int(self._ask())
        said = ""
        try:
            if opened:
                said = self._ask()
            doom()
        finally:
            os.kill(victim, signal.SIGKILL)
            if said in ("", OPEN):
                said = self._ask()
            if said == OPEN:
                said = self._ask()
        assert int(said) == -signal.SIGKILL, "it has not lived until it was killed"

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        finally:
            self._process.kill()
            self._process.stdout.close()

    def _ask(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _run(task: dict[str, Any]) -> None:
    from ossicle.archive.settings import load
    from ossicle.sinks.archive import Archive

    archive = Archive(load(**task["settings"]), lenient=True)
    streams = {
        name: archive.stream(
            device=name,
            stream=task["stream"],
            rate=RATE,
            channels=1,
            time_of=lambda position: (task["time"] + position / RATE, 0.001),
            true_rate=lambda: None,
        )
        for name in task["devices"]
    }
    print(OPEN, flush=True)
    start = 0
    while True:
        for name, stream in streams.items():
            stream.audio(start, frames(name, start, start + CHUNK))
        start += CHUNK
        time.sleep(task["pause_s"])


def main() -> None:
    import obstore  # noqa: F401
    import soundfile  # noqa: F401

    import ossicle.sinks.archive  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(KeyboardInterrupt):
                _run(json.loads(line))
            os._exit(1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
