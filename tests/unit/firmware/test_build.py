"""ossicle.board.build: the build is the same firmware, with literals for constants."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import soundfile
from line import hear
from mpy import FIRMWARE
from numpy.typing import NDArray

import ossicle.emulator
from ossicle.board import build as firmware
from ossicle.board.bundle import BUNDLES
from ossicle.emulator import Emulator
from ossicle.proto.request import StreamRequest


def modules(**sources: str) -> dict[str, firmware.Module]:
    return {name: firmware.Module(name, source.encode()) for name, source in sources.items()}


def inline(source: str, **others: str) -> str:
    known = modules(here=source, **others)
    return firmware.inline(known["here"], known).decode()


NUMBERS = """from micropython import const
SIZE = const(16)
LOW = const(-3)
NAME = "abc"

def f():
    return SIZE
"""


def test_constants_become_literals() -> None:
    source = "from numbers import LOW, SIZE, f\nimport numbers\n\ndef g():\n    return f(SIZE + 2, -LOW)\n"
    assert inline(source, numbers=NUMBERS) == (
        "from numbers import f\nimport numbers\n\ndef g():\n    return f(16 + 2, -(-3))\n"
    )


def test_what_a_module_defines_itself_goes() -> None:
    assert inline(NUMBERS) == "pass\npass\npass\npass\n\ndef f():\n    return 16\n"


def test_a_module_is_imported_only_for_what_is_left_of_it() -> None:
    known = modules(here="from a import b\nx = b.SIZE + b.f()\ny = b.NAME\n") | {
        "a.b": firmware.Module("a.b", NUMBERS.encode())
    }
    assert firmware.inline(known["here"], known) == b"from a import b\nx = 16 + b.f()\ny = 'abc'\n"
    known["here"] = firmware.Module("here", b"from a import b\nx = b.SIZE\n")
    assert firmware.inline(known["here"], known) == b"pass\nx = 16\n"


def test_lines_stay_where_they_are() -> None:
    source = "from numbers import (\n    LOW,\n    SIZE,  # bytes\n    f,\n)\nx = f(SIZE)\n"
    out = inline(source, numbers=NUMBERS)
    assert out.splitlines()[5] == "x = f(16)"
    paths = [path for path in FIRMWARE.rglob("*.py") if "unix" not in str(path.relative_to(FIRMWARE))]
    known = {
        firmware.module_name(p.relative_to(FIRMWARE)): firmware.Module(p.name, p.read_bytes()) for p in paths
    }
    for name, module in known.items():
        text = firmware.inline(module, known)
        assert text.count(b"\n") == module.source.count(b"\n"), name
        assert b"const(" not in text, name
        ast.parse(text)


def test_a_constant_that_changes_is_refused() -> None:
    with pytest.raises(firmware.BuildError, match="here, line 3: SIZE is a constant"):
        inline("from micropython import const\nSIZE = const(1)\nfor SIZE in range(3):\n    pass\n")


@pytest.mark.parametrize("arch", ["xtensawin", "rv32imc"])
def test_what_a_board_gets(arch: str, tmp_path: Path) -> None:
    folder = tmp_path / "firmware"
    (folder / "ossicle").mkdir(parents=True)
    (folder / "ossicle" / "stale.mpy").touch()
    firmware.build(arch, folder)
    got = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    sources = {str(path.relative_to(FIRMWARE)) for path in FIRMWARE.rglob("*.py")}
    board = {name.removesuffix(".py") for name in sources if "unix" not in name}
    merged = {name.replace(".", "/") for names in BUNDLES.values() for name in names}
    assert merged < board
    flat = {f"ossicle/{path.stem}" for path in (FIRMWARE / "ossicle" / "links").glob("*.py")} - {
        "ossicle/__init__"
    }
    groups = {name for name in got if not (FIRMWARE / name).with_suffix(".py").exists()}
    groups -= {f"{name}.mpy" for name in flat}
    assert {"ossicle/start.mpy", "ossicle/key.mpy", "ossicle/dial.mpy"} <= groups
    whole = {name for name in board - merged if "/links/" not in name}
    whole -= {"main", "ossicle/rare", "ossicle/frames"}
    whole |= flat - {name.replace("/links/", "/") for name in merged}
    assert got - groups == {"main.py", *(f"{name}.mpy" for name in whole)}
    assert (folder / "main.py").read_bytes() == (FIRMWARE / "main.py").read_bytes()


def test_it_streams_what_the_sources_stream(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(3).integers(-32768, 32768, (40_001, 2), dtype=np.int16)
    soundfile.write(tmp_path / "noise.wav", noise, 16000, subtype="PCM_16")
    heard: dict[tuple[str, str], NDArray[np.int16]] = {}
    for name, folder in {"sources": FIRMWARE, "built": built}.items():
        monkeypatch.setattr(ossicle.emulator, "data_folder", lambda _, folder=folder: folder)
        for conversion in ("identity", "real"):
            with Emulator(tmp_path / "noise.wav", speed="max", conversion=conversion) as emulator:
                heard[name, conversion] = hear(emulator, StreamRequest(rate=16000, channels=2)).frames
                assert emulator.stop() == 0
                assert emulator.stderr == ""
    assert np.array_equal(heard["built", "identity"], noise)
    assert np.array_equal(heard["built", "real"], heard["sources", "real"])
    assert not np.array_equal(heard["built", "real"], noise)
