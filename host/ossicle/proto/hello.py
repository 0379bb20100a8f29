"""HELLO: who speaks, which version, what it can do (W-17 to W-19).

Its envelope never changes, so everything in it but the version is optional, and a value of another type
than expected is taken as not said.
"""

from __future__ import annotations

import json
from typing import Any

from ossicle.errors import PacketError

from . import events
from ._wire import PROTOCOL_VERSION


def compose(host: str, challenge: bytes | None = None) -> bytes:
    """The payload of the host's HELLO; `host` names it, at most some dozen bytes.

    `challenge` where it means to seal (W-49).
    """
    fields: dict[str, Any] = {"ossicle": PROTOCOL_VERSION, "host": host}
    if challenge is not None:
        fields["challenge"] = challenge.hex()
    return json.dumps(fields).encode()


def parse(payload: bytes) -> events.Hello:
    """A device's HELLO. Raises PacketError when it is no JSON object with a version."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        raise PacketError("hello", "HELLO is not JSON in UTF-8") from None
    if not isinstance(fields, dict) or not _is_int(fields.get("ossicle")):
        raise PacketError("hello", "HELLO is no object with a version under the key ossicle")
    return events.Hello(
        version=fields["ossicle"],
        spec=_text(fields, "spec"),
        device=_text(fields, "device"),
        firmware=_text(fields, "firmware"),
        board=_text(fields, "board"),
        rates=tuple(x for x in _list(fields, "rates") if _is_int(x)),
        channels=tuple(x for x in _list(fields, "channels") if _is_int(x)),
        codecs=tuple(x for x in _list(fields, "codecs") if isinstance(x, str)),
        ring_frames=_number(fields, "ring"),
        max_baud=_number(fields, "max_baud"),
        notes=tuple(_printable(x) for x in _list(fields, "notes") if isinstance(x, str)),
        chip=_text(fields, "chip"),
        micropython=_text(fields, "micropython"),
        mic=_object(fields, "mic"),
        reset=_text(fields, "reset"),
        usb=_text(fields, "usb"),
        power_save=_bool(fields, "power_save"),
        fields=fields,
    )


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return _printable(value) if isinstance(value, str) else ""


def _printable(text: str) -> str:
    """JSON can carry what a terminal obeys, and halves of characters, which nothing can print."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _number(fields: dict[str, Any], key: str) -> int:
    value = fields.get(key)
    return value if isinstance(value, int) and _is_int(value) and value >= 0 else 0


def _list(fields: dict[str, Any], key: str) -> list[Any]:
    value = fields.get(key)
    return value if isinstance(value, list) else []


def _object(fields: dict[str, Any], key: str) -> dict[str, Any]:
    """Its texts and whole numbers; what else is in it is taken as not said."""
    value = fields.get(key)
    if not isinstance(value, dict):
        return {}
    texts = {k: _printable(v) for k, v in value.items() if isinstance(v, str)}
    return texts | {k: v for k, v in value.items() if _is_int(v)}


def _bool(fields: dict[str, Any], key: str) -> bool | None:
    value = fields.get(key)
    return value if isinstance(value, bool) else None
