"""How far something long is, for a person who watches: on stderr, if that is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .meter import watched


@contextmanager
def progress(what: str, as_json: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A function to be told how much is done, and of how much (None: nobody knows)."""
    if not watched(as_json):
        yield _ignore
        return
    from rich.console import Console  # only for who watches
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _ignore(done: int, total: int | None) -> None:
    """Nobody watches."""
