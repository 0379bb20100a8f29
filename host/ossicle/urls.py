"""What a URL asks for. The only place that takes one apart.

auto                            the port that answers
/dev/ttyUSB0  COM5              a serial port
serial:///dev/ttyUSB0?baud=N    the same, with a speed
rfc2217://host:port?baud=N      a serial port elsewhere
socket://host:port              a serial port behind plain TCP, which keeps its own speed
udp://HOST:PORT?device=ID       devices on Wi-Fi, which send to this address of ours; 0.0.0.0 is all of them
ws://HOST:PORT?device=ID        the same by WebSocket
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
from .proto._wire import DEFAULT_PORT

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(?!\\)", re.IGNORECASE)  # two letters at least: C: is a drive
_HOST = re.compile(r"(?:\[([0-9a-f:.%]+)\]|([^:/\[\]]*))(?::([0-9]{1,5}))?(/|/ossicle)?", re.IGNORECASE)
_LATER = {"wss": "WebSocket over TLS", "tcp": "TCP"}
_KNOWN = "auto, a serial port, serial://, rfc2217://, socket://, udp://, ws:// or emulator:FILE"
NETWORK = ("udp", "ws")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: `kind` is "auto", "serial", "udp", "ws" or "emulator"."""

    kind: str
    port: str = ""
    """Of the system, or pyserial's URL; of "udp" and "ws" the host on which to hear."""
    baud: int | None = None
    number: int = 0
    """The port of "udp" and "ws"; 0 is any that is free."""
    device: str | None = None
    """The id of the one that is meant."""
    plain: bool = False
    """Nothing is sealed where else all is."""
    sealed: bool = False
    """All is sealed where else nothing is."""
    keys: Path | None = None
    """The file of keys in place of the usual one."""
    source: Path = field(default_factory=Path)
    options: dict[str, Any] = field(default_factory=dict)


def parse(url: str) -> Target:
    """Raises UrlError, which names what is not known and what is."""
    if not url:
        raise UrlError(f"the URL is empty: give {_KNOWN}", url)
    if url.partition("?")[0] == "auto":
        return Target("auto", **_parameters(url, "auto", {"baud": _number, "sealed": _truth, "keys": _path}))
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if scheme == "emulator":
        return _emulator(url)
    if scheme in NETWORK:
        return _network(url, scheme)
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
    allowed: dict[str, Callable[[str], Any]] = {"sealed": _truth, "keys": _path}
    if scheme != "socket":
        allowed["baud"] = _number
    if scheme in ("", "serial"):
        allowed["rtscts"] = _truth
    found = _parameters(url, scheme or "a port", allowed)
    options = {"rtscts": found.pop("rtscts")} if "rtscts" in found else {}
    return Target("serial", port=port, options=options, **found)


def _network(url: str, scheme: str) -> Target:
    base, slashes, place = url.partition("?")[0].partition("://")
    match = _HOST.fullmatch(place) if slashes and base else None
    number = DEFAULT_PORT if match is None or match[3] is None else int(match[3])
    if match is None or number > 65535 or (scheme == "udp" and match[4] == "/ossicle"):
        raise UrlError(f"{url}: {scheme}://HOST:PORT is meant, the host an address of this computer", url)
    allowed: dict[str, Callable[[str], Any]] = {"device": _text, "plain": _truth, "keys": _path}
    host = match[1] or match[2] or "0.0.0.0"
    return Target(scheme, port=host, number=number, **_parameters(url, scheme, allowed))


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
        "link": _one_of("serial", *NETWORK),
        "plain": _truth,
        "sealed": _truth,
    }
    options = _parameters(url, "emulator", allowed)
    ours = {name: options.pop(name) for name in ("baud", "plain", "sealed") if name in options}
    if options.get("link", "serial") == "serial" and ours.get("plain"):
        raise UrlError(f"{url}: on a serial line all is plain, unless sealed=1 is given", url)
    return Target("emulator", source=Path(source), options=options, **ours)


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


def _text(text: str) -> str:
    if not text:
        raise ValueError("a name is meant")
    return text


def _path(text: str) -> Path:
    return Path(_text(text))


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
