"""Functions that are called at one place come there: each costs a board 45 bytes beside its code.

Only where it is known that nothing else names the function, where it and its caller are of one class or
module, and where its `return` can be a plain statement at the place of the call. No function comes to more
than LOCALS_MAX variables: from 16 on each use is a byte longer.
"""

from __future__ import annotations

import ast
import copy
from collections import defaultdict
from collections.abc import Callable, Iterator

from .calls import Calls, Place, functions, given
from .overlay import placed
from .scopes import names_of

LOCALS_MAX = 14
Make = Callable[[ast.expr | None], list[ast.stmt]]
BARRED = (
    ast.Lambda, ast.FunctionDef, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Yield,
    ast.YieldFrom, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.Global,
)  # fmt: skip


def folded(trees: dict[str, ast.Module], kept: set[str], foreign: set[str]) -> int:
    """Changes the trees; how many functions are no more. `kept` is named from outside."""
    done = 0
    while True:
        calls = Calls(trees, kept | foreign)
        every = [place for place in functions(trees) if _may_move(place, kept)]
        seen = _seen(trees)
        count = 0
        touched: set[int] = set()  # what has changed waits for the next look
        for place in every:
            caller = _only_caller(place, trees, seen, calls)
            if caller is None or {id(caller[0].node), id(place.node)} & touched:
                continue
            if _put(place, *caller):
                place.body.remove(place.node)
                if not place.body:
                    place.body.append(ast.Pass())
                touched |= {id(caller[0].node), id(place.node)}
                count += 1
        done += count
        if not count:
            for tree in trees.values():
                ast.fix_missing_locations(tree)
            return done


def _may_move(place: Place, kept: set[str]) -> bool:
    node = place.node
    plain = not (node.args.vararg or node.args.kwarg or node.args.kwonlyargs or node.decorator_list)
    outside = node.name in kept or node.name.startswith("__")
    return (
        plain and not outside and not any(isinstance(each, BARRED) for x in node.body for each in ast.walk(x))
    )


def _seen(trees: dict[str, ast.Module]) -> dict[str, list[tuple[str, str, ast.AST]]]:
    """Wherever a name is named: as an attribute, by itself, in an import."""
    seen = defaultdict(list)
    for module, owner, node in placed(trees):
        for part in ("attr", "id", "name"):
            name = getattr(node, part, None)
            if isinstance(name, str) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
                seen[name].append((module, owner, node))
    return seen


def _only_caller(
    place: Place,
    trees: dict[str, ast.Module],
    seen: dict[str, list[tuple[str, str, ast.AST]]],
    calls: Calls,
) -> tuple[Place, ast.Call] | None:
    """The one function that calls it, of the same class or module, and the call."""
    found: list[ast.AST] = []
    for module, owner, node in seen[place.node.name]:
        if isinstance(node, ast.Attribute) and place.owner:
            classes = calls.classes(node, (module, owner))
            if classes is not None and (place.module, place.owner) not in classes:
                continue
            mine = isinstance(node.value, ast.Name) and node.value.id == "self"
            if not mine or calls.owner(node, (module, owner)) != (place.module, place.owner):
                return None
        elif isinstance(node, ast.Name) and place.owner:
            continue  # a variable, or a function of the module
        elif not isinstance(node, ast.Name):
            return None
        found.append(node)
    if len(found) != 1:
        return None
    for each in functions({place.module: trees[place.module]}):
        for node in ast.walk(each.node):
            if isinstance(node, ast.Call) and node.func is found[0]:
                same = (each.node is not place.node and each.owner == place.owner) or not place.owner
                plain = not each.node.decorator_list and each.node is not place.node
                return (each, node) if same and plain else None
    return None


def _put(place: Place, caller: Place, call: ast.Call) -> bool:
    """The function's body in the place of its call, if it can be."""
    first: list[ast.expr] = [ast.Name("self", ast.Load())] if place.owner else []
    arguments = given(place.node, first, call)
    found = next(_statements(caller.node.body, call), None)
    if arguments is None or found is None:
        return False
    names = [each.arg for each in place.node.args.args]
    if place.owner and names[0] != "self":
        return False
    body, at = found
    statement = body[at]
    one = place.node.body[0]
    if (
        len(place.node.body) == 1
        and isinstance(one, ast.Return)
        and one.value
        and _is_plain(one.value, names, arguments)
    ):
        value = _Renamer(dict(zip(names, arguments, strict=True)), {}).visit(copy.deepcopy(one.value))
        _Replacer(call, value).visit(caller.node)
        return True
    there = names_of(caller.node)
    make, last, rest = _maker(statement, call, caller, body, at, there)
    if make is None:
        return False
    new = copy.deepcopy(place.node.body)
    stored = names_of(place.node) - set(names)
    changed = {
        x.id for n in new for x in ast.walk(n) if isinstance(x, ast.Name) and not isinstance(x.ctx, ast.Load)
    }
    before: list[ast.stmt] = []
    values: dict[str, ast.expr] = {}
    renamed: dict[str, str] = {}
    for name, value in zip(names, arguments, strict=True):
        simple = isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in there)
        if simple and name not in changed:
            values[name] = value
        else:
            renamed[name] = _free(name, there)
            before.append(ast.Assign([ast.Name(renamed[name], ast.Store())], value, lineno=0))
    for name in sorted(stored):
        renamed[name] = _free(name, there)
    if len(there) > max(LOCALS_MAX, len(names_of(caller.node))):
        return False
    new = [_Renamer(values, renamed).visit(each) for each in new]
    tail = isinstance(statement, ast.Return) and not rest
    if not (tail or (last and not _gives(new))):
        structured = _structured(new, make)
        if structured is None:
            return False
        new = structured
    elif tail and not _ends(new):
        new.append(ast.Return(None))
    body[at : at + 1] = [*before, *new, *rest]
    return True


