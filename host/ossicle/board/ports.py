"""Which serial port a board is on, and under which address it finds this computer."""

from __future__ import annotations

import socket
from contextlib import suppress

from ..discover import Device, ports
from ..errors import UrlError
from ..urls import parse
from .faults import BoardError

_SHOWN_MAX = 8


def chosen(asked: str) -> str:
    """The port as mpremote takes it: what was asked for (a port, or a URL of one), or for "auto" the only one
    that looks like a board's. Raises BoardError, UrlError."""
    if asked != "auto":
        target = parse(asked)
        if target.kind != "serial":
            raise UrlError(
                f"{asked}: a board is installed through its serial port, such as /dev/ttyUSB0", asked
            )
        return target.port
    found = ports()
    likely = [device for device in found if device.bridge]
    if len(likely) == 1:
        return likely[0].port
    if not found:
        raise BoardError("no serial port was found: connect the board; some cables only charge")
    if not likely:
        raise BoardError(f"no port looks like a board's; name one of {_listed(found)}")
    raise BoardError(f"there are several boards; name one of {_listed(likely)}")


def _listed(found: list[Device]) -> str:
    more = f" and {len(found) - _SHOWN_MAX} more" if len(found) > _SHOWN_MAX else ""
    return ", ".join(device.port for device in found[:_SHOWN_MAX]) + more


def our_address() -> str:
    """This computer's address on the network it reaches others by, "" where there is none. Sends nothing."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's; the system only looks up the way there
        address = str(probe.getsockname()[0])
        return "" if address.startswith("127.") or address == "0.0.0.0" else address
    return ""
