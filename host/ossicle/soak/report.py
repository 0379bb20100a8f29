"""The figures of a run: one JSON object, and the same for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .judge import Verdict
from .plan import Plan

_FRAME_BYTES = 2
_WARM = (0.1, 0.35)  # the part of the run in which memory has settled
_LATE = 0.75  # the part from which on it is compared with that
_MEMORIES_MAX = 100_000


class Memory:
    """The host's resident memory over the run."""

    def __init__(self) -> None:
        self.peak = 0
        self._at: list[tuple[float, int]] = []

    def add(self, since_s: float, sizes: tuple[int, int] | None) -> None:
        """Peak and present size in bytes, or None where the process is gone."""
        if sizes is None:
            return
        self.peak = max(self.peak, sizes[0])
        if len(self._at) < _MEMORIES_MAX:
            self._at.append((since_s, sizes[1]))

    @property
    def growth(self) -> int:
        """Bytes by which the largest of the last quarter is above the largest after the beginning."""
        end = max((at for at, _ in self._at), default=0.0)
        early = [size for at, size in self._at if _WARM[0] * end <= at <= _WARM[1] * end]
        late = [size for at, size in self._at if at >= _LATE * end]
        return max(late) - max(early) if early and late else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has found; lists are by device."""

    plan: Plan
    verdicts: list[list[Verdict]]
    lanes: list[tuple[Counter[str], Counter[str]]]
    """What went up and down each link."""
    heaps: list[tuple[int, int]]
    memory: Memory
    stats: list[dict[str, Any]]
    kills: int
    allowance_s: float
    late_s: float
    seconds: float
    failure: str = field(default="")

    @property
    def holds(self) -> bool:
        """Nothing was wrong, and nothing was lost that could have come."""
        figures = self.figures()
        return not self.failure and figures["wrong"] == 0 and figures["lost_within_ring"] == 0

    def figures(self) -> dict[str, Any]:
        """The JSON object: first what every run has, then what helps to see why."""
        verdicts = [verdict for each in self.verdicts for verdict in each]
        up, down = (sum((lane[i] for lane in self.lanes), Counter[str]()) for i in (0, 1))
        audio = sum(verdict.delivered for verdict in verdicts) * _FRAME_BYTES
        recoveries = np.concatenate([verdict.recoveries for verdict in verdicts] or [np.empty(0)])
        return {
            "frames_captured": sum(verdict.captured for verdict in verdicts),
            "frames_delivered": sum(verdict.delivered for verdict in verdicts),
            "wrong": sum(verdict.wrong for verdict in verdicts),
            "lost": sum(verdict.lost for verdict in verdicts),
            "lost_within_ring": sum(verdict.lost_within_ring for verdict in verdicts),
            "gaps": sum(verdict.gaps for verdict in verdicts),
            "resent_share": _ratio(up["resent"], up["audio"]),
            "overhead": _ratio(up["bytes"] + down["bytes"] - audio, audio),
            "latency_ms": latency([verdict.latencies for verdict in verdicts]),
            "host_peak_mb": round(self.memory.peak / 1e6, 1),
            "device_heap_bytes": max((end for _, end in self.heaps), default=0),
            "seed": self.plan.faults.seed,
            "link": self.plan.link,
            "seconds": round(self.seconds, 1),
            "lost_unavoidable": sum(verdict.unavoidable for verdict in verdicts),
            "lost_before_ring": sum(verdict.dropped for verdict in verdicts),
            "streams": len(verdicts),
            "kills": self.kills,
            "recovery_ms": [round(each * 1e3) for each in recoveries.tolist()],
            "allowance_ms": round(self.allowance_s * 1e3),
            "host_growth_mb": round(self.memory.growth / 1e6, 1),
            "device_heap_start_bytes": max((start for start, _ in self.heaps), default=0),
            "harness_late_ms": round(self.late_s * 1e3),
            "up": dict(up),
            "down": dict(down),
            "host": self.stats[0] if len(self.stats) == 1 else {},
            "failure": self.failure or None,
        }


def latency(seconds: list[Any]) -> dict[str, float | None]:
    """Percentiles of the first frame of each hop, from its capture to the application."""
    every = np.concatenate(seconds) if seconds else np.empty(0)
    every = every[np.isfinite(every)]
    names = {"p50": 50, "p99": 99, "p999": 99.9, "max": 100}
    return {
        name: round(float(np.percentile(every, part)) * 1e3, 1) if len(every) else None
        for name, part in names.items()
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
