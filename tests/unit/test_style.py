"""Style, types and generated files, so that the suite is all that CI has to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

CHECKS = {
    "ruff": ["-m", "ruff", "check", "--no-cache", "."],
    "format": ["-m", "ruff", "format", "--check", "--no-cache", "."],
    "mypy": ["-m", "mypy"],
    "specgen": ["tools/specgen.py", "--check"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", CHECKS)
def test_style(check: str) -> None:
    done = subprocess.run(
        [sys.executable, *CHECKS[check]], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
