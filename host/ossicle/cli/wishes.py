"""What a user wants a board to be told: values from the command line, secrets from where nobody sees them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from .. import keys
from ..board._schema import KEYS, Value
from ..board.faults import BoardError
from ..board.settings import HIDDEN, Settings, effective, parsed
from ..errors import KeyMissingError

NEW = "new"


def assigned(words: Iterable[str], stdin: bool) -> dict[str, Value | None]:
    """KEY=VALUE pairs; `KEY=` is None: back to the default. A secret's name alone asks for it.

    Raises BoardError, also for a secret with its value.
    """
    found: dict[str, Value | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name in KEYS and KEYS[name].secret and text:
            raise BoardError(
                f"{name} is a secret, and others can read the words of a command: give {name} without a "
                "value, and you are asked for it"
            )
        if name in KEYS and KEYS[name].secret and not equals:
            found[name] = secret(name, f"The {name}", stdin)
            continue
        if not equals:
            raise BoardError(f"{word}: KEY=VALUE is meant, such as sck=14")
        found[name] = parsed(name, text) if text or name not in KEYS else None
    return found


def changed(settings: Settings, values: dict[str, Value | None]) -> Settings:
    """The settings with these values; None takes a key out."""
    after = Settings({**settings, **{name: value for name, value in values.items() if value is not None}})
    for name, value in values.items():
        if value is None:
            after.pop(name, None)
    return after


def secret(name: str, what: str, stdin: bool, *, there: bool = False) -> Value | None:
    """A secret from the terminal, without echo, or from a line of stdin. An empty answer is None where one is
    `there` already. Raises BoardError, which never tells it."""
    if stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise BoardError(f"there is no terminal to ask for {what}: --stdin reads it from standard input")
    else:
        keeps = " (Enter: the one that is set)" if there else ""
        text = typer.prompt(f"{what}{keeps}", hide_input=True, default="", show_default=False, err=True)
    return None if there and not text else parsed(name, text)


def keyed(settings: Settings, device: str, file: Path | None, *, make: bool) -> tuple[Settings, str]:
    """The settings with the key that this computer has for the device, and what was done for it.

    `make`: a new key where there is none. Raises KeyFileError.
    """
    if effective(settings, "link") == "serial" or effective(settings, "plain"):
        return settings, ""
    known = keys.load(file if file is None or file.exists() else None)(device) if device else None
    said = ""
    if known is None:
        said = f"a new key for {device} is in {file or keys.usual_path()} and on the board"
        if not make:
            return settings, said
        place = keys.new(device, file)
        known = keys.load(place)(device)
    if known is None:
        raise KeyMissingError(device, "host")
    if settings.get("key") == known.hex():
        return settings, ""
    return Settings({**settings, "key": known.hex()}), said or f"the board gets the key for {device}"


def told(value: Value | None, name: str) -> Value | None:
    """A value as it may be shown."""
    return HIDDEN if value and KEYS[name].secret else value
