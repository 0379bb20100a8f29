"""What runs seldom leaves memory: functions that are marked `@rare("group")` move to a module of their own.

A group is a module `ossicle.<group>`, made of one bundle's functions. A call of one becomes a call by way of
its group, which is imported then; with the turn of the loop the module goes (ossicle/modules.py, `once`).
Functions of a group call each other directly. Where it cannot be known that a call means the function
(calls.py), or it is called from outside, a stub of 60 bytes stays in its place. So a marked function costs a
board little or nothing, and some time at each call: the heap is asked for its code, and the flash is read.

What is marked `@passing` runs at boot and never again: importing `ossicle.shed` puts None in its place.
(Deleting a name leaves the function in the dictionary's slot, and so in memory.)
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .bundle import tops
from .calls import Calls, functions, given
from .scopes import BuildError, bound, read

MARK = "rare"
PACKAGE = "ossicle"
LOADER = "once"
PASSING = "passing"
SHED = f"{PACKAGE}.shed"


@dataclass
class Rare:
    """A marked function: its module, its class ("" for none), and the body that holds it."""

    module: str
    owner: str
    group: str
    node: ast.FunctionDef
    body: list[ast.stmt]

    @property
    def name(self) -> str:
        """What it is called in its group."""
        return f"{self.owner}__{self.node.name}" if self.owner else self.node.name


def marked(node: ast.FunctionDef) -> str:
    """The group of a function that has the mark, or ""."""
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == MARK:
            return str(ast.literal_eval(each.args[0]))
    return ""


def is_passing(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    return any(isinstance(each, ast.Name) and each.id == PASSING for each in node.decorator_list)


def _shed(trees: dict[str, ast.Module]) -> ast.Module:
    """Lets go of what has run for the last time, in the modules that are there."""
    body: list[ast.stmt] = [ast.Import([ast.alias("sys")])]
    for module, tree in trees.items():
        gone: list[ast.stmt] = []
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                names = [x.name for x in node.body if isinstance(x, ast.FunctionDef) and is_passing(x)]
                gone += [each for name in names for each in ast.parse(f"{node.name}.{name} = None").body]
            elif is_passing(node):
                raise BuildError(f"{module}: only a method can be passing")
        if gone:
            names = sorted({x.id for each in gone for x in ast.walk(each) if isinstance(x, ast.Name)})
            there = ast.parse(
                f"if {module!r} in sys.modules:\n    from {module} import {', '.join(names)}"
            ).body[0]
            assert isinstance(there, ast.If)
            there.body += gone
            body.append(there)
    return ast.fix_missing_locations(ast.Module(body, []))


def find(trees: dict[str, ast.Module]) -> Iterator[Rare]:
    for module, tree in trees.items():
        for owner, body in (
            ("", tree.body),
            *((node.name, node.body) for node in tree.body if isinstance(node, ast.ClassDef)),
        ):
            for node in body:
                if isinstance(node, ast.FunctionDef) and marked(node):
                    yield Rare(module, owner, marked(node), node, body)


def overlaid(trees: dict[str, ast.Module], kept: set[str], foreign: set[str]) -> None:
    """Moves what is marked out of the trees, into new ones among them.

    `kept` is called from outside, `foreign` are names of methods that others' objects have.

    Raises BuildError where a function cannot be moved.
    """
    trees.pop(f"{PACKAGE}.{MARK}", None)
    every = list(find(trees))
    groups = _groups(every)
    if SHED in trees:
        trees[SHED] = _shed(trees)
    for tree in trees.values():
        _forget_mark(tree)
    for tree in (each for each in trees.values() if LOADER not in tops(each)):
        tree.body.insert(0, ast.ImportFrom(f"{PACKAGE}.modules", [ast.alias(LOADER)], 0))
    for each in every:
        if f"{PACKAGE}.{each.group}" in trees:
            raise BuildError(f"{each.group}: there is a module of this name, and a group")
        _check(each)
    calls = Calls(trees, kept | foreign)
    _call_by_group(every, trees, calls)
    named = _by_name(trees)
    for each in every:
        at = each.body.index(each.node)
        each.body[at : at + 1] = [_stub(each)] if _is_called(each, every, named, kept, calls) else []
        if not each.body:
            each.body.append(ast.Pass())
    for group, members in groups.items():
        taken = _take_along(members, trees, kept)
        trees[f"{PACKAGE}.{group}"] = _module(group, members, taken, trees)
    for tree in trees.values():
        if not any(isinstance(node, ast.Name) and node.id == LOADER for node in ast.walk(tree)):
            tree.body[:] = [
                node
                for node in tree.body
                if not (isinstance(node, ast.ImportFrom) and bound(node.names[0]) == LOADER)
            ]
        ast.fix_missing_locations(tree)


def _groups(functions: list[Rare]) -> dict[str, list[Rare]]:
    """By name. Importing one imports the module that it is of: so those of other modules have their own."""
    groups: dict[str, list[Rare]] = {}
    home: dict[str, str] = {}
    for each in functions:
        if home.setdefault(each.group, each.module) != each.module:
            each.group = f"{each.group}_{each.module.rpartition('.')[2]}"
        groups.setdefault(each.group, []).append(each)
    return groups


def _forget_mark(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (marked(node) or is_passing(node)):
            node.decorator_list = []
        elif isinstance(node, ast.ImportFrom):
            node.names = [alias for alias in node.names if alias.name not in (MARK, PASSING)]
    tree.body[:] = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and not node.names)]


def _check(rare: Rare) -> None:
    every = rare.node.args
    if every.vararg or every.kwarg or every.kwonlyargs or every.posonlyargs:
        raise BuildError(f"{rare.name}: arguments of a rare function are plain")
    for node in ast.walk(rare.node):
        if isinstance(node, ast.Name) and node.id == "super":
            raise BuildError(f"{rare.name}: super() is not to be had in a rare function")


def _call_by_group(every: list[Rare], trees: dict[str, ast.Module], calls: Calls) -> None:
    """Changes the calls that are known to mean what is marked."""
    rare = {(each.module, each.owner, each.node.name): each for each in every}
    within = {id(each.node): each.group for each in every}
    for place in list(functions(trees)):
        here = within.get(id(place.node), "")
        for node in ast.walk(place.node):
            if not isinstance(node, ast.Call):
                continue
            target, first = None, []
            if isinstance(node.func, ast.Attribute):
                owner = calls.owner(node.func, (place.module, place.owner))
                target = rare.get((*owner, node.func.attr)) if owner else None
                first = [node.func.value]
            elif isinstance(node.func, ast.Name):
                target = rare.get((place.module, "", node.func.id))
            if target is None:
                continue
            arguments = given(target.node, first, node)
            if arguments is None:
                continue
            node.args, node.keywords = arguments, []
            if here == target.group:
                node.func = ast.Name(target.name, ast.Load())
            else:
                group = ast.Call(ast.Name(LOADER, ast.Load()), [ast.Constant(target.group)], [])
                node.func = ast.Attribute(group, target.name, ast.Load())


Named = dict[str, list[tuple[str, str, ast.AST]]]


def _is_called(rare: Rare, every: list[Rare], named: Named, kept: set[str], calls: Calls) -> bool:
    """Whether anything may name it, beside the calls that were changed."""
    name = rare.node.name
    if name in kept or name.startswith("__"):
        return True
    own = {id(node) for each in every if each.group == rare.group for node in ast.walk(each.node)}
    for module, owner, node in named.get(name, ()):
        if rare.owner:
            if isinstance(node, ast.Attribute):
                classes = calls.classes(node, (module, owner))
                if classes is None or (rare.module, rare.owner) in classes:
                    return True
        elif isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == LOADER):
                return True
        elif id(node) not in own:
            return True
    return False


def _by_name(trees: dict[str, ast.Module]) -> Named:
    """The nodes that name something, by what they name, each with its module and class."""
    found: Named = {}
    for module, owner, node in placed(trees):
        for attribute in ("attr", "id", "name"):
            if (name := getattr(node, attribute, "")) and not isinstance(
                node, ast.FunctionDef | ast.ClassDef
            ):
                found.setdefault(name, []).append((module, owner, node))
    return found


def placed(trees: dict[str, ast.Module]) -> Iterator[tuple[str, str, ast.AST]]:
    """Every node, with its module and class."""
    for module, tree in trees.items():
        for top in tree.body:
            owner = top.name if isinstance(top, ast.ClassDef) else ""
            yield from ((module, owner, node) for node in ast.walk(top))


def _take_along(
    functions: list[Rare], trees: dict[str, ast.Module], kept: set[str]
) -> dict[str, list[ast.stmt]]:
    """What the modules' tops define for these functions alone; it leaves them."""
    asked = {
        a.name for t in trees.values() for n in ast.walk(t) if isinstance(n, ast.ImportFrom) for a in n.names
    }
    asked |= {
        node.attr for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    taken: dict[str, list[ast.stmt]] = {}
    for module in dict.fromkeys(each.module for each in functions):
        tree = trees[module]
        mine = taken.setdefault(module, [])
        while True:
            used = Counter(place.name for place in read(tree).tops)
            code = ast.Module([*mine, *(each.node for each in functions if each.module == module)], [])
            wanted = {place.name for place in read(code).tops}
            found = [
                node
                for node in tree.body
                if (name := _defined(node)) in wanted and used[name] == 1 and name not in asked | kept
            ]
            if not found:
                break
            for node in found:
                tree.body.remove(node)
            mine[:0] = found
    return taken


def _defined(node: ast.stmt) -> str:
    """The one name that a function, a private class or a plain assignment gives a module, else "".

    What is made of another class stays, and would keep the code of each call.
    """
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        return node.name
    if isinstance(node, ast.ClassDef) and node.name.startswith("_"):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""


def _stub(rare: Rare) -> ast.FunctionDef:
    """The same function, by way of its group."""
    given: list[ast.expr] = [ast.Name(arg.arg, ast.Load()) for arg in rare.node.args.args]
    loaded = ast.Call(ast.Name(LOADER, ast.Load()), [ast.Constant(rare.group)], [])
    call = ast.Call(ast.Attribute(loaded, rare.name, ast.Load()), given, [])
    body: list[ast.stmt] = [ast.Return(call)]
    if rare.node.name == "__init__":
        body = [ast.Expr(call)]
    return ast.FunctionDef(rare.node.name, rare.node.args, body, [], None, lineno=rare.node.lineno)


def _module(
    group: str, functions: list[Rare], taken: dict[str, list[ast.stmt]], trees: dict[str, ast.Module]
) -> ast.Module:
    """The group: what its functions need of the modules that they come from, and they."""
    body: list[ast.stmt] = []
    seen: dict[str, str] = {}
    own = {each.node.name for each in functions if not each.owner}
    for module in dict.fromkeys(each.module for each in functions):
        mine = [each for each in functions if each.module == module]
        code = ast.Module([*taken[module], *(_plain(each) for each in mine)], [])
        needed = {place.name for place in read(code).tops}
        for node in trees[module].body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    if bound(alias) in needed and bound(alias) not in seen:
                        seen[bound(alias)] = ""
                        one = [ast.alias(alias.name, alias.asname)]  # it gets names of its own
                        if isinstance(node, ast.ImportFrom):
                            body.append(ast.ImportFrom(node.module, one, 0))
                        else:
                            body.append(ast.Import(one))
        for name in sorted(needed & tops(trees[module]) - own):
            if seen.setdefault(name, module) != module:
                raise BuildError(f"{group}: {name} is something else in {module} and {seen[name]}")
            body.append(ast.ImportFrom(module, [ast.alias(name)], 0))
        body += code.body
    return ast.fix_missing_locations(ast.Module(body, []))


def _plain(rare: Rare) -> ast.FunctionDef:
    """The function as it stands in its group: all arguments are given there."""
    node = rare.node
    given = ast.arguments([], [ast.arg(arg.arg) for arg in node.args.args], None, [], [], None, [])
    return ast.FunctionDef(rare.name, given, node.body, [], None, lineno=node.lineno)
