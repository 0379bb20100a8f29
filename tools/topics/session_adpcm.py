"""Streams in codec adpcm: the same exchanges, other payloads."""

from __future__ import annotations

from topics.rings import BOTH, DEVICE
from topics.sessions import (
    START,
    STARTED,
    Vector,
    audio,
    begun,
    capture,
    device,
    event,
    heard,
    host,
    session,
)

HOLE = 1025  # a hop; 255 frames of it come before the hole


def overlapping(name: str, channels: int) -> Vector:
    shape = {"hop": 256, "overlap": 257, "channels": channels}
    return session(
        name,
        "W-38 W-42",
        "overlapping chunks of an odd number of frames: a single loss needs no request",
        BOTH,
        [
            *begun(codec=1, ring_frames=4096 // channels - 513, **shape),
            capture(1280),
            audio(0, range=[0, 513]),
            audio(1, range=[256, 769], lost=True),
            audio(2, range=[512, 1025]),
            heard(0, 1025),
        ],
        codec="adpcm",
        **shape,
    )


def vectors() -> list[Vector]:
    second = {**START, "token": "$t2", "codec": 1}
    second_started = {**STARTED, "token": "$t2", "stream_id": "$id2", "codec": 1}
    return [
        session(
            "adpcm",
            "W-41 W-42",
            "a stream in adpcm, to its last chunk, which has an odd number of frames",
            BOTH,
            [
                *begun(codec=1),
                capture(1024),
                audio(0),
                audio(1),
                heard(0, 1024),
                capture(301, end=True),
                audio(2, "last", range=[1024, 1325]),
                heard(1024, 1325),
                event("ended", stop=1325),
            ],
            codec="adpcm",
        ),
        session(
            "adpcm-last-empty",
            "W-29 W-42",
            "a chunk of no frames has no payload",
            BOTH,
            [
                *begun(codec=1),
                capture(512, end=True),
                audio(0),
                audio(1, "last", range=[512, 512]),
                heard(0, 512),
                event("ended", stop=512),
            ],
            codec="adpcm",
        ),
        session(
            "adpcm-resent",
            "W-25 W-42",
            "what is sent again is what was sent first, and decodes alone",
            BOTH,
            [
                *begun(codec=1),
                capture(2048),
                audio(0),
                audio(1, lost=True),
                audio(2),
                audio(3),
                heard(0, 512),
                host("request", ranges=[[1, 2]]),
                audio(1, "resent"),
                heard(512, 2048),
            ],
            codec="adpcm",
        ),
        overlapping("adpcm-overlap", 1),
        overlapping("adpcm-overlap-stereo", 2),
        session(
            "adpcm-hole",
            "W-37 W-42",
            "the coder passes over what was lost before the ring; the chunk before it is cut at an odd frame",
            DEVICE,
            [
                *begun(codec=1, hop=HOLE, ring_frames=4096 - HOLE),
                capture(1280),
                audio(0, range=[0, HOLE]),
                {"lose": 1792},
                capture(256),
                audio(1, "discontinuity", range=[HOLE, 1536]),
                host("request", ranges=[[1, 2]]),
                audio(1, "resent", "discontinuity", range=[HOLE, 1536]),
                capture(1280),
                audio(3, first=1536, range=[3 * HOLE, 4 * HOLE]),
                host("request", ranges=[[2, 4]]),
                device("gone", ranges=[[2, 3]], cause=2),
                audio(3, "resent", first=1536, range=[3 * HOLE, 4 * HOLE]),
            ],
            codec="adpcm",
            hop=HOLE,
        ),
        session(
            "adpcm-anew",
            "W-20 W-42",
            "a second stream's coder starts anew",
            DEVICE,
            [
                *begun(codec=1),
                capture(768),
                audio(0),
                host("start", 0, **second),
                device("started", "$s2", **second_started),
                capture(512),
                audio(0, session="$s2"),
            ],
            codec="adpcm",
        ),
    ]
