"""What nobody reads is not there: counters that only tests look at, and what classes know of themselves.

An attribute costs a board eight bytes in its object and some 15 in code for each place that counts it. Where
no code of the firmware reads it, but to write it anew, it goes; so does a function that none of it calls. The
sources keep them, and so do the tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .calls import functions
from .overlay import placed

OWN = ("__module__", "__qualname__")  # what MicroPython puts into each class
PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.operator, ast.expr_context)


def drop_unread(trees: dict[str, ast.Module], kept: set[str]) -> set[str]:
    """Takes attributes that are only written out of the trees, and gives their names.

    `kept` may be read from outside.
    """
    found: set[str] = set()
    while True:
        written: set[str] = set()
        alone = set()  # id() of each node that is part of writing its own attribute
        for _, _, node in placed(trees):
            name = writes(node)
            if name:
                written.add(name)
                alone |= {id(x) for x in ast.walk(node) if isinstance(x, ast.Attribute) and x.attr == name}
        read = {x.attr for _, _, x in placed(trees) if isinstance(x, ast.Attribute) and id(x) not in alone}
        gone = written - read.union(_members(trees)) - kept
        if not gone:
            return found
        found |= gone
        for tree in trees.values():
            _Dropper(gone).visit(tree)
            ast.fix_missing_locations(tree)


def drop_uncalled(trees: dict[str, ast.Module], kept: set[str]) -> set[str]:
    """Takes functions and methods that no code names out of the trees, and gives their names."""
    found: set[str] = set()
    while True:
        named = {
            name
            for _, _, node in placed(trees)
            if not isinstance(node, ast.FunctionDef | ast.ClassDef)
            for part in ("attr", "id", "name")
            if isinstance(name := getattr(node, part, None), str)
        }
        gone = {place.node.name for place in functions(trees)} - named - kept
        gone = {name for name in gone if not name.startswith("__")}
        if not gone:
            return found
        found |= gone
        for place in list(functions(trees)):
            if place.node.name in gone:
                place.body.remove(place.node)
                if not place.body:
                    place.body.append(ast.Pass())


def writes(node: ast.AST) -> str:
    """The attribute that a statement gives a value, which takes nothing but that to be known; "" for none."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AugAssign):
        target = node.target
    else:
        return ""
    plain = all(isinstance(each, PLAIN) for each in ast.walk(node.value))
    return target.attr if plain and isinstance(target, ast.Attribute) else ""


def _members(trees: dict[str, ast.Module]) -> Iterator[str]:
    """What classes' bodies define: methods, and values that all objects share."""
    for tree in trees.values():
        for node in tree.body:
            for each in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(each, ast.FunctionDef):
                    yield each.name
                else:
                    yield from (x.id for x in ast.walk(each) if isinstance(x, ast.Name))


class _Dropper(ast.NodeTransformer):
    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return ast.Pass() if writes(node) in self._gone else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return ast.Pass() if writes(node) in self._gone else node


def bare(tree: ast.Module) -> None:
    """Classes forget their module's and their own name at once: their methods take the places."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names: list[ast.expr] = [ast.Name(name, ast.Del()) for name in OWN]
            node.body.insert(0, ast.fix_missing_locations(ast.Delete(names)))
