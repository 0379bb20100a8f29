"""The firmware's pure modules on CPython, for simulations of hours: `load()` gives them as a namespace.

The kernels are machine code, so what the modules take from there is replaced; nothing else is.
"""

from __future__ import annotations

import re
import sys
from array import array
from types import ModuleType, SimpleNamespace
from typing import Any

from mpy import FIRMWARE

PACKAGE = "ossicle_device"


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module
    return module


def _kernels() -> dict[str, Any]:
    """The constants of kernels.py, and kernels that leave the audio alone."""
    text = (FIRMWARE / "ossicle" / "kernels.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {k: int(v) for k, v in re.findall(r"^([KC]_\w+) = const\((\d+)\)", text, re.M)}

    def convert(_src: Any, _dst: Any, state: Any) -> int:
        frames = state[names["K_FRAMES"]]
        state[names["K_INDEX"]] = (state[names["K_INDEX"]] + frames) % state[names["K_CAPACITY"]]
        return int(frames)

    names.update(
        convert=convert,
        copy_in=convert,
        copy_out=lambda *_: 0,
        mark=lambda *_: None,
        marked=lambda *_: 0,
        new_state=lambda: array("i", [0] * names["K_SIZE"]),
    )
    return names


def load() -> SimpleNamespace:
    """`ring`, `expectation` and `capture` of the firmware."""
    scheduled: list[Any] = []
    _module("micropython", const=lambda x: x, schedule=lambda f, a: scheduled.append((f, a)))
    _module(PACKAGE, __path__=[])
    _module(f"{PACKAGE}.kernels", **_kernels())
    loaded = {}
    for name in ("_wire", "rare", "ring", "expectation", "capture"):
        path = FIRMWARE / "ossicle" / f"{name}.py"
        source = re.sub(r"^from ossicle\.", f"from {PACKAGE}.", path.read_text(encoding="utf-8"), flags=re.M)
        module = _module(f"{PACKAGE}.{name}")
        exec(compile(source, str(path), "exec"), module.__dict__)
        loaded[name] = module
    del sys.modules["micropython"]
    return SimpleNamespace(**loaded, scheduled=scheduled)
