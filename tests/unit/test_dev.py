"""tools/dev.py: what it says where a machine lacks something. The set-up itself is run by each user of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dev
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing set up."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(dev, "STAMP", tmp_path / ".venv" / "ossicle-setup.json")
    return tmp_path


def test_an_old_python_can_read_it() -> None:
    source = (ROOT / "tools" / "dev.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    used = {node.names[0].name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)}
    assert used <= set(sys.stdlib_module_names) - {"tomllib"}  # tomllib is of 3.11


@pytest.mark.parametrize(
    ("version", "good"),
    [((3, 10, 9), False), ((3, 11), True), ((3, 14, 0), True), ((3, 15), False), ((2, 7), False)],
)
def test_supported(version: tuple[int, ...], good: bool) -> None:
    assert dev.supported(version) is good


def test_the_range_is_that_of_the_package() -> None:
    import tomllib

    text = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    newest = f"{dev.NEWEST[0]}.{dev.NEWEST[1] + 1}"
    assert text["project"]["requires-python"] == f">={dev.dotted(dev.OLDEST)},<{newest}"
    assert {extra for names in dev.EXTRAS.values() for extra in names.split(",")} <= set(
        text["project"]["optional-dependencies"]
    )


def test_no_supported_python(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert dev.main(["test"]) == 1
    assert capsys.readouterr().err == (
        "Ossicle needs Python 3.11 to 3.14; this is 3.9 and no other was found on the path.\n"
    )


def test_goes_on_with_another_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shim that does not run is passed over; one that does is handed the same arguments."""
    said = tmp_path / "said"
    scripts = {"python3.14": "exit 127", "python3.12": f'[ "$1" = -c ] && echo 3 12 || echo "$@" > {said}'}
    for name, body in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit) as ended:
        dev.main(["test", "-k", "ring"])
    assert ended.value.code == 0
    assert said.read_text().split()[1:] == ["test", "-k", "ring"]
    assert "python3.12" in capsys.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_no_ensurepip(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    assert dev.main(["setup"]) == 1
    assert "apt install python3-venv" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Retrying after connection broken by NewConnectionError", "connect to a network"),
        (
            "noise\nERROR: No matching distribution found for soxr\nmore",
            "No matching distribution found for soxr",
        ),
    ],
)
def test_pip_that_fails_says_one_line(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str, line: str
) -> None:
    monkeypatch.setattr(dev, "make_venv", lambda: None)
    failed = subprocess.CompletedProcess([], 1, stdout=said.encode())
    monkeypatch.setattr(dev.subprocess, "run", lambda *a, **k: failed)
    assert dev.main(["setup"]) == 1
    assert line in capsys.readouterr().err.splitlines()[-1]


def test_set_up_once_for_the_same_dependencies(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []

    def make_venv() -> None:
        (checkout / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        dev.venv_python().parent.mkdir(parents=True, exist_ok=True)
        dev.venv_python().touch()

    monkeypatch.setattr(dev, "make_venv", make_venv)
    monkeypatch.setattr(dev, "install", installed.append)
    dev.set_up("demo")
    dev.set_up("demo")
    assert installed == ["demo"]
    dev.set_up("dev")
    dev.set_up("demo")
    assert installed == ["demo", "dev"]
    dev.STAMP.unlink()
    dev.set_up("dev")
    dev.set_up("demo")  # the tests' packages include it
    assert installed.pop() == "dev"
    (checkout / "pyproject.toml").write_text("[project]\nname = 'more'\n")
    dev.set_up("demo")
    assert installed == ["demo", "dev", "demo"]  # other dependencies: once more


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["nothing-like-this"]) == 2
    assert "demo, test, soak" in capsys.readouterr().err
    assert dev.main([]) == 2
    assert dev.main(["--help"]) == 0
