"""The keys of a board's configuration, for both sides: what tools/specgen.py writes from config.toml."""

from __future__ import annotations

import json
from typing import Any

Config = dict[str, dict[str, Any]]

TYPES = {"int": int, "bool": bool, "text": str}
# key: field -> name in protocol.toml; there stands the number that both must have.
SHARED = {
    "shift": {"default": "DEFAULT_SHIFT", "least": "SHIFT_MIN", "most": "SHIFT_MAX"},
    "gain": {"default": "DEFAULT_GAIN", "most": "GAIN_MAX"},
    "port": {"default": "DEFAULT_PORT"},
    "max_baud": {"least": "DEFAULT_BAUD"},
    "ring_samples": {"default": "DEFAULT_RING_SAMPLES"},
}
FIELDS = {"type", "default", "least", "most", "choices", "wifi", "secret", "help"}

HOST_HEAD = '''"""Written by tools/specgen.py from shared_spec/config.toml. Do not edit."""

# ruff: noqa
from __future__ import annotations

from typing import NamedTuple, Optional, Union

Value = Union[int, bool, str]


class Key(NamedTuple):
    """A key of a board's configuration.

    `kind` is "int", "bool" or "text". `least` and `most` are the limits of an int; of a text, `most` is its
    longest in bytes of UTF-8. `choices` is all that a text may be, where there are any. `wifi` is the default
    where `link` is not "serial", if that is another one. A `secret` is never shown.
    """

    name: str
    kind: str
    default: Value
    least: Optional[int]
    most: Optional[int]
    choices: tuple[str, ...]
    wifi: Optional[Value]
    secret: bool
    help: str

'''


def check_config(config: Config, numbers: dict[str, int]) -> None:
    """Raise ValueError where a key contradicts itself or protocol.toml (`numbers`: its constants)."""
    for name, row in config.items():
        unknown = row.keys() - FIELDS
        if unknown:
            raise ValueError(f"{name}: unknown field {', '.join(sorted(unknown))}")
        for default in (row["default"], row.get("wifi", row["default"])):
            if type(default) is not TYPES[row["type"]] or not is_legal(row, default):
                raise ValueError(f"{name}: the default {default!r} is not legal")
        if row["type"] == "int" and not row.keys() >= {"least", "most"}:
            raise ValueError(f"{name}: an int has limits")
        if row["type"] == "text" and ("most" in row) == ("choices" in row):
            raise ValueError(f"{name}: a text has a length or choices")
        for field, constant in SHARED.get(name, {}).items():
            if row[field] != numbers[constant]:
                raise ValueError(f"{name}: {field} is {row[field]}, and {constant} {numbers[constant]}")


def is_legal(row: dict[str, Any], value: Any) -> bool:
    if row["type"] == "int":
        return bool(row["least"] <= value <= row["most"])
    if row["type"] == "text":
        return value in row["choices"] if "choices" in row else len(value.encode()) <= row["most"]
    return True


def device_keys(config: Config) -> str:
    """One JSON text: read once, it leaves nothing behind; names in code stay in a device's memory for good.

    A row is [default, least, most] of an int, [default, choices or longest] of a text, [default] of a bool.
    """
    rows = []
    for name, row in config.items():
        parts = [row["default"]]
        if row["type"] == "int":
            parts += [row["least"], row["most"]]
        elif row["type"] == "text":
            parts.append(row["choices"] if "choices" in row else row["most"])
        rows.append(f"{json.dumps(name)}: {json.dumps(parts)}")
    secret = [name for name, row in config.items() if row.get("secret")]
    wifi = {name: row["wifi"] for name, row in config.items() if "wifi" in row}
    lines = [
        "# Written by tools/specgen.py from shared_spec/config.toml. Do not edit.",
        'TEXT = """{"keys": {',
        ",\n".join(rows),
        f'}}, "secret": {json.dumps(secret)}, "wifi": {json.dumps(wifi)}}}"""',
    ]
    return "\n".join(lines) + "\n"


def host_schema(config: Config) -> str:
    rows = [host_row(name, row) for name, row in config.items()]
    return HOST_HEAD + "\nKEYS: dict[str, Key] = {\n" + "".join(rows) + "}\n"


def host_row(name: str, row: dict[str, Any]) -> str:
    limits = f"{row.get('least')}, {row.get('most')}, {quoted(tuple(row.get('choices', ())))}"
    rest = f"{quoted(row.get('wifi'))}, {bool(row.get('secret'))}, {quoted(row['help'])}"
    head = f"{quoted(name)}, {quoted(row['type'])}, {quoted(row['default'])}"
    return f"    {quoted(name)}: Key({head}, {limits}, {rest}),\n"


def quoted(value: Any) -> str:
    """As Python writes it, with the quotes of this project."""
    if isinstance(value, tuple):
        inner = ", ".join(quoted(each) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
