"""What the receiver tells: frozen values, in the order in which they became true.

Positions count frames of the capture and never wrap; ranges are half-open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._wire import Cause, StatusFields

Frames = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Hello:
    """The device presented itself (W-18). Lists are empty and numbers 0 where its HELLO did not say."""

    version: int
    spec: str = ""
    device: str = ""
    firmware: str = ""
    board: str = ""
    rates: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    codecs: tuple[str, ...] = ()
    ring_frames: int = 0
    max_baud: int = 0
    notes: tuple[str, ...] = ()
    chip: str = ""
    """What MicroPython calls the machine; `micropython` is its version."""
    micropython: str = ""
    mic: dict[str, Any] = field(default_factory=dict, hash=False)
    """`kind`, `slot`, `shift` and `late`, as far as the device told them."""
    reset: str = ""
    """Why the board started: power, hard, watchdog, deepsleep or soft."""
    usb: str = ""
    """What a serial line goes through: bridge, jtag or otg."""
    power_save: bool | None = None
    """Whether the radio saves power; None where there is none, or nothing was said."""
    fields: dict[str, Any] = field(default_factory=dict, repr=False, compare=False, hash=False)
    """The whole JSON object, with keys that this version does not know."""


@dataclass(frozen=True, slots=True)
class SpeedChanged:
    """The link now runs at `baud`, agreed with the device."""

    baud: int


@dataclass(frozen=True, slots=True)
class Started:
    """A stream is in force; its parameters are the device's word. `resumed`: an earlier one goes on."""

    stream_id: bytes
    session: int
    rate: int
    channels: int
    hop: int
    overlap: int
    gain: float
    codec: int
    ring_frames: int
    oldest: int
    next: int
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The device goes on with the same stream under another session number (W-8)."""

    session: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The device refused the START; `reason` is a number of `reasons` in protocol.toml."""

    reason: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """The frames of positions [start, start + len(frames)): the next ones, each exactly once.

    `frames` is read-only int16 of shape (n,) for one channel and (n, channels) for more.
    """

    start: int
    frames: Frames

    @property
    def stop(self) -> int:
        """The position after the last frame."""
        return self.start + len(self.frames)


@dataclass(frozen=True, slots=True)
class Gap:
    """Positions [start, stop) will never come. `stop` is None where the length cannot be known (W-40).

    `cause` is one of `causes` in protocol.toml, or "overflow": this consumer did not read in time; others may
    have the audio.
    `estimated`: right within the larger of a hop and a DMA buffer, since nobody counted the frames (W-37).
    """

    start: int
    stop: int | None
    cause: str
    estimated: bool = False

    @property
    def frames(self) -> int | None:
        """The length, or None where it cannot be known."""
        return None if self.stop is None else self.stop - self.start


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Positions [start, stop) came twice and differ, at both ends at least; the first was kept."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Status:
    """The device's own counters, each modulo 2**30 (W-30)."""

    fields: StatusFields


@dataclass(frozen=True, slots=True)
class Pong:
    """A PING came back: the round trip, without the time inside the device."""

    rtt_s: float


@dataclass(frozen=True, slots=True)
class Log:
    """A text from the firmware."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing valid came for `seconds`; the receiver looks for the device again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over; all before `stop`, its exact length, was told as audio or as a gap."""

    stop: int


@dataclass(frozen=True, slots=True)
class NoKey:
    """Nothing can be sealed with this device, and nothing was started. `why`: see KeyMissingError."""

    device: str
    why: str


@dataclass(frozen=True, slots=True)
class WrongVersion:
    """The device speaks another version of the protocol; no stream will start (W-19)."""

    device: int
    host: int


Event = (
    Hello
    | SpeedChanged
    | Started
    | SessionChanged
    | Refused
    | Audio
    | Gap
    | Disagreement
    | Status
    | Pong
    | Log
    | Silent
    | Ended
    | WrongVersion
    | NoKey
)


def cause_name(cause: int) -> str:
    """The name of a cause of protocol.toml, or "unknown" for one that a later version may have."""
    return Cause(cause).name.lower() if cause in Cause.__members__.values() else "unknown"
