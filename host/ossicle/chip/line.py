"""The line between chip and host: a pty whose slave is the host's serial port.

A bridge hands on bytes at the UART's speed and garbles them where the host has set another one. What nobody
listens to is lost, as is what a host that listens does not read for a second. USB-Serial/JTAG has no speed;
when the host takes nothing for 200 ms it discards all, and goes on discarding until there is room again
(micropython ports/esp32/usb_serial_jtag.c).
"""

from __future__ import annotations

import os
import select
import sys
import time

BURST_S = 0.02  # of unused time that may be made up for
LOST_S = 1.0
STALL_S = 0.2
UNREAD_BYTES = 4000  # that the host's system holds for a program that does not read, as Linux does for USB
CHUNK_BYTES = 4096


def garble(data: bytes) -> bytes:
    """What a receiver at another speed makes of it: never the byte, and nothing to rely on."""
    return bytes(byte ^ ((place * 41 + 0x5A | 1) & 0xFF) for place, byte in enumerate(data))


class Pace:
    """How many bytes a line of a speed may have carried by now. Speed 0 is none."""

    def __init__(self) -> None:
        self._paid = time.monotonic()

    def allowed(self, baud: int, now: float) -> int:
        """Bytes that may pass at `now` (monotonic seconds); at most a burst's."""
        self._paid = max(self._paid, now - BURST_S)
        return int((now - self._paid) * baud / 10) if baud else CHUNK_BYTES

    def passed(self, count: int, baud: int) -> None:
        """So many have."""
        if baud:
            self._paid += count * 10 / baud


class Line:
    """The outer pty. `usb` is "bridge" or "jtag"; without `pace` bytes pass at once, at any speed."""

    def __init__(self, usb: str, pace: bool) -> None:
        import fcntl  # not on Windows
        import pty
        import termios
        import tty

        self.jtag = usb == "jtag"
        self._paced = pace and not self.jtag
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        attributes = termios.tcgetattr(slave)
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(slave)
        os.close(slave)  # from here on a hang-up tells that nobody listens
        self._speeds = {getattr(termios, name): int(name[1:]) for name in dir(termios) if _is_speed(name)}
        self._tcgetattr = termios.tcgetattr
        self._ioctl = fcntl.ioctl
        self._unread = termios.FIONREAD
        self._poll = select.poll()
        self._poll.register(self.master, select.POLLIN | select.POLLOUT)
        self.out = Pace()
        self.into = Pace()
        self._moved = time.monotonic()  # when the host last took a byte
        self._stalled = False
        self.listening = False
        self.readable = False
        self.writable = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.lost_bytes = 0  # on their way to the host
        self.garbled_bytes = 0

    def look(self) -> None:
        """See who is there, and what there is to do."""
        events = dict(self._poll.poll(0)).get(self.master, 0)
        listening = not events & select.POLLHUP
        if listening and not self.listening:
            self._moved = time.monotonic()
        self.listening = listening
        self.readable = bool(events & select.POLLIN)
        self.writable = bool(events & select.POLLOUT)

    def agrees(self, baud: int) -> bool:
        """Whether the host has set this speed."""
        if not self._paced:
            return True
        speed = self._speeds.get(self._tcgetattr(self.master)[5])
        return speed in (None, baud)  # None: a speed without a code

    def room_in(self, baud: int, now: float) -> int:
        """Bytes that may have come by now."""
        return self.into.allowed(baud if self._paced else 0, now)

    def read(self, baud: int, count: int) -> bytes:
        """What the host has sent, as a UART of this speed hears it."""
        try:
            data = os.read(self.master, count)
        except OSError:  # EAGAIN; EIO: nobody has the port open
            return b""
        self.into.passed(len(data), baud if self._paced else 0)
        self.bytes_in += len(data)
        if not self.agrees(baud):
            self.garbled_bytes += len(data)
            return garble(data)
        return data

    def write(self, data: bytes, baud: int, now: float) -> int:
        """Send what can go now; returns how many are done with, those that were lost included."""
        allowed = self.out.allowed(baud if self._paced else 0, now)
        data = data[:allowed]
        if not data:
            return 0
        if not self.listening:
            return self._lose(data, baud)
        if not self.agrees(baud):
            self.garbled_bytes += len(data)
            data = garble(data)
        try:
            sent = os.write(self.master, data) if self.writable and self._fetched() else 0
        except OSError:
            sent = 0
        if sent:
            self._moved = now
            self._stalled = False
            self.bytes_out += sent
            self.out.passed(sent, baud if self._paced else 0)
            return sent
        if self._stalled or now - self._moved > (STALL_S if self.jtag else LOST_S):
            self._stalled = self.jtag
            return self._lose(data, baud)
        return 0

    def _fetched(self) -> bool:
        """Whether USB is let send: a pty alone would take three times as much unread."""
        if not self.jtag:
            return True
        host = os.open(self.name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return int.from_bytes(self._ioctl(host, self._unread, bytes(4)), sys.byteorder) < UNREAD_BYTES
        finally:
            os.close(host)

    def _lose(self, data: bytes, baud: int) -> int:
        self.lost_bytes += len(data)
        self.out.passed(len(data), baud if self._paced else 0)
        return len(data)

    def close(self) -> None:
        """Hang up."""
        os.close(self.master)


def _is_speed(name: str) -> bool:
    return name[0] == "B" and name[1:].isdigit()
