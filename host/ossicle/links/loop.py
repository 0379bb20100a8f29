"""The one thread of the process in which asyncio runs, for all sockets on which devices are heard.

It starts with the first port and ends with the last. The loop is a selector's on every system: it can watch
a socket of our own, which Windows' other loop cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ossicle.errors import LinkError

T = TypeVar("T")

_CALL_S = 10.0  # the longest that anything done in the loop takes
_JOIN_S = 5.0


class LoopThread:
    """An asyncio loop in a thread of its own. It is a daemon: a program that ends does not wait for it."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="ossicle sockets", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the loop and wait for what it gives or raises."""
        future = asyncio.run_coroutine_threadsafe(work(), self.loop)
        try:
            return future.result(_CALL_S)
        except TimeoutError:
            raise LinkError("the thread of the sockets does not answer") from None
        finally:
            future.cancel()  # without effect on what is done; Ctrl-C leaves nothing behind

    def post(self, work: Callable[..., object], *arguments: object) -> bool:
        """Have a function called in the loop, soon; false when the loop has ended."""
        try:
            self.loop.call_soon_threadsafe(work, *arguments)
        except RuntimeError:
            return False
        return True

    def stop(self) -> None:
        """End the thread. What still runs in the loop is cancelled."""
        self.post(self.loop.stop)
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                with contextlib.suppress(Exception):
                    self.loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()
