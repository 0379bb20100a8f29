"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Number = float | int | str | bool | None


class Severity(StrEnum):
    """How bad it is. Only a fault makes the command fail."""

    fault = "fault"
    """Audio is wrong, missing, or useless for speech."""
    hint = "hint"
    """It works; something could be better, or should be known."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    `name` is a word for programs, `text` a sentence with the figures, `cure` what most likely helps.
    `channel` is "left" or "right" where it is about one of two. `numbers` has the figures by name.
    """

    name: str
    severity: Severity
    text: str
    cure: str
    channel: str | None = None
    numbers: dict[str, Number] = field(default_factory=dict)


def fault(name: str, text: str, cure: str, **numbers: Number) -> Finding:
    """A finding that is a fault."""
    return Finding(name, Severity.fault, text, cure, None, numbers)


def hint(name: str, text: str, cure: str, **numbers: Number) -> Finding:
    """A finding that is a hint."""
    return Finding(name, Severity.hint, text, cure, None, numbers)
