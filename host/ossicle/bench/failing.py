"""A store that fails, as a process of its own: what `archive` has its objects sent to.

    python -m ossicle.bench.failing FAILED HELD

It says its port on the first line of stdout, and speaks as much of S3 as writing takes: a list is empty, a
PUT is taken and forgotten. Of the requests a share FAILED (0 to 1) is answered with 503 or hung up on, and a
share HELD is answered after five seconds. All ends when stdin does.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Event, Lock, Thread

HELD_S = 5.0
_SEED = 6
_ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
_EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>bench</Name><Prefix></Prefix>'
    b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
)
_PIECE_BYTES = 1 << 16


class Fates:
    """What happens to each request, in turn."""

    def __init__(self, failed: float, held: float) -> None:
        self.over = Event()
        self._failed, self._held = failed, held
        self._random = Random(_SEED)
        self._lock = Lock()

    def next(self) -> str:
        """`error`, `hang up`, `hold` or `pass`."""
        with self._lock:
            share = self._random.random()
            if share < self._failed:
                return self._random.choice(("error", "hang up"))
            return "hold" if share < self._failed + self._held else "pass"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = _PIECE_BYTES
    fates: Fates

    def log_message(self, *details: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        """There is nothing."""
        self._answer(200, _EMPTY)

    def do_PUT(self) -> None:
        """Take it, or not."""
        fate = self.fates.next()
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, _PIECE_BYTES))
            if not piece:
                break
            left -= len(piece)
        if fate == "hold":
            self.fates.over.wait(HELD_S)
        if fate == "hang up":
            self.close_connection = True
        else:
            self._answer(503 if fate == "error" else 200, b"")

    do_HEAD = do_DELETE = do_POST = do_PUT

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("ETag", _ETAG)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(arguments: list[str]) -> None:
    """What the head of this file says."""
    failed, held = map(float, arguments)
    Handler.fates = Fates(failed, held)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    Handler.fates.over.set()
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
