"""UDP, WebSocket and Wi-Fi on the device: a process for each script, a test for each case."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy

SHIMS = FIRMWARE / "boards" / "unix_shims"
SCRIPTS = ("link_cases.py", "websocket_cases.py", "network_cases.py", "wifi_cases.py", "board_cases.py")
SOCKETS = "net_cases.py"  # on this machine's own sockets


def cases(script: str) -> list[str]:
    return sorted(re.findall(r"^def (case_\w+)", (DEVICE / script).read_text(encoding="utf-8"), re.M))


@lru_cache
def outcome(script: str) -> str:
    done = run_mpy(DEVICE / script, heapsize="4M")
    return done.stdout + done.stderr


@pytest.mark.parametrize(("script", "case"), [(script, case) for script in SCRIPTS for case in cases(script)])
def test_device(script: str, case: str) -> None:
    assert f"ok {case}\n" in outcome(script), outcome(script)


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> str:
    settings: Path = tmp_path_factory.mktemp("sockets") / "settings.json"
    settings.write_text(json.dumps({"socket_enomem": 7}))
    env = {"OSSICLE_EMULATOR": str(settings)}
    done = run_mpy(DEVICE / SOCKETS, heapsize="1M", path=(SHIMS,), env=env)
    return done.stdout + done.stderr


@pytest.mark.parametrize("case", cases(SOCKETS))
def test_sockets(case: str, sockets: str) -> None:
    assert f"ok {case}\n" in sockets, sockets
