"""What a benchmark found: tables of figures, and the bounds that some of them must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = float | int | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: the key of its values, what it says to people, the unit, the decimals shown."""

    key: str
    label: str
    unit: str = ""
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant. A value that was not measured is None, or missing."""

    name: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that a figure must keep: at most, or at least."""

    text: str
    value: float
    bound: float
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the figure keeps the bound."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Table:
    """What one benchmark found. `notes` say how it was measured, and what could not be."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = field(default=())

    def value(self, row: str, column: str) -> Value:
        """The figure of a row's column; raises KeyError for a row there is not."""
        for each in self.rows:
            if each.name == row:
                return each.values.get(column)
        raise KeyError(row)

    def as_json(self) -> dict[str, Any]:
        """Plain dicts and lists."""
        return {
            "name": self.name,
            "title": self.title,
            "columns": {c.key: {"label": c.label, "unit": c.unit} for c in self.columns},
            "rows": [{"name": row.name, **row.values} for row in self.rows],
            "notes": list(self.notes),
            "limits": [
                {
                    "text": limit.text,
                    "value": limit.value,
                    "bound": limit.bound,
                    "at_most": limit.at_most,
                    "holds": limit.holds,
                }
                for limit in self.limits
            ],
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to measure. `quick` shows that it works, in seconds; its figures are rough."""

    quick: bool = False
    say: Callable[[str], None] = lambda text: None

    def pick(self, thorough: int, quick: int) -> int:
        """A number of rounds, operations or seconds."""
        return quick if self.quick else thorough
