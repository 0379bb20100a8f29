"""Shorter names for what goes onto a board.

MicroPython keeps each name of an attribute, a function or an argument as a string in the heap, once for all
modules: about 20 bytes for each, and the firmware has six hundred. So in the build

- a name that begins with `_` and that a class uses through `self` only is one of `_a`, `_b` ... and the
  next class uses the same ones again; classes that inherit from each other share theirs;
- any other name that the firmware defines is two letters, the same everywhere;
- an argument that no call names is `a0`, `a1` ... in every function.

Not touched: what a string spells (configuration keys, getattr), what comes from MicroPython, what is named
in a call's keyword, what begins with `__`, the names of modules, and KEEP. Line numbers stay.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain, count, product
from string import ascii_lowercase

# What main.py and the tests of a build name from outside.
KEEP = {"Board", "failures", "leave", "load", "read", "reset", "run", "self", "storage"}
# Methods of what MicroPython's modules make: sockets, pollers, UART, I2S, WLAN, ciphers, hashes, streams.
FOREIGN = {
    "active", "any", "close", "config", "connect", "decrypt", "deinit", "digest", "disconnect",
    "encrypt", "errno", "flush", "getaddrinfo", "ifconfig", "init", "ioctl", "ipoll", "irq",
    "isconnected", "mem32", "modify", "poll", "read", "readinto", "readline", "recv", "register",
    "send", "sendto", "setblocking", "setsockopt", "settimeout", "status", "txdone", "unregister",
    "update", "value", "write",
}  # fmt: skip
BUILT_IN = {
    name
    for kind in (builtins, str, bytes, bytearray, list, dict, tuple, set, int, memoryview, array, Exception)
    for name in dir(kind)
}

Place = tuple[int, int, str]  # line, column in bytes, and the name that stands there
Unit = frozenset[str]  # classes that inherit from each other


class Tree:
    """One module: where its names stand, and in which class."""

    def __init__(self, name: str, source: bytes, modules: set[str]) -> None:
        self.name = name
        self.source = source
        self.lines = source.splitlines(keepends=True)
        self.tree = ast.parse(source)
        self.classes = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)}
        self.owner: dict[int, str] = {}  # node -> the class around it
        for name_of, node in self.classes.items():
            for inner in ast.walk(node):
                self.owner[id(inner)] = name_of
        self.members = {id(node) for body in self.classes.values() for node in self._defined_in(body)}
        self.tops = {id(node) for node in self._defined_in(self.tree)}
        self.foreign = set(self._foreign(modules))

    def _defined_in(self, body: ast.ClassDef | ast.Module) -> Iterator[ast.AST]:
        """The names that a class's or a module's own statements hold, and the functions there."""
        for statement in body.body:
            if isinstance(statement, ast.FunctionDef):
                yield statement
            elif not isinstance(statement, ast.ClassDef):
                yield from (node for node in ast.walk(statement) if isinstance(node, ast.Name))

    def _foreign(self, modules: set[str]) -> Iterator[str]:
        """Names that come from elsewhere, strings, keywords, and what `global` and `except` say."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (part for alias in node.names for part in alias.name.split("."))
            elif isinstance(node, ast.ImportFrom):
                yield from (node.module or "").split(".")
                for alias in node.names:
                    if node.module not in modules or f"{node.module}.{alias.name}" in modules:
                        yield alias.name
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
                if node.value.startswith("{"):  # a table as JSON: its keys become attributes
                    yield from re.findall(r'"(\w+)"', node.value)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                yield from node.names
            elif isinstance(node, ast.keyword) and node.arg:
                yield node.arg
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name

    def occurrences(self) -> Iterator[tuple[ast.AST, Place]]:
        """Every name that may be changed, with its node."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                yield node, (node.lineno, node.col_offset, node.id)
            elif isinstance(node, ast.Attribute):
                assert node.end_lineno is not None
                assert node.end_col_offset is not None
                yield node, (node.end_lineno, node.end_col_offset - len(node.attr), node.attr)
            elif isinstance(node, ast.arg):
                yield node, (node.lineno, node.col_offset, node.arg)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node, (node.lineno, node.col_offset + len(self._word(node)), node.name)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield alias, (alias.lineno, alias.col_offset, alias.name)

    def _word(self, node: ast.FunctionDef | ast.ClassDef) -> bytes:
        """`def ` or `class `, as it is written."""
        line = self.lines[node.lineno - 1][node.col_offset :]
        found = re.match(rb"(?:async\s+)?(?:def|class)\s+", line)
        assert found, line
        return found[0]


class Shortener:
    """The short names for all modules of a build: {dotted name: source}."""

    def __init__(self, sources: dict[str, bytes], outside: frozenset[str] | set[str] = frozenset()) -> None:
        modules = set(sources)
        self.trees = {name: Tree(name, source, modules) for name, source in sources.items()}
        self._kept = KEEP | FOREIGN | BUILT_IN | outside | set(keyword.kwlist)
        self._kept.update(chain.from_iterable(tree.foreign for tree in self.trees.values()))
        self._kept.update(part for name in modules for part in name.split("."))
        self._all = {place[2] for tree in self.trees.values() for _, place in tree.occurrences()}
        self._units = self._find_units()
        self._private = self._find_private()
        self._public = self._find_public()

    def _find_units(self) -> dict[str, Unit]:
        unit = {name: {name} for tree in self.trees.values() for name in tree.classes}
        for tree in self.trees.values():
            for name, node in tree.classes.items():
                for base in node.bases:
                    if isinstance(base, ast.Name) and base.id in unit:
                        joined = unit[name] | unit[base.id]
                        for each in joined:
                            unit[each] = joined
        return {name: frozenset(each) for name, each in unit.items()}

    def _find_private(self) -> dict[tuple[Unit, str], str]:
        """What each unit uses through `self` alone."""
        used: dict[Unit, Counter[str]] = defaultdict(Counter)
        shared = set()
        for tree in self.trees.values():
            for node, (_, _, name) in tree.occurrences():
                if not is_member(tree, node) or not name.startswith("_") or name.startswith("__"):
                    continue
                owner = tree.owner.get(id(node))
                if owner is None or (isinstance(node, ast.Attribute) and not is_self(node)):
                    shared.add(name)
                else:
                    used[self._units[owner]][name] += 1
        out = {}
        for unit, names in used.items():
            short = (name for name in letters("_") if name not in self._all | self._kept)
            for name, _ in names.most_common():
                if name not in shared | self._kept:
                    out[unit, name] = next(short)
        return out

    def _find_public(self) -> dict[str, str]:
        """What the firmware defines: two letters, those that stand most often first."""
        defined: Counter[str] = Counter()
        for tree in self.trees.values():
            for node, (_, _, name) in tree.occurrences():
                stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
                if stored or isinstance(node, ast.FunctionDef | ast.ClassDef | ast.arg) or at_top(tree, node):
                    defined[name] += 1
        short = (name for name in letters("") if name not in self._all | self._kept)
        names = [n for n, _ in defined.most_common() if n not in self._kept and not n.startswith("__")]
        return {name: next(short) for name in names if len(name) > 2}

    def source(self, name: str) -> bytes:
        """A module's source with short names."""
        tree = self.trees[name]
        arguments = dict(self._arguments(tree))
        edits = []
        for node, (line, column, old) in tree.occurrences():
            new = arguments.get(id(node)) or self._new_name(tree, node, old)
            if new and new != old:
                edits.append((line, column, old, new))
        lines = list(tree.lines)
        for line, column, old, new in sorted(edits, reverse=True):
            text = lines[line - 1]
            assert text[column : column + len(old)] == old.encode(), (name, line, old)
            lines[line - 1] = text[:column] + new.encode() + text[column + len(old) :]
        return b"".join(lines)

    def _new_name(self, tree: Tree, node: ast.AST, old: str) -> str | None:
        owner = tree.owner.get(id(node))
        if owner is not None and is_member(tree, node):
            private = self._private.get((self._units[owner], old))
            if private:
                return private
        return self._public.get(old)

    def _arguments(self, tree: Tree) -> Iterator[tuple[int, str]]:
        """Arguments by their place, in functions that hold no other function; node -> name."""
        for function in ast.walk(tree.tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            inner = [node for node in ast.walk(function) if node is not function]
            if any(isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef) for node in inner):
                continue
            used = {node.id for node in inner if isinstance(node, ast.Name)}
            given = [arg.arg for arg in function.args.args if arg.arg != "self" and arg.arg not in self._kept]
            free = (name for name in (f"a{i}" for i in count()) if name not in used)
            short = {name: next(free) for name in given}
            for node in inner:
                if isinstance(node, ast.Name) and node.id in short:
                    yield id(node), short[node.id]
                elif isinstance(node, ast.arg) and node.arg in short:
                    yield id(node), short[node.arg]


def is_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def is_member(tree: Tree, node: ast.AST) -> bool:
    """An attribute, or what a class's body defines."""
    return isinstance(node, ast.Attribute) or id(node) in tree.members


def at_top(tree: Tree, node: ast.AST) -> bool:
    """A name that the module's top stores."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) in tree.tops


def letters(before: str) -> Iterator[str]:
    """`_a`, `_b` ... `_aa` behind an underscore; `aa`, `ab` ... without."""
    for size in count(1 if before else 2):
        for each in product(ascii_lowercase, repeat=size):
            yield before + "".join(each)
