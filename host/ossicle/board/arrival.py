"""Waiting for a board that starts: its HELLO on the serial port, or where it calls on the network."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..discover import callers, probe
from ..errors import LinkError
from ..proto.events import Hello
from ._schema import Value
from .settings import effective

_ASK_S = 2.0
_PAUSE_S = 0.3


def url(settings: Mapping[str, Value], port: str) -> str:
    """Where a board so configured is heard, as `ossicle listen` takes it."""
    link = effective(settings, "link")
    if link == "serial":
        return port
    return f"{link}://0.0.0.0:{effective(settings, 'port')}"


def wait(settings: Mapping[str, Value], port: str, device: str, timeout: float) -> Hello | None:
    """The HELLO of the board, None where none came within `timeout` seconds.

    `device` is its id; another board that calls at the same place is none. Raises LinkError where the place
    itself cannot be had.
    """
    stop = time.monotonic() + timeout
    where = url(settings, port)
    while (left := stop - time.monotonic()) > 0:
        if where == port:
            found = _on_the_line(port, min(_ASK_S, left))
        else:
            heard = (caller.hello for caller in callers(where, min(_ASK_S, left)))
            found = next((hello for hello in heard if hello and hello.device == device), None)
        if found is not None:
            return found
    return None


def _on_the_line(port: str, timeout: float) -> Hello | None:
    """A board on USB may be away while it starts."""
    try:
        return probe(port, timeout)
    except LinkError:
        time.sleep(min(_PAUSE_S, timeout))
        return None
