"""A microphone's 32-bit slots to int16 (W-43, W-44)."""

from __future__ import annotations

from collections.abc import Sequence

from oracle.spec import LIMITS, SPEC

DC_SHIFT = LIMITS["dc_shift"]


def convert(
    slots: Sequence[int],
    shift: int = SPEC["defaults"]["shift"],
    gain: int = SPEC["defaults"]["gain"],
    dc_blocker: bool = True,
    channels: int = 1,
    late: int = 0,
    slot: str = "left",
) -> list[int]:
    """`slots`: signed 32-bit numbers, channels interleaved, from the stream's first frame. Gives int16s.

    Of one channel and `slot` "right" they are pairs, of which the second counts.
    """
    if slot == "right" and channels == 1:
        slots = slots[1::2]
    if not LIMITS["shift_min"] <= shift <= LIMITS["shift_max"] or not 0 <= gain <= LIMITS["gain_max"]:
        raise ValueError(f"shift {shift}, gain {gain}")
    out = [0] * len(slots)
    for channel in range(channels):
        dc = 0
        for i in range(channel, len(slots), channels):
            y = (((slots[i] << late) + 2**31) % 2**32 - 2**31) >> shift
            if dc_blocker:
                dc += ((y << DC_SHIFT) - dc) >> DC_SHIFT
                y -= dc >> DC_SHIFT
            y = min(max(y, -(2**18)), 2**18 - 1)
            z = (y * gain + 128) >> 8
            out[i] = min(max(z, -32768), 32767)
    return out
