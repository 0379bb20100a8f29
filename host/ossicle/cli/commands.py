"""The commands of `ossicle`. Each lies in a module of its own; this one only gathers them.

Only the module of the command that is asked for is imported: a recorder that was killed is to be back before
the device's ring has gone round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__
from .guard import guarded

if TYPE_CHECKING:
    app: typer.Typer

COMMANDS = (
    "demo",
    "emulate",
    "listen",
    "archive",
    "record",
    "vad",
    "devices",
    "boards",
    "install",
    "config",
    "logs",
    "key",
    "doctor",
    "bench",
    "soak",
)
"""In the order of the help. The module of each has a function of its name, or a Typer with more below it."""


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The program with these commands."""
    program = typer.Typer(
        name="ossicle",
        help="A microphone that accounts for every sample.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    program.callback()(about)
    for name in names:
        command = getattr(import_module(f".{name}", __package__), name)
        if isinstance(command, typer.Typer):
            program.add_typer(command, name=name)
        else:
            program.command()(guarded(command))
    return program


def program_for(words: Sequence[str]) -> typer.Typer:
    """What the words of a command line need: one command, or all where they name none."""
    first = next((word for word in words if not word.startswith("-")), "")
    return build([first] if first in COMMANDS else COMMANDS)


def _version(asked: bool) -> None:
    if asked:
        print(f"ossicle {__version__}")
        raise typer.Exit(0)


def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A microphone that accounts for every sample."""


def __getattr__(name: str) -> Any:
    """`app`: the program with all commands."""
    if name == "app":
        return build()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
