"""Every device that appears on a port, as a microphone of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import LinkError, OssicleError
from .links.hub import Claim, HubCounts
from .links.peer import PeerLink
from .links.ports import listen
from .locks import Condition
from .microphone import Microphone
from .network import HOST_NAME, NO_KEY, microphone_of, wanted_by
from .opening import Wish

_PROBLEMS_MAX = 16


@dataclass(frozen=True, slots=True)
class ServerStats:
    """A snapshot of what a server counts."""

    hub: HubCounts
    """What came to the port and reached no device's link."""
    accepted: int
    """Microphones that were handed out."""
    failed: int
    """Devices that said HELLO, and whose stream did not start."""
    opening: int
    """Devices whose stream is being started."""
    ready: int
    """Microphones that wait for `accept`."""


class Server:
    """A port that hears many devices; `ossicle.serve` gives it. A context manager, and an iterator.

    A device that says HELLO is started at once, at most `backlog` of them before they are accepted. The
    microphones belong to whoever accepts them: closing the server ends none of those. A device whose
    microphone was closed, and that says HELLO again, is accepted again.
    """

    def __init__(
        self, kind: str, host: str, number: int, device: str | None, wish: Wish, backlog: int
    ) -> None:
        if backlog < 1:
            raise ValueError(f"backlog {backlog}: at least 1 is needed")
        self._wish = wish
        self._backlog = backlog
        self._changed = Condition()
        self._lock = self._changed.lock
        self._opening: dict[str, Microphone] = {}
        self._ready: deque[Microphone] = deque()
        self._problems: deque[str] = deque(maxlen=_PROBLEMS_MAX)
        self._accepted = 0
        self._failed = 0
        self._closed = False
        self._hub = listen(kind, host, number, HOST_NAME)
        self._claim = Claim(wanted_by(wish, device), self._has_room, self._give)
        self._hub.claim(self._claim)

    @property
    def url(self) -> str:
        """Where it hears: with the port that was given where 0 was asked for."""
        return self._hub.url

    @property
    def port(self) -> int:
        """The number of that port."""
        return int(self.url.rpartition(":")[2])

    @property
    def problems(self) -> list[str]:
        """The last devices that could not be had, and why; a line each."""
        with self._lock:
            passed = [f"{device}: {why}" for device, why in self._claim.passed.items() if why == NO_KEY]
            return [*passed, *self._problems]

    @property
    def stats(self) -> ServerStats:
        """A snapshot of every counter."""
        with self._lock:
            opening, ready = len(self._opening), len(self._ready)
            return ServerStats(self._hub.counts, self._accepted, self._failed, opening, ready)

    def accept(self, timeout: float | None = None) -> Microphone:
        """The microphone of the next device, started. TimeoutError after `timeout` seconds; LinkError when
        the server is closed.
        """
        with self._lock:
            self._changed.wait_for(lambda: bool(self._ready) or self._closed, timeout)
            if self._closed:
                raise LinkError(f"{self.url}: the server is closed", self.url)
            if self._ready:
                self._accepted += 1
                return self._ready.popleft()
        why = "".join(f"; {problem}" for problem in self.problems[-1:])
        raise TimeoutError(f"{self.url}: no device appeared in {timeout:g} s{why}")

    def __iter__(self) -> Iterator[Microphone]:
        return self

    def __next__(self) -> Microphone:
        try:
            return self.accept()
        except LinkError:
            raise StopIteration from None

    def close(self) -> None:
        """Accept no more; harmless when repeated. What was not accepted is closed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = [*self._opening.values(), *self._ready]
            self._ready.clear()
            self._changed.notify_all()
        self._hub.unclaim(self._claim)
        for microphone in left:
            microphone.close()
        self._hub.release()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    # In the thread of the sockets

    def _has_room(self) -> bool:
        return not self._closed and len(self._opening) + len(self._ready) < self._backlog

    def _give(self, link: PeerLink) -> None:
        microphone = microphone_of(link, self._wish)
        with self._lock:
            self._opening[link.device] = microphone
        name = f"ossicle opens {link.device}"
        threading.Thread(target=self._start, args=(link.device, microphone), name=name, daemon=True).start()

    # In a thread for each device that is being opened

    def _start(self, device: str, microphone: Microphone) -> None:
        problem = ""
        try:
            microphone.start()
        except OssicleError as error:
            problem = f"{device}: {error}"
        except Exception as error:  # it would end a thread that nobody sees
            problem = f"{device}: {type(error).__name__}: {error}"
            microphone.close()
        with self._lock:
            self._opening.pop(device, None)
            if problem:
                self._failed += 1
                self._problems.append(problem)
            elif not self._closed:
                self._ready.append(microphone)
                self._changed.notify_all()
                return
        microphone.close()
