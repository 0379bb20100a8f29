"""Every numbered clause is shown by a vector, by a test that elsewhere.json names, or says why not yet."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from subjects import ROOT, VECTORS

DOCUMENTS = ("RING", "PROTOCOL", "SEGMENTER", "AGGREGATOR")
CLAUSE = re.compile(r"^- \*\*([ARWS]-\d+)\*\* ", re.MULTILINE)
MENTION = re.compile(r"\b[ARWS]-\d+\b")


def clauses() -> list[str]:
    found: list[str] = []
    for name in DOCUMENTS:
        path = ROOT / "shared_spec" / f"{name}.md"
        found += CLAUSE.findall(path.read_text(encoding="utf-8")) if path.exists() else []
    return found


def shown() -> dict[str, set[str]]:
    """Clause to the ids of vectors that name it."""
    out: dict[str, set[str]] = {}
    for path in VECTORS.glob("*.json"):
        for vector in json.loads(path.read_text(encoding="utf-8")).get("vectors", []):
            for clause in vector["clauses"]:
                out.setdefault(clause, set()).add(f"{path.stem}/{vector['id']}")
    return out


def elsewhere() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((VECTORS / "elsewhere.json").read_text(encoding="utf-8"))[
        "clauses"
    ]
    return found


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_there_are_clauses() -> None:
    found = clauses()
    assert len(found) == len(set(found)), "a clause is numbered twice"
    assert {"R-1", "R-25", "W-1", "W-47"} <= set(found)


@pytest.mark.parametrize("clause", clauses())
def test_each_clause_is_shown(clause: str) -> None:
    assert clause in shown() or clause in elsewhere(), f"{clause}: no vector, and no test in elsewhere.json"


def test_nothing_names_a_clause_that_is_none() -> None:
    known = set(clauses())
    assert set(shown()) <= known
    assert set(elsewhere()) <= known


@pytest.mark.parametrize(("clause", "where"), [(c, w) for c, places in elsewhere().items() for w in places])
def test_what_is_named_elsewhere_exists(clause: str, where: str) -> None:
    """ "later: why" or "tests/file.py::function"."""
    if where.startswith("later: "):
        assert len(where) > 20, f"{clause}: say why"
        return
    path, _, name = where.partition("::")
    assert (ROOT / path).is_file(), f"{clause}: {path} is gone"
    assert name in functions(ROOT / path), f"{clause}: {path} has no {name}"


def test_clauses_that_the_sources_mention_exist() -> None:
    known = set(clauses())
    for folder in ("host", "firmware", "tools", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            missing = set(MENTION.findall(path.read_text(encoding="utf-8"))) - known
            assert not missing, f"{path.relative_to(ROOT)} speaks of {sorted(missing)}"


def test_vectors_are_well_formed() -> None:
    """An id, clauses, a note; ids are unique in their file."""
    for path in VECTORS.glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8")).get("vectors", [])
        assert len({vector["id"] for vector in found}) == len(found), path.name
        for vector in found:
            assert vector["note"], f"{path.name}: {vector['id']}"
            assert vector["clauses"], f"{path.name}: {vector['id']}"


@pytest.mark.parametrize("tool", ["specgen.py", "vectors.py"])
def test_generated_files_are_up_to_date(tool: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / tool), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
