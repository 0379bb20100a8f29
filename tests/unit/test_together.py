"""Tests that share what takes long to make run on one worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import together

TESTS = Path(__file__).resolve().parent.parent


def test_each_module_is_there() -> None:
    assert [name for name in together.TOGETHER if not (TESTS / name).is_file()] == []


def test_the_one_board_has_one_process() -> None:
    found = {str(path.relative_to(TESTS)) for path in (TESTS / "hil").glob("test_*.py")}
    assert {together.TOGETHER[name] for name in found} == {"board"}


def test_workers_do_not_divide_them(tmp_path: Path) -> None:
    """By this suite's scheduler, as `tools/dev.py test` runs it."""
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
        "import together\n"
        "together.TOGETHER = {'test_some.py': 'some'}\n"
        "def pytest_xdist_make_scheduler(config, log):\n"
        "    return together.Scheduling(config, log)\n"
    )
    for name, count in (("some", 4), ("other", 60)):  # enough for whoever comes late to get some
        text = "import os, pathlib, time, pytest\n"
        text += f"@pytest.mark.parametrize('n', range({count}))\ndef test(n):\n    time.sleep(0.05)\n"
        text += "    pathlib.Path(f'{__name__}-{os.getpid()}').touch()\n"
        (tmp_path / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--rootdir", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.glob("test_some-*"))) == 1
    assert len(list(tmp_path.glob("test_other-*"))) == 2
