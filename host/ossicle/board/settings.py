"""A board's /ossicle.json: read, checked against the schema with line and reason, changed. No secret is told.

The schema is shared_spec/config.toml, the one that the board checks against when it starts. The board takes a
default for a value that cannot be, and says so in HELLO; here nothing of the kind gets onto it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ._schema import KEYS, Key, Value
from .faults import BoardError

PATH = "/ossicle.json"
HIDDEN = "(set)"
"""Stands where a secret is, when a configuration is shown or edited."""

_MAX_BYTES = 8192
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,32}")
_WHITE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a configuration, and in which line (1 is the first; 0: in none of them)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


class ConfigError(BoardError):
    """A configuration, or a value for one, that cannot be; `problems` are all of them."""

    def __init__(self, place: str, problems: list[Problem]) -> None:
        first = f"{place}, {problems[0]}" if problems[0].line else f"{place}: {problems[0]}"
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first + more)
        self.problems = problems


class Settings(dict[str, Value]):
    """The keys of a configuration that are given, in their order. Its text hides the secrets."""

    def __repr__(self) -> str:
        return f"Settings({shown(self)!r})"

    __str__ = __repr__


def read(data: bytes | None) -> tuple[Settings, list[Problem]]:
    """What is usable of a configuration (None: there is none), and what is wrong in it."""
    if data is None:
        return Settings(), []
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Settings(), [Problem(data.count(b"\n", 0, error.start) + 1, "this is no UTF-8 text")]
    try:
        entries = list(_entries(text))
    except json.JSONDecodeError as error:
        return Settings(), [Problem(error.lineno, f"this is no JSON: {error.msg}, column {error.colno}")]
    except (RecursionError, ValueError):  # the last: a number of thousands of digits
        return Settings(), [Problem(1, "this is no JSON object of plain values")]
    return _checked(entries, len(data))


def _checked(entries: list[tuple[str, Any, int]], n_bytes: int) -> tuple[Settings, list[Problem]]:
    settings, problems = Settings(), list[Problem]()
    lines: dict[str, int] = {}
    if n_bytes > _MAX_BYTES:
        problems.append(Problem(0, f"{n_bytes} bytes are too many: {_MAX_BYTES} at most"))
    for name, value, line in entries:
        why = wrong(name, value)
        if name in lines:
            why = f"{_quoted(name)} is there twice, first in line {lines[name]}"
        if why:
            problems.append(Problem(line, why))
        else:
            settings[name] = value
        lines.setdefault(name, line)
    problems += [Problem(lines.get(name, 0), why) for name, why in _together(settings)]
    return settings, sorted(problems, key=lambda problem: problem.line or 1 << 30)


def _entries(text: str) -> Iterator[tuple[str, Any, int]]:
    """(key, value, line of the key) of the one object that `text` is. Raises JSONDecodeError."""
    decoder = json.JSONDecoder()

    def white(at: int) -> int:
        match = _WHITE.match(text, at)
        return match.end() if match else at

    def expect(at: int, what: str) -> int:
        if text[at : at + 1] not in tuple(what):
            missing = " or ".join(repr(c) for c in what)
            raise json.JSONDecodeError(f"{missing} is missing here", text, min(at, len(text)))
        return at

    at = white(expect(white(0), "{") + 1)
    while text[at : at + 1] != "}":
        expect(at, '"')
        key, after = decoder.raw_decode(text, at)
        value, end = decoder.raw_decode(text, white(expect(white(after), ":") + 1))
        yield key, value, text.count("\n", 0, at) + 1
        at = expect(white(end), ",}")
        if text[at] == ",":
            at = expect(white(at + 1), '"')
    rest = white(at + 1)
    if rest != len(text):
        raise json.JSONDecodeError("nothing may follow the closing brace", text, rest)


def wrong(name: str, value: object) -> str:
    """Why a key or its value cannot be, "" where it can. Never tells a secret's value."""
    key = KEYS.get(name)
    if key is None:
        near = get_close_matches(name, KEYS, 1)
        return f"there is no key {_quoted(name)}" + (f"; is {near[0]} meant?" if near else "")
    said = "its value" if key.secret else _quoted(value)
    if type(value) is not {"int": int, "bool": bool, "text": str}[key.kind]:
        kind = {"int": "a whole number", "bool": "true or false", "text": "a text in quotes"}[key.kind]
        return f"{name}: {said} cannot be; it has to be {kind}"
    if key.choices and value not in key.choices:
        return f"{name}: {said} cannot be; it has to be {' or '.join(key.choices)}"
    return _out_of_bounds(key, value, said)


