"""Dependencies point one way. Walks every import, also those inside functions.

Host: cli -> api -> {links, sinks, audio, proto}; audio and proto know nothing of each other; the
protocol is sans-I/O. Device: only boards/ touches the hardware, viper stays in the files that
are nothing else. Host and firmware never import each other, though both packages are named `ossicle`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = ROOT / "host"
FIRMWARE = ROOT / "firmware"
# Run on MicroPython beside the firmware: for them `ossicle` is its package, not the host's.
SCRIPTS = HOST / "ossicle" / "bench" / "device"
# Run on a board through mpremote; they import nothing of ours.
ALONE = HOST / "ossicle" / "board" / "device"
LINES_MAX = 400
GENERATED = "_wire.py"

# A layer may import itself and what is listed. Modules at the top of the package (api, emulator ...)
# are the layer "api", except those that are named here.
MAY_IMPORT = {
    "errors": set(),
    "alone": {"errors"},
    "locks": set(),
    "paths": set(),
    "micropython": set(),
    "proto": {"errors"},
    "audio": {"errors", "locks"},
    "links": {"errors", "locks", "proto"},
    "archive": {"errors", "locks", "alone", "paths"},
    "sinks": {"errors", "locks", "alone", "audio", "proto", "archive"},
    "board": {"errors", "locks", "paths", "micropython", "proto", "links", "api"},
    "api": {"errors", "locks", "paths", "micropython", "proto", "audio", "links", "sinks", "archive"},
    "bench": {
        "errors",
        "locks",
        "paths",
        "micropython",
        "proto",
        "audio",
        "links",
        "sinks",
        "archive",
        "api",
    },
    "soak": {"errors", "proto", "links", "api"},
    "doctor": {"errors", "paths", "proto", "links", "api"},
    "chip": {"errors", "paths", "micropython", "api"},
    "cli": {
        "errors",
        "paths",
        "micropython",
        "proto",
        "audio",
        "sinks",
        "archive",
        "api",
        "board",
        "bench",
        "soak",
        "doctor",
        "chip",
    },
}
OUTSIDE_WORLD = {
    "socket",
    "select",
    "selectors",
    "ssl",
    "serial",
    "asyncio",
    "threading",
    "time",
    "subprocess",
}
VIPER = {"kernels.py", "cipher.py", "coder.py", "meter.py", "pattern.py", "spectrum.py"}
HARDWARE = {"machine", "network", "esp", "esp32", "umachine", "unetwork"}
# The package's own face: re-exports, and is imported by anyone above as `ossicle`.
FACE = HOST / "ossicle" / "__init__.py"


def imports(path: Path, package: str) -> Iterator[str]:
    """Every imported module by absolute name; `from a import b` gives `a.b`, whether b is a module or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def package_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).parent.parts)


def layer_of(module: str) -> str:
    """The layer of `ossicle.x.y`; a top module that has no rule of its own belongs to the api."""
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "api"
    return name if name in MAY_IMPORT else "api"


def is_module(name: str, root: Path) -> bool:
    """Whether a dotted name, or what it is imported from, is a file or a package under `root`."""
    for dotted in (name, name.rpartition(".")[0]):
        place = root.joinpath(*dotted.split("."))
        if dotted and (place.with_suffix(".py").is_file() or place.is_dir()):
            return True
    return False


def host_files() -> list[Path]:
    return sorted(
        p for p in (HOST / "ossicle").rglob("*.py") if p != FACE and not {SCRIPTS, ALONE} & {*p.parents}
    )


def firmware_files() -> list[Path]:
    return sorted(FIRMWARE.rglob("*.py"))


def against_the_layers(path: Path, root: Path = HOST) -> list[str]:
    package = package_of(path, root)
    own = layer_of(f"{package}.{path.stem}")
    wrong = []
    for name in imports(path, package):
        top, _, rest = name.partition(".")
        if top == "ossicle":
            other = layer_of(name)
            if rest == "__version__" or (other == "api" and own == "cli"):
                continue
            if other != own and other not in MAY_IMPORT[own]:
                wrong.append(f"{path.relative_to(root)}: {own} imports {name}")
        elif own == "proto" and top in OUTSIDE_WORLD:
            wrong.append(f"{path.relative_to(root)}: the protocol is sans-I/O, and imports {top}")
    return wrong


