"""What is wrong with one object."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "missing"
"""The index has it, and the store has not."""
CORRUPT = "corrupt"
"""Its bytes are not those that were stored, or cannot be decoded to what was kept."""
MISMATCH = "mismatch"
"""It is whole, and describes itself as something else than its name or the index says."""
UNINDEXED = "unindexed"
"""The store has it, and the index has not: `ls --refresh` mends that."""
FOREIGN = "foreign"
"""It has no name of an archive's object: somebody else's, and nobody here touches it."""
HARMLESS = frozenset({UNINDEXED, FOREIGN})
"""Told, and no audio is in doubt."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`text` says more, on one line."""

    key: str
    kind: str
    text: str
