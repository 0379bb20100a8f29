"""Locks that Ctrl-C cannot leave behind.

Python looks for signals after calls, where a function begins and where a loop goes back. From 3.14 on the
entering of a `with` counts as a call: with `threading.RLock` a signal may come when the lock is taken and the
`with` does not yet know, and nobody ever gives it back. `threading.Condition` has that moment in every
version, and others in `wait`, since its methods are functions.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import starmap
from time import monotonic
from typing import TYPE_CHECKING, Any

_ONCE = (True,)
_NO_ARGUMENTS: tuple[tuple[()], ...] = ((),)

if TYPE_CHECKING:
    from threading import RLock
else:

    class RLock(type(threading.RLock())):
        """As `threading.RLock`."""

        def __enter__(self):
            # A loop takes the lock without a call, and to return looks for no signal.
            for _ in map(self.acquire, _ONCE):
                return True
            raise AssertionError


Lock = threading.Lock


class Condition:
    """As `threading.Condition`, but not a `with` itself: hold its `lock`, an `RLock`, for every method."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._waiters: deque[threading.Lock] = deque()

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until `notify_all` or, False, after `timeout` seconds; then take it again."""
        lock: Any = self.lock
        bell = Lock()
        bell.acquire()
        held = None
        rung = False
        try:
            self._waiters.append(bell)
            # As above: no signal comes between the release and the knowing of it.
            for held in starmap(lock._release_save, _NO_ARGUMENTS):  # noqa: B007
                rung = bell.acquire(True, -1 if timeout is None else max(0.0, timeout))
        finally:
            if held is not None:
                lock._acquire_restore(held)
            if not rung and bell in self._waiters:
                self._waiters.remove(bell)
        return rung

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until the predicate, called with the lock held, is true; False after `timeout` seconds."""
        stop = None if timeout is None else monotonic() + timeout
        while not predicate():
            left = None if stop is None else stop - monotonic()
            if left is not None and left <= 0:
                return predicate()
            self.wait(left)
        return True

    def notify_all(self) -> None:
        """Wake all who wait."""
        while self._waiters:
            self._waiters.popleft().release()


__all__ = ["Condition", "Lock", "RLock"]
