"""Which method a call means, where that can be known without running it.

`self.name()` means the class's own, or one that it inherits. `x.ring.name()` means the class Ring's: what
is called like the last word of classes' names, in small letters, is one of them. Any other means the one
class that has a method of this name, where no other has one and it is nobody's attribute.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .scopes import bound

SHORT = {"mic": "microphone", "network": "wifi", "config": "settings", "coder": "adpcm", "key": "ccm"}
OTHERS = {"socket", "wlan", "i2s"}  # what is called so is MicroPython's
Owner = tuple[str, str]  # module and class; "" for a function of the module's own


@dataclass
class Place:
    """A function that lies in no other, and the body that holds it."""

    module: str
    owner: str
    node: ast.FunctionDef
    body: list[ast.stmt]


def functions(trees: dict[str, ast.Module]) -> Iterator[Place]:
    for module, tree in trees.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for owner, body in (("", tree.body), *((node.name, node.body) for node in classes)):
            yield from (
                Place(module, owner, node, body) for node in body if isinstance(node, ast.FunctionDef)
            )


class Calls:
    """Asked about trees as they are when it is made."""

    def __init__(self, trees: dict[str, ast.Module], foreign: Iterable[str]) -> None:
        self._has: dict[Owner, set[str]] = {}
        self._family: dict[Owner, set[Owner]] = {}  # the classes that inherit from each other
        self._called: dict[str, set[Owner]] = defaultdict(set)  # the classes, by the last word of their names
        self._imported: dict[str, set[str]] = {}
        self._not_methods = set(foreign)
        parents = []
        for module, tree in trees.items():
            nodes = list(ast.walk(tree))
            brought = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
            self._imported[module] = {bound(alias) for node in brought for alias in node.names}
            for node in nodes:
                if isinstance(node, ast.ClassDef):
                    self._has[module, node.name] = {
                        x.name for x in node.body if isinstance(x, ast.FunctionDef)
                    }
                    self._called[re.findall("[A-Z][a-z]*", node.name)[-1].lower()].add((module, node.name))
                    self._family[module, node.name] = {(module, node.name)}
                    parents += [(module, node.name, x.id) for x in node.bases if isinstance(x, ast.Name)]
                elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                    self._not_methods.add(node.attr)
        for module, name, parent in parents:
            named = [each for each in self._has if each[1] == parent]
            joined = set().union(
                *(self._family[x] for x in named if x[0] == module or (module, parent) not in named)
            )
            joined |= self._family[module, name]
            for each in joined:
                self._family[each] = joined
        self._times = Counter(name for names in self._has.values() for name in names)

    def classes(self, node: ast.Attribute, place: Owner) -> set[Owner] | None:
        """Those one of which has the member that `node` names in a method of `place`; None where any may."""
        base = node.value
        name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        if isinstance(base, ast.Name) and name == "self":
            return self._family.get(place)  # in a group's functions it is anything
        if isinstance(base, ast.Name) and name in self._imported[place[0]]:
            return set()
        name = name.lstrip("_")
        if name in OTHERS:
            return set()
        found = self._called.get(SHORT.get(name, name), set())
        return set().union(*(self._family[each] for each in found)) if found else None

    def owner(self, node: ast.Attribute, place: Owner) -> Owner | None:
        """The class whose method `node` names; None where it is not known."""
        possible = self.classes(node, place)
        if possible is None:
            if self._times[node.attr] != 1 or node.attr in self._not_methods:
                return None
            possible = set(self._has)
        having = [each for each in possible if node.attr in self._has[each]]
        return having[0] if len(having) == 1 else None


def given(target: ast.FunctionDef, first: list[ast.expr], call: ast.Call) -> list[ast.expr] | None:
    """The call's arguments in the order of `target`'s, with its defaults; None where they are not plain."""
    names = [each.arg for each in target.args.args]
    plain = not any(isinstance(each, ast.Starred) for each in call.args)
    if not plain or any(each.arg not in names for each in call.keywords):
        return None
    values: dict[str, ast.expr] = dict(zip(reversed(names), reversed(target.args.defaults), strict=False))
    values.update(zip(names, [*first, *call.args], strict=False))
    values.update({str(each.arg): each.value for each in call.keywords})
    return [values[name] for name in names] if len(values) == len(names) else None
