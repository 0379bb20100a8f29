"""Who has the two pins of the line: UART0 from a reset on, another UART that takes them over, or nobody."""

from __future__ import annotations

UART0_BAUD = 115200
DEFAULT_BYTES = 384  # of a receive buffer: the driver's and the hardware's


class Pins:
    """`tx` and `rx` are UART0's. `sender` and `receiver` are numbers of UARTs, None where it is nobody."""

    def __init__(self, tx: int, rx: int) -> None:
        self._tx = tx
        self._rx = rx
        self.reset()

    def reset(self) -> None:
        """As after a reset."""
        self.sender: int | None = 0
        self.receiver: int | None = 0
        self._bauds: dict[int, int] = {}
        self._sizes: dict[int, int] = {}

    def set_up(self, data: bytes) -> None:
        """A UART has other pins, another speed, or is gone: then what it had is nobody's.

        `data` is a frame of kind OPEN (firmware/boards/unix_shims/chip/line.py).
        """
        number, on, tx, rx = data[:4]
        self._bauds[number] = int.from_bytes(data[4:8], "little")
        self._sizes[number] = int.from_bytes(data[8:12], "little")
        if self.sender == number:
            self.sender = None
        if self.receiver == number:
            self.receiver = None
        if on and tx == self._tx:
            self.sender = number
        if on and rx == self._rx:
            self.receiver = number

    def give_back(self, pin: int) -> None:
        """A pin has its first function again, which is UART0's."""
        if pin == self._tx:
            self.sender = 0
        if pin == self._rx:
            self.receiver = 0

    def baud(self, number: int | None) -> int:
        """The speed of a UART; UART0's where there is none."""
        return self._bauds.get(number, UART0_BAUD) if number else UART0_BAUD

    def size(self, number: int) -> int:
        """Bytes that wait in its receive buffer at the most."""
        return self._sizes.get(number, DEFAULT_BYTES)
