"""Some of many at a time, so that neither memory nor what is under way grows with the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], n: int) -> Iterator[list[T]]:
    """Lists of `n` items, the last one of what is left; none is empty."""
    rest = iter(items)
    while some := list(islice(rest, n)):
        yield some
