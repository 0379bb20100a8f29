"""Both rings driven by the steps of ring vectors (`tools/oracle/steps.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle.steps import sample
from subjects import Agent

from ossicle.audio.errors import (
    HistoryError,
    NotEnoughDataError,
    RingClosedError,
    RingFullError,
    WriteTimeoutError,
)
from ossicle.audio.ring import AudioRing

STATE = ("written", "read", "available", "free", "overflows", "dropped", "refused")
MASK = 2**30 - 1
Result = tuple[Any, dict[str, int]]


def samples(numbers: list[list[int]], channels: int) -> list[int]:
    """The samples of the frames that `[first, n]` runs name, channels interleaved."""
    return [sample(first + i, c) for first, n in numbers for i in range(n) for c in range(channels)]


def expected(step: dict[str, Any], ring: dict[str, Any], masked: bool = False) -> Result:
    """A step's answer and state as a player gives them; `masked` as a device does."""
    name, value = step["answer"]
    state = dict(step["state"])
    if masked:
        state["written"] &= MASK
        state["read"] &= MASK
    return (name, plain(name, value, ring["channels"], masked)), state


def plain(name: str, value: Any, channels: int, masked: bool) -> Any:
    """Runs as samples. A device's refusals carry no numbers."""
    if isinstance(value, dict):
        return {k: samples(v, channels) if k == "frames" else v for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [plain(name, each, channels, masked) for each in value]
    if name == "ok" and isinstance(value, list) and (not value or isinstance(value[0], list)):
        return samples(value, channels)
    if masked and name in ("not enough", "gone") and isinstance(value, list):
        return None
    return value


class HostPlayer:
    """An `AudioRing` that answers like the oracle's `HostRing`."""

    def __init__(self, ring: dict[str, Any]) -> None:
        self.channels = ring["channels"]
        self.ring = AudioRing(
            ring["capacity"],
            channels=self.channels,
            guard=min(ring["hop"] + ring["overlap"], ring["capacity"]),
            overflow=ring["overflow"],
        )
        if ring["start"]:
            self.ring._preset(ring["start"])
        self.next = 0

    def do(self, op: str, args: list[Any]) -> Result:
        try:
            answer = ("ok", getattr(self, op)(*args))
        except WriteTimeoutError as error:
            answer = ("timeout", error.frames_written)
        except RingFullError as error:
            answer = ("full", error.attempted)
        except NotEnoughDataError as error:
            answer = ("not enough", [error.available, error.required])
        except HistoryError as error:
            answer = ("gone", [error.oldest, error.newest])
        except RingClosedError:
            answer = ("closed", None)
        return answer, self.state()

    def state(self) -> dict[str, int]:
        now = self.ring.status()
        return {
            "written": now.written,
            "read": now.read_position,
            "available": now.available,
            "free": now.free,
            "overflows": now.overflows,
            "dropped": now.frames_dropped,
            "refused": now.refused,
        }

    def write(self, n: int, wait: bool = True) -> int:
        numbers = range(self.next, self.next + n)
        self.next += n
        frames = np.array([sample(i, c) for i in numbers for c in range(self.channels)], np.int16)
        if self.channels > 1:
            frames = frames.reshape(-1, self.channels)
        return self.ring.write(frames, timeout=0) if wait else self.ring.write(frames, block=False)

    def read(self, n: int) -> list[int]:
        return flat(self.ring.read(n, block=False))

    def peek(self, n: int) -> list[int]:
        return flat(self.ring.peek(n))

    def advance(self, n: int) -> None:
        self.ring.advance(n)

    def skip(self, n: int) -> int:
        return self.ring.skip(n)

    def history(self, start: int, n: int) -> list[int]:
        return flat(self.ring.history(start, n))

    def clear(self) -> None:
        self.ring.clear()

    def close(self) -> None:
        self.ring.close()

    def chunk(self, hop: int, overlap: int) -> Any:
        found = self.ring.chunk(hop, overlap)
        return None if found is None else described(found)

    def chunks(self, hop: int, overlap: int) -> list[Any]:
        out = []
        # An open ring's iterator would wait for the next chunk; ask it only for what is there.
        while self.ring.closed or self.ring.available >= hop + overlap:
            found = next(self.ring.chunks(hop, overlap), None)
            if found is None:
                break
            out.append(described(found))
        return out


def flat(frames: Any) -> list[int]:
    return [int(value) for value in frames.ravel()]


def described(chunk: Any) -> dict[str, Any]:
    return {
        "start": chunk.start,
        "sequence": chunk.sequence,
        "frames": flat(chunk.data),
        "is_last": chunk.is_last,
        "discontinuity": chunk.discontinuity,
    }


class DevicePlayer:
    """The firmware's ring, in the agent, that answers like the oracle's `DeviceRing`."""

    def __init__(self, agent: Agent, ring: dict[str, Any]) -> None:
        self.agent = agent
        self.message: dict[str, Any] = {"ring": ring}

    def do_all(self, ops: list[tuple[str, list[Any]]]) -> list[Result]:
        answers = self.agent.ask("ring", [{**self.message, "ops": ops}])[0]
        self.message = {}
        return [self.result(op, *answer) for (op, _), answer in zip(ops, answers, strict=True)]

    def do(self, op: str, args: list[Any]) -> Result:
        return self.do_all([(op, args)])[0]

    def result(self, op: str, answer: list[Any], state: list[int]) -> Result:
        name, value = answer
        if name == "ok" and isinstance(value, str):
            data = bytes.fromhex(value)
            value = [int.from_bytes(data[i : i + 2], "little", signed=True) for i in range(0, len(data), 2)]
        return (name, value), dict(zip(STATE, state, strict=True))
