"""HELLO, START, STARTED, REFUSED."""

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
    session,
    wait,
)

# Windows of 300 + 70 frames that are complete after each 512 frames.
ODD = [[j for j in range(40) if 512 * i < 300 * j + 370 <= 512 * (i + 1)] for i in range(20)]


def starts() -> list[Vector]:
    other = {**START, "token": "$t2", "hop": 256}
    other_started = {**STARTED, "token": "$t2", "stream_id": "$id2", "hop": 256, "ring_frames": 4096 - 256}
    return [
        session(
            "hello",
            "W-17 W-18",
            "the device answers each HELLO with its own",
            DEVICE,
            [*HELLO, *HELLO, *HELLO],
        ),
        session(
            "hello-repeated",
            "W-17 W-20",
            "a host says HELLO until it is answered",
            HOST,
            [
                host("hello", 0),
                wait(250),
                host("hello", 0),
                wait(250),
                host("hello", 0),
                HELLO[1],
                host("start", 0, **START),
            ],
        ),
        session(
            "hello-later-version",
            "W-19",
            "another version: both are told, and nothing is started",
            HOST,
            [
                host("hello", 0),
                device("hello", 0, ossicle=2),
                event("wrong_version", device=2, host=1),
                quiet(1000, "host", "start"),
            ],
        ),
        session(
            "hello-to-later-host",
            "W-17",
            "a device answers a HELLO of any version",
            DEVICE,
            [host("hello", 0, ossicle=7), device("hello", 0, ossicle=1)],
        ),
        session(
            "start",
            "W-2 W-9 W-20 W-21 W-24",
            "from HELLO to the first audio",
            BOTH,
            [*begun(), capture(1280), audio(0), audio(1), heard(0, 1024)],
        ),
        session(
            "start-overlap",
            "W-21 W-24",
            "each frame travels twice",
            BOTH,
            [
                *begun(hop=256, overlap=256, ring_frames=4096 - 512),
                capture(1024),
                audio(0, range=[0, 512]),
                audio(1, range=[256, 768]),
                audio(2, range=[512, 1024]),
                heard(0, 1024),
            ],
            hop=256,
            overlap=256,
        ),
        session(
            "start-stereo",
            "W-21 W-41",
            "two channels, interleaved",
            BOTH,
            [
                *begun(channels=2, hop=256, ring_frames=2048 - 256),
                capture(512),
                audio(0, range=[0, 256]),
                audio(1, range=[256, 512]),
                heard(0, 512),
            ],
            channels=2,
            hop=256,
        ),
        session(
            "start-odd-hop",
            "W-24",
            "windows that start and end anywhere in the ring's storage, all the way round it",
            BOTH,
            [
                *begun(hop=300, overlap=70, ring_frames=4096 - 370),
                *[
                    step
                    for i in range(20)
                    for step in (capture(512), *[audio(j, range=[300 * j, 300 * j + 370]) for j in ODD[i]])
                ],
                heard(0, 300 * ODD[-1][-1] + 370),
            ],
            hop=300,
            overlap=70,
        ),
        *[
            session(
                f"started-other-{name}",
                "W-21",
                "a STARTED that is not what was asked for is not believed; the host asks on",
                HOST,
                [
                    *HELLO,
                    host("start", 0, **START),
                    device("started", **{**STARTED, **changed}),
                    wait(250),
                    host("start", 0, **START),
                    device("started", **STARTED),
                    event("started"),
                    audio(0),
                    heard(0, 512),
                ],
            )
            for name, changed in (
                ("rate", {"rate": 8000}),
                ("channels", {"channels": 2, "ring_frames": 2048 - 512}),
                ("codec", {"codec": 1}),
            )
        ],
        session(
            "started-lost",
            "W-20",
            "STARTED is lost: the same token gets the same session and stream",
            BOTH,
            [
                *HELLO,
                host("start", 0, **START),
                device("started", lost=True, **STARTED),
                wait(250),
                host("start", 0, **START),
                device("started", **STARTED),
                event("started"),
                capture(512),
                audio(0),
                heard(0, 512),
            ],
        ),
        session(
            "start-repeated-late",
            "W-20",
            "the same token again restarts nothing",
            DEVICE,
            [
                *begun(),
                capture(1024),
                audio(0),
                audio(1),
                host("start", 0, **START),
                device("started", **{**STARTED, "next": 2}),
                capture(512),
                audio(2),
            ],
        ),
        session(
            "start-another",
            "W-9 W-21",
            "another token: another session, another stream, from frame 0",
            DEVICE,
            [
                *begun(),
                capture(1024),
                audio(0),
                audio(1),
                host("start", 0, **other),
                device("started", "$s2", **other_started),
                capture(256),
                audio(0, session="$s2", range=[0, 256]),
            ],
        ),
        session(
            "started-of-another-token",
            "W-20",
            "a STARTED that answers no START of this host is not believed",
            HOST,
            [
                *HELLO,
                host("start", 0, **START),
                device("started", "$s2", **{**STARTED, "token": 4242, "stream_id": "$id2"}),
                audio(0, session="$s2"),
                wait(250),
                host("start", 0, **START),
                device("started", **STARTED),
                event("started", session="$s"),
            ],
        ),
    ]


