"""Running the command line as a user does. The fixture `ossicle` in conftest.py hands out `run_in`.

Each run is a process, begun with the packages that Ossicle needs already there (`warm`); `COMMAND` begins one
from nothing, for tests that signal it, close its outputs or have it on a terminal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import warm

COMMAND = [sys.executable, "-m", "ossicle.cli"]
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def run_in(folder: Path) -> Run:
    """A function that runs the command with some arguments in a folder."""

    def run(*arguments: str, timeout: float = 90, stdin: str | None = None) -> Done:
        return warm.run(COMMAND[-1], arguments, folder, timeout, stdin)

    return run


def rows(done: Done) -> list[dict[str, Any]]:
    """What was told in JSON, one object a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def emulated(path: Path) -> str:
    """The URL of an emulated board that hears a recording, flat out."""
    return f"emulator:{path}?speed=max"
