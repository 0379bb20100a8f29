"""`ossicle archive`: what is kept, and how to get it back, check it and delete it."""

from __future__ import annotations

import typer

from .care import cleanup, rebuild, rm, upload, verify
from .guard import guarded
from .retrieval import export, get
from .shelf import ls, stats

archive = typer.Typer(
    help="What listen --archive kept: list it, get it back, check it, delete it.", no_args_is_help=True
)
for _command in (ls, get, export, rm, verify, stats, cleanup, upload, rebuild):
    archive.command()(guarded(_command))
