"""Processes that are forked are what new ones are: a line tells the same in both."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm

TOLD = """
import os, stat, sys
kinds = [stat.S_IFMT(os.fstat(number).st_mode) for number in range(3)]
ours = [name for name in sys.modules if name.partition(".")[0] == "ossicle"]
print(os.getcwd(), sys.path, sys.argv, ascii(os.environ["ASKED"]), kinds, ours, __name__, __file__)
print(sys.stdin.read(), sys.stdin.isatty(), sys.stdout.encoding, sys.stdout.line_buffering)
print(len(os.listdir("/proc/self/fd")), file=sys.stderr)
sys.exit(7)
"""


def told(folder: Path, text: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    (folder / "told.py").write_text(text)
    return warm.run("told", ["a", "b"], folder, timeout, "given\n")


def test_nothing_tells_them_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKED", "\xe9\udcff")
    monkeypatch.setenv("PYTHONPATH", "/one:/two")
    forked = told(tmp_path, TOLD)
    new = subprocess.run(
        [sys.executable, "-m", "told", "a", "b"],
        cwd=tmp_path,
        input="given\n",
        capture_output=True,
        text=True,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (7, new.stdout, new.stderr)


def test_a_signal_and_an_exception_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, "import os; os.kill(os.getpid(), 9)").returncode == -9
    done = told(tmp_path, "1 / 0")
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    text = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired):
        told(tmp_path, text, timeout=1)
    assert told(tmp_path, "print('the next')").stdout == "the next\n"
    process = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(process, 0)
            time.sleep(0.01)
        pytest.fail("it lives")
