"""The session with a fake board, on MicroPython: a process for each script, a test for each case."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest
from mpy import DEVICE, run_mpy

SCRIPTS = ("session_cases.py", "command_cases.py", "seal_cases.py", "rare_cases.py")
CASES = [
    (script, case)
    for script in SCRIPTS
    for case in sorted(re.findall(r"^def (case_\w+)", (DEVICE / script).read_text(encoding="utf-8"), re.M))
]


@lru_cache
def outcome(script: str) -> str:
    done = run_mpy(DEVICE / script, heapsize="4M")
    return done.stdout + done.stderr


@pytest.mark.parametrize(("script", "case"), CASES)
def test_session(script: str, case: str) -> None:
    assert f"ok {case}\n" in outcome(script), outcome(script)
