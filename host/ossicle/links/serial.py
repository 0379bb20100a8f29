"""Serial ports by pyserial: devices of the system, and its URLs rfc2217:// and socket://."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from select import select
from typing import Any

import serial

from ossicle.errors import LinkError
from ossicle.proto._wire import DEFAULT_BAUD

_WRITE_TIMEOUT_S = 1.0
_READ_MAX_BYTES = 65536
_SOCKET_READ_BYTES = 4096
_URL_READ_S = 0.01


class SerialLink:
    """An open serial port. `port` is a device or a URL of pyserial. With `rtscts` either side may hold the
    other up, by the lines of that name: both have to have them.

    Raises LinkError, with what the user can do, when it cannot be opened.
    """

    trouble = ""

    def __init__(self, port: str, baud: int = DEFAULT_BAUD, *, rtscts: bool = False) -> None:
        self._port_name = port
        self._rtscts = rtscts
        self._first_baud = baud
        self._is_url = "://" in port
        self._has_speed = not port.startswith("socket://")
        self._is_descriptor = os.name == "posix" and not self._is_url
        self._serial = self._open()

    @property
    def url(self) -> str:
        """The port, as it was given."""
        return self._port_name

    @property
    def baud(self) -> int | None:
        """The speed of this side; None for socket://, where the far end keeps its own."""
        return int(self._serial.baudrate) if self._has_speed else None

    def read(self, timeout_s: float) -> list[bytes]:
        """What came, as soon as anything comes: at most one item."""
        try:
            data = self._read_descriptor(timeout_s) if self._is_descriptor else self._read_port(timeout_s)
        except (OSError, TypeError, AttributeError) as error:  # the last two: closed meanwhile
            raise LinkError(f"{self._port_name}: the port is gone ({_reason(error)})", self.url) from None
        return [data] if data else []

    def believe(self, data: bytes) -> None:
        """A line has one other end."""

    def _read_port(self, timeout_s: float) -> bytes:
        if not self._has_speed:
            # pyserial's socket does not know how much is waiting: a short wait collects it.
            self._serial.timeout = min(timeout_s, _URL_READ_S)
            return bytes(self._serial.read(_SOCKET_READ_BYTES))
        first = self._read_first(timeout_s)
        if not first:
            return b""
        waiting = min(self._serial.in_waiting, _READ_MAX_BYTES)
        return bytes(first + self._serial.read(waiting)) if waiting else bytes(first)

    def _read_first(self, timeout_s: float) -> bytes:
        """One byte. Behind RFC 2217 another timeout is another agreement with the far end, so there it stays
        what it is, and short."""
        if not self._is_url:
            if self._serial.timeout != timeout_s:
                self._serial.timeout = timeout_s
            return bytes(self._serial.read(1))
        until = time.monotonic() + timeout_s
        first = bytes(self._serial.read(1))
        while not first and time.monotonic() < until:
            first = bytes(self._serial.read(1))
        return first

    def _read_descriptor(self, timeout_s: float) -> bytes:
        """One wait and one read, where pyserial would take two of each and ask how much there is."""
        port = self._serial.fd
        if port is None:
            raise OSError("it is closed")
        if not select((port,), (), (), timeout_s)[0]:
            return b""
        try:
            data = os.read(port, _READ_MAX_BYTES)
        except BlockingIOError:  # another took it
            return b""
        if not data:
            raise OSError("it is ready, and gives nothing")
        return data

    def write(self, data: bytes) -> None:
        """Send; what the port does not take in a second is dropped."""
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            return
        except (OSError, TypeError, AttributeError) as error:
            raise LinkError(f"{self._port_name}: the port is gone ({_reason(error)})", self.url) from None

    def set_baud(self, baud: int) -> None:
        """Change the speed of this side."""
        if not self._has_speed:
            return
        try:
            self._serial.baudrate = baud
        except (OSError, ValueError) as error:
            raise LinkError(
                f"{self._port_name}: this port cannot do {baud} baud ({_reason(error)}); "
                f"give another with ?baud=",
                self.url,
            ) from None

    def reopen(self) -> None:
        """Close and open again, at the first speed."""
        self.close()
        self._serial = self._open()

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError):
            self._serial.close()

    def _open(self) -> serial.Serial:
        settings: dict[str, Any] = {"timeout": 0, "write_timeout": _WRITE_TIMEOUT_S, "do_not_open": True}
        if self._port_name.startswith("rfc2217://"):  # pyserial has no time limit for writing there
            settings |= {"timeout": _URL_READ_S, "write_timeout": None}
        try:
            port: serial.Serial = serial.serial_for_url(
                self._port_name, baudrate=self._first_baud, rtscts=self._rtscts, **settings
            )
            if not self._is_url and os.name == "posix":
                port.exclusive = True
            if os.name == "nt":
                # There, opening pulses the lines with which a bridge resets an ESP32.
                port.dtr = False
                port.rts = False
            port.open()
        except (OSError, ValueError) as error:
            raise LinkError(_explain(self._port_name, error), self.url) from None
        return port


def _reason(error: BaseException) -> str:
    """The system's words without pyserial's around them."""
    code = getattr(error, "errno", None)
    return os.strerror(code) if isinstance(code, int) else str(error) or type(error).__name__


def _explain(port: str, error: BaseException) -> str:
    """Why a port does not open and what the user can do, in one line."""
    code = getattr(error, "errno", None)
    text = str(error)
    if "://" in port:
        return f"{port}: cannot be reached ({text})"
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in text:
        return f"{port}: another program has it open; close that (a serial monitor, mpremote) and try again"
    if code in (errno.EACCES, errno.EPERM) or "PermissionError" in text or "Access is denied" in text:
        if os.name == "nt":
            return f"{port}: another program has it open; close that and try again"
        return f"{port}: no permission; `sudo usermod -aG dialout $USER`, then log in anew"
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in text:
        return f"{port}: there is no such port; `ossicle devices` lists those there are"
    if code == errno.ENOTTY or "Inappropriate ioctl" in text:
        return f"{port}: this is no serial port"
    return f"{port}: cannot be opened ({text})"
