"""The microphone that is no microphone, with a fake board: a test for each case.

That its samples are the host's pattern bit for bit is shown in tests/emulator/test_record.py.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pytest
from mpy import DEVICE, run_mpy

SCRIPT = DEVICE / "pattern_cases.py"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.M))


@lru_cache
def outcome() -> str:
    done = run_mpy(SCRIPT, heapsize="4M")
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    assert f"ok {case}\n" in outcome(), outcome()
