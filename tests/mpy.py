"""Run MicroPython on the firmware: `run_mpy(script, *args)`.

The interpreter is the one that `ossicle.micropython` finds, or `OSSICLE_MICROPYTHON`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
DEVICE = ROOT / "tests" / "device"


@lru_cache(maxsize=1)
def command() -> list[str]:
    """The interpreter as the head of an argument list."""
    given = os.environ.get("OSSICLE_MICROPYTHON")
    if given:
        return [given]
    from ossicle import micropython

    found = micropython.find()
    head = getattr(found, "command", None) or [str(found.path)]
    return [str(part) for part in head]


def run_mpy(
    script: str | Path,
    *args: str,
    heapsize: str = "120K",
    timeout: float = 60,
    path: tuple[Path, ...] = (),
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    firmware: Path = FIRMWARE,
) -> subprocess.CompletedProcess[str]:
    """Run a script (its text, or its Path) with MICROPYPATH = `path` + `firmware` + tests/device.

    Raises subprocess.TimeoutExpired; the return code is the caller's to judge.
    """
    places = [*path, firmware, DEVICE]
    environment = {**os.environ, **(env or {})}
    environment["MICROPYPATH"] = ":".join(str(p) for p in places) + ":.frozen"
    what = [str(script)] if isinstance(script, Path) else ["-c", script]
    return subprocess.run(
        [*command(), "-X", f"heapsize={heapsize}", *what, *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
