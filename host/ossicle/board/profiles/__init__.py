"""Boards and microphones by name, and what they mean for a board's configuration.

The data lie beside this module. Nobody has tried them on a board: each entry names its sources.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .._schema import KEYS, Value
from ..faults import BoardError

PINS = ("sck", "ws", "sd")
CLOCKS = ("sck", "ws")
"""Pins on which the board gives a clock."""
NATIVE = (
    "the USB of this board is the chip's own: sound goes through it, by the REPL's port (uart 0), which no "
    "board has shown yet. With an image that says all on UART0 too, as the generic ones do, it carries 16 "
    "kHz as adpcm only (--codec adpcm): the image made for this board, or --wifi, carries more"
)
SOUND = ("shift", "gain", "slot", "late", "warmup_ms")

_CHIP = re.compile(r"ESP32(?:[SCHP]\d+)?")

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """What a chip has; `shown` is how MicroPython ends the name of a machine with it."""

    name: str
    shown: str
    gpio: Ranges
    input_only: Ranges
    taken: Ranges
    i2s: int
    tx: int
    rx: int
    sources: tuple[str, ...]
    i2s_since: str = ""
    """The MicroPython from which on stock images have machine.I2S; "" where all that are taken do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A board or a microphone: `keys` of the configuration, or why it is `refused`."""

    name: str
    shown: str
    keys: Mapping[str, Value]
    notes: tuple[str, ...] = ()
    refused: str = ""
    sources: tuple[str, ...] = ()
    chip: Chip | None = None
    """Of a board."""
    rates: Ranges = ()
    """Of a microphone: [least, most] in Hz at which it works."""


def boards() -> dict[str, Profile]:
    """All of them, those that are refused too, by name."""
    return dict(_boards())


def microphones() -> dict[str, Profile]:
    """All of them, those that are refused too, by name."""
    return dict(_microphones())


def resolve(board: str | None, microphone: str | None) -> dict[str, Value]:
    """The keys of a board's configuration that these two stand for; None leaves its part out.

    Raises BoardError for a name that there is not, and for what stock MicroPython cannot do.
    """
    found: dict[str, Value] = {}
    if board is not None:
        found.update(_named("board", board, _boards()).keys)
    if microphone is not None:
        found.update(_named("microphone", microphone, _microphones()).keys)
    return found


def advice(board: str | None, microphone: str | None) -> list[str]:
    """What a user of these should know, a line each. Raises as `resolve` does."""
    lines: list[str] = []
    if board is not None:
        lines += _named("board", board, _boards()).notes
    if microphone is not None:
        lines += _named("microphone", microphone, _microphones()).notes
    return lines


def chip_of(machine: str) -> Chip | None:
    """By what MicroPython calls the machine ("Generic ESP32S3 module with ESP32S3"); None for another one."""
    last = re.sub(r"[^A-Z0-9]", "", machine.upper().rpartition(" WITH ")[2])
    said = _CHIP.match(last)
    return next((chip for chip in _chips().values() if said and said[0] == chip.shown), None)


def check(config: Mapping[str, Value], machine: str, board: str | None = None, *, i2s: bool = True) -> None:
    """Raise BoardError where a configuration asks for what the chip of this machine has not.

    With `board` the chip has to be that board's. A chip that is not known is not judged. `i2s` is whether
    its MicroPython has machine.I2S.
    """
    chip = chip_of(machine)
    if not i2s and config.get("mic") != "pattern":
        since = f" (with {chip.i2s_since} it came to the {chip.shown})" if chip and chip.i2s_since else ""
        raise BoardError(
            f"the MicroPython on this board has no I2S, and so no microphone{since}: --image FILE.bin writes "
            "a newer one"
        )
    if chip is None:
        return
    if board is not None:
        own = _named("board", board, _boards()).chip
        if own is not None and own is not chip:
            raise BoardError(f"--board {board} has an {own.shown}, but this board has an {chip.shown}")
    if config.get("mic") == "pattern":
        return
    number = config.get("i2s", KEYS["i2s"].default)
    if isinstance(number, int) and number >= chip.i2s:
        raise BoardError(
            f"i2s {number}: an {chip.shown} has one I2S, and one at a time can listen or speak: it is 0"
        )
    pins = {key: config.get(key, KEYS[key].default) for key in PINS}
    for key, pin in pins.items():
        _check_pin(key, pin, chip)
    _check_apart(pins)


def _check_apart(pins: Mapping[str, Value]) -> None:
    """Each has a pin of its own: MicroPython takes the same one twice, and the sound is noise."""
    by_pin: dict[Value, str] = {}
    for key, pin in pins.items():
        other = by_pin.setdefault(pin, key)
        if other != key:
            raise BoardError(f"{other} and {key} are both {pin}: each needs a pin of its own")


def _check_pin(key: str, pin: Value, chip: Chip) -> None:
    if not isinstance(pin, int) or not _within(pin, chip.gpio):
        raise BoardError(f"{key} {pin}: an {chip.shown} has no such GPIO")
    if _within(pin, chip.taken):
        raise BoardError(f"{key} {pin}: flash or USB of an {chip.shown} are there")
    if key in CLOCKS and _within(pin, chip.input_only):
        raise BoardError(
            f"{key} {pin}: an {chip.shown} can only listen there, and {key} is a clock that it gives"
        )


def _within(number: int, ranges: Ranges) -> bool:
    return any(least <= number <= most for least, most in ranges)


def _named(what: str, name: str, known: Mapping[str, Profile]) -> Profile:
    wanted = _plain(name)
    for profile in known.values():
        if _plain(profile.name) == wanted:
            if profile.refused:
                raise BoardError(f"{what} {profile.name}: {profile.refused}")
            return profile
    names = ", ".join(sorted(each.name for each in known.values() if not each.refused))
    raise BoardError(f"no {what} is called {name!r}: {names}")


def _plain(name: str) -> str:
    """INMP441, inmp-441 and inmp_441 are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _chips() -> dict[str, Chip]:
    return {name: _chip(name, entry) for name, entry in _data("boards")["chips"].items()}


