"""The numbers of protocol.toml, read at import."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SPEC: dict[str, Any] = tomllib.loads((ROOT / "shared_spec" / "protocol.toml").read_text(encoding="utf-8"))

LIMITS: dict[str, int] = SPEC["limits"]
KINDS: dict[str, int] = {name: kind["value"] for name, kind in SPEC["kinds"].items()}
KIND_NAMES: dict[int, str] = {value: name for name, value in KINDS.items()}
SENDERS: dict[str, str] = {name: kind["sender"] for name, kind in SPEC["kinds"].items()}
LAYOUTS: dict[str, list[list[str]]] = {name: layout["fields"] for name, layout in SPEC["layouts"].items()}


def type_bytes(kind: str) -> int:
    """Bytes of one field: u8, u16, u30, i32, idN."""
    if kind.startswith("id"):
        return int(kind[2:])
    return {"u8": 1, "u16": 2, "u30": 4, "i32": 4}[kind]


def sizes() -> dict[str, int]:
    """Bytes of each layout."""
    return {name: sum(type_bytes(kind) for _, kind in fields) for name, fields in LAYOUTS.items()}
