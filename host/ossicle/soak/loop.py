"""The thread in which all relays of a run live: it waits for their ports and for what is due."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Callable
from threading import Thread
from typing import Protocol

_WAIT_S = 0.05
_HELD_UP_S = 0.1  # a turn that comes so late was the machine's fault, and nothing passed meanwhile
_SPANS_MAX = 10_000
_JOIN_S = 5.0


class Relay(Protocol):
    """What the loop drives."""

    def tick(self, now: float) -> float | None:
        """Do what is due; when the next thing is, or None."""

    def close(self) -> None:
        """Give everything back."""


class Loop:
    """Start it, add relays, stop it. A relay watches its ports with `watch`."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.late: list[tuple[float, float]] = []  # times in which the thread did not run
        self._selector = selectors.DefaultSelector()
        self._relays: list[Relay] = []
        self._stopping = False
        self._thread = Thread(target=self._run, name="ossicle-soak-relays", daemon=True)

    def add(self, relay: Relay) -> None:
        """Before the start only."""
        self._relays.append(relay)

    def watch(self, port: int, ready: Callable[[float], None]) -> None:
        """Call `ready(now)` whenever there is something to read."""
        self._selector.register(port, selectors.EVENT_READ, ready)

    def forget(self, port: int) -> None:
        """Harmless when repeated."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(port)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the relays."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        for relay in self._relays:
            relay.close()
        self._selector.close()

    def _run(self) -> None:
        try:
            until = time.monotonic() + _WAIT_S
            while not self._stopping:
                now = time.monotonic()
                if now - until > _HELD_UP_S and len(self.late) < _SPANS_MAX:
                    self.late.append((until, now))
                dues = [due for due in (relay.tick(now) for relay in self._relays) if due is not None]
                wait = min([_WAIT_S, *(due - now for due in dues)])
                until = time.monotonic() + max(wait, 0.0)
                for key, _ in self._selector.select(max(wait, 0.0)):
                    key.data(time.monotonic())
        except Exception as error:  # told by `failure`: a thread's exception is seen by nobody
            self.failure = error
