"""What stock ESP32 builds of MicroPython have: a table of names, made from micropython-esp32-stubs.

    pip download --no-deps micropython-esp32-stubs==1.20.0.post5    and so on, into a folder
    python3 tools/stock.py FOLDER                                   writes shared_spec/stock.json

For each module the table has the oldest of the given versions that has a name: functions, constants, classes
and what is in these. The stubs are made by asking chips, and from MicroPython's documentation; a name that
only CPython's types bring in is none. tests/unit/firmware/test_stock.py holds the firmware against the table.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "shared_spec" / "stock.json"
MODULES = (
    "array", "binascii", "collections", "cryptolib", "errno", "esp", "esp32", "gc", "hashlib", "io", "json",
    "machine", "math", "micropython", "network", "os", "random", "select", "socket", "struct", "sys", "time",
)  # fmt: skip
# The names of both in the wheels of the years in which the documentation had only one of them.
ALIASES = {module: (module, f"u{module}") for module in MODULES}
WHEEL = re.compile(r"micropython_esp32_stubs-(\d+)\.(\d+)")


def names(body: list[ast.stmt], before: str = "") -> Iterator[str]:
    """`name` of a module's own, `Class.name` of a class's."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield before + node.name
        elif isinstance(node, ast.ClassDef):
            yield before + node.name
            yield from names(node.body, f"{before}{node.name}.")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield before + node.target.id
        elif isinstance(node, ast.Assign):
            yield from (before + each.id for each in node.targets if isinstance(each, ast.Name))


def read(wheel: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a wheel has of MODULES."""
    with zipfile.ZipFile(wheel) as files:
        for module, paths in ALIASES.items():
            for path in paths:
                for place in (f"{path}.pyi", f"{path}/__init__.pyi"):
                    if place in files.namelist():
                        tree = ast.parse(files.read(place))
                        yield module, ""
                        yield from ((module, name) for name in names(tree.body))


def table(wheels: list[Path]) -> dict[str, dict[str, str]]:
    """module -> name -> "1.20", the oldest version that has it; the module itself is the name ""."""
    versions = sorted(
        ((int(found[1]), int(found[2])), wheel) for wheel in wheels if (found := WHEEL.match(wheel.name))
    )
    since: dict[str, dict[str, str]] = {}
    for (major, minor), wheel in versions:
        for module, name in read(wheel):
            since.setdefault(module, {}).setdefault(name, f"{major}.{minor}")
    return {module: dict(sorted(rows.items())) for module, rows in sorted(since.items())}


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    wheels = sorted(Path(sys.argv[1]).glob("micropython_esp32_stubs-*.whl"))
    found = table(wheels)
    told = [".".join(match.groups()) for wheel in wheels if (match := WHEEL.match(wheel.name))]
    text = json.dumps({"versions": told, "modules": found}, indent=1)
    TABLE.write_text(text + "\n", encoding="utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {sum(map(len, found.values()))} names from {', '.join(told)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
