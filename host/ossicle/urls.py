"""What a URL asks for. The only place that takes one apart.

auto                            the port that answers
/dev/ttyUSB0  COM5              a serial port
serial:///dev/ttyUSB0?baud=N    the same, with a speed
rfc2217://host:port?baud=N      a serial port elsewhere
socket://host:port              a serial port behind plain TCP, which keeps its own speed
emulator:FILE?speed=max         the firmware on MicroPython, hearing a recording
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from .errors import UrlError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(?!\\)", re.IGNORECASE)  # two letters at least: C: is a drive
_LATER = {"udp": "UDP", "ws": "WebSocket", "wss": "WebSocket", "tcp": "TCP"}
_KNOWN = "auto, a serial port, serial://, rfc2217://, socket:// or emulator:FILE"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: `kind` is "auto", "serial" or "emulator"."""

    kind: str
    port: str = ""
    baud: int | None = None
    source: Path = field(default_factory=Path)
    options: dict[str, Any] = field(default_factory=dict)


def parse(url: str) -> Target:
    """Raises UrlError, which names what is not known and what is."""
    if not url:
        raise UrlError(f"the URL is empty: give {_KNOWN}", url)
    if url.partition("?")[0] == "auto":
        return Target("auto", baud=_parameters(url, "auto", {"baud": _number}).get("baud"))
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if scheme == "emulator":
        return _emulator(url)
    if scheme in _LATER:
        raise UrlError(f"{_LATER[scheme]} ({scheme}:) is not in this version: give {_KNOWN}", url)
    if scheme and scheme not in ("serial", "rfc2217", "socket"):
        raise UrlError(f"{scheme}: is not known: give {_KNOWN}", url)
    base = url.partition("?")[0]
    port = base[len("serial://") :] if scheme == "serial" else base
    if not port or (scheme and "://" not in base):
        raise UrlError(f"{url}: names no port; {scheme}://PORT does", url)
    if scheme == "serial" and "://" in port:
        raise UrlError(f"{url}: {port} is no port", url)
    allowed: dict[str, Callable[[str], Any]] = {} if scheme == "socket" else {"baud": _number}
    return Target("serial", port=port, baud=_parameters(url, scheme or "a port", allowed).get("baud"))


def _emulator(url: str) -> Target:
    base = url.partition("?")[0].partition(":")[2]
    source = unquote(base)
    if not source:
        raise UrlError("emulator: names no recording; emulator:FILE does", url)
    allowed: dict[str, Callable[[str], Any]] = {
        "speed": _one_of("realtime", "max"),
        "conversion": _one_of("identity", "real"),
        "pace": _truth,
        "ibuf": _number,
        "heapsize": str,
        "device": str,
        "micropython": str,
        "stalls": _stalls,
        "baud": _number,
    }
    options = _parameters(url, "emulator", allowed)
    return Target("emulator", source=Path(source), baud=options.pop("baud", None), options=options)


def _parameters(url: str, what: str, allowed: dict[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The part behind the question mark, each value read by its own function."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(url.partition("?")[2], keep_blank_values=True):
        if key not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise UrlError(f"{url}: {what} has no parameter {key!r}; known: {known}", url)
        try:
            found[key] = allowed[key](value)
        except ValueError as error:
            raise UrlError(f"{url}: {key}={value}: {error}", url) from None
    return found


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 30:
        raise ValueError("a number above 0 is meant")
    return int(text)


def _truth(text: str) -> bool:
    values = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
    if text.lower() not in values:
        raise ValueError("yes or no is meant")
    return values[text.lower()]


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"{' or '.join(names)} is meant")
        return text

    return read


def _stalls(text: str) -> list[tuple[int, int]]:
    """`AT+FRAMES`, several with commas between."""
    found = []
    for item in text.split(","):
        at, _, frames = item.replace(" ", "+").partition("+")  # a plus in a URL is a space
        if not at.isdecimal():
            raise ValueError("AT+FRAMES is meant, several with commas between")
        found.append((int(at), _number(frames)))
    return found
