"""A lock that Ctrl-C cannot leave behind.

Python looks for signals after calls, where a function begins and where a loop goes back. From 3.14 on the
entering of a `with` counts as a call: with `threading.RLock` a signal may come when the lock is taken and the
`with` does not yet know, and nobody ever gives it back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

_ONCE = (True,)

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

__all__ = ["Lock", "RLock"]
