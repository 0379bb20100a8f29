"""The packages that only an archive needs: `pip install 'ossicle[archive]'` brings them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ossicle.archive.entry import ArchiveError


@contextmanager
def extra() -> Iterator[None]:
    """Around imports of them. Raises ArchiveError where one is missing: how it is installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ArchiveError(
            f"an archive needs packages that are not installed ({error.name}): pip install 'ossicle[archive]'"
        ) from None