def _free(name: str, there: set[str]) -> str:
    while name in there:
        name += "_"
    there.add(name)
    return name


def _maker(
    statement: ast.stmt, call: ast.Call, caller: Place, body: list[ast.stmt], at: int, there: set[str]
) -> tuple[Make | None, bool, list[ast.stmt]]:
    """What a `return` becomes where the call is; whether nothing comes behind it; what does."""
    last = body is caller.node.body and at == len(body) - 1
    if isinstance(statement, ast.Expr) and statement.value is call:
        return lambda value: [] if value is None or _is_idle(value) else [ast.Expr(value)], last, []
    if isinstance(statement, ast.Return) and statement.value is call:
        return lambda value: [ast.Return(value)], True, []
    if isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return lambda value: [ast.Assign([target], value or ast.Constant(None), lineno=0)], False, []
    if not any(_comes_first(each, call) for each in _evaluated(statement)):
        return None, False, []
    found = _free("found", there)
    _Replacer(call, ast.Name(found, ast.Load())).visit(statement)
    return lambda value: [_assign(found, value)], False, [statement]


def _assign(name: str, value: ast.expr | None) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value or ast.Constant(None), lineno=0)


def _evaluated(statement: ast.stmt) -> list[ast.expr]:
    """What a statement asks for before it does anything."""
    if isinstance(statement, ast.If):
        return [statement.test]
    if isinstance(statement, ast.AugAssign) and not isinstance(statement.target, ast.Name):
        return []
    value = getattr(statement, "value", None)
    return [value] if isinstance(value, ast.expr) else []


def _comes_first(value: ast.expr, call: ast.Call) -> bool:
    while value is not call:
        if isinstance(value, ast.UnaryOp):
            value = value.operand
        elif isinstance(value, ast.BinOp | ast.Compare):
            value = value.left
        elif isinstance(value, ast.BoolOp):
            value = value.values[0]
        else:
            return False
    return True


def _is_idle(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant | ast.Name)


def _gives(body: list[ast.stmt]) -> bool:
    """Whether it returns anything."""
    return any(isinstance(x, ast.Return) and x.value is not None for each in body for x in ast.walk(each))


def _ends(body: list[ast.stmt]) -> bool:
    """Whether nothing comes behind it."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


def _structured(body: list[ast.stmt], make: Make) -> list[ast.stmt] | None:
    """The same without `return`; None where one stands in a loop or a `try`."""
    out: list[ast.stmt] = []
    for i, each in enumerate(body):
        if isinstance(each, ast.Return):
            return out + make(each.value)
        if not any(isinstance(x, ast.Return) for x in ast.walk(each)):
            out.append(each)
            continue
        if not isinstance(each, ast.If):
            return None
        rest = body[i + 1 :]
        behind = [
            _structured(part + ([] if _ends(part or [ast.Pass()]) else rest), make)
            for part in (each.body, each.orelse)
        ]
        if not (_ends(each.body) or (each.orelse and _ends(each.orelse))) and rest:
            return None  # the rest would come twice
        yes, no = behind
        if yes is None or no is None:
            return None
        test = each.test
        if not yes:
            test = ast.UnaryOp(ast.Not(), test)
            yes, no = no, []
        return [*out, ast.If(test, yes or [ast.Pass()], no)]
    return out + make(None)


def _is_plain(value: ast.expr, names: list[str], arguments: list[ast.expr]) -> bool:
    """Whether arguments can stand where they are used: as often as that, and then."""
    used = [x.id for x in ast.walk(value) if isinstance(x, ast.Name)]
    calls = any(isinstance(x, ast.Call) for x in ast.walk(value))
    for name, argument in zip(names, arguments, strict=True):
        if isinstance(argument, ast.Name | ast.Constant):
            continue
        if calls or used.count(name) != 1 or any(isinstance(x, ast.Call) for x in ast.walk(argument)):
            return False
    return True


def _statements(body: list[ast.stmt], call: ast.Call) -> Iterator[tuple[list[ast.stmt], int]]:
    """The innermost statement that holds the call: the body that it is in, and where."""
    for at, each in enumerate(body):
        if not any(x is call for x in ast.walk(each)):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(each, part, []), call)
        for handler in getattr(each, "handlers", []):
            yield from _statements(handler.body, call)
        yield body, at


class _Renamer(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr], renamed: dict[str, str]) -> None:
        self._values = values
        self._renamed = renamed

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._values:
            return copy.deepcopy(self._values[node.id])
        node.id = self._renamed.get(node.id, node.id)
        return node


class _Replacer(ast.NodeTransformer):
    def __init__(self, old: ast.Call, new: ast.expr) -> None:
        self._old = old
        self._new = new

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)
