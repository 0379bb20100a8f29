"""What lies in a folder that is an archive: its files by name, whatever else somebody has put there.

The library's own listing ends at the first name that is no text, at the first link that leads to itself, and
at a folder of the system's that nobody may read, such as `lost+found`; one such thing would close an archive.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

OURS = ("audio", "deleted")
Listed = tuple[str, int, datetime]


def walked(folder: Path, prefix: str = "") -> Iterator[Listed]:
    """Name, size and time of writing of each file below `prefix`, which is a folder or a file; links are
    followed, each folder is gone through once. Names that are no text have "?" for what is none.

    Raises OSError where a folder of ours cannot be read; others are passed over.
    """
    top = os.path.join(folder, prefix) if prefix else os.fspath(folder)
    seen: set[tuple[int, int]] = set()
    try:
        found = os.stat(top)
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(found.st_mode):
        yield from _below(top, prefix, seen)
    else:
        yield _listed(prefix, found)


def _below(place: str, name: str, seen: set[tuple[int, int]]) -> Iterator[Listed]:
    own = os.stat(place)
    if (own.st_dev, own.st_ino) in seen:
        return
    seen.add((own.st_dev, own.st_ino))
    for item in _items(place, name):
        key = f"{name}/{item.name}" if name else item.name
        with suppress(FileNotFoundError):
            try:
                found = item.stat()
            except OSError:
                if item.is_symlink():  # to itself, or to what nobody may see
                    continue
                raise
            if stat.S_ISDIR(found.st_mode):
                yield from _below(item.path, key, seen)
            elif stat.S_ISREG(found.st_mode):
                yield _listed(key, found)


def _items(place: str, name: str) -> list[os.DirEntry[str]]:
    """In the order of their names."""
    try:
        with os.scandir(place) as items:
            return sorted(items, key=lambda item: item.name)
    except PermissionError:
        if name.partition("/")[0] in ("", *OURS):
            raise
        return []
    except FileNotFoundError:  # its last object has just gone
        return []


def _listed(key: str, found: os.stat_result) -> Listed:
    name = os.fsencode(key).decode(errors="replace").replace("\N{REPLACEMENT CHARACTER}", "?")
    return name.replace(os.sep, "/"), found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)
