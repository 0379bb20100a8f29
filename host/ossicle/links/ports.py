"""The ports on which this process hears devices. Whoever asks for one that is open shares it."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from ossicle.errors import LinkError
from ossicle.locks import RLock

from .hub import Hub
from .loop import LoopThread
from .udp import UdpPort

if TYPE_CHECKING:
    from .websocket import WebSocketPort

_REMEMBERED_MAX = 16
Key = tuple[str, str, int]


class Ports:
    """The table of them, and the loop's thread while there is any."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._loop: LoopThread | None = None
        self._open: dict[Key, tuple[Hub, UdpPort | WebSocketPort]] = {}
        self._remembered: dict[Key, list[Any]] = {}  # where devices were heard when a UDP port was closed

    def listen(self, kind: str, host: str, number: int, name: str) -> Hub:
        """A hub on `host:number`, to be released once; 0 for any port that is free.

        `name` is what devices are told of this host. Raises LinkError, with what the user can do.
        """
        with self._lock:
            found = self._open.get((kind, host, number))
            if found is not None:
                found[0].hold()
                return found[0]
            return self._new(kind, host, number, name)

    def _new(self, kind: str, host: str, number: int, name: str) -> Hub:
        url = _url(kind, host, number)
        family, address = _resolve(url, host, number, kind)
        hub = Hub(url, name, self._close)
        try:
            port = _port_of(kind)(hub, family, address)
        except (OSError, OverflowError) as error:
            raise LinkError(_explain(url, host, number, error), url) from None
        if self._loop is None:
            self._loop = LoopThread()
        key = kind, host, port.number
        self._open[key] = hub, port
        hub.url = _url(kind, host, port.number)
        try:
            self._loop.call(port.open)
            if isinstance(port, UdpPort):
                for address in self._remembered.pop(key, ()):
                    hub.remember(address, port.way(address))
        except BaseException:
            self._close(hub)
            raise
        return hub

    def _close(self, hub: Hub) -> None:
        with self._lock:
            key = next((key for key, (other, _) in self._open.items() if other is hub), None)
            if key is None or hub.is_held:
                return
            _, port = self._open.pop(key)
            if isinstance(port, UdpPort) and hub.idle:
                self._remembered[key] = [address for address, _ in hub.idle]
                while len(self._remembered) > _REMEMBERED_MAX:
                    del self._remembered[next(iter(self._remembered))]
            loop = self._loop
            if loop is None:
                return
            with contextlib.suppress(LinkError):
                loop.call(port.close)
            if not self._open:
                self._loop = None
                loop.stop()

    def close(self) -> None:
        """At the end of the program: devices are told that their connections end."""
        with self._lock:
            for hub, _ in list(self._open.values()):
                hub.drop()
                self._close(hub)

    def forked(self) -> None:
        """In the child of a fork: nothing of all this is its own."""
        opened = list(self._open.values())
        self.__init__()  # type: ignore[misc]
        for hub, port in opened:
            hub.abandon()
            port.abandon()


_ports = Ports()
listen = _ports.listen
atexit.register(_ports.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ports.forked)


def _port_of(kind: str) -> type[UdpPort] | type[WebSocketPort]:
    if kind == "udp":
        return UdpPort
    from .websocket import WebSocketPort  # the library takes as long to import as all else

    return WebSocketPort


def _url(kind: str, host: str, number: int) -> str:
    return f"{kind}://[{host}]:{number}" if ":" in host else f"{kind}://{host}:{number}"


def _resolve(url: str, host: str, number: int, kind: str) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """IPv4 first where a name has both: that is what boards speak."""
    sort = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", number, type=sort, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise LinkError(f"{url}: {host} is not known; {kind}://0.0.0.0:{number} hears on all", url) from None
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return found[0][0], found[0][4]


def _explain(url: str, host: str, number: int, error: Exception) -> str:
    """Why a port cannot be had and what the user can do, in one line."""
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"{url}: port {number} is in use; end the program that has it, or take another port"
    if code in (errno.EACCES, errno.EPERM):
        return f"{url}: port {number} is not open to you; take one above 1023"
    if code == errno.EADDRNOTAVAIL:
        return f"{url}: {host} is no address of this machine; 0.0.0.0 hears on all of them"
    if code == errno.EAFNOSUPPORT:
        return f"{url}: this machine has no such network"
    return f"{url}: cannot be opened ({getattr(error, 'strerror', None) or error})"
