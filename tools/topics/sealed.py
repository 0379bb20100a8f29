"""sealed.json: keys, proofs and sealed packets (W-45, W-46)."""

from __future__ import annotations

from typing import Any

from oracle import SPEC, derive_key, pack_payload, seal
from oracle.packet import KINDS, pack_layout

Vector = dict[str, Any]

PSK = bytes(range(100, 132))
CHALLENGES = (bytes(range(16)), bytes(range(240, 256)))
NAMES = ("host.example", "a1b2c3")


def key(name: str, note: str, psk: bytes, names: tuple[str, str]) -> Vector:
    return {
        "id": name,
        "clauses": ["W-46"],
        "note": note,
        "psk": psk.hex(),
        "challenges": [each.hex() for each in CHALLENGES],
        "names": list(names),
        "keys": [derive_key(psk, direction, CHALLENGES, names).hex() for direction in (0, 1)],
        "proof": derive_key(psk, 2, CHALLENGES, names).hex(),
    }


def packet(name: str, note: str, direction: int, kind: str, fields: dict[str, Any], number: int) -> Vector:
    head = {
        "flags": SPEC["flags"]["sealed"],
        "session": 0x5A17,
        "sequence": 0,
        "ticks_us": 0,
        "number": number,
    }
    payload = pack_payload(kind, fields)
    header = pack_layout("header", {**head, "kind": KINDS[kind]})
    used = derive_key(PSK, direction, CHALLENGES, NAMES)
    return {
        "id": name,
        "clauses": ["W-45"],
        "note": note,
        "direction": direction,
        "key": used.hex(),
        "kind": kind,
        **head,
        "payload": payload.hex(),
        "packet": seal(used, direction, header, payload).hex(),
    }


def vectors() -> list[Vector]:
    ramp = [(i * 2053 % 65536) - 32768 for i in range(672)]
    top = SPEC["limits"]["session_renew_number"] - 1
    return [
        key("keys", "one for each direction, and the proof", PSK, NAMES),
        key("keys-short", "a pre-shared key of one byte, an empty name", b"k", ("", "d")),
        key(
            "keys-long",
            "a pre-shared key longer than SHA-256's block; names beyond ASCII",
            PSK * 4,
            ("büro", "日本"),
        ),
        packet("nothing", "an empty payload: the tag covers the header", 0, "stop", {}, 0),
        packet("short", "less than a block", 0, "ack", {"next": 3, "highest": 5}, 1),
        packet(
            "block",
            "exactly a block",
            1,
            "pong",
            {"echo": "0011223344556677", "receive_us": 1, "send_us": 2},
            7,
        ),
        packet("longest", "the longest packet", 1, "audio", {"samples": ramp}, 8),
        packet("highest", "the last number of a session", 1, "audio", {"samples": [1]}, top),
    ]
