"""What all tests share. `tests/` and `tools/` are on the import path (pyproject.toml), so helpers
such as `mpy.py` are imported by their plain name.

Fixtures: `micropython` (command path), `speech` (the demo's labelled recording), `labelled` (all
labelled recordings of the project), `recordings` (public recordings where the machine has them; may
be empty), and the parameter `recording` (one test each for every recording at hand, never none).

With CI set, a skipped test is a failed test: nothing may pass by not running. What is marked `soak` is
deselected unless asked for by `-m soak`.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from commandline import Run, run_in

ROOT = Path(__file__).resolve().parent.parent
SPEECH = ROOT / "host" / "ossicle" / "assets" / "speech.flac"
STEREO = ROOT / "tests" / "data" / "stereo.flac"


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def public_recordings() -> list[Path]:
    folder = Path(os.environ.get("OSSICLE_RECORDINGS") or ROOT.parent / "shared" / "data")
    return sorted(folder.glob("*.wav")) if folder.is_dir() else []


@pytest.fixture(scope="session")
def speech() -> Path:
    """The recording that the demo plays; its labels lie beside it as .json."""
    return SPEECH


@pytest.fixture(scope="session")
def labelled() -> list[Path]:
    """Every labelled recording of the project: mono first, then stereo."""
    return [SPEECH, STEREO]


@pytest.fixture(scope="session")
def recordings() -> list[Path]:
    """The public recordings of $OSSICLE_RECORDINGS, else of ../shared/data beside the checkout."""
    return public_recordings()


@pytest.fixture(scope="session")
def micropython() -> str:
    """The command of a MicroPython, fetched on first use; its absence is a failure, not a skip."""
    from ossicle.micropython import find

    return str(find().path)


@pytest.fixture
def ossicle(tmp_path: Path) -> Run:
    """Runs the command line in a folder of its own."""
    return run_in(tmp_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recording" in metafunc.fixturenames:
        every = [SPEECH, STEREO, *public_recordings()]
        metafunc.parametrize("recording", every, ids=[path.stem for path in every], scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("markexpr") or ""
    keep, drop = [], []
    for item in items:
        soak_unasked = item.get_closest_marker("soak") and "soak" not in asked
        (drop if soak_unasked else keep).append(item)
    if drop:
        config.hook.pytest_deselected(items=drop)
        items[:] = keep


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from together import Scheduling

    return Scheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def fail_a_skip(report: Any) -> None:
    if in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_a_skip(report)
    return report
