"""A WebSocket between the emulated board and the host: each message suffers by itself.

TCP loses nothing in its middle. So an outage freezes a connection, whose ends may give it up meanwhile, and
what is lost is lost with it; every other outage cuts it at once, as an access point that restarts does. The
opening, pings and the end of a connection pass unharmed.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from .datagrams import HERE
from .lane import Gate, Lane
from .loop import Loop
from .plan import DOWN, UP, Fate, Faults

_READ_BYTES = 65536
_BUFFER_BYTES = 8192  # beside what the kernel adds: what is on its way is little
_BACKLOG_MAX_BYTES = 65536
_OPENING_MAX_BYTES = 16384
_RETRY_S = 0.002
_CONNECT_S = 1.0
_BINARY = 2
_CONTROL = 8
_RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: close at once, and say so


class WebSocketRelay:
    """The network of one board. `target` is the port on which the host listens."""

    def __init__(self, loop: Loop, target: int, faults: Faults, gate: Gate, device: int = 0) -> None:
        self.up = Lane(lambda index: faults.fate(device, UP, index), gate, in_order=True, loses=False)
        self.down = Lane(lambda index: faults.fate(device, DOWN, index), gate, in_order=True, loses=False)
        self._loop = loop
        self._gate = gate
        self._target = target
        self._ends: tuple[End, End] | None = None
        self._cut = -1  # the last outage that has cut the connection
        self._listener = socket.create_server((HERE, 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])

    def tick(self, now: float) -> float | None:
        """Accept, pass on, freeze and cut."""
        outage = self._gate.outage(now)
        if outage is not None:
            if outage % 2 and self._cut != outage:
                self._cut = outage
                self.up.counts["cut"] += 1
                self._close(_RESET)
            for end in self._ends or ():
                end.watch(False)
            return None
        self._accept()
        if self._ends is None:
            return now + _RETRY_S * 5
        return self._carry(now)

    def close(self) -> None:
        """Give the ports back."""
        self._close()
        self._listener.close()

    def _accept(self) -> None:
        """A board that connects again has given up its earlier connection."""
        try:
            board, _ = self._listener.accept()
        except OSError:
            return
        self._close()
        try:
            host = socket.create_connection((HERE, self._target), _CONNECT_S)
        except OSError:  # nobody listens
            board.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            board.close()
            return
        down = End(self._loop, board, self.down, b"")
        up = End(self._loop, host, self.up, b"")
        up.source, down.source = board, host
        for each in (board, host):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ends = (up, down)

    def _carry(self, now: float) -> float | None:
        assert self._ends is not None
        for end in self._ends:
            end.write(now)
        if any(end.over for end in self._ends):
            self._close()
            return now
        dues = []
        for end in self._ends:
            end.watch(end.backlog < _BACKLOG_MAX_BYTES)
            if end.backlog:
                dues.append(now + _RETRY_S)
        dues += [due for due in (self.up.next_due(), self.down.next_due()) if due is not None]
        return min(dues, default=None)

    def _close(self, linger: bytes | None = None) -> None:
        for end in self._ends or ():
            end.close(linger)
        self._ends = None
        self.up.clear()
        self.down.clear()


class End:
    """One direction of a connection: what comes from `source` goes through the lane to `out`."""

    source: socket.socket

    def __init__(self, loop: Loop, out: socket.socket, lane: Lane, rest: bytes) -> None:
        self.over = False
        self._loop = loop
        self._out = out
        self._lane = lane
        self._opening = True
        self._came = rest
        self._waiting = bytearray()
        self._watched = False

    @property
    def backlog(self) -> int:
        """Bytes that the other side has not taken."""
        return len(self._waiting)

    def watch(self, wanted: bool) -> None:
        """Read, or leave it where it is."""
        if wanted != self._watched:
            self._watched = wanted
            if wanted:
                self._loop.watch(self.source.fileno(), self._ready)
            else:
                self._loop.forget(self.source.fileno())

    def write(self, now: float) -> None:
        """Send what is due, as far as it is taken."""
        self._waiting += b"".join(self._lane.take(now))
        if self._waiting:
            try:
                del self._waiting[: self._out.send(self._waiting)]
            except BlockingIOError:
                pass
            except OSError:
                self.over = True

    def close(self, linger: bytes | None) -> None:
        """Both directions are closed by this, since each closes what it reads from."""
        self.watch(False)
        with contextlib.suppress(OSError):
            if linger is not None:
                self.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.source.close()

    def _ready(self, now: float) -> None:
        try:
            data = self.source.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.over = True
            return
        self._came += data
        if self._opening:
            self._pass_opening()
        if not self._opening:
            self._pass_frames(now)
        self.write(now)

    def _pass_opening(self) -> None:
        """The request or the answer, up to its empty line."""
        head, line, rest = self._came.partition(b"\r\n\r\n")
        if line or len(head) > _OPENING_MAX_BYTES:
            self._waiting += head + line
            self._came = rest
            self._opening = False

    def _pass_frames(self, now: float) -> None:
        while (size := frame_size(self._came)) and size <= len(self._came):
            frame, self._came = self._came[:size], self._came[size:]
            self._lane.counts["bytes"] += size
            start = head_size(frame)
            if frame[0] & 15 >= _CONTROL:
                self._lane.put(frame, Fate(), now)
                continue
            if frame[0] & 15 == _BINARY and size >= start + 2:
                masks = frame[start - 4 : start - 2] if frame[1] & 0x80 else b"\0\0"
                self._lane.count(frame[start] ^ masks[0], frame[start + 1] ^ masks[1])
            self._lane.put(frame, self._lane.next_fate(), now, start)


def head_size(frame: bytes) -> int:
    """Bytes before the payload (RFC 6455, 5.2)."""
    longer = {126: 2, 127: 8}.get(frame[1] & 0x7F, 0)
    return 2 + longer + (4 if frame[1] & 0x80 else 0)


def frame_size(data: bytes) -> int:
    """Of the frame that begins `data`, in bytes; 0 while that cannot be told."""
    if len(data) < 2 or len(data) < head_size(data):
        return 0
    length = data[1] & 0x7F
    if length >= 126:
        length = int.from_bytes(data[2 : 4 if length == 126 else 10], "big")
    return head_size(data) + length
