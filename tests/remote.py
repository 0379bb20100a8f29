"""Serial ports behind a network port: pyserial's RFC 2217, and plain TCP that carries bytes only.

Each stands in front of a port of this machine (an emulated pty) and serves one client after the other.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType

import serial
from serial.rfc2217 import PortManager

_POLL_S = 0.05
_BYTES = 4096


class PtyPort(serial.Serial):
    """A pty has no modem lines: what is said to them goes nowhere, and they are never set."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass


class Client:
    """What a PortManager writes to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._whole = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._whole:
            self._connection.sendall(data)


class Remote:
    """A context manager; `url` is what a client gives pyserial. `kind` is "rfc2217" or "socket".

    `baud` is what the port is set to at first; with RFC 2217 the client says another. `speeds` are those that
    it had, in order. `drop()` hangs up on the client.
    """

    def __init__(self, port: str, kind: str, baud: int = 115200) -> None:
        self._kind = kind
        self._port = PtyPort(port, baud, timeout=0, write_timeout=1.0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"{kind}://127.0.0.1:{self._listening.getsockname()[1]}"
        self.speeds = [baud]
        self.clients = 0

    def __enter__(self) -> Remote:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        self._listening.close()
        self._port.close()

    def drop(self) -> None:
        """Hang up on the client that is there."""
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._listening], [], [], _POLL_S)[0]:
                continue
            client, _ = self._listening.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients += 1
            self._client = client
            with client, contextlib.suppress(OSError):
                self._carry(client)
            self._client = None

    def _carry(self, client: socket.socket) -> None:
        manager = PortManager(self._port, Client(client)) if self._kind == "rfc2217" else None
        out = Client(client)
        while not self._ended.is_set():
            ready, _, _ = select.select([client, self._port.fd], [], [], _POLL_S)
            if client in ready:
                data = client.recv(_BYTES)
                if not data:
                    return
                if manager is not None:
                    data = b"".join(manager.filter(data))
                if data:
                    self._port.write(data)
            if self._port.fd in ready:
                data = self._port.read(_BYTES)
                out.write(b"".join(manager.escape(data)) if manager is not None else data)
            if self._port.baudrate != self.speeds[-1]:
                self.speeds.append(self._port.baudrate)
