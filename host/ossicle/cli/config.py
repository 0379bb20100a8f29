"""`ossicle config`: what a board is told. Checked before it gets there; no secret is shown, ever."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import keys as keyfile
from ..board import arrival, profiles
from ..board._schema import KEYS
from ..board.faults import BoardError
from ..board.install import STARTS_S
from ..board.ports import chosen
from ..board.settings import (
    PATH,
    ConfigError,
    Settings,
    check,
    editable,
    effective,
    read,
    unhidden,
    written,
)
from ..board.survey import Board, survey
from ..board.transfer import awake, replace, restart
from . import options
from .guard import USAGE, complain
from .install import NoWait, Port, Starts, Stdin, why_silent
from .output import Output
from .wishes import NEW, assigned, changed, told

_EDITS_MAX = 20


class Action(StrEnum):
    """What to do with it."""

    get = "get"
    set = "set"
    edit = "edit"


def config(
    port: Port,
    action: Annotated[
        Action,
        typer.Argument(
            metavar="[get|set|edit]", help="get: show it; set: change keys; edit: open it in an editor."
        ),
    ] = Action.get,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY[=VALUE]]...",
            help="get: the keys to show. set: KEY=VALUE; KEY= for the default; a secret by its name alone, "
            "which is asked for; key=new makes a key.",
        ),
    ] = None,
    *,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="The file of keys, in place of the usual one."),
    ] = None,
    stdin: Stdin = False,
    no_wait: NoWait = False,
    timeout: Starts = STARTS_S,
    as_json: options.Json = False,
) -> None:
    """Show or change what a board is told: pins, microphone, Wi-Fi, key. The board restarts after it."""
    output = Output(as_json)
    asked = words or []
    if (action is Action.set) != bool(asked) and action is not Action.get:
        complain("ossicle config PORT set KEY=VALUE..., or ossicle config PORT edit")
        raise typer.Exit(USAGE)
    place = chosen(port)
    if action is Action.get:
        _get(output, place, asked)
        return
    fresh = f"key={NEW}" in asked
    values = assigned([word for word in asked if word != f"key={NEW}"], stdin)
    found = survey(place, tell=output.note)
    with awake(place):
        if action is Action.edit:
            data = _edited(found)
        else:
            before, problems = read(found.config)
            if problems:
                raise ConfigError(
                    f"{PATH} on the board (mend it with: ossicle config {place} edit)", problems
                )
            data = written(
                _with_key(changed(before, values), found, keys) if fresh else changed(before, values)
            )
        profiles.check(check(data), found.machine, i2s=found.i2s)
    _put(output, found, data, None if no_wait else timeout)


def _get(output: Output, port: str, asked: list[str]) -> None:
    for name in asked:
        if name not in KEYS:
            raise BoardError(f"there is no key {name}; ossicle config {port} get shows all of them")
    found = survey(port, tell=output.note)
    restart(port)
    settings, problems = read(found.config)
    for name in asked or KEYS:
        value = told(effective(settings, name), name)
        output.event(
            "setting",
            f"{name} = {_plain(value)}{'' if name in settings else '  (default)'}",
            key=name,
            value=value,
            default=name not in settings,
        )
    if problems:
        raise ConfigError(f"{PATH} on the board", problems)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) if value != "" else "(empty)"


def _with_key(settings: Settings, found: Board, file: Path | None) -> Settings:
    """A new key on this computer and on the board."""
    device = str(settings.get("device") or found.id)
    place = keyfile.new(device, file, replace=True)
    key = keyfile.load(place)(device)
    return Settings({**settings, "key": key.hex() if key else ""})


def _put(output: Output, found: Board, data: bytes, timeout: float | None) -> None:
    before, after = read(found.config)[0], check(data)
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if data == found.config or (not names and not read(found.config)[1]):
        restart(found.port)
        output.event("changed", "nothing changed", url=found.port, keys=[], device=None)
        return
    replace(found, PATH, data, tell=output.note)
    hello = None
    if not (found.slot or found.loose):
        output.note(f"there is no firmware on the board yet: ossicle install {found.port}")
    elif timeout is not None:
        output.note("the board starts; waiting until it answers")
        hello = arrival.wait(after, found.port, str(after.get("device") or found.id), timeout)
        if hello is None:
            raise BoardError(why_silent(after, found.port, timeout), found.port)
        for note in hello.notes:
            output.note(f"the board says: {note}")
    output.event(
        "changed",
        "\n".join(f"{name} = {_plain(told(effective(after, name), name))}" for name in names),
        url=arrival.url(after, found.port),
        keys=names,
        device=hello.device if hello else None,
    )


def _edited(found: Board) -> bytes:
    """The configuration from the user's editor, which opens again as long as something is wrong."""
    text, secrets = editable(found.config)
    for _ in range(_EDITS_MAX):
        text = _in_editor(text)
        try:
            return unhidden(text, secrets)
        except ConfigError as error:
            for problem in error.problems:
                complain(str(problem))
            if not sys.stdin.isatty() or not typer.confirm("Edit again?", default=True, err=True):
                raise
    raise BoardError("that were many tries; nothing was changed")


def _in_editor(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    with tempfile.TemporaryDirectory(prefix="ossicle-") as folder:  # mode 0700
        path = Path(folder) / "ossicle.json"
        path.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
        except (OSError, ValueError):
            raise BoardError(f"{editor}: cannot be started; EDITOR names the one to use") from None
        if code:
            raise BoardError(f"{editor} ended with {code}; nothing was changed")
        return path.read_text(encoding="utf-8-sig", errors="replace")
