"""A store that fails: between a client and an S3 server, requests are refused, hung up, answered with half
of it, or held. What happens to a request follows from the seed and its number.

What it did is told by `counts`: without that, a test of faults may have seen none.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

ERROR, ERROR_AFTER, RESET, RESET_MIDWAY, RESET_AFTER, CUT, HANG = (
    "error",
    "error_after",
    "reset",
    "reset_midway",
    "reset_after",
    "cut",
    "hang",
)
KINDS = (ERROR, ERROR_AFTER, RESET, RESET_MIDWAY, RESET_AFTER, CUT)
"""Answered with 503 before or after it was done, hung up on before, in the middle of or after it, and half
of the answer's body."""
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_UNAVAILABLE = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>ServiceUnavailable</Code>'
    b"<Message>a planned fault</Message></Error>"
)
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Faults:
    """A share of requests, as a probability, suffers one of `kinds`; `hang_s` is how long HANG holds one."""

    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    hang_s: float = 5.0
    seed: int = 0
    only: Callable[[str, str], bool] = lambda method, path: True
    """Which requests, by method and path; all others pass."""

    def fate(self, number: int, method: str, path: str) -> str:
        rng = Random(f"{self.seed} {number}")
        if self.only(method, path) and rng.random() < self.share:
            return rng.choice(self.kinds)
        return "pass"


class FaultProxy:
    """Start it before a server on 127.0.0.1; `faults` may be changed at any time. A context manager."""

    def __init__(self, port: int, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.counts: Counter[str] = Counter()
        self.paused = threading.Event()
        """While set, a request is read and not answered."""
        self._target = port
        self._lock = threading.Lock()
        self._number = 0
        self._open: set[socket.socket] = set()
        self._ending = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen, on the port it had before."""
        proxy = self

        class Bound(_Handler):
            owner = proxy

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                proxy.counts["broken"] += 1  # a client that hung up

        self._server = Server(("127.0.0.1", self.port), Bound)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Connections are refused, and those that were open end."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        server.server_close()
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        self.down()
        try:
            yield
        finally:
            self.up()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *details: object) -> None:
        self._ending.set()
        self.down()

    def next_fate(self, method: str, path: str) -> str:
        with self._lock:
            fate = self.faults.fate(self._number, method, path)
            self._number += 1
            self.counts["requests"] += 1
            self.counts[method] += 1
            self.counts[fate] += 1
        return fate

    @property
    def failed(self) -> int:
        """Requests that suffered something."""
        return self.counts["requests"] - self.counts["pass"]

    def hold(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def hold_while_paused(self) -> None:
        while self.paused.is_set() and not self._ending.is_set():
            time.sleep(0.02)


def _reset(connection: socket.socket) -> None:
    """The other end sees a reset, not an end. Only in the thread that serves the connection."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())  # `close` would wait for the files over it, and end it politely


class _HungUpError(Exception):
    """The fate was to hang up."""


class _Handler(BaseHTTPRequestHandler):
    owner: FaultProxy
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one piece: else each answer waits 40 ms for an acknowledgement

    def setup(self) -> None:
        super().setup()
        with self.owner._lock:
            self.owner._open.add(self.connection)

    def finish(self) -> None:
        with self.owner._lock:
            self.owner._open.discard(self.connection)
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *details: object) -> None:
        pass

    def _serve(self) -> None:
        try:
            self._pass_on(self.owner.next_fate(self.command, self.path))
        except (_HungUpError, OSError, http.client.HTTPException):
            self.close_connection = True
            _reset(self.connection)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _pass_on(self, fate: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if fate == RESET:
            raise _HungUpError
        if fate == RESET_MIDWAY:
            self.rfile.read(length // 2)
            raise _HungUpError
        body = self.rfile.read(length)
        self.owner.hold_while_paused()
        if fate == HANG:
            self.owner.hold(self.owner.faults.hang_s)
        if fate == ERROR:
            self._answer(503, {"Content-Type": "application/xml"}, _UNAVAILABLE)
            return
        status, headers, answer = self._ask(body)
        if fate == RESET_AFTER:
            raise _HungUpError
        if fate == ERROR_AFTER:
            self._answer(503, {"Content-Type": "application/xml"}, _UNAVAILABLE)
        elif fate == CUT:
            self._answer(status, headers, answer, send=len(answer) // 2)
            raise _HungUpError
        else:
            self._answer(status, headers, answer)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.owner._target, timeout=_PATIENCE_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Connection", "close")
            connection.endheaders(body or None)
            reply = connection.getresponse()
            headers = dict(reply.getheaders())
            if self.command == "HEAD":
                headers["X-Length"] = headers.get("Content-Length", "0")
            return reply.status, headers, reply.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, send: int | None = None) -> None:
        self.send_response_only(status)
        length = headers.pop("X-Length", None) if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if send is None else body[:send])
        self.wfile.flush()