def _out_of_bounds(key: Key, value: object, said: str) -> str:
    if isinstance(value, str):
        if key.most is not None and len(value.encode(errors="replace")) > key.most:
            return f"{key.name}: it is too long, {key.most} bytes at most"
        if key.name == "key" and value and not _HEX.fullmatch(value):
            return "key: its value cannot be; it has to be 32 to 64 hex digits"
    elif key.least is not None and key.most is not None and not key.least <= int(str(value)) <= key.most:
        return f"{key.name}: {said} cannot be; it has to be {key.least} to {key.most}"
    return ""


def _together(settings: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """What is wrong between keys: (the key that tells the line, why)."""
    link = settings.get("link", "serial")
    if link != "serial":
        for name in ("ssid", "host"):
            if not settings.get(name):
                yield "link", f"link: {link} needs {name}, too"


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


def parsed(name: str, text: str) -> Value:
    """The value of a key from the text that a user gave. Raises ConfigError."""
    key = KEYS.get(name)
    value: object = text
    if key is not None and key.kind == "bool":
        value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.lower(), text
        )
    elif key is not None and key.kind == "int" and re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        value = int(text)
    if why := wrong(name, value):
        raise ConfigError("the configuration", [Problem(0, why)])
    assert isinstance(value, int | str)
    return value


def written(settings: Mapping[str, Value]) -> bytes:
    """The file's content. Raises ConfigError where it cannot be."""
    data = (json.dumps(dict(settings), indent=2, ensure_ascii=False) + "\n").encode(errors="replace")
    check(data)
    return data


def check(data: bytes, place: str = "the configuration") -> Settings:
    """The settings of a file without fault; raises ConfigError with all that is wrong."""
    settings, problems = read(data)
    if problems:
        raise ConfigError(place, problems)
    return settings


def shown(settings: Mapping[str, Value]) -> dict[str, Value]:
    """The settings with their secrets hidden."""
    return {name: HIDDEN if KEYS[name].secret and value else value for name, value in settings.items()}


def effective(settings: Mapping[str, Value], name: str) -> Value:
    """What holds for a key: what is given, else the default."""
    key = KEYS[name]
    if name in settings:
        return settings[name]
    if key.wifi is not None and settings.get("link", "serial") != "serial":
        return key.wifi
    return key.default


def editable(before: bytes | None) -> tuple[str, Settings]:
    """The configuration as a text to edit, HIDDEN in place of each secret, and the secrets themselves.

    What is no JSON is given as it stands, so that it can be mended.
    """
    settings, problems = read(before)
    if not problems:
        secrets = Settings({name: value for name, value in settings.items() if KEYS[name].secret})
        return json.dumps(shown(settings), indent=2, ensure_ascii=False) + "\n", secrets
    text = (before or b"").decode(errors="replace")
    secrets = Settings()

    def hide(match: re.Match[str]) -> str:
        secrets[match[2]] = match[3]
        return f'{match[1]}"{HIDDEN}"'

    names = "|".join(key.name for key in KEYS.values() if key.secret)
    return re.sub(rf'("({names})"\s*:\s*)"([^"\n]*)"?', hide, text), secrets


def unhidden(text: str, secrets: Mapping[str, Value]) -> bytes:
    """An edited text as a file, its hidden secrets in place. Raises ConfigError, with lines of the text."""
    data = text.encode(errors="replace")
    try:
        entries = list(_entries(text))
    except (ValueError, RecursionError):
        check(data)
        raise
    hidden = {name for name, key in KEYS.items() if key.secret}
    entries = [
        (name, secrets.get(name, "") if value == HIDDEN and name in hidden else value, line)
        for name, value, line in entries
    ]
    settings, problems = _checked(entries, len(data))
    if problems:
        raise ConfigError("the configuration", problems)
    return written(settings)
