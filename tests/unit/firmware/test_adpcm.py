"""Codec adpcm on the device: its kernel and whole streams of it against a plain twin, on MicroPython."""

from __future__ import annotations

import re
import struct
from functools import lru_cache

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy
from oracle import adpcm

SCRIPT = DEVICE / "adpcm_cases.py"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE))


@lru_cache(maxsize=1)
def outcome() -> str:
    done = run_mpy(SCRIPT, "20260101", heapsize="16M")
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_adpcm(case: str) -> None:
    assert f"ok {case}\n" in outcome(), outcome()


def test_the_steps_are_the_oracles() -> None:
    """The twin takes them from the firmware, so it could not tell."""
    steps = run_mpy("from ossicle.coder import STEPS; print(STEPS.hex())").stdout
    assert struct.unpack("<89H", bytes.fromhex(steps)) == tuple(adpcm.STEPS)


def test_it_is_loaded_by_the_first_stream_that_wants_it() -> None:
    """A board that streams pcm16 has no room for it to spare."""
    for name in ("app", "commands", "capture", "session", "sender", "ring"):
        lines = (FIRMWARE / "ossicle" / f"{name}.py").read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if re.match(r"(from|import) .*\b(adpcm|coder)\b", line)], name
