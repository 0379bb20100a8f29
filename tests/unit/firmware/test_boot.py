"""Around the app: failed starts, configuration, memory, the transmit room of a UART."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mpy import DEVICE, run_mpy

SCRIPTS = ("boot_cases.py", "life_cases.py", "config_cases.py", "port_cases.py")
CASES = [
    (script, case)
    for script in SCRIPTS
    for case in sorted(re.findall(r"^def (case_\w+)", (DEVICE / script).read_text(encoding="utf-8"), re.M))
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    def folder() -> Path:
        return tmp_path_factory.mktemp("device")

    done = {script: run_mpy(DEVICE / script, str(folder()), heapsize="1M") for script in SCRIPTS}
    return {script: run.stdout + run.stderr for script, run in done.items()}


@pytest.mark.parametrize(("script", "case"), CASES)
def test_device(script: str, case: str, outcomes: dict[str, str]) -> None:
    assert f"ok {case}\n" in outcomes[script], outcomes[script]
