"""The WebSocket port on which devices are heard: a binary message is a packet (W-16, W-54).

A connection is half-open when the device, or what lies between, went away without a word: then a ping has no
answer, and the connection is closed within three seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from http import HTTPStatus
from typing import Any, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ossicle.proto._wire import PACKET_MAX_BYTES

from .hub import Hub

_PATH = "/ossicle"
_SUBPROTOCOL = Subprotocol("ossicle")
_CONNECTIONS_MAX = 128
_PING_INTERVAL_S = 0.8
_PING_TIMEOUT_S = 1.5
_CLOSE_S = 0.3  # with the two above: less than three seconds from the last byte to the end
_OPEN_S = 5.0
_RECEIVED_MAX = 32  # messages that wait in the library; beyond that the device waits
_OUT_MAX = 64  # messages that wait for the connection to take them
_WRITE_BYTES = 1 << 16
_RUBBISH_MAX = 16  # messages that cannot be a device's, of a connection without a link

# What strangers do wrong is counted, and no text for the user: only who asks for it sees what is logged.
_log = logging.getLogger("ossicle.links.websocket")
_log.addHandler(logging.NullHandler())
_log.setLevel(logging.CRITICAL)


class WebSocketWay:
    """To one connection. A task of its own carries what waits, so whoever sends never does."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_OUT_MAX)
        self._full = False
        self._ended = False
        self.name = _name(connection.remote_address)

    def send(self, data: bytes) -> str:
        """As `peer.Way`; from any thread."""
        if self._ended:
            return "the device has closed its connection"
        try:
            self._loop.call_soon_threadsafe(self._put, data)
        except RuntimeError:
            return "the port is closed"
        return "the connection takes nothing more" if self._full else ""

    def _put(self, data: bytes) -> None:
        self._full = self._waiting.full()
        if not self._full:
            self._waiting.put_nowait(data)

    async def carry(self) -> None:
        """Send what waits, until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._connection.send(await self._waiting.get())

    def end(self) -> None:
        """The connection is no more."""
        self._ended = True


class _Quiet:
    """A transport that takes nothing more once it has failed: asyncio's own complains on stderr of each write
    from the fifth on, and a stranger could bring it to that as often as he likes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Sent, or dropped."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class WebSocketPort:
    """An open WebSocket port. Raises OSError when it cannot be had."""

    def __init__(self, hub: Hub, family: socket.AddressFamily, address: tuple[Any, ...]) -> None:
        self._hub = hub
        dual = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        self._socket = socket.create_server(address[:2], family=family, dualstack_ipv6=dual)
        self._number = int(self._socket.getsockname()[1])
        self._server: Server | None = None
        self._connected: dict[ServerConnection, None] = {}  # the oldest first

    @property
    def number(self) -> int:
        """The port that was given where 0 was asked for."""
        return self._number

    async def open(self) -> None:
        """Begin to hear."""
        port = self

        class Connection(ServerConnection):
            """One of a bounded number."""

            way: WebSocketWay | None = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                self.transport = cast(asyncio.Transport, _Quiet(self.transport))
                port._connected[self] = None
                if len(port._connected) > _CONNECTIONS_MAX:
                    port._make_room()

            def connection_lost(self, exc: Exception | None) -> None:
                port._connected.pop(self, None)
                super().connection_lost(exc)

        self._server = await serve(
            self._serve,
            sock=self._socket,
            create_connection=Connection,
            process_request=_judge,
            origins=[None],  # a browser names one; no page may pass for a device
            subprotocols=[_SUBPROTOCOL],
            compression=None,
            server_header=None,
            open_timeout=_OPEN_S,
            ping_interval=_PING_INTERVAL_S,
            ping_timeout=_PING_TIMEOUT_S,
            close_timeout=_CLOSE_S,
            max_size=PACKET_MAX_BYTES,
            max_queue=_RECEIVED_MAX,
            write_limit=_WRITE_BYTES,
            logger=_log,
        )

    async def close(self) -> None:
        """Give the port back, and end all connections."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S * 4):
                await self._server.wait_closed()

    def abandon(self) -> None:
        """In the child of a fork: the parent alone has the port."""
        self._socket.close()

    def _make_room(self) -> None:
        """End the oldest connection that carries no stream: whoever holds many keeps no device away."""
        for connection in self._connected:
            way = getattr(connection, "way", None)
            if way is None or not self._hub.carries(way):
                break
        del self._connected[connection]
        connection.transport.abort()

    async def _serve(self, connection: ServerConnection) -> None:
        way = WebSocketWay(connection)
        connection.way = way  # type: ignore[attr-defined]
        carrier = asyncio.ensure_future(way.carry())
        try:
            await self._hear(connection, way)
        except ConnectionClosed:
            pass
        finally:
            way.end()
            self._hub.gone(way)
            carrier.cancel()

    async def _hear(self, connection: ServerConnection, way: WebSocketWay) -> None:
        rubbish = 0
        async for message in connection:
            if isinstance(message, bytes):
                rubbish = 0 if self._hub.came(way, message, _itself) else rubbish + 1
            else:
                self._hub.misshapen()
                rubbish += 1
            if rubbish > _RUBBISH_MAX:
                return


def _itself(way: WebSocketWay) -> WebSocketWay:
    return way


def _judge(connection: ServerConnection, request: Request) -> Response | None:
    """Only the path of W-54 is served."""
    if request.path.partition("?")[0] != _PATH:
        return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
    return None


def _name(address: Any) -> str:
    if not isinstance(address, tuple) or len(address) < 2:
        return "?"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
