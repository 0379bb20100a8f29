"""The words that transcripts are written in: packets of either side, events, and what they have in common."""

from __future__ import annotations

from typing import Any

Vector = dict[str, Any]
Step = dict[str, Any]

HOP = 512
DEFAULTS = {"ring_samples": 4096, "link_bytes_per_s": 0, "max_baud": 2000000, "microphone": True}
RING_FRAMES = 4096 - HOP  # the guard is one window


def session(
    name: str, clauses: str, note: str, sides: list[str], steps: list[Any], **settings: Any
) -> Vector:
    """`settings`: the device's, and the host's request (mode, hop, overlap, baud, deadline_ms)."""
    flat: list[Step] = []
    for step in steps:
        flat += step if isinstance(step, list) else [step]
    host = {key: settings.pop(key) for key in list(settings) if key not in DEFAULTS}
    device = {**DEFAULTS, **settings}
    return {
        "id": name,
        "clauses": clauses.split(),
        "note": note,
        "sides": sides,
        "device": device,
        "host": host,
        "steps": flat,
    }


def host(kind: str, session: Any = "$s", lost: bool = False, **fields: Any) -> Step:
    return {"from": "host", "kind": kind, "session": session, "fields": fields, "lost": lost}


def device(kind: str, session: Any = "$s", lost: bool = False, **fields: Any) -> Step:
    return {"from": "device", "kind": kind, "session": session, "fields": fields, "lost": lost}


def audio(sequence: int, *flags: str, lost: bool = False, **more: Any) -> Step:
    """A whole chunk of one hop, unless `range` says another."""
    step = device("audio", more.get("session", "$s"), lost)
    span = more.get("range", [sequence * HOP, (sequence + 1) * HOP])
    more = {key: more[key] for key in ("first", "wrong", "cut") if key in more}
    return {**step, "sequence": sequence, "flags": list(flags), "range": span, **more}


def event(name: str, **fields: Any) -> Step:
    return {"event": name, **fields}


def heard(start: int, stop: int) -> Step:
    """The host's user has got these frames."""
    return event("audio", start=start, stop=stop)


def capture(frames: int, end: bool = False) -> Step:
    return {"capture": frames, "end": end}


def quiet(ms: int, side: str, *kinds: str) -> Step:
    return {"quiet_ms": ms, "from": side, "kinds": list(kinds)}


def wait(ms: int) -> Step:
    return {"wait_ms": ms}


HELLO = [
    host("hello", 0, ossicle=1),
    device(
        "hello",
        0,
        ossicle=1,
        ring=4096,
        rates=[8000, 16000, 24000, 32000, 44100, 48000],
        codecs=["pcm16", "adpcm"],
    ),
    event("hello", version=1),
]
START = {
    "token": "$t",
    "mode": 0,
    "codec": 0,
    "channels": 1,
    "start_flags": 0,
    "rate": 16000,
    "hop": HOP,
    "overlap": 0,
    "gain": 256,
}
IN_FORCE = {key: START[key] for key in ("mode", "codec", "channels", "rate", "hop", "overlap", "gain")}
STARTED = {"token": "$t", "stream_id": "$id", **IN_FORCE, "ring_frames": RING_FRAMES, "oldest": 0, "next": 0}


def begun(**changes: Any) -> list[Step]:
    """HELLO, START, STARTED; `changes` to START's fields and STARTED's alike."""
    started = {key: value for key, value in {**STARTED, **changes}.items() if key in STARTED}
    asked = {key: value for key, value in {**START, **changes}.items() if key in START}
    return [*HELLO, host("start", 0, **asked), device("started", **started), event("started")]


def resumed(sequence: int, oldest: int, following: int) -> list[Step]:
    fields = {**START, "token": "$t2", "start_flags": 1, "stream_id": "$id", "sequence": sequence}
    started = {**STARTED, "token": "$t2", "oldest": oldest, "next": following}
    return [host("start", 0, **fields), device("started", **started)]
