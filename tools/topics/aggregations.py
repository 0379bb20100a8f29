"""How vectors of the aggregator are made: operations on the oracle, and what it answers."""

from __future__ import annotations

from typing import Any

from oracle.aggregator import AggregatorModel

Vector = dict[str, Any]
Op = list[Any]
Runs = list[list[int]]

LOUD = 1000


def push(job: str, *runs: tuple[int, int], **extra: int) -> Op:
    return ["push", job, [list(run) for run in runs], extra]


def segment(job: str, start: int, frames: int, ended_by: str, utterance: int | None = None) -> Op:
    return ["segment", job, start, [[frames, LOUD]], ended_by, utterance]


def finish(job: str, by: str) -> Op:
    return ["finish", job, by]


def advance(**how: int) -> Op:
    return ["advance", how]


FLUSH: Op = ["flush"]


def heard(runs: Runs) -> list[tuple[int, ...]]:
    """The samples of runs: of that level, each second one negative."""
    levels = [level for count, level in runs for _ in range(count)]
    return [(-level if number % 2 else level,) for number, level in enumerate(levels)]


def vector(name: str, clauses: str, note: str, ops: list[Op], **options: Any) -> Vector:
    options = {"rate": 1000, **options}
    model = AggregatorModel(**options)
    answers = []
    for op in ops:
        batches = played(model, op)
        for batch in batches:
            del batch["audio"]
        answers.append({"batches": batches, "holding": model.holding()})
    return {
        "id": name,
        "clauses": clauses.split(),
        "note": note,
        "options": options,
        "ops": ops,
        "answers": answers,
    }


def played(model: AggregatorModel, op: Op) -> list[dict[str, Any]]:
    name, *args = op
    if name == "push":
        return model.push(args[0], heard(args[1]), **args[2])
    if name == "segment":
        return model.push_segment(args[0], args[1], heard(args[2]), args[3], args[4])
    if name == "finish":
        return model.finish(*args)
    return model.advance(**args[0]) if name == "advance" else model.flush()
