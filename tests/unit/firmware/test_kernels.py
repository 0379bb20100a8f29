"""Every kernel against a plain twin, on random input, on MicroPython."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy

SCRIPT = DEVICE / "kernel_cases.py"
CASES = sorted(re.findall(r"^def (case_\w+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE))


@lru_cache(maxsize=1)
def outcome() -> str:
    done = run_mpy(SCRIPT, "20260101", heapsize="2M")
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_kernel(case: str) -> None:
    assert f"ok {case}\n" in outcome(), outcome()


def test_each_kernel_has_a_case() -> None:
    text = (FIRMWARE / "ossicle" / "kernels.py").read_text(encoding="utf-8")
    kernels = re.findall(r"@micropython\.viper\ndef (\w+)", text)
    script = SCRIPT.read_text(encoding="utf-8")
    unseen = [name for name in kernels if f"kernels.{name}(" not in script]
    assert len(kernels) > 8
    assert unseen == ["crc32_table"]  # its table is what crc32_put and crc32_ok work with


MACHINE_CODE = ("kernels.py", "cipher.py", "coder.py", "meter.py", "pattern.py", "spectrum.py")


def test_viper_is_in_few_files() -> None:
    for path in sorted(FIRMWARE.rglob("*.py")):
        if path.name not in MACHINE_CODE:
            assert "@micropython" not in path.read_text(encoding="utf-8"), path
