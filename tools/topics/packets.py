"""packet.json: every kind, every field at its limits."""

from __future__ import annotations

import json
from typing import Any

from oracle import SPEC, encode_packet, pack_payload

Vector = dict[str, Any]

TOP = SPEC["limits"]["number_limit"] - 1
LONGEST = SPEC["limits"]["payload_max_bytes"]
FLAGS: dict[str, int] = SPEC["flags"]
SENT_BY = {"d": ["host"], "h": ["device"], "b": ["host", "device"]}
STREAM = "00112233445566ff"

START: dict[str, Any] = {
    "token": 0x12345678,
    "mode": 0,
    "codec": 0,
    "channels": 1,
    "start_flags": 0,
    "rate": 16000,
    "hop": 512,
    "overlap": 0,
    "gain": 256,
    "stream_id": "00" * 8,
    "sequence": 0,
}
STARTED: dict[str, Any] = {
    "token": 0x12345678,
    "stream_id": STREAM,
    "rate": 16000,
    "hop": 512,
    "overlap": 0,
    "mode": 0,
    "codec": 0,
    "channels": 1,
    "gain": 256,
    "ring_frames": 33280,
    "oldest": 0,
    "next": 0,
}
HELLO_DEVICE = {
    "ossicle": 1,
    "spec": "00000000",
    "device": "a1b2c3",
    "firmware": "0.1.0",
    "board": "esp32",
    "rates": [8000, 16000],
    "channels": [1, 2],
    "codecs": ["pcm16"],
    "ring": 33792,
    "max_baud": 2000000,
    "notes": [],
    "chip": "Generic ESP32 module with ESP32",
    "micropython": "1.27.0",
    "mic": {"kind": "i2s", "slot": "right", "shift": 14, "late": 1},
    "reset": "watchdog",
    "usb": "bridge",
    "power_save": False,
}


def packet(
    name: str, clauses: list[str], note: str, kind: str, fields: dict[str, Any], **head: int
) -> Vector:
    """One vector; the header's fields default to 0, the session to 0x5A17 where the kind has one."""
    header = {"flags": 0, "session": 0x5A17, "sequence": 0, "ticks_us": 0, "number": 0}
    if kind in ("hello", "start", "refused"):
        header["session"] = 0
    header.update(head)
    payload = pack_payload(kind, fields)
    return {
        "id": name,
        "clauses": clauses,
        "note": note,
        "sides": SENT_BY[SPEC["kinds"][kind]["sender"]],
        "kind": kind,
        **header,
        "fields": fields,
        "payload": payload.hex(),
        "packet": encode_packet({"kind": kind, "payload": payload, **header}).hex(),
    }


def hello(value: dict[str, Any]) -> dict[str, str]:
    return {"text": json.dumps(value, ensure_ascii=False)}


