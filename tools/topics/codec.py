"""codec.json: slots of a microphone to int16 (W-43, W-44), the layout of PCM (W-41)."""

from __future__ import annotations

import itertools
from typing import Any

from oracle import SPEC, convert

Vector = dict[str, Any]

LOW, HIGH = -(2**31), 2**31 - 1
EDGES = [
    0,
    1,
    -1,
    2**13,
    2**14 - 1,
    2**14,
    -(2**14),
    -(2**14) - 1,
    2**29,
    -(2**29),
    2**30,
    HIGH,
    LOW,
    LOW + 1,
]


def noise(n: int, seed: int = 1, bits: int = 32) -> list[int]:
    """A linear congruential generator (Numerical Recipes' constants); signed numbers of `bits` bits."""
    out = []
    for _ in range(n):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out.append((seed - 2**31) >> (32 - bits))
    return out


def conversion(name: str, clauses: list[str], note: str, slots: list[int], **settings: Any) -> Vector:
    values = {"shift": 14, "gain": 256, "dc_blocker": False, "channels": 1, **settings}
    return {
        "id": name,
        "clauses": clauses,
        "note": note,
        **values,
        "slots": slots,
        "samples": convert(slots, **values),
    }


def vectors() -> list[Vector]:
    limits = SPEC["limits"]
    identity = [v << 16 for v in (-32768, -32767, -2, -1, 0, 1, 2, 255, 256, 32766, 32767)]
    out = [
        conversion(
            "identity", ["W-44"], "shift 16, gain 1.0, no DC blocker: v << 16 gives v", identity, shift=16
        ),
        conversion(
            "arithmetic-shift",
            ["W-43"],
            "the shift rounds down, also below 0",
            [-1, -(2**14), -(2**14) - 1, 2**14 - 1],
            shift=14,
        ),
        conversion("dc-constant", ["W-43"], "a constant offset dies away", [2**20] * 400, dc_blocker=True),
        conversion("dc-negative", ["W-43"], "and a negative one", [-(2**21) - 5] * 400, dc_blocker=True),
        conversion(
            "dc-extremes",
            ["W-43"],
            "the widest swing the blocker can meet stays within 32 bits",
            [HIGH, LOW] * 100 + [LOW] * 200 + [HIGH] * 200,
            shift=11,
            dc_blocker=True,
        ),
        conversion(
            "dc-stereo",
            ["W-43"],
            "each channel has its own offset",
            [2**22, -(2**23)] * 150,
            dc_blocker=True,
            channels=2,
        ),
        conversion("dc-noise", ["W-43", "W-44"], "speech-like levels", noise(500, 7, 24), dc_blocker=True),
        conversion("gain-zero", ["W-44"], "mute", noise(32), gain=0),
        conversion(
            "gain-rounds",
            ["W-44"],
            "half is rounded up",
            [v << 16 for v in range(-9, 10)],
            shift=16,
            gain=128,
        ),
        conversion(
            "gain-top",
            ["W-44"],
            "the clamp keeps y * gain within 32 bits",
            EDGES + noise(64),
            shift=11,
            gain=limits["gain_max"],
        ),
        conversion("no-frames", ["W-43"], "nothing gives nothing", []),
    ]
    tops = (limits["shift_min"], 14, limits["shift_max"])
    for shift, gain, dc in itertools.product(tops, (1, 255, 256, 1024, limits["gain_max"]), (False, True)):
        name = f"shift-{shift}-gain-{gain}" + ("-dc" if dc else "")
        slots = EDGES + noise(40, shift * gain)
        clauses = ["W-43", "W-44"]
        out.append(conversion(name, clauses, "edges and noise", slots, shift=shift, gain=gain, dc_blocker=dc))
    return out
