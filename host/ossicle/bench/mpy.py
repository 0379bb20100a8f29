"""Runs the MicroPython scripts in `device/` beside the firmware."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ossicle import micropython
from ossicle.paths import data_folder

from .source import BenchmarkError

SCRIPTS = Path(__file__).resolve().parent / "device"
HEAP = "8M"
TIMEOUT_S = 300.0


def run(script: str, *arguments: str, say: Callable[[str], object]) -> tuple[list[dict[str, Any]], list[str]]:
    """What a script of `device/` prints, an object of JSON a line, and what is to be told of the interpreter.

    Raises MicroPythonMissing without one, BenchmarkError when the script fails.
    """
    found = micropython.find(report=say)
    done = subprocess.run(
        [*found.command, "-X", f"heapsize={HEAP}", str(SCRIPTS / script), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        env={**os.environ, "MICROPYPATH": f"{SCRIPTS}:{data_folder('firmware')}:.frozen"},
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise BenchmarkError(f"{script} ended with code {done.returncode}: {said[:300]}")
    version = ".".join(map(str, found.version))
    notes = [f"MicroPython {version}, {found.bits} bits, on this machine's processor: a chip takes longer."]
    return [json.loads(line) for line in done.stdout.splitlines()], notes
