"""The firmware asks of MicroPython what stock ESP32 builds have: shared_spec/stock.json (tools/stock.py).

Held against the table: each import, each name that is taken from a module, and what is asked of the objects
of MicroPython's classes that the firmware keeps under the names in OBJECTS. `install` refuses versions before
survey.OLDEST, so that is the version that must have it all.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import stock
from mpy import FIRMWARE

from ossicle.board.survey import OLDEST

TABLE = json.loads(stock.TABLE.read_text(encoding="utf-8"))["modules"]
OWN = {"ossicle", "boards"}
# What the firmware calls them: MicroPython's class.
OBJECTS = {
    "_i2s": "machine.I2S",
    "_uart": "machine.UART",
    "dog": "machine.WDT",
    "_wlan": "network.WLAN",
    "_socket": "socket.socket",
    "_poll": "select.poll",
}
# What only some builds have, where the firmware does without it: in a `try` or behind hasattr().
MAYBE = {"ulab"}


def sources() -> list[Path]:
    """What runs on a chip."""
    return [p for p in sorted(FIRMWARE.rglob("*.py")) if "unix" not in str(p.relative_to(FIRMWARE))]


def used(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """("module.name" or "module.Class.name", line) of all that is asked of MicroPython; imports: "module"."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name] = alias.name
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from ((name, node.lineno) for name in asked(node, modules))


def asked(node: ast.Attribute, modules: dict[str, str]) -> Iterator[str]:
    base = node.value
    if isinstance(base, ast.Name) and base.id in modules:
        yield f"{modules[base.id]}.{node.attr}"
    elif isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name) and base.value.id in modules:
        module = modules[base.value.id]
        if any(name.startswith(f"{base.attr}.") for name in TABLE.get(module, {})):
            yield f"{module}.{base.attr}.{node.attr}"
    kept = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
    if kept in OBJECTS and not (isinstance(base, ast.Name) and base.id in modules):
        yield f"{OBJECTS[kept]}.{node.attr}"


def missing(tree: ast.AST) -> list[str]:
    """What a stock build of the oldest version has not."""
    found = []
    for name, line in used(tree):
        module, _, rest = name.partition(".")
        if module in OWN | MAYBE:
            continue
        since = TABLE.get(module, {}).get(rest)
        if since is None:
            found.append(f"line {line}: {name} is in no stock build")
        elif tuple(map(int, since.split("."))) > OLDEST:
            found.append(f"line {line}: {name} came with {since}")
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_stock_builds_have_it(path: Path) -> None:
    assert missing(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_firmware_asks_for_enough_to_be_judged() -> None:
    asked_for = {name for path in sources() for name, _ in used(ast.parse(path.read_text(encoding="utf-8")))}
    assert {
        "machine.I2S.readinto",
        "machine.WDT.feed",
        "network.WLAN.config",
        "socket.socket.write",
    } <= asked_for
    assert {"machine.UART.txdone", "select.poll.ipoll", "os.rename", "micropython.kbd_intr"} <= asked_for


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import websockets", "websockets"),
        ("from hashlib import blake2b", "hashlib.blake2b"),
        ("import machine\nmachine.PDM(0)", "machine.PDM"),
        ("def f():\n    import machine as m\n    m.I2S.PDM_RX", "machine.I2S.PDM_RX"),
        ("class A:\n    def f(self):\n        self.dog.deinit()", "machine.WDT.deinit"),
        ("class A:\n    def f(self):\n        self._i2s.overflows()", "machine.I2S.overflows"),
    ],
)
def test_a_planted_name_is_found(source: str, name: str) -> None:
    (line,) = missing(ast.parse(source))
    assert f"{name} is in no stock build" in line


def test_a_name_that_came_later_is_found() -> None:
    late = [
        f"{module}.{name}"
        for module, rows in TABLE.items()
        for name, since in rows.items()
        if since == "1.27" and name and "." not in name
    ]
    assert late
    module, _, name = late[0].partition(".")
    assert missing(ast.parse(f"from {module} import {name}")) == [f"line 1: {late[0]} came with 1.27"]
