"""`ossicle emulate --chip`."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from commandline import COMMAND, Run


def test_a_chip_for_as_long_as_it_is_wanted(tmp_path: Path, speech: Path) -> None:
    files = tmp_path / "files"
    options = ("--chip", "esp32c3", "--files", str(files), "--json")
    with subprocess.Popen(
        [*COMMAND, "emulate", str(speech), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as emulate:
        assert emulate.stdout is not None
        ready = json.loads(emulate.stdout.readline())
        assert (ready["chip"], ready["files"], ready["rate"]) == ("esp32c3", str(files), 16000)
        said = subprocess.run(
            [
                COMMAND[0],
                "-m",
                "mpremote",
                "connect",
                ready["port"],
                "exec",
                "import sys; print(sys.platform)",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert said.stdout == "esp32\n"
        emulate.send_signal(signal.SIGINT)
        rest, errors = emulate.communicate(timeout=20)
    assert json.loads(rest.splitlines()[-1])["interrupted"] is True
    assert "Traceback" not in errors
    assert (files / "boot.py").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--chip", "esp32"), "go together"),
        (("--files", "f"), "go together"),
        (("--chip", "z80", "--files", "f"), "one of esp32"),
        (("--chip", "esp32", "--files", "f", "--speed", "max"), "in real time"),
    ],
)
def test_what_does_not_go_together_is_told(
    ossicle: Run, speech: Path, options: tuple[str, ...], complaint: str
) -> None:
    done = ossicle("emulate", str(speech), *options)
    assert done.returncode == 2
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
