"""codec.json: slots of a microphone to int16 (W-43, W-44), and chunks of ADPCM (W-42)."""

from __future__ import annotations

import itertools
from typing import Any

from oracle import SPEC, adpcm, convert

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
    values = {
        "shift": 14,
        "gain": 256,
        "dc_blocker": False,
        "channels": 1,
        "late": 0,
        "slot": "left",
        **settings,
    }
    return {
        "id": name,
        "clauses": clauses,
        "note": note,
        **values,
        "slots": slots,
        "samples": convert(slots, **values),
    }


def compressed(name: str, note: str, samples: list[int], channels: int, cuts: list[list[int]]) -> Vector:
    """`chunks` of a stream: their payload, and what it decodes to by itself."""
    nibbles, before = adpcm.encode_stream(samples, channels)
    chunks = []
    for start, stop in cuts:
        payload = adpcm.chunk_payload(nibbles, before, channels, start, stop)
        decoded = adpcm.decode_payload(payload, channels)
        chunks.append({"start": start, "stop": stop, "payload": payload.hex(), "decoded": decoded})
    return {
        "id": f"adpcm-{name}",
        "clauses": ["W-42"],
        "note": note,
        "channels": channels,
        "samples": samples,
        "chunks": chunks,
    }


def compressions() -> list[Vector]:
    wave = [abs(i * 37 % 2000 - 1000) * 18 - 9000 + n for i, n in enumerate(noise(200, 3, 11))]
    loud = noise(120, 5, 16)
    square = [32767 if i // 9 % 2 else -32768 for i in range(90)]
    hops = [[0, 64], [64, 128], [128, 192], [192, 200]]
    overlapping = [[0, 96], [64, 160], [128, 200]]
    return [
        compressed("wave", "hops of one stream: each decodes alone", wave, 1, hops),
        compressed("overlap", "overlapping chunks agree where both are", wave, 1, overlapping),
        compressed(
            "odd", "an odd number of nibbles is padded by one", wave, 1, [[0, 63], [63, 64], [64, 199]]
        ),
        compressed("noise", "the index runs to its top", loud, 1, [[0, 120]]),
        compressed("square", "the predictor is clamped at both ends", square, 1, [[0, 45], [45, 90]]),
        compressed(
            "silence", "the index runs to its bottom", loud[:20] + [0] * 100, 1, [[0, 120], [60, 120]]
        ),
        compressed("stereo", "a header for each channel, nibbles in turn", wave, 2, [[0, 50], [50, 100]]),
        compressed("stereo-odd", "two channels never need padding", loud, 2, [[0, 7], [7, 8], [7, 60]]),
        compressed("one", "a chunk of one frame", loud, 1, [[0, 1], [118, 119]]),
        compressed("nothing", "a chunk of no frames has no payload", wave, 1, [[200, 200]]),
    ]


def vectors() -> list[Vector]:
    return conversions() + compressions()


def conversions() -> list[Vector]:
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
        conversion(
            "late",
            ["W-43"],
            "a bit late: what stands where the sign should is no part of it",
            [v % 2**31 - half for v in (0, 1, -1, 2**20, -(2**20)) for half in (0, 2**31)]
            + EDGES
            + noise(64, 9),
            late=1,
        ),
        conversion(
            "late-identity",
            ["W-43", "W-44"],
            "v << 15 gives v",
            [v << 15 for v in (-32768, -2, -1, 0, 1, 12345, 32767)],
            shift=16,
            late=1,
        ),
        conversion(
            "late-dc",
            ["W-43"],
            "all at once",
            noise(300, 11, 24),
            late=1,
            dc_blocker=True,
            shift=11,
            gain=300,
        ),
        conversion(
            "late-stereo",
            ["W-43"],
            "both channels",
            EDGES + noise(40, 13),
            late=1,
            channels=2,
            dc_blocker=True,
        ),
        conversion(
            "right",
            ["W-43"],
            "the second of two slots a frame",
            EDGES + noise(64, 15),
            slot="right",
            dc_blocker=True,
        ),
        conversion(
            "right-late", ["W-43"], "and a bit late", EDGES + noise(40, 17), slot="right", late=1, shift=12
        ),
        conversion(
            "right-stereo",
            ["W-43"],
            "two channels have both",
            EDGES + noise(40, 19),
            slot="right",
            channels=2,
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
