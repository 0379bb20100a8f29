"""The session with a fake board, on MicroPython: one process runs all cases, one test reports each."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest

from mpy import DEVICE, run_mpy

SCRIPT = DEVICE / "session_cases.py"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE))


@lru_cache(maxsize=1)
def outcome() -> tuple[str, str]:
    done = run_mpy(SCRIPT, heapsize="4M")
    return done.stdout, done.stderr


@pytest.mark.parametrize("case", CASES)
def test_session(case: str) -> None:
    out, err = outcome()
    assert f"ok {case}\n" in out, out + err