def extremes(layout: str, low: dict[str, Any], high: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """`layout` with all numbers at the bottom, then at the top of what their types hold."""
    top = {"u8": 255, "u16": 65535, "u30": TOP, "i32": 2**31 - 1, "id8": "ff" * 8}
    bottom = {"u8": 0, "u16": 0, "u30": 0, "i32": -(2**31), "id8": "00" * 8}
    out = []
    for name, values, fixed in (("lowest", bottom, low), ("highest", top, high)):
        fields = [(f, k) for f, k in SPEC["layouts"][layout]["fields"] if not f.startswith("reserved")]
        out.append((name, {**{f: values[k] for f, k in fields}, **fixed}))
    return out


def hellos() -> list[Vector]:
    long = {**HELLO_DEVICE, "notes": ["x" * 900]}
    strange = {**HELLO_DEVICE, "later": {"a": [1, None, True]}, "notes": ["Gerät läuft", "日本"]}
    return [
        packet(
            "hello-host",
            ["W-3", "W-4", "W-17", "W-18"],
            "what a host says first",
            "hello",
            hello({"ossicle": 1, "host": "ossicle 0.1.0"}),
            number=0,
        )
        | {"sides": ["device"]},
        packet(
            "hello-device",
            ["W-3", "W-4", "W-6", "W-17", "W-18"],
            "every key",
            "hello",
            hello(HELLO_DEVICE),
            ticks_us=123456,
        )
        | {"sides": ["host"]},
        packet(
            "hello-unknown-keys",
            ["W-18"],
            "unknown keys are ignored; text beyond ASCII",
            "hello",
            hello(strange),
        )
        | {"sides": ["host"]},
        packet("hello-long", ["W-17"], "a long note", "hello", hello(long)) | {"sides": ["host"]},
        packet(
            "hello-other-version",
            ["W-17", "W-19"],
            "the envelope of a later protocol is the same, so its version can be read",
            "hello",
            hello({"ossicle": 2, "device": "a1b2c3"}),
        )
        | {"sides": ["host"]},
        packet(
            "hello-host-other-version",
            ["W-17"],
            "a later host",
            "hello",
            hello({"ossicle": 99, "host": "later"}),
        )
        | {"sides": ["device"]},
    ]


def audios() -> list[Vector]:
    ramp = [(i * 2053 % 65536) - 32768 for i in range(672)]
    out = [
        packet(
            "audio-full",
            ["W-3", "W-5", "W-24", "W-41"],
            "512 frames of one channel, as by default",
            "audio",
            {"samples": ramp[:512]},
            sequence=7,
            ticks_us=224000,
            number=9,
        ),
        packet(
            "audio-longest",
            ["W-3", "W-24"],
            "the longest payload: 672 samples",
            "audio",
            {"samples": ramp},
            sequence=1,
        ),
        packet(
            "audio-one",
            ["W-24", "W-41"],
            "little-endian: 0x0102 is 02 01",
            "audio",
            {"samples": [0x0102]},
            sequence=1,
            flags=FLAGS["last"],
        ),
        packet(
            "audio-limits",
            ["W-41"],
            "the ends of int16",
            "audio",
            {"samples": [-32768, -1, 0, 1, 32767]},
            sequence=1,
            flags=FLAGS["last"],
        ),
        packet("audio-zeros", ["W-41"], "silence", "audio", {"samples": [0] * 64}),
        packet(
            "audio-empty-last",
            ["W-29"],
            "the last chunk may be empty",
            "audio",
            {"samples": []},
            sequence=12,
            flags=FLAGS["last"],
        ),
        packet(
            "audio-highest",
            ["W-1", "W-2", "W-7"],
            "every number of the header at its top",
            "audio",
            {"samples": [5]},
            session=65535,
            sequence=TOP,
            ticks_us=TOP,
            number=TOP,
            flags=FLAGS["last"],
        ),
    ]
    names = ("resent", "discontinuity", "last")
    for bits in range(1, 8):
        chosen = [name for i, name in enumerate(names) if bits >> i & 1]
        value = sum(FLAGS[name] for name in chosen)
        clauses = ["W-24"] + ["W-25"] * ("resent" in chosen) + ["W-29"] * ("last" in chosen)
        out.append(
            packet(
                "audio-flags-" + "-".join(chosen),
                clauses,
                "flags",
                "audio",
                {"samples": [1, 2, 3]},
                sequence=2,
                flags=value,
            )
        )
    return out


def control() -> list[Vector]:
    """What the host sends."""
    out = [
        packet("start", ["W-20"], "as by default", "start", START),
        packet(
            "start-resume",
            ["W-22"],
            "go on from sequence 77",
            "start",
            {**START, "start_flags": 1, "stream_id": STREAM, "sequence": 77},
        ),
        packet(
            "start-live-stereo",
            ["W-20"],
            "two channels with every frame twice",
            "start",
            {**START, "mode": 1, "channels": 2, "rate": 48000, "hop": 168, "overlap": 168},
        ),
        packet("request-one", ["W-25"], "one sequence", "request", {"ranges": [[5, 6]]}, number=3),
        packet(
            "request-eight",
            ["W-25"],
            "as many ranges as may be, each one from the next",
            "request",
            {"ranges": [[i * 3, i * 3 + 2] for i in range(8)]},
        ),
        packet(
            "request-top",
            ["W-1", "W-25"],
            "the last sequences",
            "request",
            {"ranges": [[0, 1], [TOP - 1, TOP]]},
        ),
        packet("stop", ["W-31"], "no payload", "stop", {}),
        packet(
            "set-baud",
            ["W-31", "W-34"],
            "ask for another speed",
            "set",
            {"token": 1, "key": 1, "value": 921600},
        ),
        packet("set-gain", ["W-31"], "16.0", "set", {"token": 65535, "key": 2, "value": 4096}),
    ]
    for kind, clauses in (
        ("start", ["W-1", "W-20"]),
        ("ack", ["W-28"]),
        ("ping", ["W-30"]),
        ("set", ["W-31"]),
    ):
        for name, fields in extremes(kind, {"token": 1} if kind == "start" else {}, {}):
            out.append(packet(f"{kind}-{name}", clauses, "every field at its limit", kind, fields))
    return out


def answers() -> list[Vector]:
    """What the device sends beside AUDIO and HELLO."""
    out = [
        packet("started", ["W-21"], "as by default", "started", STARTED),
        packet(
            "started-unasked",
            ["W-8"],
            "token 0: the session was renewed",
            "started",
            {**STARTED, "token": 0, "oldest": 2000000, "next": 2000123},
        ),
        packet(
            "gone-overwritten",
            ["W-26"],
            "two ranges that the ring has lost",
            "gone",
            {"ranges": [[0, 4], [9, 10]], "cause": 1},
        ),
        packet("gone-capture", ["W-26", "W-37"], "a hole", "gone", {"ranges": [[100, 140]], "cause": 2}),
        packet(
            "gone-eight",
            ["W-26"],
            "as many ranges as may be",
            "gone",
            {"ranges": [[i * 2, i * 2 + 1] for i in range(8)], "cause": 1},
        ),
        packet(
            "refused-no-text",
            ["W-23"],
            "the text may be empty",
            "refused",
            {"token": 1, "reason": 2, "text": ""},
        ),
        packet("log-empty", ["W-30"], "an empty text", "log", {"level": 0, "text": ""}),
        packet(
            "log-longest",
            ["W-30"],
            "as long as may be",
            "log",
            {"level": 3, "text": "y" * SPEC["limits"]["log_max_bytes"]},
        ),
    ]
    for name, value in SPEC["reasons"].items():
        if name != "ok":
            fields = {"token": 77, "reason": value, "text": f"because of {name}"}
            out.append(packet(f"refused-{name}", ["W-23"], "each reason", "refused", fields))
    tables = (
        ("started", ["W-1", "W-21"]),
        ("pong", ["W-30"]),
        ("status", ["W-30", "W-57"]),
        ("set_reply", ["W-31"]),
    )
    for kind, clauses in tables:
        for name, fields in extremes(kind, {}, {}):
            out.append(packet(f"{kind}-{name}", clauses, "every field at its limit", kind, fields))
    return out


def vectors() -> list[Vector]:
    return hellos() + audios() + control() + answers()
