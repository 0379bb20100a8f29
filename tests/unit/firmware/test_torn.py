"""No torn packet: the interrupt comes before each statement of the reader's side, one run for each.

The real source of the ring, the sender, the packet builder and the session is taken, and CPython's `ast`
writes a call between every two statements, helpers included. The writer's side is left alone: it is the
interrupt, and is never interrupted itself.
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy

HOOKED = ("ring.py", "sender.py", "packet.py", "adpcm.py")
WRITERS = {
    "__init__",
    "configure",
    "write",
    "written_by_kernel",
    "hole",
    "_forget",
    "to_boundary",
    "boundary",
}
WRITERS |= {"claim", "begin", "track"}  # of the coder: the first two come before the writer does

HOOKS = """
_at = -1
_n = 0
_call = None
_name = ""

def arm(k, call):
    global _at, _n, _call
    _at, _n, _call = k, 0, call

def hit(name):
    global _at, _n, _name
    if _at < 0:
        return
    if _n == _at:
        _at = -1
        _name = name
        _call()
    _n += 1

def disarm():
    global _at
    reached = _at < 0
    _at = -1
    return reached

def where():
    return _name
"""


class Hooks(ast.NodeTransformer):
    """Puts `_hit("function:line")` before each statement of every function but the writer's."""

    def __init__(self) -> None:
        self.hooked = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name not in WRITERS:
            node.body = self.between(node.body, node.name)
        return node

    def between(self, body: list[ast.stmt], name: str) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in body:
            for part in ("body", "orelse", "finalbody"):
                inner = getattr(statement, part, None)
                if inner:
                    setattr(statement, part, self.between(inner, name))
            call = ast.parse(f"_hit({name + ':' + str(statement.lineno)!r})").body[0]
            out += [call, statement]
            self.hooked += 1
        return out


def hooked(folder: Path, names: tuple[str, ...] = HOOKED) -> int:
    """A copy of the firmware with hooks; how many."""
    shutil.copytree(FIRMWARE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "hooks.py").write_text(HOOKS, encoding="utf-8")
    count = 0
    for name in names:
        path = folder / "ossicle" / name
        hooks = Hooks()
        tree = hooks.visit(ast.parse(path.read_text(encoding="utf-8")))
        path.write_text("from hooks import hit as _hit\n" + ast.unparse(ast.fix_missing_locations(tree)))
        count += hooks.hooked
    return count


def torn(folder: Path, codec: str, only: str = "all") -> list[str]:
    done = run_mpy(DEVICE / "torn_cases.py", only, codec, heapsize="8M", timeout=110, path=(folder,))
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("codec", "interrupts"),
    [
        ("pcm16", ["all"]),
        ("adpcm", ["one buffer", "nine holes"]),
        pytest.param("adpcm", ["all"], marks=pytest.mark.soak),
    ],
)
def test_no_torn_packet(tmp_path: Path, codec: str, interrupts: list[str]) -> None:
    """The coder has its own place in the ring, which moves with a buffer and is begun anew at a hole."""
    assert hooked(tmp_path / "firmware") > 150
    lines = torn(tmp_path / "firmware", codec, ",".join(interrupts))
    assert all(line.startswith("ok ") for line in lines), "\n".join(lines)
    assert len(lines) == (12 if interrupts == ["all"] else 3 * len(interrupts))
    assert all(int(line.split()[-1]) > 40 for line in lines), lines  # statements that were interrupted


@pytest.mark.parametrize("codec", ["pcm16", "adpcm"])
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("the look after the copy", "if self.window(sequence) < frames:", "if False:"),
        ("W and index of one moment", "if written == self.written:", "if True:"),
    ],
)
def test_it_finds_what_is_taken_away(tmp_path: Path, name: str, good: str, bad: str, codec: str) -> None:
    folder = tmp_path / "firmware"
    hooked(folder)
    path = folder / "ossicle" / "ring.py"
    text = path.read_text()
    assert good in text, name
    path.write_text(text.replace(good, bad))
    assert any(line.startswith("FAILED") for line in torn(folder, codec, "one buffer")), name
