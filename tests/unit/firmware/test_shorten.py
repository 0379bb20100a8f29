"""Short names change nothing but names: what a module means, and what others call it, stays."""

from __future__ import annotations

import ast
from types import FunctionType

import pytest

from ossicle.board import bundle
from ossicle.board.scopes import BuildError
from ossicle.board.shorten import WORDS, Shortener

# Words that are free to be names, and none that a member of these classes may have.
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


def counted(count, factor=1):
    total = 0
    for step in range(count):
        total += sum(abs(step - x) * factor for x in range(step))
    return total, (lambda count: count + total)(1)


class Helper:
    def __init__(self):
        self._private = 1
        self.password = 2

    def look(self, other):
        return other._shared + self._private
""",
}


def shortened(**more: bytes) -> dict[str, str]:
    trees = {name: ast.parse(source) for name, source in {**SOURCES, **more}.items()}
    Shortener(trees, ["drawn"]).apply()
    return {name: ast.unparse(tree) + "\n" for name, tree in trees.items()}


def as_one(monkeypatch: pytest.MonkeyPatch, **sources: bytes) -> dict[str, ast.Module]:
    """The modules as one bundle, that of the last one's name."""
    last = [*sources][-1]
    monkeypatch.setattr(bundle, "BUNDLES", {last: tuple(sources)[:-1]})
    monkeypatch.setattr(bundle, "HOME", dict.fromkeys(sources, last))
    return bundle.bundled({name: ast.parse(source) for name, source in sources.items()})


def names(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        found.update(value for value in vars(node).values() if isinstance(value, str))
    return found


def test_what_others_name_stays() -> None:
    one, two = shortened()["ossicle.one"], shortened()["ossicle.two"]
    for kept in ("machine", "Pin", "pull", "write", "password", "amount", "error", "__init__", "ossicle.two"):
        assert kept in one + two
    assert "password" in two
    assert "self.ssid" not in one  # no string spells it
    assert "drawn" in shortened(more=b"class A:\n    def drawn(self):\n        pass\n")["more"]


def test_what_is_named_anew_is_a_word_of_micropython() -> None:
    one, two = shortened()["ossicle.one"], shortened()["ossicle.two"]
    assert not names(one + two) & {"_first", "_second", "_mine", "_private", "_shared", "talk", "Derived"}
    defined = {node.name for node in ast.walk(ast.parse(one + two)) if isinstance(node, ast.ClassDef)}
    assert defined <= set(WORDS)


def test_members_that_no_class_has_both_are_one_word() -> None:
    """`_private` of a class is the word that another class has for its own."""
    one, two = shortened()["ossicle.one"], shortened()["ossicle.two"]
    members = [
        {n.attr for n in ast.walk(ast.parse(each)) if isinstance(n, ast.Attribute)} for each in (one, two)
    ]
    assert members[0] & members[1] & set(WORDS)


def test_classes_that_inherit_share_theirs() -> None:
    """`_first` of the base is `_first` in the derived one, and nothing else is."""
    tree = ast.parse(shortened()["ossicle.one"])
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    returned = [node.value for node in ast.walk(classes[0]) if isinstance(node, ast.Return)]
    sums = [node for node in ast.walk(classes[1]) if isinstance(node, ast.BinOp)]
    assert ast.unparse(returned[0]) == ast.unparse(sums[0].left)
    assert ast.unparse(sums[0].left) != ast.unparse(sums[0].right)


def test_a_string_that_asks_for_a_member_is_no_word_for_another() -> None:
    """hasattr(x, "append") is as false as before: no member comes to be called append."""
    assert WORDS[0] == "append"
    asks = b"def f(x):\n    return hasattr(x, 'append')\n"
    for source in shortened(asks=asks).values():
        assert not [
            n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute) and n.attr == "append"
        ]


def behaviour(source: str, talk: str, look: str) -> list[object]:
    """What the two classes do, whose methods have those names."""

    class Uart:
        def write(self, data: bytes) -> None:
            raise OSError(5)

    space: dict[str, object] = {}
    exec(source.replace("import machine", "machine = None"), space)
    helper, _, derived = (each for each in space.values() if isinstance(each, type))
    counted = next(each for each in space.values() if isinstance(each, FunctionType) and each.__defaults__)
    made = derived(3, 4)
    error, amount = getattr(made, talk)(Uart())
    return [repr(error), amount, getattr(helper(), look)(made), counted(5)]


def test_it_still_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modules as one, under their new names, with the results of before."""
    two, one = SOURCES["ossicle.two"], SOURCES["ossicle.one"]
    before = two.decode() + one.decode().replace("from ossicle.two import", "# ")
    expected = behaviour(before, "talk", "look")
    assert expected == ["OSError(5)", 2, 5, (20, 21)]
    trees = as_one(monkeypatch, **{"ossicle.two": two, "ossicle.one": one})
    assert [*trees] == ["ossicle.one"]
    before_names = [n.name for n in ast.walk(trees["ossicle.one"]) if isinstance(n, ast.FunctionDef)]
    Shortener(trees).apply()
    after_names = [n.name for n in ast.walk(trees["ossicle.one"]) if isinstance(n, ast.FunctionDef)]
    new = dict(zip(before_names, after_names, strict=True))
    assert new["talk"] != "talk"
    assert behaviour(ast.unparse(trees["ossicle.one"]), new["talk"], new["look"]) == expected


def test_a_module_that_is_imported_whole_is_found_in_its_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = as_one(
        monkeypatch, **{"p.a": b"def f():\n    return 3\n", "p.b": b"from p import a\nx = a.f()\n"}
    )
    space: dict[str, object] = {}
    exec(ast.unparse(trees["p.b"]), space)
    assert space["x"] == 3


def test_two_modules_of_a_bundle_define_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"def f():\n    pass\n"
    with pytest.raises(BuildError, match="b and a both define f"):
        as_one(monkeypatch, a=source, b=source)


def test_global_is_refused() -> None:
    with pytest.raises(BuildError, match="global x"):
        shortened(more=b"x = 1\ndef f():\n    global x\n    x = 2\n")