def refusals() -> list[Vector]:
    table = [
        ("hop", 2, {"hop": 63}, {}),
        ("window", 3, {"hop": 512, "overlap": 161}, {}),
        ("window-stereo", 3, {"hop": 256, "overlap": 81, "channels": 2}, {}),
        ("rate", 4, {"rate": 12345}, {}),
        ("no-channels", 5, {"channels": 0}, {}),
        ("channels", 5, {"channels": 3}, {}),
        ("codec", 6, {"codec": 2}, {}),
        ("unknown-codec", 6, {"codec": 200}, {}),
        ("window-adpcm", 3, {"hop": 2600, "overlap": 81, "codec": 1}, {}),
        ("window-adpcm-stereo", 3, {"hop": 1300, "overlap": 37, "codec": 1, "channels": 2}, {}),
        ("memory", 9, {"hop": 2600, "codec": 1}, {}),
        ("link", 7, {}, {"link_bytes_per_s": 11520}),
        ("link-adpcm", 7, {"rate": 24000, "codec": 1}, {"link_bytes_per_s": 11520}),
        ("microphone", 8, {}, {"microphone": False}),
        ("gain", 11, {"gain": 4097}, {}),
    ]
    out = []
    for name, reason, changes, settings in table:
        steps = [
            *HELLO,
            host("start", 0, **{**START, **changes}),
            device("refused", 0, token="$t", reason=reason),
        ]
        clauses = "W-23 W-35" if name.startswith("link") else "W-23"
        out.append(session(f"refused-{name}", clauses, "a START that cannot be", DEVICE, steps, **settings))
    goes_on = [
        *begun(),
        capture(512),
        audio(0),
        host("start", 0, **{**START, "token": "$t2", "hop": 10}),
        device("refused", 0, token="$t2", reason=2),
        capture(512),
        audio(1),
    ]
    told = [
        *HELLO,
        host("start", 0, **START),
        device("refused", 0, token="$t", reason=4, text="no"),
        event("refused", reason=4, text="no"),
        quiet(1000, "host", "start"),
    ]
    other = [
        *HELLO,
        host("start", 0, **START),
        device("refused", 0, token=4242, reason=4, text="no"),
        wait(250),
        host("start", 0, **START),
    ]
    limit = [
        *HELLO,
        host("start", 0, **{**START, "hop": 64}),
        device("started", **{**STARTED, "hop": 64, "ring_frames": 4096 - 64}),
    ]
    largest = [
        *HELLO,
        host("start", 0, **{**START, "hop": 600, "overlap": 72}),
        device("started", **{**STARTED, "hop": 600, "overlap": 72, "ring_frames": 4096 - 672}),
    ]
    enough = [*HELLO, host("start", 0, **START), device("started", **STARTED)]
    return [
        *out,
        session("refused-goes-on", "W-23", "a session in force goes on", DEVICE, goes_on),
        session("refused-told", "W-23", "the host tells its user, and does not ask again", HOST, told),
        session(
            "refused-another-token",
            "W-23",
            "a REFUSED that answers no START of this host is not believed",
            HOST,
            other,
        ),
        session("smallest-hop", "W-23", "hop_min_frames is legal", DEVICE, limit),
        session("largest-window", "W-23", "payload_max_bytes is legal", DEVICE, largest),
        session(
            "link-just-enough",
            "W-35",
            "a chunk is 1051 bytes on the line, 31.25 times a second, in nine tenths of the link",
            DEVICE,
            enough,
            link_bytes_per_s=36500,
        ),
        session(
            "link-just-not",
            "W-35",
            "a little less, and it is refused",
            DEVICE,
            [*HELLO, host("start", 0, **START), device("refused", 0, reason=7)],
            link_bytes_per_s=36000,
        ),
    ]


def vectors() -> list[Vector]:
    return starts() + refusals()
