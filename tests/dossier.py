"""What a run of tests/hil has found, as a person attaches it to a bug report: Markdown, and the same as JSON.

Figures come from the tests, outcomes from pytest. No key, password or name of a network is ever put in.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ossicle

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
_WHY_MAX = 300


@dataclass
class Dossier:
    """Filled while the tests run. `target` is what was tested, by the words of whoever started the run."""

    target: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the device says of itself, and what was measured, by name."""
    kernels: list[dict[str, Any]] = field(default_factory=list)
    """`name`, `unit`, `ns` for each unit, `plain_ns` of the same loop in plain MicroPython."""
    stream: dict[str, Any] = field(default_factory=dict)
    """The figures of `ossicle soak --device`."""
    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By test: passed, failed or skipped, and why."""

    def outcome(self, test: str, kind: str, why: str = "") -> None:
        """One test is over. A failure stays one, whatever comes after it."""
        if self.outcomes.get(test, ("", ""))[0] != FAILED:
            self.outcomes[test] = kind, " ".join(why.split())[:_WHY_MAX]

    def count(self, kind: str) -> int:
        """Tests that ended so."""
        return sum(found == kind for found, _ in self.outcomes.values())

    def plain(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "ossicle": ossicle.__version__,
            "host": {"system": platform.platform(), "python": platform.python_version()},
            "target": self.target,
            "facts": self.facts,
            "stream": self.stream,
            "kernels": self.kernels,
            "passed": self.count(PASSED),
            "failed": self.count(FAILED),
            "skipped": self.count(SKIPPED),
            "tests": [
                {"test": test, "outcome": kind, "why": why} for test, (kind, why) in self.outcomes.items()
            ],
        }

    def text(self) -> str:
        """The Markdown."""
        lines = [
            f"# Ossicle on {self.target or 'no device'}",
            "",
            f"{self.count(PASSED)} passed, {self.count(FAILED)} failed, {self.count(SKIPPED)} skipped; "
            f"ossicle {ossicle.__version__}, Python {platform.python_version()}, {platform.platform()}",
            "",
            *_table(
                ("device", ""),
                [(name, _shown(value)) for name, value in self.facts.items() if value is not None],
            ),
            *_table(
                ("stream", ""),
                [
                    (name, _shown(value))
                    for name, value in self.stream.items()
                    if not isinstance(value, dict) and value is not None
                ],
            ),
            *_table(
                ("kernel", "for each", "ns", "plain, ns"),
                [
                    (each["name"], each["unit"], f"{each['ns']:.1f}", f"{each['plain_ns']:.1f}")
                    for each in self.kernels
                ],
            ),
            *_table(
                ("test", "outcome", "why"), [(test, kind, why) for test, (kind, why) in self.outcomes.items()]
            ),
        ]
        return "\n".join(lines)

    def write(self, path: Path) -> list[Path]:
        """`path` as Markdown, and beside it the same name with .json; what was written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".json")
        page = path.with_suffix(".md") if path.suffix == ".json" else path
        page.write_text(self.text(), encoding="utf-8")
        beside.write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")
        return [page, beside]


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    cells = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return [
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in cells),
        "",
    ]
