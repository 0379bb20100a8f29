"""Since when is a chunk known to exist? What waits for a chunk counts from there, not from its capture."""

from __future__ import annotations

from bisect import bisect_right

_HUGE = float("inf")


class Sightings:
    """Marks (highest, time): at `time` all sequences below `highest` were known to exist.

    Marks lie between what is settled and what was seen, each above the one before: so there are never more
    than a receiver keeps chunks.
    """

    def __init__(self) -> None:
        self._marks: list[tuple[int, float]] = []

    def look(self, settled: int, highest: int, now: float) -> None:
        """Take what is true now: all below `settled` is settled, all below `highest` exists."""
        marks = self._marks
        if marks and marks[0][0] <= settled:
            del marks[: bisect_right(marks, (settled, _HUGE))]
        if highest > settled and (not marks or highest > marks[-1][0]):
            marks.append((highest, now))

    def since(self, sequence: int) -> float | None:
        """When `sequence` was first known to exist; None for one that is settled or was never seen."""
        at = bisect_right(self._marks, (sequence, _HUGE))
        return self._marks[at][1] if at < len(self._marks) else None

    def before(self, time: float) -> int:
        """All sequences below this were known to exist at `time`."""
        limit = 0
        for highest, at in self._marks:
            if at > time:
                break
            limit = highest
        return limit

    @property
    def oldest(self) -> float | None:
        """The time of the first mark."""
        return self._marks[0][1] if self._marks else None
