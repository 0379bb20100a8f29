"""The page of the doctor tells every finding that the code can make, with its severity, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
MADE = {"fault", "hint", "make"}


def findings() -> set[str]:
    """The names in the calls that make a finding."""
    found = set()
    for path in (ROOT / "host" / "ossicle" / "doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (*MADE, "_lost"):
                names = [
                    arg.value
                    for arg in node.args
                    if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                ]
                found |= {name for name in names if re.fullmatch(r"[a-z0-9_]+", name)} - {"capture"}
    return found - {"overwritten", "overflow"}  # causes of gaps


def rom() -> set[str]:
    from ossicle.doctor import presence

    return {name for _, name, _, _ in presence._ROM}


def told() -> set[str]:
    cells = re.findall(r"^\| (`[a-z0-9_`, ]+) \|", PAGE, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-z0-9_]+)`", cell)}


def test_every_finding_is_told() -> None:
    made = findings() | rom()
    assert len(made) > 30
    assert told() == made
