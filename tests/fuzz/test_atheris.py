"""The host's parsers, its receiver, its ports and what it reads from files under atheris: any input, and no
fault (`targets`).

Short here; `python3 tools/dev.py soak` runs the long version. A fault leaves its input in a file that the
failure names: `python tests/fuzz/fuzzer.py TARGET FILE` plays it again.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from targets import TARGETS

FUZZER = Path(__file__).resolve().parent / "fuzzer.py"
SLOW = ("receiver", "sealed", "recording", "hub")  # ten to a hundred times as slow
SHORT_RUNS = 800  # of these; else 5000
LONG_RUNS = int(os.environ.get("OSSICLE_FUZZ_RUNS", "10000000"))  # of all targets together
SLOW_SHARE = 0.03  # of each


def fuzzer(folder: Path, *words: str) -> tuple[int, str]:
    """Its exit code, and what it says."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: it has wheels for Linux on x86-64 only")
    done = subprocess.run(
        [sys.executable, str(FUZZER), *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout


def made(code: int, said: str) -> int:
    """Runs that were made without a fault; fails with what the fuzzer says."""
    assert code == 0, said[-4000:]
    found = re.search(r"number_of_executed_units:\s*(\d+)", said)
    assert found, said[-4000:]
    return int(found[1])


def short(target: str) -> int:
    return SHORT_RUNS if target in SLOW else 5000


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every target's short run."""
    folder = tmp_path_factory.mktemp("atheris")
    code, said = fuzzer(folder, *(f"{target}={short(target)}" for target in TARGETS))
    assert code == 0, said[-4000:]
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_short(target: str, logs: Path) -> None:
    code = int((logs / f"{target}.code").read_text())
    assert made(code, (logs / f"{target}.log").read_text(errors="replace")) >= short(target)


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    """A parser that raises something else, now and then."""
    script = tmp_path / "planted.py"
    script.write_text(
        "import sys, runpy\n"
        f"sys.path.insert(0, {str(FUZZER.parent.parent)!r})\n"
        "import targets\n"
        "def planted(data):\n"
        "    if data[:1] == b'o':\n"
        "        raise KeyError('planted')\n"
        "targets.TARGETS['planted'] = planted\n"
        f"sys.argv = [{str(FUZZER)!r}, 'planted', '200000', '1']\n"
        f"runpy.run_path({str(FUZZER)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "planted" in done.stdout + done.stderr


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS)
def test_long(target: str, tmp_path: Path) -> None:
    share = SLOW_SHARE if target in SLOW else (1 - SLOW_SHARE * len(SLOW)) / (len(TARGETS) - len(SLOW))
    runs = int(LONG_RUNS * share)
    assert made(*fuzzer(tmp_path, target, str(runs), "1")) >= runs
