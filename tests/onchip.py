"""mpremote as published, on the port of an emulated chip."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from ossicle.chip import Chip

TIMEOUT_S = 60


@dataclass
class Remote:
    """Each call is one run of the program."""

    chip: Chip

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", self.chip.port, *arguments],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=TIMEOUT_S,
        )

    def __call__(self, *arguments: str) -> str:
        """What it printed, where it succeeds."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), (
            arguments,
            done.stdout,
            done.stderr,
            self.chip.said,
        )
        return done.stdout
