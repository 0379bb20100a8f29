"""The store of an archive: whole objects by name, in a folder or in object storage, by `obstore`.

Every call works on whole objects, is atomic for those who read, and waits no longer than the settings say;
other threads run meanwhile. `put` tries once: who calls it has its own way to try again. Whatever only asks,
or asks for what may be done twice, is tried again after a passing failure.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ossicle.archive.address import is_inside
from ossicle.archive.batched import batched
from ossicle.archive.connect import Objects, connected, in_folder
from ossicle.archive.extra import extra
from ossicle.archive.folder import walked
from ossicle.archive.settings import Settings
from ossicle.archive.trouble import MissingError, StoreError, is_empty, told

with extra():
    import obstore
    import tenacity
    from obstore.store import MemoryStore

if TYPE_CHECKING:
    from obstore import Attributes

__all__ = ["MissingError", "Store", "StoreError"]

OBJECT_MAX_BYTES = 128 << 20
"""More than the longest object of the most channels takes as PCM; a larger one is none of ours."""
CHECK_S = 8.0
"""A check answers within this, whatever the settings allow a request."""
SWEEP_S = 3600.0
"""Longer than one write takes."""
_STAGED = re.compile(
    r"\d{15}-[0-9a-f]{64}\.(flac|opus)#\d+"
)  # how the library names a file until it is whole
_TRIES = 4
_DELETE_MAX = 500
_TYPES = {".flac": "audio/flac", ".opus": "audio/ogg", ".json": "application/json"}
_T = TypeVar("_T")


class Store:
    """One archive's objects. May be used from several threads."""

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing. Raises ArchiveError where the settings cannot be of such a store."""
        self.address = settings.address
        self._settings = settings
        self._objects: Objects | None = None if self._folder else connected(settings, settings.timeout_s)
        self._again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_passes),
            stop=tenacity.stop_after_attempt(_TRIES),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2.0),
            reraise=True,
        )

    def __repr__(self) -> str:
        return f"Store({str(self.address)!r})"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this computer."""
        return self._folder is not None

    @property
    def is_absent(self) -> bool:
        """Whether it is a folder that is not there, or not yet."""
        return self._folder is not None and not self._folder.is_dir()

    def check(self) -> None:
        """Raises StoreError, one line, where the store cannot be used as it is set up: no such bucket,
        credentials that are missing or wrong, a server that is not reached within `CHECK_S` seconds, a folder
        that cannot be written. A folder is made where there is none.
        """
        if self._folder is not None:
            self._check_folder(self._folder)
            return
        quick = connected(self._settings, min(CHECK_S, self._settings.timeout_s))
        self._call("", lambda: obstore.list_with_delimiter(quick, None))

    def put(self, key: str, data: bytes) -> None:
        """The object, whole or not at all; one that is there is replaced. Raises StoreError."""
        objects = self._at(key, make=True)
        kind: Attributes | None = None if self.is_local else {"Content-Type": _kind(key)}
        try:
            self._call(key, lambda: obstore.put(objects, key, data, attributes=kind, use_multipart=False))
        except MissingError:  # what is missing is not the object
            what = "folder" if self.is_local else "bucket"
            raise StoreError(f"{self.address}: there is no such {what}", transient=self.is_local) from None
        if (folder := self._folder) is not None:
            self._call(key, lambda: _settle(folder / key))

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises MissingError where there is none, StoreError for other trouble."""

        def read() -> bytes:
            result = obstore.get(self._at(key), key)
            size = result.meta["size"]
            if size > OBJECT_MAX_BYTES:
                raise StoreError(
                    f"{key}: {size} bytes are more than an object of an archive has", transient=False
                )
            return bytes(result.bytes())

        return self._patient(key, read)

    def head_bytes(self, key: str, n: int) -> bytes:
        """The first `n` bytes of the object, or all where it has fewer. Raises as `get` does."""

        def read() -> bytes:
            try:
                return bytes(obstore.get(self._at(key), key, options={"range": (0, n)}).bytes())
            except Exception as error:
                if is_empty(error):  # a range that ends beyond an object is cut; of nothing there is none
                    return b""
                raise

        return self._patient(key, read)

    def exists(self, key: str) -> bool:
        """Whether there is such an object. Raises StoreError where that cannot be told."""
        return self.look(key) is not None

    def look(self, key: str) -> tuple[str, int, datetime] | None:
        """Name, size and time of writing of one object, as `list` tells them; None where there is none.
        Raises StoreError where that cannot be told."""
        try:
            meta = self._patient(key, lambda: obstore.head(self._at(key), key))
        except MissingError:
            return None
        return meta["path"], meta["size"], meta["last_modified"]

    def list(self, prefix: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Name, size in bytes and time of writing of all objects below a prefix, which ends at a "/" of their
        names or is all of one. After a passing failure it goes on behind the last one. Raises StoreError.
        """
        prefix = prefix.strip("/")
        objects = self._at(prefix or "audio")
        if self._folder is not None:
            yield from self._in_folder(self._folder, prefix)
            return
        last: str | None = None
        failed = 0
        while True:
            try:
                for key, size, modified in self._listed(objects, prefix, last):
                    yield key, size, modified
                    last, failed = key, 0
                return
            except StoreError as error:
                failed += 1
                if not error.transient or failed >= _TRIES:
                    raise
                self._again.sleep(0.2 * 2**failed)

    def delete(self, keys: Iterable[str]) -> None:
        """Let the objects go; one that is not there is gone already. Raises StoreError."""
        for some in batched(keys, _DELETE_MAX):
            try:
                self._delete(some)
            except MissingError:  # where it stopped; the others are to go, too
                for key in some:
                    with suppress(MissingError):
                        self._delete([key])

    def sweep(self, prefix: str, older_s: float = SWEEP_S) -> int:
        """Remove what killed writers have left unfinished below a prefix of a local archive: it is in
        no list, and holds audio all the same. Says how many; younger ones may be at work. Raises StoreError.
        """
        if self._folder is None or not is_inside(prefix):
            return 0
        swept = 0
        for path in (self._folder / prefix).rglob("*#*"):
            with suppress(FileNotFoundError):
                if _STAGED.fullmatch(path.name) and path.stat().st_mtime < time.time() - older_s:
                    self._call("", path.unlink)
                    swept += 1
        return swept

    def _delete(self, keys: Sequence[str]) -> None:
        objects = [self._at(key) for key in keys][-1]  # each is asked for, whether it is inside
        self._patient(keys[0], lambda: obstore.delete(objects, keys))

    @property
    def _folder(self) -> Path | None:
        return self.address.folder

    def _at(self, key: str, *, make: bool = False) -> Objects:
        """What holds the key. Raises StoreError for a key that would leave the archive."""
        if not is_inside(key):
            raise StoreError(f"{key!r}: '.', '..' and empty parts would leave the archive", transient=False)
        if self._objects is None:
            folder = self._folder
            assert folder is not None
            if not make and not folder.is_dir():
                return MemoryStore()  # nothing was kept yet, and reading makes no folder
            self._objects = self._call("", lambda: in_folder(folder))
        return self._objects

    def _in_folder(self, folder: Path, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        files = walked(folder, prefix)
        while True:
            one = self._call("", lambda: next(files, None))
            if one is None:
                return
            if not _STAGED.fullmatch(one[0].rpartition("/")[2]):
                yield one

    def _listed(
        self, objects: Objects, prefix: str, after: str | None
    ) -> Iterator[tuple[str, int, datetime]]:
        pages = self._call("", lambda: iter(obstore.list(objects, prefix or None, offset=after)))
        while True:
            page = self._call("", lambda: next(pages, None))
            if page is None:
                return
            for meta in page:
                yield meta["path"], meta["size"], meta["last_modified"]

    def _patient(self, key: str, act: Callable[[], _T]) -> _T:
        return self._again.copy()(lambda: self._call(key, act))

    def _call(self, key: str, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except StoreError:
            raise
        except Exception as error:  # obstore's own, ValueError, OSError and NotImplementedError
            raise told(error, self.address, key) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise told(RuntimeError("the library failed"), self.address, key) from None

    def _check_folder(self, folder: Path) -> None:
        def write() -> None:
            in_folder(folder)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x")

        self._call("", write)


def _kind(key: str) -> str:
    return _TYPES.get(os.path.splitext(key)[1], "application/octet-stream")


def _passes(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.transient


def _settle(path: Path) -> None:
    """On the disk, with its name: the copy in the spool goes after this."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
