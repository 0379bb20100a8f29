"""All benchmarks by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from .figures import Effort, Table

NAMES: tuple[str, ...] = (
    "ring",
    "threads",
    "handover",
    "decoding",
    "engines",
    "devices",
    "latency",
    "kernels",
    "loop",
    "aggregator",
    "archive",
)
"""Each is a module here with a function `run(effort) -> Table`."""

VAD_NAMES: tuple[str, ...] = ("vad", "vad_raw", "vad_noise", "vad_meeting", "vad_silero", "vad_words")
"""The tables that `vad.suite.run` gives, in this order: accuracy, not cost."""


def find(name: str) -> Callable[[Effort], Table]:
    """The benchmark of that name; raises KeyError for one there is not."""
    if name not in NAMES:
        raise KeyError(name)
    run: Callable[[Effort], Table] = import_module(f"{__package__}.{name}").run
    return run
