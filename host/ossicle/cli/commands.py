"""The commands of `ossicle`. Each lies in a module of its own; this one only gathers them."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .bench import bench
from .demo import demo
from .devices import devices
from .emulate import emulate
from .guard import guarded
from .listen import listen
from .record import record
from .vad import vad

app = typer.Typer(
    name="ossicle",
    help="A microphone that accounts for every sample.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, emulate, listen, record, vad, devices, bench):
    app.command()(guarded(command))


def _version(asked: bool) -> None:
    if asked:
        print(f"ossicle {__version__}")
        raise typer.Exit(0)


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A microphone that accounts for every sample."""
