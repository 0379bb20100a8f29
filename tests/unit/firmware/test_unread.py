"""What nobody reads leaves the build, and nothing that anybody may read does."""

from __future__ import annotations

import ast

from ossicle.board.unread import bare, drop_uncalled, drop_unread

SOURCE = """
class Line:
    shared = 0

    def __init__(self, port):
        self.bad = 0
        self.bytes = self.last = 0
        self.full = 0
        self.shared = 1
        self.told = 0
        self.made = Part()
        self.port = port
        self.close = None

    def write(self, n):
        if n == 0:
            self.full = (self.full + 1) & 0xFF
            return 0
        self.bad += 1
        self.told = 3
        self.bytes += n
        self.sum = self.bytes
        return n + self.bad_ones

    def close(self):
        pass
"""


def after(source: str, kept: set[str]) -> tuple[set[str], str]:
    trees = {"a": ast.parse(source)}
    return drop_unread(trees, kept), ast.unparse(trees["a"])


def test_what_is_only_written_goes() -> None:
    gone, text = after(SOURCE, {"told"})
    # `sum` alone read `bytes`, but that is written beside another and stays; calls may do more than give.
    assert gone == {"bad", "full", "sum", "port"}
    assert "self.full" not in text
    assert "self.bad " not in text
    for stays in (
        "self.shared = 1",
        "self.told = 0",
        "self.made = Part()",
        "self.close = None",
        "self.bytes += n",
    ):
        assert stays in text
    compile(text, "a", "exec")


def test_who_reads_one_keeps_it() -> None:
    for reader in (
        "x.full",
        "x.full += x.full.bit_length()",
        "x[x.full] = 1",
        "x.other = x.full\ny = x.other",
    ):
        gone, _ = after(f"{SOURCE}\n{reader}\n", set())
        assert "full" not in gone, reader


def test_classes_have_no_names_of_their_own() -> None:
    tree = ast.parse(SOURCE)
    bare(tree)
    assert "class Line:\n    del __module__, __qualname__\n    shared = 0" in ast.unparse(tree)


def test_functions_that_nobody_names_go() -> None:
    source = """
def alone():
    return below()

def below():
    return 1

def handed():
    return 2

class Line:
    def __init__(self, port):
        port.irq(self.come)

    def come(self):
        return handed

    def write(self):
        pass

    def spare(self):
        pass
"""
    trees = {"a": ast.parse(source)}
    assert drop_uncalled(trees, {"write"}) == {"alone", "below", "spare"}
    left = {node.name for node in ast.walk(trees["a"]) if isinstance(node, ast.FunctionDef)}
    assert left == {"__init__", "come", "write", "handed"}
