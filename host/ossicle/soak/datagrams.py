"""UDP between the emulated board and the host: each datagram suffers by itself.

The board sends to `port`. To the host each board comes from an address of its own, as on a network.
"""

from __future__ import annotations

import contextlib
import socket

from .lane import Gate, Lane
from .loop import Loop
from .plan import DOWN, UP, Faults

HERE = "127.0.0.1"
_READ_BYTES = 4096
_AT_ONCE = 64
_BUFFER_BYTES = 1 << 20


class UdpRelay:
    """The network of one board. `target` is the port on which the host listens."""

    def __init__(self, loop: Loop, target: int, faults: Faults, gate: Gate, device: int = 0) -> None:
        self.up = Lane(lambda index: faults.fate(device, UP, index), gate, in_order=False)
        self.down = Lane(lambda index: faults.fate(device, DOWN, index), gate, in_order=False)
        self._loop = loop
        self._board_side = _socket()
        self._host_side = _socket()
        self._host_side.connect((HERE, target))
        self._board: tuple[str, int] | None = None  # where it sends from
        self.port = int(self._board_side.getsockname()[1])
        loop.watch(self._board_side.fileno(), self._from_board)
        loop.watch(self._host_side.fileno(), self._from_host)

    def tick(self, now: float) -> float | None:
        """Send what is due."""
        for unit in self.up.take(now):
            with contextlib.suppress(OSError):  # nobody listens: it is lost
                self._host_side.send(unit)
        for unit in self.down.take(now):
            if self._board is not None:
                with contextlib.suppress(OSError):
                    self._board_side.sendto(unit, self._board)
        dues = [due for due in (self.up.next_due(), self.down.next_due()) if due is not None]
        return min(dues, default=None)

    def close(self) -> None:
        """Give the ports back."""
        for each in (self._board_side, self._host_side):
            self._loop.forget(each.fileno())
            each.close()

    def _from_board(self, now: float) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, self._board = self._board_side.recvfrom(_READ_BYTES)
            except OSError:
                break
            _pass(self.up, data, now)
        self.tick(now)

    def _from_host(self, now: float) -> None:
        for _ in range(_AT_ONCE):
            try:
                data = self._host_side.recv(_READ_BYTES)
            except BlockingIOError:
                break
            except OSError:  # what was sent before came to nobody
                continue
            _pass(self.down, data, now)
        self.tick(now)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HERE, 0))
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    return made


def _pass(lane: Lane, data: bytes, now: float) -> None:
    lane.counts["bytes"] += len(data)
    if len(data) > 1:
        lane.count(data[0], data[1])
    lane.put(data, lane.next_fate(), now)


def free_port(kind: int) -> int:
    """A port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as made:
        made.bind((HERE, 0))
        return int(made.getsockname()[1])
