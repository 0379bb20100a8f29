"""Objects as they are, in a folder: for a backup, or for tools that know nothing of an archive.

    FOLDER/audio/OWNER/DEVICE/...    as in the store
    FOLDER/manifest.jsonl            a line of JSON for each: its name, size, SHA-256, and all of its entry

What is there already, whole, is not fetched again, so an export that was broken off is gone on with; what an
earlier export of another choice left there stays, and so does its line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ossicle.archive.batched import batched
from ossicle.archive.entry import ArchiveError
from ossicle.archive.holdings import Holdings
from ossicle.archive.key import parse_key
from ossicle.archive.problem import CORRUPT, MISSING, Problem
from ossicle.archive.rebuild import Progress, ignore
from ossicle.archive.row import Row
from ossicle.archive.select import Selection
from ossicle.archive.store import MissingError, StoreError

MANIFEST = "manifest.jsonl"
AT_ONCE = 8
"""Objects under way; each is a few MB at most."""


@dataclass(slots=True)
class Exported:
    """What the folder holds now of what was meant."""

    manifest: Path
    objects: int = 0
    bytes: int = 0
    skipped: int = 0
    """Of them, those that were there already."""
    failed: list[Problem] = field(default_factory=list)
    """Objects that are damaged or gone; the folder does not have them."""


def export(holdings: Holdings, selection: Selection, folder: Path, progress: Progress = ignore) -> Exported:
    """Write the objects that are meant. Raises ArchiveError where the store cannot be asked or the folder
    cannot be written, or has a manifest that is no export's."""
    result = Exported(folder / MANIFEST)
    written: set[str] = set()
    part = folder / f"{MANIFEST}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for _ in _earlier(result.manifest):
            break  # before anything is fetched
        with part.open("w", encoding="ascii") as manifest:
            for row, told in _copies(holdings, selection, folder):
                _count(result, row, told)
                if isinstance(told, bool):
                    manifest.write(_line(row))
                written.add(row.key)
                progress(result.objects + len(result.failed), None)
            for key, line in _earlier(result.manifest):
                if key not in written and (folder / key).is_file():
                    manifest.write(line)
            manifest.flush()
            os.fsync(manifest.fileno())
        part.replace(result.manifest)
    except OSError as error:
        raise ArchiveError(f"{error.filename or folder}: {error.strerror or error}") from None
    return result


def _copies(holdings: Holdings, selection: Selection, folder: Path) -> Iterator[tuple[Row, bool | Problem]]:
    with ThreadPoolExecutor(AT_ONCE, "ossicle-export") as pool:
        for some in batched((found.row for found in holdings.find(selection)), AT_ONCE):
            yield from zip(some, pool.map(lambda row: _copy(holdings, folder, row), some), strict=True)


def _copy(holdings: Holdings, folder: Path, row: Row) -> bool | Problem:
    """Whether it was there already, or why it is not there."""
    path = folder / row.key
    if _is_whole(path, row):
        return True
    try:
        data = holdings.fetch(row.key)
    except MissingError as error:
        return Problem(row.key, MISSING, str(error))
    except StoreError:
        raise
    except ArchiveError as error:
        return Problem(row.key, CORRUPT, str(error))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:64]}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return False


def _is_whole(path: Path, row: Row) -> bool:
    try:
        if path.stat().st_size != row.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == row.sha256
    except FileNotFoundError:
        return False


def _count(result: Exported, row: Row, told: bool | Problem) -> None:
    if isinstance(told, Problem):
        result.failed.append(told)
        return
    result.objects += 1
    result.bytes += row.bytes
    result.skipped += told


def _earlier(manifest: Path) -> Iterator[tuple[str, str]]:
    """Names and lines of the manifest that is there."""
    if not manifest.exists():
        return
    with manifest.open(encoding="utf-8") as lines:
        try:
            for line in lines:
                key = json.loads(line)["key"]
                if parse_key(key) is None:
                    raise ValueError
                yield key, line
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ArchiveError(f"{manifest}: this is no export's; choose another folder") from None


def _line(row: Row) -> str:
    told = {"key": row.key, "bytes": row.bytes, "sha256": row.sha256, "entry": json.loads(row.text)}
    return json.dumps(told, separators=(",", ":")) + "\n"
