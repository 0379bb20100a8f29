"""What runs seldom is called by way of its group, where it is known that a call means it; else by a stub."""

from __future__ import annotations

import ast

import pytest

from ossicle.board.calls import Calls, given
from ossicle.board.overlay import overlaid
from ossicle.board.scopes import BuildError

ONE = """
from ossicle.rare import rare

class PacketBuilder:
    @rare("start")
    def restart(self, session, count=2):
        self._number = session + count

    @rare("start")
    def again(self):
        self.restart(1)

    @rare("start")
    def open(self):
        self._is_open = True

class Window:
    @rare("key")
    def restart(self):
        pass

    def slide(self, other):
        other.begin()

class Session:
    def __init__(self, builder, port):
        self._builder = builder
        self._window = Window()
        self._port = port

    def go(self):
        self._builder.restart(3)
        self._window.restart()
        self._port.open()
        self._builder.again()
        self.begin()

    @rare("start")
    def begin(self):
        self._builder.restart(count=4, session=5)
"""


def parts(kept: set[str]) -> dict[str, str]:
    trees = {"ossicle.one": ast.parse(ONE)}
    overlaid(trees, kept, {"open"})
    return {name: ast.unparse(tree) for name, tree in trees.items()}


def test_calls_go_by_way_of_the_group() -> None:
    out = parts(set())
    assert set(out) == {"ossicle.one", "ossicle.start", "ossicle.key"}
    one = out["ossicle.one"]
    assert "once('start').PacketBuilder__restart(self._builder, 3, 2)" in one
    assert "once('key').Window__restart(self._window)" in one
    assert "once('start').PacketBuilder__again(self._builder)" in one
    assert "once('start').Session__begin(self)" in one
    assert "once('start').Session__begin(other)" in one, "no other has a method of this name"
    assert "def restart" not in one
    assert "def begin" not in one


def test_what_may_mean_another_has_a_stub() -> None:
    one = parts(set())["ossicle.one"]
    assert "self._port.open()" in one
    assert "def open(self):\n        return once('start').PacketBuilder__open(self)" in one
    assert "def begin" in parts({"begin"})["ossicle.one"], "called from outside"


def test_a_group_calls_its_own_directly() -> None:
    start = parts(set())["ossicle.start"]
    assert "PacketBuilder__restart(self, 1, 2)" in start
    assert "PacketBuilder__restart(self._builder, 5, 4)" in start
    assert "once(" not in start


def test_arguments_that_are_not_plain_are_refused() -> None:
    tree = ast.parse('from ossicle.rare import rare\n@rare("a")\ndef f(*args):\n    pass\n')
    with pytest.raises(BuildError, match="arguments of a rare function are plain"):
        overlaid({"ossicle.one": tree}, set(), set())


def call(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


def test_given() -> None:
    target = ast.parse("def f(a, b=1, c=2): pass").body[0]
    assert isinstance(target, ast.FunctionDef)

    def arguments(text: str) -> list[str] | None:
        found = given(target, [], call(text))
        return None if found is None else list(map(ast.unparse, found))

    assert arguments("f(7)") == ["7", "1", "2"]
    assert arguments("f(7, c=8)") == ["7", "1", "8"]
    assert arguments("f(7, d=8)") is None
    assert arguments("f(*x)") is None
    assert arguments("f()") is None


def test_whose_method_it_is() -> None:
    source = """
import gc

class Base:
    def common(self): pass

class Derived(Base):
    def mine(self): pass

class UdpLink:
    def close(self): pass

class SerialLink:
    def close(self): pass
    def only(self): pass
"""
    calls = Calls({"m": ast.parse(source)}, {"foreign"})

    def owner(text: str, place: str = "") -> str | None:
        func = call(text).func
        assert isinstance(func, ast.Attribute)
        found = calls.owner(func, ("m", place))
        return found and found[1]

    assert owner("self.common()", "Derived") == "Base"
    assert owner("self.mine()", "Base") == "Derived"
    assert owner("self.close()", "Base") is None
    assert owner("self._link.close()") is None, "of two classes"
    assert owner("self._link.only()") == "SerialLink"
    assert owner("x.only()") == "SerialLink"
    assert owner("gc.only()") is None, "a module"
    assert owner("x.close()") is None
