"""The end of a stream."""

from __future__ import annotations

from topics.rings import BOTH, DEVICE, HOST
from topics.sessions import (
    Vector,
    audio,
    begun,
    capture,
    event,
    heard,
    host,
    quiet,
    session,
    wait,
)


def vectors() -> list[Vector]:
    last = audio(2, "last", range=[1024, 1324])
    repeat = {**audio(2, "last", "resent", range=[1024, 1324])}
    empty = audio(2, "last", range=[1024, 1024])
    end = [*begun(), capture(1324, end=True), audio(0), audio(1)]
    return [
        session(
            "last",
            "W-28 W-29",
            "the source ends: its exact length is known",
            BOTH,
            [
                *end,
                last,
                heard(0, 1324),
                event("ended", stop=1324),
                host("ack", next=3, highest=3),
                quiet(1000, "device", "audio"),
            ],
        ),
        session(
            "last-empty",
            "W-29",
            "it ends at a hop boundary: the last chunk is empty",
            BOTH,
            [
                *begun(),
                capture(1024, end=True),
                audio(0),
                audio(1),
                empty,
                heard(0, 1024),
                event("ended", stop=1024),
                host("ack", next=3, highest=3),
            ],
        ),
        session(
            "last-lost",
            "W-29",
            "it is repeated until it is acknowledged",
            BOTH,
            [
                *end,
                {**last, "lost": True},
                wait(200),
                {**repeat, "lost": True},
                wait(200),
                repeat,
                heard(0, 1324),
                event("ended", stop=1324),
                host("ack", next=3, highest=3),
                quiet(1000, "device", "audio"),
            ],
        ),
        session(
            "last-wanted",
            "W-28 W-29",
            "an ACK that still wants the last chunk does not end its repetition",
            DEVICE,
            [
                *end,
                last,
                host("ack", next=2, highest=3),
                wait(200),
                repeat,
                host("ack", next=3, highest=3),
                quiet(500, "device", "audio"),
            ],
        ),
        session(
            "last-for-ever",
            "W-29",
            "at most last_repeats_max times",
            DEVICE,
            [
                *end,
                last,
                *[step for _ in range(25) for step in (wait(200), host("ping", echo="00" * 8), repeat)],
                wait(200),
                host("ping", echo="00" * 8),
                quiet(1000, "device", "audio"),
            ],
        ),
        session(
            "last-before-others",
            "W-29 W-39",
            "the end has come, what is before it has not",
            HOST,
            [
                *begun(),
                audio(0),
                last,
                host("request", ranges=[[1, 2]]),
                audio(1, "resent"),
                heard(0, 1324),
                event("ended", stop=1324),
                host("ack", next=3, highest=3),
            ],
        ),
        session(
            "stop",
            "W-29 W-31",
            "what remains is sent, then the stream is over",
            BOTH,
            [
                *begun(),
                capture(1024),
                audio(0),
                audio(1),
                heard(0, 1024),
                {"ask": "stop"},
                host("stop"),
                empty,
                event("ended", stop=1024),
                host("ack", next=3, highest=3),
            ],
        ),
        session(
            "stop-in-a-chunk",
            "W-29 W-31",
            "the rest of a chunk is the last",
            DEVICE,
            [
                *begun(),
                capture(1280),
                audio(0),
                audio(1),
                host("stop"),
                audio(2, "last", range=[1024, 1280]),
                host("stop"),
                wait(200),
                audio(2, "last", "resent", range=[1024, 1280]),
                host("ack", next=3, highest=3),
                quiet(500, "device", "audio"),
            ],
        ),
        session(
            "stop-repeated",
            "W-31",
            "STOP is repeated until the end has come",
            HOST,
            [
                *begun(),
                audio(0),
                heard(0, 512),
                {"ask": "stop"},
                host("stop"),
                wait(250),
                host("stop"),
                audio(1, "last", range=[512, 512]),
                event("ended", stop=512),
                quiet(500, "host", "stop"),
            ],
        ),
    ]
