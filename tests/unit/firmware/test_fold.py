"""A function that is called at one place comes there, and everything means what it meant."""

from __future__ import annotations

import ast
from random import Random
from typing import Any

from ossicle.board.fold import folded

SOURCE = """
class Counter:
    def __init__(self):
        self.count = 3
        self.seen = []

    def plain(self, n):
        return self._double(n + 1) - 1

    def _double(self, n):
        self.count += 1
        return 2 * n

    def early(self, n):
        m = self._early(n)
        self.seen.append(m)
        return m

    def _early(self, n):
        if n < 0:
            return -1
        if n > 5:
            self.count += n
            if n > 8:
                return self.count
        else:
            n += 1
            return n
        return None

    def tail(self, n, x):
        x += 1
        if x & 1:
            return self._tail(x, n)
        self._last(n)

    def _tail(self, n, x):
        for i in range(n):
            if i == x:
                return i
            x -= 1
        else:
            self.count -= 1

    def _last(self, n):
        if n == 2:
            return
        self.seen.append(n)

    def first(self, n):
        if not self._is_odd(n) or n > 4:
            self.seen.append("even")
        elif self._is_big(n) and n:
            return "big"
        n += self._more(n)
        self.count = self._more_still(n, self.count)
        return n

    def _is_odd(self, n):
        m = n & 1
        if m:
            self.count += 1
            return True
        return False

    def _is_big(self, n):
        self.seen.append(n)
        return n > 2

    def _more(self, n):
        n = n * 3
        return n + 1

    def _more_still(self, n, count):
        total = 0
        while n > 0:
            n -= 1
            total += n
        return total + count

    def expression(self, n):
        return [self._square(n), self._square_twice(self.count, n)]

    def _square(self, n):
        return n * n

    def _square_twice(self, m, n):
        return m * n + m


def top(n):
    return helper(n, [n])


def helper(n, values):
    values.append(n)
    values.append(n)
    return values
"""
STAYS = """
class Window:
    def __init__(self, port):
        self.on = self._handler
        self._port = port

    def _handler(self):
        return 1

    def twice(self, n):
        self._twice(n)
        return self._twice(n)

    def _twice(self, n):
        n += 1

    def loop(self, n):
        x = self._loop(n)
        return x + 1

    def _loop(self, n):
        while True:
            if n > 3:
                return n
            n += 1

    def lazily(self, n):
        return n and self._later(n)

    def _later(self, n):
        self.n = n
        return n

    def asked(self):
        return self._port.unknown()

    def unknown(self):
        return self._ask()

    def kept(self):
        return self._spelt

    def _ask(self):
        return [self.asked() for _ in range(2)]

    def _recurse(self, n):
        return self._recurse(n - 1)
"""


def names(tree: ast.Module) -> set[str]:
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def play(tree: ast.Module, seed: int) -> list[Any]:
    found: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), "source", "exec"), found)
    rng = Random(seed)
    counter = found["Counter"]()
    out = []
    for _ in range(200):
        n, m = rng.randint(-3, 12), rng.randint(0, 4)
        name = rng.choice(("plain", "early", "tail", "first", "expression", "top"))
        if name == "top":
            out.append(found["top"](n))
        else:
            arguments = (n, m) if name == "tail" else (n,)
            out.append((name, getattr(counter, name)(*arguments), counter.count, len(counter.seen)))
    return [*out, counter.seen]


def test_they_mean_what_they_meant() -> None:
    tree = ast.parse(SOURCE)
    assert folded({"m": tree}, {"top"}, set()) == 10
    public = {"__init__", "plain", "early", "tail", "first", "expression", "top"}
    assert names(tree) == public | {"_square_twice"}, "its argument would be looked up twice"
    for seed in range(5):
        assert play(tree, seed) == play(ast.parse(SOURCE), seed)


def test_what_stays() -> None:
    tree = ast.parse(STAYS)
    assert folded({"m": tree}, {"kept", "asked"}, set()) == 0
    assert names(tree) == names(ast.parse(STAYS))


def test_what_another_module_names_stays() -> None:
    one = "class Ring:\n    def a(self):\n        return self._b()\n    def _b(self):\n        return 1\n"
    for two, left in {
        "def f(x):\n    return x._b()\n": {"a", "_b"},
        "def f(self):\n    return self._b()\n": {"a", "_b"},
        "def f(x):\n    return x.ring._b()\n": {"a", "_b"},
        "def f(x):\n    return x.c()\n": {"a"},
    }.items():
        tree = ast.parse(one)
        folded({"one": tree, "two": ast.parse(two)}, {"f", "a"}, set())
        assert names(tree) == left, two
