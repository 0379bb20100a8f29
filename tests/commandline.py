"""Running the command line as a user does. The fixture `ossicle` in conftest.py hands out `run_in`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "ossicle.cli"]
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def run_in(folder: Path) -> Run:
    """A function that runs the command with some arguments in a folder."""

    def run(*arguments: str, timeout: float = 90) -> Done:
        return subprocess.run(
            [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


def rows(done: Done) -> list[dict[str, Any]]:
    """What was told in JSON, one object a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def emulated(path: Path) -> str:
    """The URL of an emulated board that hears a recording, flat out."""
    return f"emulator:{path}?speed=max"
