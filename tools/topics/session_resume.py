"""START with `resume`: the link was away, or the device was. And what is too far ahead to be believed."""

from __future__ import annotations

from topics.rings import BOTH, DEVICE, HOST
from topics.sessions import (
    HELLO,
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
    quiet,
    resumed,
    session,
    wait,
)


def vectors() -> list[Vector]:
    first = [
        *begun(),
        capture(2048),
        audio(0),
        audio(1),
        audio(2, lost=True),
        audio(3, lost=True),
        heard(0, 1024),
    ]
    again = [{"ask": "lost"}, *HELLO[:2]]
    unknown = {**START, "token": "$t2", "start_flags": 1, "stream_id": "0102030405060708", "sequence": 9}
    other = {**STARTED, "token": "$t2", "stream_id": "$id2"}
    return [
        session(
            "resume",
            "W-21 W-22",
            "the link was away; the same session goes on at the sequence that is missing",
            BOTH,
            [
                *first,
                *again,
                *resumed(2, 0, 2),
                audio(2),
                audio(3),
                heard(1024, 2048),
                capture(512),
                audio(4),
                heard(2048, 2560),
            ],
        ),
        session(
            "resume-overwritten",
            "W-22 W-26",
            "the link was away for longer than the ring holds: from the oldest, and a gap",
            BOTH,
            [
                *first,
                capture(4096),
                *[audio(i, lost=True) for i in range(4, 12)],
                *again,
                *resumed(2, 5, 5),
                *[audio(i) for i in range(5, 12)],
                event("gap", start=1024, stop=2560, cause="overwritten"),
                heard(2560, 6144),
            ],
        ),
        session(
            "resume-repeated",
            "W-20 W-22",
            "the same resume again restarts nothing",
            DEVICE,
            [
                *first,
                *resumed(2, 0, 2),
                audio(2),
                audio(3),
                host(
                    "start",
                    0,
                    **{**START, "token": "$t2", "start_flags": 1, "stream_id": "$id", "sequence": 2},
                ),
                device("started", **{**STARTED, "token": "$t2", "next": 4}),
                capture(512),
                audio(4),
            ],
        ),
        session(
            "resume-unknown",
            "W-22 W-40",
            "no such stream here: a START like any other",
            DEVICE,
            [
                *first,
                host("start", 0, **unknown),
                device("started", "$s2", **other),
                capture(512),
                audio(0, session="$s2"),
            ],
        ),
        session(
            "resume-after-reset",
            "W-21 W-40",
            "another stream id: the old stream ends in a gap of unknown length, and a new one starts at 0",
            HOST,
            [
                *first,
                {"ask": "lost"},
                *HELLO[:2],
                host(
                    "start",
                    0,
                    **{**START, "token": "$t2", "start_flags": 1, "stream_id": "$id", "sequence": 2},
                ),
                device("started", "$s2", **other),
                event("gap", start=1024, stop=None, cause="reset"),
                event("started", session="$s2"),
                audio(0, session="$s2"),
                heard(0, 512),
            ],
        ),
        session(
            "silence",
            "W-20 W-22 W-28",
            "a host that hears nothing says HELLO, then resumes",
            HOST,
            [
                *first,
                quiet(1000, "host", "start"),
                wait(1500),
                *HELLO[:2],
                host(
                    "start",
                    0,
                    **{**START, "token": "$t2", "start_flags": 1, "stream_id": "$id", "sequence": 2},
                ),
                device("started", **{**STARTED, "token": "$t2", "next": 4}),
                audio(2, "resent"),
                audio(3, "resent"),
                heard(1024, 2048),
            ],
        ),
        session(
            "too-far-ahead",
            "W-56",
            "beyond the ring, the time that passed and 64 chunks there is nothing yet",
            HOST,
            [
                *begun(),
                audio(0),
                audio(200),
                device("gone", ranges=[[1, 200]], cause=1),
                audio(1),
                heard(0, 1024),
                audio(60),
                host("request", ranges=[[2, 60]]),
            ],
        ),
        session(
            "too-far-ahead-and-true",
            "W-56",
            "the host was asleep, with its clock: when nothing else comes, the device is asked, and believed",
            HOST,
            [
                *begun(),
                audio(0),
                *[audio(i) for i in (500, 501, 502)],
                host("request", ranges=[[1, 503]]),
                device("gone", ranges=[[2, 498]], cause=1),
                device("gone", ranges=[[1, 498]], cause=1),
                *[audio(i, "resent") for i in range(498, 503)],
                event("gap", start=512, stop=498 * 512, cause="overwritten"),
                heard(498 * 512, 503 * 512),
            ],
        ),
    ]
