"""Tables as text: for a page of Markdown, and cell by cell for whoever lays them out otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from .figures import Limit, Row, Table, Value

NOTHING = "–"


def plain(text: str) -> str:
    """On one line, and without what a terminal would obey: file names may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def cell(value: Value, digits: int) -> str:
    """A figure as people read it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(str(value))


def heads(table: Table) -> list[str]:
    """What stands over the columns; the first is that of the rows' names."""
    return ["", *(f"{c.label}, {c.unit}" if c.unit else c.label for c in table.columns)]


def cells(table: Table, row: Row) -> list[str]:
    """A row, its name first."""
    return [plain(row.name), *(cell(row.values.get(c.key), c.digits) for c in table.columns)]


def verdict(limit: Limit) -> str:
    """A bound, what was measured, and whether it holds."""
    bound = "at most" if limit.at_most else "at least"
    outcome = "holds" if limit.holds else "DOES NOT HOLD"
    return f"{limit.text.rstrip('.')}: {limit.value:.3g}, {bound} {limit.bound:g}: {outcome}"


def page(
    title: str, command: str, machine: Mapping[str, str], tables: Sequence[Table], pictures: Sequence[str]
) -> str:
    """A page of Markdown: command, machine, pictures (file names), bounds, and every table with its notes."""
    parts = [f"# {title}", f"Made by `{command}` on {date.today().isoformat()}; it writes this page anew."]
    parts.append("The machine: " + "; ".join(f"{key} {value}" for key, value in machine.items()) + ".")
    parts += [f"![{name.rpartition('.')[0]}]({name})" for name in pictures]
    limits = [verdict(limit) for table in tables for limit in table.limits]
    if limits:
        parts += ["## What must hold", "\n".join(f"- {text}" for text in limits)]
    parts += [part for table in tables for part in _section(table)]
    return "\n\n".join(parts) + "\n"


def _section(table: Table) -> list[str]:
    lines = [_line(heads(table)), _line(["---", *("---:" for _ in table.columns)])]
    lines += [_line(cells(table, row)) for row in table.rows]
    return [
        f"## {table.title}",
        f"`{table.name}`",
        "\n".join(lines),
        "\n".join(f"- {plain(note)}" for note in table.notes),
    ]


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |"
