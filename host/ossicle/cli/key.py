"""`ossicle key`: the keys that this computer shares with devices. No key is shown, ever."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import keys
from . import options
from .guard import USAGE, complain
from .output import Output


class Action(StrEnum):
    """What to do."""

    new = "new"
    list = "list"


def key(
    action: Annotated[Action, typer.Argument(help="new: make a key; list: the devices that have one.")],
    device: Annotated[
        str, typer.Argument(metavar="DEVICE", help="The device's id; `ossicle devices` tells it.")
    ] = "",
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The board's ossicle.json, which gets the key, too."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--keys", metavar="FILE", help="The file of keys. Unless given: OSSICLE_KEYS, or yours."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make another key where there is one.")] = False,
    as_json: options.Json = False,
) -> None:
    """Make the key with which a device and this computer seal what they say, or list who has one."""
    if (action is Action.new) != bool(device) or (action is Action.list and (config or replace)):
        complain("ossicle key new DEVICE, or ossicle key list")
        raise typer.Exit(USAGE)
    output = Output(as_json)
    if action is Action.new:
        place = keys.new(device, file, config=config, replace=replace)
        text = f"{device}: a new key is in {place}"
        if config is not None:
            text += f" and in {config}; put it on the board: mpremote cp {config} :/ossicle.json"
        output.event("key", text, device=device, file=str(place), config=str(config) if config else None)
        return
    ring = keys.load(file)
    for name in ring:
        output.event("key", name, device=name, file=str(ring.path), config=None)
    if not len(ring):
        output.note(f"no keys in {ring.path}")
