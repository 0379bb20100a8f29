"""mpremote as published, on the port of an emulated chip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ossicle.chip import Chip
from ossicle.paths import data_folder

TIMEOUT_S = 60


def with_firmware(files: Path) -> Path:
    """The sources beside main.py, as a board may have them."""
    firmware = data_folder("firmware")
    files.mkdir()
    shutil.copy(firmware / "main.py", files)
    shutil.copytree(firmware / "ossicle", files / "ossicle")
    shutil.copytree(firmware / "boards", files / "boards", ignore=shutil.ignore_patterns("unix*"))
    return files


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
