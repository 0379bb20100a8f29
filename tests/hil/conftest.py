"""One suite for a board and for the emulated chip: `python3 tools/dev.py hil --device URL --report FILE`.

Without --device the target is the emulated chip, where nothing is skipped. On a board what it lacks is
skipped with the reason: on Wi-Fi a console (give --console), anywhere a microphone (--microphone), and
somebody who can pull the plug (--ask). A board's configuration is put back in the end; meanwhile its
microphone is the pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import rows, run_in
from dossier import FAILED, PASSED, SKIPPED, Dossier
from rig import BoardAgent, ChipTarget, Repl, Target, kit

from ossicle.board.survey import Board, survey

HERE = Path(__file__).parent
DOSSIER = pytest.StashKey[Dossier]()
BOARD_SECONDS, CHIP_SECONDS = 60.0, 1.5
LONG = ("test_sealed_device_ccm_is_the_library_s", "test_serial_device_cobs")  # in no short run
VECTORS_EVERY = 12  # on the chip, of each test's cases; on a board every vector is asked


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ossicle", "a board, or the emulated chip")
    group.addoption("--device", metavar="URL", help="where it streams; else the emulated chip")
    group.addoption(
        "--console", metavar="PORT", help="its serial port for mpremote, where it streams by Wi-Fi"
    )
    group.addoption("--report", metavar="FILE", help="write what was found, as Markdown and JSON")
    group.addoption("--stream-seconds", type=float, help="of the stream in which nothing may be lost")
    group.addoption("--microphone", action="store_true", help="one is wired, in a room that is not silent")
    group.addoption("--ask", action="store_true", help="somebody is there who can pull the plug")


def option(config: pytest.Config, name: str) -> Any:
    """What was given; None where these options are not known, as in a run of all tests."""
    return config.getoption(name, default=None)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[DOSSIER] = Dossier(option(config, "--device") or ChipTarget.name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the chip a part of the vectors, unless soak is asked."""
    every = option(config, "--device") or "soak" in (config.getoption("markexpr") or "")
    seen: Counter[str] = Counter()
    for item in [item for item in reversed(items) if HERE in item.path.parents]:
        name = getattr(item, "originalname", item.name)
        seen[name] += 1
        left_out = name in LONG or (seen[name] - 1) % VECTORS_EVERY
        if item.path.name == "test_vectors.py" and left_out and not every:
            items.remove(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        kinds = {"passed": PASSED, "failed": FAILED, "skipped": SKIPPED}
        crash = getattr(report.longrepr, "reprcrash", None)
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(crash, "message", "")
        item.config.stash[DOSSIER].outcome(item.name, kinds[report.outcome], why or "")
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = config.stash.get(DOSSIER, None)
    path = option(config, "--report")
    if found is None or not (path or option(config, "--device")):
        return
    terminalreporter.write_sep("=", "report")
    terminalreporter.write_line(found.text())
    for written in found.write(Path(path)) if path else []:
        terminalreporter.write_line(f"written: {written}")


@pytest.fixture(scope="session")
def dossier(request: pytest.FixtureRequest) -> Dossier:
    """What was found goes here."""
    return request.config.stash[DOSSIER]


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The board that was named, or an emulated chip with an empty file system."""
    url = option(request.config, "--device")
    made = (
        Target(url, option(request.config, "--console"))
        if url
        else ChipTarget(tmp_path_factory.mktemp("chip"))
    )
    made.asks = bool(option(request.config, "--ask"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def seconds(request: pytest.FixtureRequest, target: Target) -> float:
    """Of the stream in which nothing may be lost."""
    given = option(request.config, "--stream-seconds")
    return float(given or (CHIP_SECONDS if target.is_chip else BOARD_SECONDS))


@pytest.fixture(scope="session")
def console(target: Target) -> str:
    """The port on which mpremote works. Where it is plugged in again the target knows the new name."""
    if target.console is None:
        pytest.skip("this device has no serial port that was named: --console PORT")
    return target.console


@pytest.fixture(scope="session")
def board(target: Target, console: str) -> Board:
    """What is on the device, by `ossicle install`'s own look."""
    return survey(console)


@pytest.fixture(scope="session")
def installed(
    target: Target, board: Board, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[dict[str, Any]]]:
    """What `ossicle install` told, in JSON; the microphone is the pattern from then on. Behind the last test
    the configuration is what it was."""
    folder = tmp_path_factory.mktemp("install")
    wanted = ["--set", "mic=pattern", *(() if target.on_network else ("--set", "link=serial"))]
    done = run_in(folder)("install", target.console or "", *wanted, "--json", timeout=180)
    assert done.returncode == 0, done.stderr
    yield rows(done)
    target.configure(board.config, folder)


@pytest.fixture(scope="session")
def patterned(target: Target, request: pytest.FixtureRequest) -> None:
    """The device plays the pattern. One without a console has to be set up so by its owner."""
    if target.console is not None:
        request.getfixturevalue("installed")


@pytest.fixture
def live(target: Target, patterned: None) -> Target:
    """The target with the firmware running, its microphone the pattern."""
    if target.at_repl:
        target.restart()
    return target


@pytest.fixture(scope="module")
def repl(
    target: Target, console: str, board: Board, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Repl]:
    """The device's REPL, with all that the tests run on it mounted. The firmware starts again behind it."""
    folder = tmp_path_factory.mktemp("kit")
    kit(folder, board)
    target.at_repl = True
    opened = Repl(target.console or "", folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def agent(repl: Repl) -> BoardAgent:
    """The firmware's parts on the device, for the conformance tests."""
    return BoardAgent(repl)
