"""Which name is which: a module's own, a local one, a member of a class, or somebody else's.

MicroPython's sources only: no nested classes, no star imports, no `nonlocal`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import OssicleError

Function = ast.FunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class BuildError(OssicleError):
    """The firmware cannot be built; one line for the user."""


@dataclass
class Place:
    """A name in a tree: `getattr(node, part)` is it."""

    node: ast.AST
    part: str

    @property
    def name(self) -> str:
        text = getattr(self.node, self.part)
        assert isinstance(text, str)
        return text

    def put(self, name: str) -> None:
        setattr(self.node, self.part, name)


@dataclass
class Scopes:
    """All names of a module, by what they are."""

    tops: list[Place] = field(default_factory=list)
    """Of the module, of what it imports at its top, and built-in ones."""
    members: list[tuple[str, Place]] = field(default_factory=list)
    """What a class's body defines, with the class."""
    attributes: list[tuple[str, ast.Attribute]] = field(default_factory=list)
    """x.name, with the class around it ("" for none)."""
    variables: set[int] = field(default_factory=set)
    """id() of each Name that is a function's variable, and nothing that it imports."""
    locals: list[list[Place]] = field(default_factory=list)
    """Of each function that lies in no other: its arguments first, then variables."""
    imported: set[str] = field(default_factory=set)
    """What functions import, and what they call an exception: local, and not to be changed."""


def bound(alias: ast.alias) -> str:
    """The name that an import binds."""
    return alias.asname or alias.name.split(".")[0]


def arguments(function: Function) -> Iterator[ast.arg]:
    every = function.args
    yield from (*every.posonlyargs, *every.args, *every.kwonlyargs)
    yield from (each for each in (every.vararg, every.kwarg) if each)


def inside(function: Function | Comprehension) -> Iterator[ast.AST]:
    """Every node of a scope, but not those of the scopes in it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, Function | Comprehension | ast.ClassDef):
            waiting[:0] = ast.iter_child_nodes(node)


def names_of(function: Function | Comprehension) -> set[str]:
    """The names that a scope binds itself."""
    found = {arg.arg for arg in arguments(function)} if isinstance(function, Function) else set()
    for node in inside(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ExceptHandler):
            found.add(node.name or "")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(map(bound, node.names))
    return found


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found = Scopes()
        self._locals: set[str] = set()
        self._imports: set[str] = set()  # those that functions import
        self._places: list[Place] | None = None  # of the function that lies in no other
        self._class = ""
        self._own: set[str] = set()  # what the class's body defines

    def _name(self, place: Place) -> None:
        if place.name in self._locals:
            assert self._places is not None
            self._places.append(place)
        elif self._class and self._places is None and place.name in self._own:
            self.found.members.append((self._class, place))
        else:
            self.found.tops.append(place)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._locals - self._imports:
            self.found.variables.add(id(node))
        self._name(Place(node, "id"))

    def visit_Global(self, node: ast.Global) -> None:
        raise BuildError(f"global {node.names[0]}: the firmware does without")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.found.attributes.append((self._class, node))
        self.visit(node.value)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        if self._places is not None:
            self.found.imported.update(map(bound, node.names))

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.found.imported.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.found.tops.append(Place(node, "name"))
        for base in node.bases:
            self.visit(base)
        self._class = node.name
        self._own = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        for each in node.body:
            if not isinstance(each, ast.FunctionDef):
                stored = (
                    x for x in ast.walk(each) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
                )
                self._own.update(x.id for x in stored)
        for each in node.body:
            self.visit(each)
        self._class, self._own = "", set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for each in (*node.decorator_list, *node.args.defaults):
            self.visit(each)
        for arg in arguments(node):
            if arg.annotation:
                self.visit(arg.annotation)
        if node.returns:
            self.visit(node.returns)
        self._name(Place(node, "name"))
        self._scope(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._scope(node, [node.body])

    def _comprehension(self, node: Comprehension) -> None:
        self._scope(node, list(ast.iter_child_nodes(node)))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _scope(self, node: Function | Comprehension, body: Iterable[ast.AST]) -> None:
        before, imports, outermost = self._locals, self._imports, self._places is None
        if outermost:
            self._places = []
            self.found.locals.append(self._places)
        assert self._places is not None
        brought = (x for x in inside(node) if isinstance(x, ast.Import | ast.ImportFrom))
        self._locals = before | names_of(node)
        self._imports = imports - names_of(node) | {bound(a) for each in brought for a in each.names}
        if isinstance(node, Function):
            self._places.extend(Place(arg, "arg") for arg in arguments(node))
        for each in body:
            self.visit(each)
        self._locals, self._imports = before, imports
        if outermost:
            self._places = None


def read(tree: ast.Module) -> Scopes:
    reader = _Reader()
    reader.visit(tree)
    return reader.found
