"""The wheel has all it needs: installed alone in an environment of its own, it runs the whole path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel; dependencies are seen through a .pth file, not installed again."""

    folder: Path
    wheel: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = command
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            [str(self.folder / "venv" / "bin" / program), *arguments],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )


def call(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    venv = folder / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", str(venv))
    call(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(venv / "bin" / "python"),
        "install",
        "-q",
        "--no-deps",
        str(wheel),
    )
    (site,) = venv.glob("lib/python*/site-packages")
    # Lines of a .pth file name folders; .pth files inside those are not read, so the editable
    # installation of the checkout stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(folder, wheel)


def test_what_is_inside(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for source, inside in (
        ("firmware", "ossicle/_data/firmware"),
        ("shared_spec", "ossicle/_data/shared_spec"),
        ("host/ossicle", "ossicle"),
    ):
        made = {"__pycache__", ".mypy_cache", ".ruff_cache"}
        files = [p for p in (ROOT / source).rglob("*") if p.is_file() and made.isdisjoint(p.parts)]
        assert len(files) > 3
        for path in files:
            assert f"{inside}/{path.relative_to(ROOT / source).as_posix()}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests", "tools"))]


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    done = installed.run("python", "-c", "import ossicle; print(ossicle.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed.folder), done.stderr


def test_help(installed: Installed) -> None:
    done = installed.run("ossicle", "--help")
    assert done.returncode == 0
    assert "record" in done.stdout


def test_vad_on_the_asset(installed: Installed) -> None:
    code = "from ossicle.demo import asset; print(asset())"
    asset = installed.run("python", "-c", code).stdout.strip()
    assert Path(asset).is_relative_to(installed.folder)
    done = installed.run("ossicle", "vad", "--vad", "webrtc", asset)
    assert done.returncode == 0, done.stderr
    assert len([json.loads(line) for line in done.stdout.splitlines()]) >= 4


def test_record_from_the_emulated_board(installed: Installed, speech: Path) -> None:
    out = installed.folder / "copy.wav"
    done = installed.run("ossicle", "record", f"emulator:{speech}?speed=max", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    played, _ = soundfile.read(speech, dtype="int16")
    heard, _ = soundfile.read(out, dtype="int16")
    np.testing.assert_array_equal(heard, played)