@cache
def _boards() -> dict[str, Profile]:
    return {name: _board(name, entry) for name, entry in _data("boards")["boards"].items()}


@cache
def _microphones() -> dict[str, Profile]:
    return {name: _microphone(name, entry) for name, entry in _data("microphones").items()}


def _data(name: str) -> dict[str, Any]:
    text = (files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _chip(name: str, entry: Mapping[str, Any]) -> Chip:
    return Chip(
        name=name,
        shown=entry["shown"],
        gpio=_ranges(entry["gpio"]),
        input_only=_ranges(entry["input_only"]),
        taken=_ranges(entry["taken"]),
        i2s=entry["i2s"],
        tx=entry["tx"],
        rx=entry["rx"],
        sources=tuple(entry["sources"]),
        i2s_since=entry.get("i2s_since", ""),
    )


def _board(name: str, entry: Mapping[str, Any]) -> Profile:
    chip = _chips()[entry["chip"]]
    keys: dict[str, Value] = {}
    notes: tuple[str, ...] = ()
    if "refused" not in entry:
        native = entry["usb"] == "native"
        keys = {"i2s": 0, **{pin: entry[pin] for pin in PINS}, "uart": 0 if native else 1}
        keys |= {"uart_tx": chip.tx, "uart_rx": chip.rx}
        if native:
            notes = (NATIVE, f"uart 1 is a serial adapter at GPIO {chip.tx} and {chip.rx} in its place")
    return Profile(
        name=name,
        shown=entry["shown"],
        keys=keys,
        notes=notes,
        refused=entry.get("refused", ""),
        sources=tuple(entry["sources"]),
        chip=chip,
    )


def _microphone(name: str, entry: Mapping[str, Any]) -> Profile:
    keys: dict[str, Value] = {}
    if entry.get("pattern"):
        keys = {"mic": "pattern"}
    elif "refused" not in entry:
        keys = {"mic": "i2s", **{key: entry[key] for key in SOUND}}
    return Profile(
        name=name,
        shown=entry["shown"],
        keys=keys,
        notes=tuple(entry.get("notes", ())),
        refused=entry.get("refused", ""),
        sources=tuple(entry["sources"]),
        rates=_ranges(entry.get("rates", ())),
    )


def _ranges(pairs: Any) -> Ranges:
    return tuple((least, most) for least, most in pairs)
