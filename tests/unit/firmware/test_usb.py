"""The REPL's own port as a link's: read and written without an allocation, and found slow where it is."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest
from mpy import DEVICE, run_mpy

SCRIPT = DEVICE / "usb_cases.py"
ECHO = "case_echo_without_an_allocation"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.M))
SAID = "".join(chr(33 + i % 90) for i in range(5000))


@lru_cache
def outcome() -> str:
    done = run_mpy(SCRIPT, str(len(SAID)), heapsize="200K", stdin=SAID)
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_device(case: str) -> None:
    assert f"ok {case}\n" in outcome(), outcome()


def test_what_came_is_what_went() -> None:
    """Zeros first, from the search for a mirror; then each byte, in order."""
    assert outcome().startswith("\0" * 512 + SAID + f"ok {ECHO}\n")
