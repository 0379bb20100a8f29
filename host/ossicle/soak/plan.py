"""What goes wrong on a link, and when. Nothing here looks at a clock or remembers anything.

What happens to a packet follows from the seed, the device, the direction and how many went before it in
that direction: the same seed gives the same decisions, however the run goes otherwise. Outages, stalls and
kills are at times of the run, which begins with the first audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from struct import Struct

UP, DOWN = "up", "down"  # from the device, to the device
SECONDS_MAX = 60_000  # the board counts frames modulo 2**30
_DIGITS = Struct("<7Q")
_WHOLE = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one packet."""

    drop: bool = False
    dup: bool = False
    reorder: bool = False
    corrupt: float | None = None
    """The place of the byte that is changed, as a part of the length."""
    delay_s: float = 0.0

    @property
    def plain(self) -> bool:
        """Nothing happens to it."""
        return self == _PLAIN


_PLAIN = Fate()


@dataclass(frozen=True, slots=True)
class Faults:
    """How often something happens to a packet, as probabilities, and how late each is, in ms.

    A packet is delayed by `delay_ms` and a random part of `jitter_ms`. Raises ValueError.
    """

    drop: float = 0.0
    dup: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("drop", "dup", "reorder", "corrupt"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name):g}: a probability is from 0 to 1")
        for name in ("delay_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) <= 10_000:
                raise ValueError(f"{name} {getattr(self, name):g}: from 0 to 10000")

    def fate(self, device: int, direction: str, index: int) -> Fate:
        """What happens to packet `index` of a direction."""
        text = f"{self.seed} {device} {direction} {index}".encode()
        drop, dup, reorder, corrupt, place, late, _ = (
            number / _WHOLE for number in _DIGITS.unpack(blake2b(text, digest_size=_DIGITS.size).digest())
        )
        if drop < self.drop:
            return Fate(drop=True)
        return Fate(
            dup=dup < self.dup,
            reorder=reorder < self.reorder,
            corrupt=place if corrupt < self.corrupt else None,
            delay_s=(self.delay_ms + late * self.jitter_ms) / 1000,
        )


@dataclass(frozen=True, slots=True)
class Span:
    """From `at` on, for `seconds`."""

    at: float
    seconds: float

    @property
    def stop(self) -> float:
        """When it is over."""
        return self.at + self.seconds


def span(text: str) -> Span:
    """`AT:SECONDS`. Raises ValueError."""
    at, colon, seconds = text.partition(":")
    try:
        found = Span(float(at), float(seconds))
    except ValueError:
        found = Span(-1.0, 0.0)
    if not colon or not 0 <= found.at < 1e6 or not 0 < found.seconds < 1e5:
        raise ValueError(f"{text!r}: AT:SECONDS is wanted, as in 10:1.5")
    return found


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `seconds` of audio from each of `devices` boards over `link`.

    Raises ValueError for what makes no sense.
    """

    link: str = "serial"
    faults: Faults = Faults()
    outages: tuple[Span, ...] = ()
    stalls: tuple[Span, ...] = ()
    kills: tuple[float, ...] = ()
    seconds: float = 60.0
    mode: str = "lossless"
    flat_out: bool = False
    devices: int = 1
    plain: bool = False

    def __post_init__(self) -> None:
        if self.link not in ("serial", "udp", "ws"):
            raise ValueError(f"link {self.link!r}: serial, udp or ws")
        if not 1 <= self.devices <= 32:
            raise ValueError(f"{self.devices} devices: from 1 to 32")
        if self.devices > 1 and self.link == "serial":
            raise ValueError("several devices are heard on udp or ws")
        if not 0 < self.seconds <= SECONDS_MAX:
            raise ValueError(f"{self.seconds:g} seconds: more than 0 and at most {SECONDS_MAX}")
        if self.devices > 1 and self.kills:
            raise ValueError("a host of several devices cannot be killed here")
        spans = sorted((*self.outages, *self.stalls), key=lambda each: each.at)
        for before, after in pairwise(spans):
            if after.at < before.stop:
                raise ValueError("outages and stalls overlap")
        ends = [*self.kills, *(each.stop for each in spans)]
        if not self.flat_out and any(not 0 <= at < self.seconds for at in ends):
            raise ValueError(f"an outage, stall or kill is not over within the {self.seconds:g} seconds")
