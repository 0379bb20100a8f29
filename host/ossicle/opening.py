"""What a stream is to be like, whichever link carries it, and how a microphone begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import KeyMissingError
from .microphone import Microphone
from .proto.framing import Framing
from .proto.receiver import Receiver
from .proto.request import Resume, StreamRequest

KeyOf = Callable[[str], bytes | None]
"""The key that is shared with a device, by its id; None where there is none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller of `open` or `serve` asked for. `keys` None: nothing is sealed."""

    request: StreamRequest
    deadline_ms: float
    timeout: float
    keys: KeyOf | None = None
    resume: Resume | None = None

    def receiver(self, baud: int | None, framing: Framing | None = None) -> Receiver:
        """A receiver for one device."""
        sealing: dict[str, Any] = {} if self.keys is None else {"keys": self.keys}
        return Receiver(
            self.request,
            framing=framing,
            deadline_ms=self.deadline_ms,
            baud=baud,
            resume=self.resume,
            **sealing,
        )


def key_of(keys: str | Path | Mapping[str, bytes] | None) -> KeyOf:
    """What tells keys: a mapping, a file, or the usual file. KeyMissingError where there is none at all."""
    if isinstance(keys, Mapping):
        count = len(keys)
        found: KeyOf = keys.get
    else:
        from .keys import load

        ring = load(None if keys is None else Path(keys))
        count, found = len(ring), ring
    if not count:
        raise KeyMissingError("", "host")
    return found


def begin(microphone: Microphone) -> Microphone:
    """Start it; whatever goes wrong, Ctrl-C included, leaves nothing open."""
    try:
        microphone.start()
    except BaseException:
        microphone.close()
        raise
    return microphone
