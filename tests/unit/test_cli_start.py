"""What a recorder imports before it hears its device: a killed one must be back before the ring has gone
round."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ossicle.cli.commands import COMMANDS, program_for

HEAVY = (
    "asyncio",
    "cryptography",
    "matplotlib",
    "ossicle.audio.vad",
    "ossicle.bench",
    "ossicle.emulator",
    "ossicle.soak",
    "rich.live",
    "soundfile",
    "soxr",
    "ssl",
    "webrtcvad",
    "websockets",
)
SCRIPT = """
import sys
sys.argv = ["ossicle", "record", sys.argv[1], "--out", "/no/such/folder/x.wav", "--timeout", "0.2"]
from ossicle.cli import main
try:
    main()
finally:
    print(*sys.modules)
"""


def test_a_recorder_imports_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "/dev/none"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "no such port" in done.stderr, done.stderr
    loaded = set(done.stdout.split())
    assert "ossicle.links.serial" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["record", "--help"], {"record"}),
        (["--help"], set(COMMANDS)),
        ([], set(COMMANDS)),
        (["no-such-command"], set(COMMANDS)),
    ],
)
def test_only_the_command_that_is_asked_for_is_there(words: list[str], names: set[str]) -> None:
    import typer

    group = typer.main.get_command(program_for(words))
    assert set(group.commands) == names  # type: ignore[attr-defined]
