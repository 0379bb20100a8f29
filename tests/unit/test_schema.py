"""config.toml: keys that contradict themselves or the protocol are found before anything is written."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
import schema
import specgen

from ossicle.board._schema import KEYS

CONFIG: schema.Config = tomllib.loads(specgen.CONFIG.read_text(encoding="utf-8"))
NUMBERS = dict(specgen.constants(tomllib.loads(specgen.SPEC.read_text(encoding="utf-8"))))


def test_the_keys_are_sound() -> None:
    schema.check_config(CONFIG, NUMBERS)
    assert [name for name, key in KEYS.items() if key.secret] == ["password", "key"]
    assert all(key.name == name and key.help for name, key in KEYS.items())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sck", {"default": 49}),
        ("sck", {"default": "14"}),
        ("ibuf", {"wifi": 1}),
        ("plain", {"default": 0}),
        ("slot", {"default": "up"}),
        ("ssid", {"default": "x" * 33}),
        ("host", {"choices": ["here"]}),
        ("shift", {"default": 15}),
        ("max_baud", {"least": 9600}),
        ("port", {"defualt": 1}),
    ],
)
def test_a_planted_contradiction_is_found(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: "):
        schema.check_config({**CONFIG, name: {**CONFIG[name], **change}}, NUMBERS)


def test_each_key_has_both_sides() -> None:
    """The device's rows are the host's."""
    space: dict[str, str] = {}
    exec(specgen.KEYS.read_text(encoding="utf-8"), space)
    told = json.loads(space["TEXT"])
    assert told["keys"].keys() == KEYS.keys()
    for name, (default, *limits) in told["keys"].items():
        key = KEYS[name]
        text = list(key.choices) or key.most
        expected: list[Any] = {"int": [key.least, key.most], "bool": [], "text": [text]}[key.kind]
        assert (default, limits) == (key.default, expected)
    assert set(told["secret"]) == {name for name, key in KEYS.items() if key.secret}
    assert told["wifi"] == {name: key.wifi for name, key in KEYS.items() if key.wifi is not None}
