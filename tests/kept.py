"""What lies in an archive, judged from the bytes of its store alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ossicle.archive.coding import decode
from ossicle.archive.entry import Entry
from ossicle.archive.key import Key, key_of, parse_key
from ossicle.archive.settings import load
from ossicle.archive.store import Store

SOON_S = 30.0


@dataclass(frozen=True)
class Kept:
    """One object of a store, proven by its name and by its own description."""

    key: Key
    entry: Entry
    frames: np.ndarray
    size: int


def objects(given: dict[str, Any]) -> list[Kept]:
    """Every object of the store. Asserts that each is whole and is what it is called, and that nothing else
    is there."""
    store = Store(load(**given))
    found = []
    for name, size, _ in store.list():
        if name.startswith("deleted/"):
            continue
        key = parse_key(name)
        assert key is not None, f"{name} is nothing that an archive writes"
        data = store.get(name)
        assert len(data) == size
        assert hashlib.sha256(data).hexdigest() == key.sha256, f"{name} is not whole"
        entry, frames = decode(data)
        assert key_of(entry, key.sha256) == key
        found.append(Kept(key, entry, frames, size))
    return found


def covered(kept: list[Kept], device: str) -> list[tuple[int, int]]:
    """Positions that the objects of a device hold, as ranges that do not touch; none is held twice."""
    ranges: list[tuple[int, int]] = []
    for each in sorted((k for k in kept if k.entry.device == device), key=lambda k: k.entry.start):
        if ranges and ranges[-1][1] == each.entry.start:
            ranges[-1] = (ranges[-1][0], each.entry.stop)
        else:
            assert not ranges or ranges[-1][1] < each.entry.start, "frames are held twice"
            ranges.append((each.entry.start, each.entry.stop))
    return ranges


def soon(met: Callable[[], object], seconds: float = SOON_S) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)
