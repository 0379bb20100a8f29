"""Sealed sessions (W-47 to W-52): how they begin, go on, and who may have one."""

from __future__ import annotations

from topics.rings import BOTH, DEVICE, HOST
from topics.sealings import BEGUN, PING, REASON_SEALED, answers, asks, clear, greeting, sealed, start
from topics.sessions import STARTED, Vector, audio, capture, device, event, heard, host, quiet, resumed, wait


def handshakes() -> list[Vector]:
    return [
        sealed(
            "sealed",
            "W-45 W-46 W-49",
            "from HELLO to audio, sealed both ways",
            BOTH,
            [*BEGUN, capture(1024), audio(0), audio(1), heard(0, 1024)],
        ),
        sealed(
            "sealed-hello-has-challenge",
            "W-18 W-49",
            "the same until keys are in force, then another; the proof is for the host that asked last",
            DEVICE,
            [
                host("hello", 0, ossicle=1),
                device("hello", 0, challenge="$d", plain=False),
                *greeting(),
                asks("$c2"),
                answers("$d"),
                {"agree": True},
                start(),
                device("started", **STARTED),
                asks("$c2"),
                answers("$d2"),
            ],
        ),
        sealed(
            "sealed-hello-broken",
            "W-49",
            "a HELLO whose challenge is none leaves the one before",
            DEVICE,
            [
                *greeting(),
                *[
                    host("hello", 0, ossicle=1, host="ossicle", challenge=bad)
                    for bad in ("", "00", "zz" * 16, 5, None, ["00"])
                ],
                host("hello", 0, ossicle=1, host=7, challenge="00" * 16),
                host("hello", 0, ossicle=1, host="x" * 256, challenge="00" * 16),
                host("hello", 0, ossicle=1, challenge="00" * 16),
                start(),
                device("started", **STARTED),
            ],
        ),
        sealed(
            "sealed-hello-each-time-another",
            "W-49",
            "one challenge for a handshake, another for the next",
            HOST,
            [
                asks(),
                wait(250),
                asks(),
                answers(),
                start(),
                quiet(2950, "host", "stop"),
                wait(200),
                asks("$c2"),
                answers("$d"),
                start(token="$t2"),
            ],
        ),
        sealed(
            "sealed-hello-before-start",
            "W-49",
            "the HELLO goes before each START, for another's may have come between",
            BOTH,
            [
                *greeting(),
                {**asks("$c"), "lost": True},
                {**start(), "lost": True},
                wait(150),
                asks("$c"),
                start(),
                device("started", **STARTED),
                event("started"),
            ],
        ),
        sealed(
            "sealed-hello-of-another-between",
            "W-49",
            "the keys of the last HELLO are the pending ones",
            DEVICE,
            [
                *greeting(),
                asks("$c9"),
                start(),
                {"bad": 1},
                asks("$c"),
                start(),
                device("started", **STARTED),
                {"bad": 1},
            ],
        ),
        sealed(
            "sealed-one-answer-a-challenge",
            "W-49 W-50",
            "a second proof for the same challenge makes no second keys, and no number comes twice",
            HOST,
            [
                asks(),
                answers("$d"),
                {"agree": True},
                {**start(), "lost": True},
                answers("$d2"),
                answers("$d"),
                wait(150),
                start(),
                device("started", **STARTED),
                event("started"),
                audio(0),
                heard(0, 512),
            ],
        ),
        sealed(
            "sealed-unproved",
            "W-49 W-51",
            "a HELLO without the right proof makes no keys",
            HOST,
            [
                asks(),
                answers(proof=None),
                answers(proof="$wrong"),
                answers(challenge=None, proof=None),
                quiet(500, "host", "start"),
                answers(),
                start(),
            ],
        ),
        *[
            sealed(
                f"sealed-fails-{why}",
                "W-51",
                "nothing but that for unproved_ms: the user is told, and nothing is started",
                HOST,
                [
                    asks(),
                    answer,
                    quiet(1500, "host", "start"),
                    answer,
                    quiet(600, "host", "start"),
                    answer,
                    event("no_key", why=why),
                    quiet(1000, "host", "start"),
                ],
                **settings,
            )
            for why, answer, settings in (
                ("device", answers(challenge=None, proof=None), {}),
                ("wrong", answers(proof="$wrong"), {}),
                ("host", answers(), {"seal": {"host": None}}),
            )
        ],
    ]


