"""Ring vectors: operations on a model, written down with their answers and the state after each.

The writer numbers its frames 0, 1, 2 ... in the order it tries to write them; frames that are refused
use up their numbers too, so that one that leaks in shows. Frames are named by runs of these numbers,
`[first, n]`. The samples behind a number are `sample(number, channel)`.
"""

from __future__ import annotations

from typing import Any

Step = dict[str, Any]


def sample(number: int, channel: int) -> int:
    """Neighbours differ, channels differ, and the period is 65536 frames."""
    return (number * 25173 + channel * 13849) % 65536 - 32768


def runs(numbers: list[int]) -> list[list[int]]:
    """[4, 5, 6, 9] is [[4, 3], [9, 1]]."""
    out: list[list[int]] = []
    for number in numbers:
        if out and out[-1][0] + out[-1][1] == number:
            out[-1][1] += 1
        else:
            out.append([number, 1])
    return out


def compact(value: Any) -> Any:
    """Lists of frames as runs, wherever they are in an answer."""
    if isinstance(value, dict):
        return {key: runs(each) if key == "frames" else compact(each) for key, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [compact(each) for each in value]
    return value


class Recorder:
    """Does operations on a model and keeps them as steps."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.next = 0
        self.steps: list[Step] = []

    def do(self, op: str, *args: Any) -> Step:
        given = list(args)
        if op in ("write", "torn"):
            at = 0 if op == "write" else 1
            given[at] = list(range(self.next, self.next + args[at]))
        before = getattr(self.model, "written", 0)
        name, value = getattr(self.model, op)(*given)
        if op == "write" or (op == "torn" and self.model.written != before):
            self.next += args[at]
        if name == "ok" and op in ("read", "peek", "history", "window", "torn"):
            value = runs(value) if isinstance(value, list) else value
        step = {"op": op, "args": list(args), "answer": [name, compact(value)], "state": self.model.state()}
        self.steps.append(step)
        return step
