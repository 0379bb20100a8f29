"""The ring with points in its source at which a test may act: no tracing, so any interpreter does.

`STEPS` are where it matters that another thread goes on: before each statement, after each attribute,
subscript or call was evaluated, and before each assignment. What lies between them is of the thread itself.
`SIGNALS` are where Python may look for signals: where a function begins or a generator goes on, after calls
and `with`, and where a loop goes back.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import ossicle.audio.ring

FOLDER = Path(ossicle.audio.ring.__file__).parent
MODULES = ("storage", "state", "core", "ring")
STEPS, SIGNALS = "steps", "signals"


class Points:
    """What the points of a ring do: call `act`, if there is one."""

    def __init__(self) -> None:
        self.act: Callable[[], None] | None = None

    def pass_by(self, value: Any = None) -> Any:
        if self.act is not None:
            self.act()
        return value


def point(*value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("_point", ast.Load()), list(value), [])


class Planter(ast.NodeTransformer):
    """Puts points into the bodies of functions, not into annotations, defaults and decorators."""

    def __init__(self, kind: str) -> None:
        self.steps = kind == STEPS

    def block(self, body: list[ast.stmt], begins: bool) -> list[ast.stmt]:
        """Statements; `begins` when there is a point for signals before the first."""
        done: list[ast.stmt] = []
        for statement in body:
            if self.steps or begins:
                done.append(ast.copy_location(ast.Expr(point()), statement))
            begins = isinstance(statement, ast.With)
            done.append(self.visit(statement))
        if begins and not self.steps:
            done.append(ast.copy_location(ast.Expr(point()), body[-1]))
        return done

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                begins = isinstance(node, ast.With) or (
                    isinstance(node, ast.For | ast.While) and name == "body"
                )
                setattr(node, name, self.block(value, begins))
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST) and name != "annotation":
                setattr(node, name, self.visit(value))
        return node

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body = [self.visit(s) if isinstance(s, ast.FunctionDef | ast.ClassDef) else s for s in node.body]
        return node

    visit_ClassDef: Any = visit_Module

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = self.block(node.body, True)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        # A tuple keeps the order: the function begins, then does its work.
        body = ast.Tuple([point(), self.visit(node.body)], ast.Load())
        node.body = ast.Subscript(body, ast.Constant(1), ast.Load())
        return node

    def loop(self, node: Any) -> Any:
        """A loop goes back also before it ends."""
        node = self.generic_visit(node)
        node.orelse.insert(0, ast.Expr(point()))
        return node

    visit_For = visit_While = loop

    def after(self, node: Any) -> Any:
        return ast.copy_location(point(self.generic_visit(node)), node)

    visit_Yield = after

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Attribute):  # not a point between a method and its call
            node.func.value = self.visit(node.func.value)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return ast.copy_location(point(node), node)

    def shared(self, node: Any) -> Any:
        loaded = self.steps and isinstance(node.ctx, ast.Load)
        return self.after(node) if loaded else self.generic_visit(node)

    visit_Attribute = visit_Subscript = shared

    def visit_Assign(self, node: Any) -> Any:
        node = self.generic_visit(node)
        if self.steps and node.value is not None:
            node.value = point(node.value)
        return node

    visit_AnnAssign = visit_Assign

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        """`a.b += c` as `a.b = a.b + c`, with a point between the three."""
        if isinstance(node.target, ast.Name):
            return self.generic_visit(node)
        assert isinstance(node.target, ast.Attribute), "a subscript would be evaluated twice"
        old = ast.Attribute(node.target.value, node.target.attr, ast.Load())
        value = ast.BinOp(old, node.op, node.value)
        return ast.copy_location(self.visit_Assign(ast.Assign([node.target], value)), node)


@functools.cache
def planted(name: str, source: str, kind: str) -> CodeType:
    tree = ast.fix_missing_locations(Planter(kind).visit(ast.parse(source)))
    return compile(tree, str(FOLDER / f"{name}.py"), "exec", dont_inherit=True)


def ring_with_points(kind: str, *changes: tuple[str, str]) -> tuple[Any, Points]:
    """`AudioRing` of the sources with points, and with each `(old, new)` replaced; `old` is in one module,
    once."""
    sources = {name: (FOLDER / f"{name}.py").read_text() for name in MODULES}
    for old, new in changes:
        places = [name for name in MODULES if old in sources[name]]
        assert len(places) == 1, f"{old!r} is in {places}"
        assert sources[places[0]].count(old) == 1, f"{old!r} is there more than once"
        sources[places[0]] = sources[places[0]].replace(old, new)
    points = Points()
    package = sys.modules["ossicle.audio"]
    kept = {name: sys.modules[f"ossicle.audio.{name}"] for name in MODULES}
    try:
        for name, source in sources.items():
            module = ModuleType(f"ossicle.audio.{name}")
            sys.modules[module.__name__] = module
            setattr(package, name, module)
            module.__dict__["_point"] = points.pass_by
            exec(planted(name, source, kind), module.__dict__)
        return sys.modules["ossicle.audio.ring"].AudioRing, points
    finally:
        for name, module in kept.items():
            sys.modules[f"ossicle.audio.{name}"] = module
            setattr(package, name, module)
