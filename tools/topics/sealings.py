"""The words of sealed transcripts. tests/sealing.py tells the steps that only these have."""

from __future__ import annotations

from typing import Any

from topics.sessions import START, STARTED, Step, Vector, device, event, host, session

KEY = bytes(range(32)).hex()
SECRET = {"host": KEY, "device": KEY, "plain": False}
REASON_SEALED = 12


def sealed(name: str, clauses: str, note: str, sides: list[str], steps: list[Any], **settings: Any) -> Vector:
    seal = {**SECRET, **settings.pop("seal", {})}
    return {**session(name, clauses, note, sides, steps, **settings), "seal": seal}


def asks(challenge: str = "$c") -> Step:
    return host("hello", 0, ossicle=1, host="ossicle", challenge=challenge)


def answers(challenge: str = "$d", **fields: Any) -> Step:
    said = {"ossicle": 1, "device": "a9e47", "challenge": challenge, "proof": "$proof", **fields}
    return device("hello", 0, **{name: value for name, value in said.items() if value is not None})


def greeting(challenge: str = "$c", answer: str = "$d") -> list[Step]:
    return [asks(challenge), answers(answer), {"agree": True}]


def start(**changes: Any) -> Step:
    return host("start", 0, **{**START, **changes})


def clear(step: Step) -> Step:
    return {**step, "clear": True}


def forged(step: Step) -> Step:
    return {**step, "forged": True}


BEGUN = [*greeting(), start(), device("started", **STARTED), event("started")]
PING = host("ping", echo="0102030405060708")
ANOTHER = {"token": "$t2"}
