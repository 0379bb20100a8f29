"""The UDP port on which devices are heard: a datagram is a packet (W-16)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from .hub import Hub

_RECEIVE_BYTES = 2048  # longer than any datagram that is believed
_AT_ONCE = 64  # datagrams read before anything else gets its turn
_BUFFER_BYTES = 4 << 20  # asked of the system, which may give less
Address = tuple[Any, ...]


class UdpWay:
    """To one address. The socket takes a datagram at once or not at all."""

    __slots__ = ("_address", "_socket")

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self._socket = sock
        self._address = address

    @property
    def name(self) -> str:
        """`host:port`."""
        host = self._address[0]
        return f"[{host}]:{self._address[1]}" if ":" in host else f"{host}:{self._address[1]}"

    def send(self, data: bytes) -> str:
        """As `peer.Way`; from any thread."""
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:  # no route, no buffer, closed: all the same to a datagram
            return error.strerror or str(error)
        return ""

    @property
    def address(self) -> Address:
        """As the socket takes it."""
        return self._address


class UdpPort:
    """An open UDP port. Raises OSError when it cannot be had."""

    def __init__(self, hub: Hub, family: socket.AddressFamily, address: Address) -> None:
        self._hub = hub
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                with contextlib.suppress(OSError):
                    self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setblocking(False)
            self._socket.bind(address)
        except BaseException:
            self._socket.close()
            raise

    @property
    def number(self) -> int:
        """The port that was given where 0 was asked for."""
        return int(self._socket.getsockname()[1])

    def way(self, address: Address) -> UdpWay:
        """To an address that was heard earlier."""
        return UdpWay(self._socket, address)

    async def open(self) -> None:
        """Begin to hear."""
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    async def close(self) -> None:
        """Give the port back."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def abandon(self) -> None:
        """In the child of a fork: the parent alone has the port."""
        self._socket.close()

    def _readable(self) -> None:
        sock, hub = self._socket, self._hub
        for _ in range(_AT_ONCE):
            try:
                data, address = sock.recvfrom(_RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # what an earlier datagram met on its way; the socket goes on
                continue
            hub.came(address, data, self.way)
