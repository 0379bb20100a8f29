"""What the child says: text and frames in one stream (firmware/boards/unix_shims/chip/line.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HEAD_BYTES = 12
TEXT = 0  # the kind of what is no frame


@dataclass(frozen=True, slots=True)
class Said:
    """`kind` is TEXT or a frame's letter; `number` whatever the kind gives it the meaning of."""

    kind: int
    number: int
    data: bytes


class Parser:
    """Takes the stream in pieces of any size; a nonce makes frames unlike any text."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Said]:
        """What has come whole, in order."""
        self._rest += data
        while self._rest:
            at = self._rest.find(self._nonce)
            if at < 0:
                at = len(self._rest) - self._begun()
            if at:
                yield Said(TEXT, 0, self._rest[:at])
                self._rest = self._rest[at:]
            if len(self._rest) < HEAD_BYTES:
                return
            stop = HEAD_BYTES + int.from_bytes(self._rest[10:12], "little")
            if len(self._rest) < stop:
                return
            yield Said(self._rest[8], self._rest[9], self._rest[HEAD_BYTES:stop])
            self._rest = self._rest[stop:]

    def _begun(self) -> int:
        """How many of the last bytes may be the start of a nonce: frames come whole, text may be cut."""
        for n in range(min(len(self._nonce), len(self._rest)), 0, -1):
            if self._rest.endswith(self._nonce[:n]):
                return n
        return 0

    @property
    def held(self) -> bool:
        """Whether something is held back that may be the start of a frame."""
        return bool(self._rest)

    def flush(self) -> Iterator[Said]:
        """What was held back and is no frame after all, when nothing more has come for a while."""
        if len(self._rest) < len(self._nonce):
            rest, self._rest = self._rest, b""
            if rest:
                yield Said(TEXT, 0, rest)
