"""Short names change nothing but names: what a module means, its lines, and what others call it stays."""

from __future__ import annotations

import ast

from ossicle.board.shorten import Shortener

SOURCES = {
    "ossicle.one": b"""
import machine
from ossicle.two import Helper, helping


class Base:
    def __init__(self, first, second):
        self._first = first
        self._shared = second
        self.ssid = getattr(self, "password", None)

    def common(self):
        return self._first


class Derived(Base):
    def _mine(self, value):
        self._second = value
        return self._first + self._second

    def talk(self, uart):
        try:
            uart.write(b"x")
            machine.Pin(3, pull=1)
        except OSError as error:
            return helping(error, amount=2)
        return self._mine(1)
""",
    "ossicle.two": b"""
def helping(problem, amount):
    return (problem, amount)


class Helper:
    def __init__(self):
        self._private = 1
        self.password = 2

    def look(self, other):
        return other._shared + self._private
""",
}


def shortened() -> dict[str, str]:
    shortener = Shortener(SOURCES)
    return {name: shortener.source(name).decode() for name in SOURCES}


def names(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        found.update(value for value in vars(node).values() if isinstance(value, str))
    return found


def test_no_line_moves() -> None:
    for name, source in shortened().items():
        assert source.count("\n") == SOURCES[name].decode().count("\n")


def test_what_others_name_stays() -> None:
    one, two = shortened()["ossicle.one"], shortened()["ossicle.two"]
    for kept in ("machine", "Pin", "pull", "write", "password", "amount", "error", "__init__", "ossicle.two"):
        assert kept in one + two
    assert "password" in two
    assert "self.ssid" not in one  # no string spells it


def test_private_names_are_used_again() -> None:
    one, two = shortened()["ossicle.one"], shortened()["ossicle.two"]
    assert "self._a" in one
    assert "self._a" in two  # another class, the same name
    assert not names(one + two) & {"_first", "_second", "_mine", "_private", "_shared", "talk", "Derived"}


def test_classes_that_inherit_share_theirs() -> None:
    """`_first` of the base is `_first` in the derived one, and nothing else is."""
    tree = ast.parse(shortened()["ossicle.one"])
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    returned = [node.value for node in ast.walk(classes[0]) if isinstance(node, ast.Return)]
    sums = [node for node in ast.walk(classes[1]) if isinstance(node, ast.BinOp)]
    assert ast.unparse(returned[0]) == ast.unparse(sums[0].left)
    assert ast.unparse(sums[0].left) != ast.unparse(sums[0].right)


def test_it_still_does_the_same() -> None:
    """Both modules run, under their new names, with the results of before."""
    spaces = {}
    for sources in ({k: v.decode() for k, v in SOURCES.items()}, shortened()):
        code = sources["ossicle.two"] + sources["ossicle.one"].replace("import machine", "machine = None")
        code = "\n".join(line for line in code.splitlines() if not line.startswith("from"))
        space: dict[str, object] = {}
        exec(code, space)
        spaces[len(spaces)] = [each for each in space.values() if isinstance(each, type)]
    for classes in spaces.values():
        helper, _, derived = classes

        class Uart:
            def write(self, data: bytes) -> None:
                raise OSError(5)

        made = derived(3, 4)
        methods = [name for name in vars(derived) if not name.startswith("_")]
        answer = getattr(made, methods[0])(Uart())
        assert isinstance(answer[0], OSError)
        assert answer[1] == 2
        look = next(name for name in vars(helper) if not name.startswith("_"))
        assert getattr(helper(), look)(made) == 5
