"""A ring with a fault planted in its source, to see that a test finds it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import ossicle.audio

FOLDER = Path(ossicle.audio.__file__).parent
MODULES = ("state", "core", "ring")
FILES = {str(FOLDER / f"{name}.py") for name in MODULES}


def faulty_ring(*changes: tuple[str, str]) -> Any:
    """`AudioRing` of the sources with each `(old, new)` replaced; `old` is in one module, once."""
    sources = {name: (FOLDER / f"{name}.py").read_text() for name in MODULES}
    for old, new in changes:
        places = [name for name in MODULES if old in sources[name]]
        assert len(places) == 1, f"{old!r} is in {places}"
        assert sources[places[0]].count(old) == 1, f"{old!r} is there more than once"
        sources[places[0]] = sources[places[0]].replace(old, new)
    kept = {name: sys.modules.get(f"ossicle.audio.{name}") for name in MODULES}
    try:
        for name in MODULES:
            module = ModuleType(f"ossicle.audio.{name}")
            sys.modules[module.__name__] = module
            exec(compile(sources[name], str(FOLDER / f"{name}.py"), "exec"), module.__dict__)
        return sys.modules["ossicle.audio.ring"].AudioRing
    finally:
        for name, old_module in kept.items():
            if old_module is None:
                del sys.modules[f"ossicle.audio.{name}"]
            else:
                sys.modules[f"ossicle.audio.{name}"] = old_module
