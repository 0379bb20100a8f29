"""A serial line between the emulated board and the host, on which serial frames suffer.

The host opens another pty than the board's. The speed that it sets there is carried through, so the board
paces its bytes, and garbles at the wrong speed, as without a relay. A frame to which nothing happens passes
byte by byte, so that the line costs no time that a real one does not; any other is passed on whole.
"""

from __future__ import annotations

import contextlib
import os
import pty
import termios
import tty

from .lane import Gate, Lane
from .loop import Loop
from .plan import DOWN, UP, Fate, Faults

_READ_BYTES = 65536
_BACKLOG_MAX_BYTES = 65536  # what the other end does not take is lost beyond that
_RETRY_S = 0.002
_FRAME_MAX_BYTES = 4096  # a frame without an end, as noise is, passes from here on
_THROUGH_S = 0.05  # a frame that stops in its middle holds up what waits for no longer
_SPEEDS = slice(4, 6)  # of termios: in and out


class SerialRelay:
    """One line. `port` is what the host opens; `board` is the emulated board's."""

    def __init__(self, loop: Loop, board: str, faults: Faults, gate: Gate, device: int = 0) -> None:
        self._loop = loop
        self._outer, self._held = pty.openpty()  # the other end stays open, so that it never hangs up
        tty.setraw(self._held)
        self.port = os.ttyname(self._held)
        self._inner = os.open(board, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._set_speed(self._held, [termios.B115200] * 2)
        os.set_blocking(self._outer, False)
        self._speed: list[int] = []
        self.up = Lane(lambda index: faults.fate(device, UP, index), gate, in_order=True)
        self.down = Lane(lambda index: faults.fate(device, DOWN, index), gate, in_order=True)
        self._sides = Side(self._outer, self.up, gate), Side(self._inner, self.down, gate)
        loop.watch(self._inner, self._from_board)
        loop.watch(self._outer, self._from_host)

    def tick(self, now: float) -> float | None:
        """Carry the speed through, and write what is due."""
        self._carry_speed()
        dues = [due for due in (side.tick(now) for side in self._sides) if due is not None]
        return min(dues, default=None)

    def close(self) -> None:
        """Give the ports back."""
        for port in (self._outer, self._held, self._inner):
            self._loop.forget(port)
            with contextlib.suppress(OSError):
                os.close(port)

    def _from_board(self, now: float) -> None:
        self._sides[0].feed(_read(self._inner), now)

    def _from_host(self, now: float) -> None:
        self._carry_speed()
        self._sides[1].feed(_read(self._outer), now)

    def _carry_speed(self) -> None:
        speed = termios.tcgetattr(self._outer)[_SPEEDS]
        if speed != self._speed:
            self._speed = speed
            self._set_speed(self._inner, speed)

    @staticmethod
    def _set_speed(port: int, speed: list[int]) -> None:
        attributes = termios.tcgetattr(port)
        attributes[_SPEEDS] = speed
        termios.tcsetattr(port, termios.TCSANOW, attributes)


class Side:
    """One direction: from bytes to frames, through a lane, to bytes at `out`."""

    def __init__(self, out: int, lane: Lane, gate: Gate) -> None:
        self.lane = lane
        self._out = out
        self._gate = gate
        self._fate: Fate | None = None  # of the frame that is coming
        self._frame = bytearray()
        self._through = False  # it passes as it comes
        self._since = 0.0
        self._backlog = bytearray()

    def feed(self, data: bytes, now: float) -> None:
        """Bytes came."""
        self.lane.counts["bytes"] += len(data)
        at = 0
        while at < len(data):
            zero = data.find(0, at)
            stop = len(data) if zero < 0 else zero + 1
            self._piece(data[at:stop], zero >= 0, now)
            at = stop

    def _piece(self, piece: bytes, ends: bool, now: float) -> None:
        if self._fate is None:
            if ends and len(piece) == 1:  # an empty frame, as each write of the host begins with
                if self.lane.idle:
                    self._write(piece, now)
                return
            self._fate = self.lane.next_fate()
            self._since = now
            self._through = self._fate.plain and self.lane.idle and self._gate.held_until(now) <= now
        self._frame += piece
        if self._through:
            self._write(piece, now)
        if ends or len(self._frame) > _FRAME_MAX_BYTES:
            self._end(bytes(self._frame), self._fate, now)

    def _end(self, frame: bytes, fate: Fate, now: float) -> None:
        if len(frame) > 3:
            # COBS: the first code is where the first zero was; a kind is none, flags may be.
            self.lane.count(frame[1], 0 if frame[0] == 2 else frame[2])
        if not self._through:
            self.lane.put(frame, fate, now)
        else:
            self.lane.cut(now)
        self._fate = None
        self._frame.clear()

    def tick(self, now: float) -> float | None:
        """Write what is due, but not into the middle of a frame."""
        if self._fate is not None and self._through and now - self._since < _THROUGH_S:
            return None if self.lane.idle else self._since + _THROUGH_S
        for unit in self.lane.take(now):
            self._write(unit, now)
        if self._backlog:
            self._flush()
            return now + _RETRY_S
        return self.lane.next_due()

    def _write(self, data: bytes, now: float) -> None:
        if self._gate.outage(now) is not None:
            return
        if len(self._backlog) + len(data) > _BACKLOG_MAX_BYTES:
            self.lane.counts["unread"] += 1
            return
        self._backlog += data
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            sent = os.write(self._out, self._backlog)
            del self._backlog[:sent]


def _read(port: int) -> bytes:
    try:
        return os.read(port, _READ_BYTES)
    except (BlockingIOError, OSError):
        return b""
