"""Ctrl-C while a store is waited for: a request that hangs cannot be broken off, so the program is.

As long as one is under way in the main thread, the interpreter runs no handler of a signal; and threads that
wait for others are waited for. What is done with an archive may end at any moment: it is taken up again.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .guard import INTERRUPTED

PATIENCE_S = 1.0
"""For an end in good order."""
UNFINISHED: set[Path] = set()
"""Files to be removed then."""


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Within it, Ctrl-C ends the process `PATIENCE_S` later unless it has ended what is within by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(ours, ended), name="interrupt", daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        theirs.close()  # which ends the watcher
        watcher.join()
        ours.close()


def _watch(signals: socket.socket, ended: threading.Event) -> None:
    while told := signals.recv(64):
        if signal.SIGINT in told and not ended.wait(PATIENCE_S):
            for path in list(UNFINISHED):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            os._exit(INTERRUPTED)
