"""The table of an archive's settings in docs/archive.md, made from the model that reads them.

    python3 tools/settings.py           write it
    python3 tools/settings.py --check   exit 1 where the page says something else

It stands between two marks, and what is around them stays.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ossicle.archive.settings import SECRETS, Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "archive.md"
BEGIN = "<!-- settings: made by tools/settings.py -->"
END = "<!-- end of settings -->"
USUAL = {
    "url": "`~/.local/share/ossicle/archive`",
    "state": "`~/.local/state/ossicle/archive`",
}


def table() -> str:
    """One row a setting, in the order of the model."""
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        usual = USUAL.get(name) or ("" if field.default is None else f"`{told(field.default)}`")
        secret = " (a secret)" if name in SECRETS else ""
        rows.append(f"| `{name}` | {usual} | {field.description}{secret} |")
    return "\n".join(rows) + "\n"


def told(value: object) -> str:
    """As TOML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def with_table(page: str) -> str:
    """The page with the table of today. Raises ValueError where the marks are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE}: has no place for the table: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    right = with_table(page)
    if arguments == ["--check"]:
        return 0 if page == right else 1
    PAGE.write_text(right, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