def hardware_outside_boards(path: Path, root: Path = FIRMWARE) -> list[str]:
    relative = path.relative_to(root)
    if relative.parts[0] == "boards" or relative.name == "loader.py":  # which asks why the chip has started
        return []
    names = {name.split(".")[0] for name in imports(path, package_of(path, root))}
    return [f"{relative}: imports {name}; only boards/ may" for name in sorted(names & HARDWARE)]


def viper_outside_kernels(path: Path, root: Path = FIRMWARE) -> list[str]:
    """Decorated functions only: a text or a comment may speak of viper."""
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            said = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any(word in text for text in said for word in ("viper", "native", "asm_")):
                wrong.append(f"{path.relative_to(root)}: {node.name} is {', '.join(said)}")
    return [] if path.name in VIPER else wrong


def test_host_layers() -> None:
    assert [line for path in host_files() for line in against_the_layers(path)] == []


def test_hardware_only_in_boards() -> None:
    assert [line for path in firmware_files() for line in hardware_outside_boards(path)] == []


def test_viper_only_in_kernels() -> None:
    assert [line for path in firmware_files() for line in viper_outside_kernels(path)] == []
    assert [line for path in SCRIPTS.glob("*.py") for line in viper_outside_kernels(path, SCRIPTS)] == []


@pytest.mark.parametrize(
    ("files", "root"),
    [([FACE, *host_files()], HOST), (firmware_files(), FIRMWARE), (sorted(SCRIPTS.glob("*.py")), FIRMWARE)],
    ids=["host", "firmware", "scripts"],
)
def test_each_side_imports_only_its_own_ossicle(files: list[Path], root: Path) -> None:
    strangers = []
    assert files
    for path in files:
        package = package_of(path, root) if path.is_relative_to(root) else ""
        for name in imports(path, package):
            top = name.split(".")[0]
            if top in ("ossicle", "boards") and not is_module(name, root):
                strangers.append(f"{path.relative_to(ROOT)}: {name}")
            if root == HOST and top in ("boards", "firmware", "main"):
                strangers.append(f"{path.relative_to(ROOT)}: {name}")
    assert strangers == []


def test_micropython_finder_stands_alone() -> None:
    """tools/dev.py reads it before anything is installed."""
    import sys

    path = HOST / "ossicle" / "micropython.py"
    tops = {name.split(".")[0] for name in imports(path, "ossicle")}
    assert tops <= set(sys.stdlib_module_names)


def test_modules_are_short() -> None:
    files = [p for folder in (HOST, FIRMWARE, ROOT / "tools", ROOT / "tests") for p in folder.rglob("*.py")]
    lengths = {p.relative_to(ROOT): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    assert len(lengths) > 40
    assert {str(p): n for p, n in lengths.items() if n > LINES_MAX and p.name != GENERATED} == {}


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("ossicle/audio/x.py", "from ossicle.proto import packets"),
        ("ossicle/proto/x.py", "def f():\n    from ..audio import ring"),
        ("ossicle/proto/x.py", "import time"),
        ("ossicle/links/x.py", "from .. import api"),
        ("ossicle/api.py", "import ossicle.cli"),
        ("ossicle/micropython.py", "from . import paths"),
    ],
)
def test_a_planted_wrong_import_is_found(tmp_path: Path, place: str, source: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert len(against_the_layers(path, tmp_path)) == 1


def test_planted_hardware_and_viper_are_found(tmp_path: Path) -> None:
    path = tmp_path / "ossicle" / "ring.py"
    path.parent.mkdir()
    path.write_text("import machine\n@micropython.viper\ndef f(x: int) -> int:\n    return x\n")
    assert len(hardware_outside_boards(path, tmp_path)) == 1
    assert len(viper_outside_kernels(path, tmp_path)) == 1