def policies() -> list[Vector]:
    refused = clear(device("refused", 0, token="$t", reason=REASON_SEALED))
    return [
        sealed(
            "sealed-only",
            "W-23 W-51",
            "a START without a seal is refused, and so is all else",
            DEVICE,
            [
                clear(start()),
                refused,
                clear(host("set", 0, token=1, key=2, value=1)),
                {"bad": 2},
                *BEGUN,
                capture(512),
                audio(0),
            ],
        ),
        sealed(
            "sealed-only-and-no-key",
            "W-23 W-51",
            "no key, and not plain: nothing can be started",
            DEVICE,
            [clear(start()), refused, {"bad": 1}],
            seal={"device": None},
        ),
        sealed(
            "sealed-or-plain",
            "W-47 W-51",
            "where both are taken a sealed stream is not ended without a seal, and its end frees the device",
            DEVICE,
            [
                clear(start()),
                clear(device("started", **STARTED)),
                capture(512),
                clear(audio(0)),
                *greeting(),
                start(token="$t2"),
                device("started", "$s2", **{**STARTED, "token": "$t2", "stream_id": "$id2"}),
                clear(start(token="$t3")),
                clear(device("refused", 0, token="$t3", reason=REASON_SEALED)),
                {"bad": 1},
                clear(host("stop", "$s2")),
                clear(host("set", 0, token=1, key=2, value=1)),
                {"bad": 3},
                capture(512),
                audio(0, session="$s2"),
                wait(3100),
                clear(start(token="$t4")),
                clear(device("started", "$s3", **{**STARTED, "token": "$t4", "stream_id": "$id3"})),
                capture(512),
                clear(audio(0, session="$s3")),
            ],
            seal={"plain": True},
        ),
        sealed(
            "sealed-numbers-go-on",
            "W-50",
            "under the same keys another START and a resume do not set the number back",
            DEVICE,
            [
                *BEGUN,
                capture(512),
                audio(0),
                start(token="$t2", start_flags=1, stream_id="$id", sequence=0),
                device("started", **{**STARTED, "token": "$t2"}),
                audio(0),
                start(token="$t3"),
                device("started", "$s2", **{**STARTED, "token": "$t3", "stream_id": "$id2"}),
                capture(512),
                audio(0, session="$s2"),
            ],
        ),
        sealed(
            "sealed-numbers-spent",
            "W-50",
            "the device forgets keys whose numbers are used up, and is silent until there are others",
            DEVICE,
            [
                *BEGUN,
                capture(512),
                audio(0),
                {"number": 0x3FFF0000},
                PING,
                capture(512),
                quiet(300, "device", "audio", "pong", "started"),
                *greeting("$c2", "$d2"),
                resumed(1, 0, 1),
                audio(1),
                capture(512),
                audio(2),
            ],
        ),
        sealed(
            "sealed-resumes",
            "W-22 W-49 W-50",
            "another process, or the same after a silence: new keys, the same stream",
            BOTH,
            [
                *BEGUN,
                capture(512),
                audio(0),
                heard(0, 512),
                {"ask": "lost"},
                *greeting("$c2", "$d2"),
                resumed(1, 0, 1),
                event("started", resumed=True),
                capture(512),
                audio(1),
                heard(0, 1024),
            ],
        ),
    ]


def vectors() -> list[Vector]:
    return handshakes() + policies()
