"""Where the firmware and the spec lie: inside the wheel, or in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder `firmware` or `shared_spec`; raises FileNotFoundError where neither place has it."""
    places = (_PACKAGE / "_data" / name, _PACKAGE.parent.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name}: not in {places[0]} nor {places[1]}; the installation is incomplete")


def for_libsndfile(path: Path) -> str | bytes:
    """A file's name as soundfile takes it: as text it refuses one that is no text, which POSIX allows."""
    return os.fsencode(path) if os.name == "posix" else str(path)
