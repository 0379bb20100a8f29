"""What the worker tells the harness through a pipe: rows of a head and a body.

A worker that is killed may leave part of a row behind, which counts for nothing: what the harness has read
whole is what the application got.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from struct import Struct
from typing import Any

AUDIO, STARTED, GAP, ENDED, FAILED, DONE = range(6)
_HEAD = Struct("<BBHIqd")  # kind, device, nothing, bytes, position, time
_BODY_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the application got. `body` is int16 for AUDIO and JSON else."""

    kind: int
    device: int
    position: int
    time: float
    body: bytes

    def pack(self) -> bytes:
        """As it goes through the pipe."""
        return _HEAD.pack(self.kind, self.device, 0, len(self.body), self.position, self.time) + self.body

    @property
    def fields(self) -> dict[str, Any]:
        """The body of a row that is no AUDIO."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def row(kind: int, device: int, position: int, time: float, **fields: Any) -> bytes:
    """A row whose body is JSON."""
    return Row(kind, device, position, time, json.dumps(fields).encode()).pack()


class Reader:
    """Rows out of what came through the pipe, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Row]:
        """The rows that end in `data`."""
        data = self._rest + data
        rows = []
        at = 0
        while len(data) - at >= _HEAD.size:
            kind, device, _, size, position, time = _HEAD.unpack_from(data, at)
            if size > _BODY_MAX_BYTES:
                raise ValueError(f"a row of {size} bytes")
            stop = at + _HEAD.size + size
            if stop > len(data):
                break
            rows.append(Row(kind, device, position, time, data[at + _HEAD.size : stop]))
            at = stop
        self._rest = data[at:]
        return rows
