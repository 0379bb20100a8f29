"""Time of small pieces of code, measured in turns so that ratios mean something."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns, process_time_ns

Work = Callable[[int], object]
"""Does its operation so many times."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds an operation took, one figure a round."""

    rounds: tuple[float, ...]

    @property
    def median_ns(self) -> float:
        """The middle round."""
        return median(self.rounds)

    def over(self, other: Timing) -> float:
        """How many times as long as `other`: the median of the ratios round by round."""
        return median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collection of garbage meanwhile."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def in_turns(
    subjects: Mapping[str, Work], *, number: int, rounds: int, clock: Callable[[], int] = perf_counter_ns
) -> dict[str, Timing]:
    """Each subject does its operation `number` times a round, in an order that rotates.

    One round before the first warms up and is not counted. With `processor_ns` as the clock it is CPU time.
    """
    names = list(subjects)
    found: dict[str, list[float]] = {name: [] for name in names}
    with undisturbed():
        for turn in range(-1, rounds):
            at = turn % len(names)
            for name in names[at:] + names[:at]:
                began = clock()
                subjects[name](number)
                took = clock() - began
                if turn >= 0:
                    found[name].append(took / number)
    return {name: Timing(tuple(took)) for name, took in found.items()}


def processor_ns() -> int:
    """CPU time of this process, all threads."""
    return process_time_ns()


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed; the nearest rank."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
