"""Exit codes: 0 done, 1 failed with one clear line on stderr, 2 usage, 130 interrupted."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ParamSpec, TypeVar

import typer

from ..errors import OssicleError

P = ParamSpec("P")
R = TypeVar("R")

FAILED = 1
USAGE = 2
INTERRUPTED = 130


def complain(text: str) -> None:
    """One line on stderr, whatever the text holds; what a terminal would obey is shown as a question mark."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    print(f"ossicle: {line}", file=sys.stderr, flush=True)


def os_error_line(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def quiet_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not complain about a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose expected failures end in one line and an exit code, never in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            quiet_stdout()
            raise typer.Exit(0) from None
        except (KeyboardInterrupt, typer.Abort):  # the latter where something was asked
            raise typer.Exit(INTERRUPTED) from None
        except OssicleError as error:
            complain(str(error))
        except OSError as error:
            complain(os_error_line(error))
        except Exception as error:
            if not _of_libsndfile(error):
                raise
            complain(str(error))
        raise typer.Exit(FAILED)

    return run


def _of_libsndfile(error: Exception) -> bool:
    """Where soundfile was not imported, it raised nothing."""
    soundfile = sys.modules.get("soundfile")
    return soundfile is not None and isinstance(error, soundfile.LibsndfileError)


class Interrupts:
    """Ctrl-C (and SIGTERM) that never comes in the middle of a write.

    Inside `shield()` it is only noted; `pending` then says so. Elsewhere it raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.pending = False
        self._shielded = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._shielded:
            raise KeyboardInterrupt
        self.pending = True

    @contextmanager
    def installed(self) -> Iterator[Interrupts]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def shield(self) -> Iterator[None]:
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
