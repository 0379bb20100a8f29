"""A recording cut into chunks and AUDIO packets (W-2, W-24, W-29, W-37)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oracle.packet import encode_packet, pack_payload
from oracle.spec import SPEC


def chunk_ranges(
    frames: int, hop: int, overlap: int, holes: Sequence[Sequence[int]] = ()
) -> list[tuple[int, int, int, str]]:
    """(sequence, start, stop, flag) of each chunk of a recording of `frames` frames that then ended.

    `holes` are half-open, ascending, and end at hop boundaries. The flag is "", "discontinuity" for a
    chunk that a hole cut short, or "last". The last chunk starts where fewer than a window remain and
    the chunk before it has not already carried the end; it is shorter than `hop + overlap` and may be
    empty.
    """
    out = []
    sequence = 0
    while True:
        start = sequence * hop
        inside = [hole for hole in holes if hole[0] <= start < hole[1]]
        if inside:
            sequence = -(-inside[0][1] // hop)
            continue
        limit = min([frames] + [hole[0] for hole in holes if hole[0] > start])
        stop = min(start + hop + overlap, limit)
        if stop == frames and stop - start < hop + overlap:
            out.append((sequence, start, stop, "last"))
            return out
        out.append((sequence, start, stop, "discontinuity" if stop - start < hop + overlap else ""))
        sequence += 1


def stream_packets(
    samples: Sequence[int],
    *,
    session: int,
    hop: int,
    overlap: int = 0,
    channels: int = 1,
    rate: int = 16000,
    holes: Sequence[Sequence[int]] = (),
    number: int = 0,
) -> list[dict[str, Any]]:
    """All AUDIO packets of an ended recording, each with its bytes under `packet`."""
    out = []
    for sequence, start, stop, flag in chunk_ranges(len(samples) // channels, hop, overlap, holes):
        payload = pack_payload("audio", {"samples": samples[start * channels : stop * channels]})
        packet: dict[str, Any] = {
            "kind": "audio",
            "flags": SPEC["flags"][flag] if flag else 0,
            "session": session,
            "sequence": sequence,
            "ticks_us": start * 1000000 // rate % 2**30,
            "number": number,
            "payload": payload,
            "range": [start, stop],
        }
        packet["packet"] = encode_packet(packet)
        out.append(packet)
        number += 1
    return out
