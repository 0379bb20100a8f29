"""What a link is to whoever drives it. A link moves bytes; what is in them it does not judge."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """One open link. Every method but `close` raises LinkError when the link is lost."""

    @property
    def url(self) -> str:
        """Names the link in messages."""

    @property
    def baud(self) -> int | None:
        """The speed, None where there is none that could be set."""

    @property
    def trouble(self) -> str:
        """Why what was written last did not go out, empty when it did."""

    def read(self, timeout_s: float) -> list[bytes]:
        """What came, as soon as anything comes; empty when nothing did in `timeout_s`.

        Of a stream of bytes at most one item; else one for each datagram or message, a bounded number.
        """

    def believe(self, data: bytes) -> None:
        """`data`, of what was read last, was the device's own: answers go the way that it came (W-53)."""

    def write(self, data: bytes) -> None:
        """Send. What does not fit in time is dropped: the protocol repeats whatever matters."""

    def set_baud(self, baud: int) -> None:
        """Change the speed."""

    def reopen(self) -> None:
        """Close and open again, as the first time."""

    def close(self) -> None:
        """Give the port back; harmless when repeated."""
