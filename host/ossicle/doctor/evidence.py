"""What there is to judge: sound, and what a device and its link counted while it was heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ossicle.proto._wire import StatusFields
from ossicle.proto.events import Hello

CHANNELS = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Audio without a gap in it: `frames` is int16 of shape (n, channels), at `rate` Hz.

    `from_start`: the first frame is the first of its stream, so that the state of the device's DC blocker
    there is known. `exact`: each sample is as the device made it, and no codec changed it. `device`: it comes
    from a microphone that may still be starting, and not from a file.
    """

    frames: NDArray[np.int16]
    rate: int
    from_start: bool = False
    exact: bool = True
    device: bool = False

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.frames) / self.rate

    def channel(self, number: int) -> Sound:
        """One channel of it, as a Sound with one."""
        return Sound(self.frames[:, number : number + 1], self.rate, self.from_start, self.exact, self.device)


@dataclass(frozen=True, slots=True)
class Link:
    """What was heard of a stream beside its sound, in `elapsed_s` seconds.

    Counts are of this stream. `baud` is None where the link has no speed. `lost` has frames in gaps by their
    cause; `ticks` the device's own (time in s, frames captured) once a second.
    """

    kind: str
    elapsed_s: float
    rate: int
    channels: int
    codec: str
    frames: int
    hello: Hello
    baud: int | None = None
    status: StatusFields | None = None
    lost: Mapping[str, int] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)
    ticks: tuple[tuple[float, int], ...] = ()
    free_heap: int | None = None
    """None where it is not known: see `collect.free_heap`."""
    true_rate: float | None = None
    packets_in: int = 0
    bytes_in: int = 0
    garbled: int = 0
    """Packets that came and could not be read."""
    missing: int = 0
    """Packets that the device sent and that never came."""
    resent: int = 0
    """Chunks that came by a re-send."""
    refused: str = ""
    """What the device said against the stream that was wanted first."""

    @property
    def usb(self) -> str:
        """How the port reaches the chip: "bridge", "jtag", "otg", or "" where it did not say."""
        said = self.hello.fields.get("usb")
        return said if isinstance(said, str) else ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it. `other` is what the slots that are not listened to held, where that was tried; `near` names
    the microphone beside which somebody spoke, where the user said so."""

    sound: Sound | None = None
    link: Link | None = None
    other: Sound | None = None
    near: str | None = None
