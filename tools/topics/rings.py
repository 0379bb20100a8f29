"""How ring vectors are made: the same operations on the models of both sides."""

from __future__ import annotations

from typing import Any

from oracle import DeviceRing, HostRing
from oracle.steps import Recorder

Vector = dict[str, Any]
Op = tuple[Any, ...]

LIMIT = 2**30
BOTH, HOST, DEVICE = ["host", "device"], ["host"], ["device"]


def vector(
    name: str, clauses: str, note: str, sides: list[str], ring: dict[str, Any], ops: list[Op]
) -> Vector:
    """`ring` may say capacity, channels, hop, overlap, overflow and start; the guard is hop + overlap.

    A vector for both sides is recorded on both models, which must answer the same.
    """
    made = {"channels": 1, "hop": 1, "overlap": 0, "overflow": "overwrite", "start": 0, **ring}
    steps = [record(side, made, ops) for side in sides]
    if len(steps) == 2 and masked(steps[0]) != masked(steps[1]):
        raise ValueError(f"{name}: the two models differ")
    return {
        "id": name,
        "clauses": clauses.split(),
        "note": note,
        "sides": sides,
        "ring": made,
        "steps": steps[0],
    }


def record(side: str, ring: dict[str, Any], ops: list[Op]) -> list[dict[str, Any]]:
    if side == "host":
        model: Any = HostRing(ring["capacity"], overflow=ring["overflow"], start=ring["start"])
    else:
        model = DeviceRing(
            ring["capacity"], ring["hop"], ring["overlap"], overflow=ring["overflow"], start=ring["start"]
        )
    recorder = Recorder(model)
    for op in ops:
        recorder.do(*op)
    return recorder.steps


def masked(steps: list[dict[str, Any]]) -> list[Any]:
    """Positions of the state modulo 2**30, as a device keeps them."""
    return [(step["answer"], {key: value % LIMIT for key, value in step["state"].items()}) for step in steps]
