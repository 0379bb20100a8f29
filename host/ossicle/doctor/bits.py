"""Which bits of a microphone's samples never change.

The DC blocker hides them: it takes away a number that moves. But it can be run backwards (W-43): where it
began with 0, as each stream does, what it was given follows exactly from what it gave, as long as nothing was
clipped. One sample in 1,024 or so has two answers, a step of the blocker's fraction apart, so that in ten
seconds some samples in a hundred come out one too high: what is asked of a bit is that it is the same in
nearly all samples that are not the same as the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ossicle.proto._wire import DC_SHIFT

from .evidence import Sound
from .measure import RAIL, awake

BITS = 15  # of a sample, below its sign
SAME = 0.97  # the share of samples in which a stuck bit has its value
SAMPLES_MIN = 4000
SWING = 2.0  # a bit worth up to so many times the mean deviation changes in any sound; higher ones need not


@dataclass(frozen=True, slots=True)
class Stuck:
    """Bits that never change: (number, value), 0 the lowest of the 16-bit sample."""

    bits: tuple[tuple[int, int], ...]

    @property
    def low_zeros(self) -> int:
        """How many of them are the lowest ones, all 0: then the rest is whole, and only coarser."""
        count = 0
        for number, value in self.bits:
            if number != count or value:
                break
            count += 1
        return count if count == len(self.bits) else 0


def stuck(sound: Sound) -> Stuck | None:
    """None where all bits change, or where that cannot be told. Of a Sound with one channel."""
    given = sound.frames[:, 0].astype(np.int32)
    if not sound.exact:
        return None
    candidates = [given]
    if sound.from_start and int(np.abs(given).max(initial=0)) < RAIL:
        candidates.append(unblocked(given))
    skipped = len(given) - len(awake(sound))
    for samples in candidates:
        found = _constant(samples[skipped:])
        if found:
            return Stuck(found)
    return None


def _constant(samples: NDArray[np.int32]) -> tuple[tuple[int, int], ...]:
    changing = samples[1:][np.diff(samples) != 0]  # silence without noise has none
    inside = changing[np.abs(changing) < RAIL]
    if len(inside) < SAMPLES_MIN:
        return ()
    deviation = float(inside.std())
    shares = ((number, float(((inside >> number) & 1).mean())) for number in range(BITS))
    return tuple(
        (number, int(share > 0.5))
        for number, share in shares
        if (1 << number) <= SWING * deviation and not 1 - SAME < share < SAME
    )


def unblocked(given: NDArray[np.int32]) -> NDArray[np.int32]:
    """What the DC blocker was given, from what it gave; it began with 0.

    With d = dc, W-43 says d' = d + x - ceil(d / 2**k) and y = x - floor(d' / 2**k), so
    d' - floor(d' / 2**k) = d + y - ceil(d / 2**k) =: t; and d' = 2**k q + r has t = (2**k - 1) q + r.
    """
    one = 1 << DC_SHIFT
    d, out = 0, []
    for y in given.tolist():
        q, r = divmod(d + y + (-d >> DC_SHIFT), one - 1)
        d = one * q + r
        out.append(y + q)
    return np.array(out, np.int32)
