"""Objects that wait on this computer's disk for the store, and survive whatever ends the program.

    SPOOL/MILLISECONDS-SHA256.flac     one object, whole; the number is the Unix time of its first frame
    SPOOL/.SHA256.PID.part             one that is being written
    SPOOL/drain.lock                   held by the program that uploads what lies here

A file appears under its name at once and whole: written aside, put on the disk, then renamed. Its name proves
its content, and its content tells its key, so whoever finds one can upload it. Several programs may use one
spool; one of them at a time uploads.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ossicle.alone import BusyError, open_alone
from ossicle.archive.coding import HEAD_BYTES, entry_of
from ossicle.archive.entry import ArchiveError, Entry
from ossicle.archive.key import Key, key_of
from ossicle.locks import RLock

MEGABYTE = 1_000_000
_NAME = re.compile(r"(?P<ms>-?\d{13,16})-(?P<sha256>[0-9a-f]{64})\.(?:flac|opus)")
_PART = re.compile(r"\.[0-9a-f]{64}\.\d+\.part")
_PART_MAX_AGE_S = 3600.0  # older ones are of programs that were killed
_COUNT_EACH_S = 5.0  # others write here, too


class SpoolError(ArchiveError):
    """An object that cannot be put into the spool, or got out of it."""


@dataclass(frozen=True, slots=True, order=True)
class Spooled:
    """One file; they sort by the time of their audio. `time` is Unix time, `size` in bytes."""

    time: float
    sha256: str
    size: int
    path: Path


class Spool:
    """The spool in a folder, which is made when first needed. Any thread may use it."""

    def __init__(self, folder: Path, max_mb: float) -> None:
        self.folder = folder
        self.max_bytes = round(max_mb * MEGABYTE)
        self._counted_at = float("-inf")
        self._objects = 0
        self._bytes = 0
        self._oldest: float | None = None
        self._lock = RLock()  # of the drain, and of the numbers with the names that they count
        self._drain: int | None = None

    def put(self, entry: Entry, sha256: str, data: bytes) -> Spooled:
        """Keep an object. It is on the disk when this returns; twice is once.

        Raises SpoolError where the spool is full, and where the disk is, or fails otherwise.
        """
        path = self.folder / f"{round(entry.time * 1000):014d}-{sha256}.{entry.codec}"
        made = Spooled(entry.time, sha256, len(data), path)
        if path.exists():
            return made
        _, held = self.size()
        if held + len(data) > self.max_bytes:
            raise SpoolError(
                f"{self.folder}: {held / MEGABYTE:.0f} MB wait in the spool, and more than "
                f"{self.max_bytes / MEGABYTE:.0f} may not (spool_max_mb)"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(path, sha256, data)
        except OSError as error:
            raise SpoolError(f"{self.folder}: {error.strerror or error}") from None
        return made

    def items(self) -> list[Spooled]:
        """What waits, the oldest audio first."""
        with self._lock:
            found = sorted(self._found())
            self._objects, self._bytes = len(found), sum(item.size for item in found)
            self._oldest = found[0].time if found else None
            self._counted_at = time.monotonic()
        return found

    def size(self) -> tuple[int, int]:
        """Objects that wait, and their bytes; counted anew every few seconds."""
        if time.monotonic() - self._counted_at > _COUNT_EACH_S:
            with contextlib.suppress(OSError):
                self.items()
        return self.known

    @property
    def known(self) -> tuple[int, int]:
        """The same as it was counted last, without a look at the disk."""
        return self._objects, self._bytes

    @property
    def oldest(self) -> float | None:
        """Unix time of the oldest audio that waits, as of the last look; None where none does."""
        return self._oldest if self._objects else None

    def read(self, item: Spooled) -> bytes:
        """The object. Raises SpoolError where it is not what its name says, FileNotFoundError where another
        program has seen to it, and OSError."""
        data = item.path.read_bytes()
        if hashlib.sha256(data).hexdigest() != item.sha256:
            raise SpoolError(f"{item.path}: damaged on this disk, and set aside")
        return data

    def entry(self, item: Spooled) -> tuple[Key, Entry]:
        """What the object is, from its head alone. Raises SpoolError for one that does not tell it, and
        FileNotFoundError, OSError."""
        with item.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        try:
            entry = entry_of(head)
            return key_of(entry, item.sha256), entry
        except ArchiveError as error:
            raise SpoolError(f"{item.path}: {error}; it is set aside") from None

    def remove(self, item: Spooled) -> bool:
        """It is in the store, or is to be nowhere. Whether it was still here."""
        with self._lock:
            try:
                item.path.unlink()
            except FileNotFoundError:
                return False
            self._moved(-1, -item.size)
        return True

    def set_aside(self, item: Spooled) -> Path:
        """Keep a damaged file under another name, where nobody takes it for an object."""
        aside = item.path.with_name(f"{item.path.name}.damaged")
        with contextlib.suppress(FileNotFoundError):
            item.path.replace(aside)
        return aside

    def take_drain(self) -> bool:
        """Be the program that uploads what lies here, until `close`. Whether it is."""
        with self._lock:
            if self._drain is not None:
                return True
            try:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._drain = open_alone(str(self.folder / "drain.lock"), make=True)
            except (BusyError, OSError):
                return False
        self._clear_parts()
        return True

    def close(self) -> None:
        """Let another program upload. Twice is legal."""
        with self._lock:
            if self._drain is not None:
                os.close(self._drain)
                self._drain = None

    def _found(self) -> Iterator[Spooled]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as files:
            for file in files:
                match = _NAME.fullmatch(file.name)
                if match is not None:
                    with contextlib.suppress(OSError):
                        found = file.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):  # to open a pipe waits for ever
                            path = Path(file.path)
                            yield Spooled(int(match["ms"]) / 1000, match["sha256"], found.st_size, path)

    def _moved(self, objects: int, size: int) -> None:
        self._objects = max(0, self._objects + objects)
        self._bytes = max(0, self._bytes + size)

    def _write(self, path: Path, sha256: str, data: bytes) -> None:
        part = self.folder / f".{sha256}.{os.getpid()}.part"
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                part.replace(path)
                self._moved(1, len(data))
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        _sync_folder(self.folder)

    def _clear_parts(self) -> None:
        for part in self._parts():
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > _PART_MAX_AGE_S:
                    part.unlink()

    def _parts(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from (path for path in self.folder.iterdir() if _PART.fullmatch(path.name))


def _sync_folder(folder: Path) -> None:
    """Put the new name on the disk, too. Windows has no such call."""
    if os.name == "posix":
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
