"""Write both `_wire.py` from `shared_spec/protocol.toml`, and `_keys.py` and `_schema.py` from `config.toml`
beside it, or check that they are up to date.

    python3 tools/specgen.py            write them
    python3 tools/specgen.py --check    fail, and say what differs, when they are not what would be written

The device's file holds plain constants and accessors that allocate nothing; the host's holds
enums and typed layouts. Neither is edited by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import schema

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "shared_spec" / "protocol.toml"
DEVICE = ROOT / "firmware" / "ossicle" / "_wire.py"
HOST = ROOT / "host" / "ossicle" / "proto" / "_wire.py"
CONFIG = ROOT / "shared_spec" / "config.toml"
KEYS = ROOT / "firmware" / "ossicle" / "_keys.py"
SCHEMA = ROOT / "host" / "ossicle" / "board" / "_schema.py"

Spec = dict[str, Any]

CODES = {"u8": "B", "u16": "H", "u30": "I", "i32": "i", "id8": "8s"}
SIZES = {"u8": 1, "u16": 2, "u30": 4, "i32": 4, "id8": 8}
ENUMS = (
    ("Codec", "codecs", "How the samples of a chunk are coded."),
    ("Mode", "modes", "What the host does about audio that is missing."),
    ("Cause", "causes", "Why a gap is a gap."),
    ("Reason", "reasons", "Why a START or a SET was not done."),
    ("Key", "keys", "What a SET sets."),
)

# What no file of the firmware asks for; each name there costs the device memory.
HOST_ONLY = {
    "NUMBER_LIMIT", "CHECK_BYTES", "DATAGRAM_MAX_BYTES",
    "HOST_REPEAT_MS", "ACK_INTERVAL_MS", "PING_INTERVAL_MS", "REQUEST_AGAIN_MIN_MS",
    "DEFAULT_HOP", "DEFAULT_OVERLAP", "DEFAULT_GAIN", "DEFAULT_DMA_BUFFER_FRAMES",
    "ADPCM_INDEX_MAX", "FLAG_CODEC_MASK", "CAUSE_DEADLINE", "CAUSE_RESET",
    "HEADER_AT_KIND", "HEADER_SIZE", "PING_AT_ECHO", "PONG_AT_ECHO", "LOG_AT_LEVEL",
    "STATUS_AT_RMS", "STATUS_AT_BANDS",
}  # fmt: skip

DEVICE_ACCESSORS = """
# Accessors. u30 gives -1 for a value that no packet may hold: composing it would
# leave the small integers and allocate.
def u16(b, o):
    return b[o] | b[o + 1] << 8


def u30(b, o):
    if b[o + 3] & 0xC0:
        return -1
    return b[o] | b[o + 1] << 8 | b[o + 2] << 16 | b[o + 3] << 24


def put_u16(b, o, v):
    b[o] = v & 255
    b[o + 1] = v >> 8 & 255


def put_u30(b, o, v):
    b[o] = v & 255
    b[o + 1] = v >> 8 & 255
    b[o + 2] = v >> 16 & 255
    b[o + 3] = v >> 24 & 63


def put_header(b, kind, flags, session, sequence, ticks_us, number):
    pack_into("<BBHIII", b, 0, kind, flags, session, sequence, ticks_us, number)
"""


def spec_hash(spec: Spec) -> str:
    """The first eight hex digits of SHA-256 over the spec as sorted JSON; HELLO carries it."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]


def layout_size(fields: list[list[str]]) -> int:
    return sum(SIZES[kind] for _, kind in fields)


def layout_format(fields: list[list[str]]) -> str:
    return "<" + "".join(CODES[kind] for _, kind in fields)


def check_spec(spec: Spec) -> None:
    """Raise ValueError where the numbers contradict each other."""
    values = [kind["value"] for kind in spec["kinds"].values()]
    if len(set(values)) != len(values):
        raise ValueError("two kinds share a value")
    if any(kind["value"] == 3 and kind["sender"] != "d" for kind in spec["kinds"].values()):
        raise ValueError("the host may send no kind with the value 3 (W-33)")
    limits = spec["limits"]
    if layout_size(spec["layouts"]["header"]["fields"]) != limits["header_bytes"]:
        raise ValueError("header_bytes is not the size of the header")
    longest = limits["header_bytes"] + limits["payload_max_bytes"] + limits["tag_bytes"]
    if limits["packet_max_bytes"] != longest:
        raise ValueError(f"packet_max_bytes is not {longest}")
    if limits["serial_frame_max_bytes"] != longest + -(-longest // 254) + 1:
        raise ValueError("serial_frame_max_bytes is not COBS of the longest packet and its 0x00")
    for name, layout in spec["layouts"].items():
        if layout_size(layout["fields"]) > limits["payload_max_bytes"]:
            raise ValueError(f"layout {name} is longer than a payload")


def constants(spec: Spec) -> list[tuple[str, int]]:
    """All plain numbers as (NAME, value), in the order of the file."""
    rows: list[tuple[str, int]] = [("PROTOCOL_VERSION", spec["version"])]
    for section in ("limits", "timing"):
        rows += [(key.upper(), value) for key, value in spec[section].items()]
    rows += [(f"DEFAULT_{key.upper()}", value) for key, value in spec["defaults"].items()]
    return rows


def device_constants(spec: Spec) -> list[tuple[str, int]]:
    """What the device's file holds, but for HOST_ONLY; offsets are those of a layout's fields."""
    rows = constants(spec)
    rows += [(f"KIND_{k.upper()}", v["value"]) for k, v in spec["kinds"].items()]
    rows += [(f"FLAG_{k.upper()}", v) for k, v in spec["flags"].items()]
    rows += [(f"START_{k.upper()}", v) for k, v in spec["start_flags"].items()]
    for name, section, _ in ENUMS:
        rows += [(f"{name.upper()}_{k.upper()}", v) for k, v in spec[section].items()]
    for name, layout in spec["layouts"].items():
        offset = 0
        for field, kind in layout["fields"]:
            if not field.startswith("reserved"):
                rows.append((f"{name.upper()}_AT_{field.upper()}", offset))
            offset += SIZES[kind]
        rows.append((f"{name.upper()}_SIZE", offset))
    unknown = HOST_ONLY - dict(rows).keys()
    if unknown:
        raise ValueError(f"HOST_ONLY has names that there are not: {', '.join(sorted(unknown))}")
    return [row for row in rows if row[0] not in HOST_ONLY]


def device_text(spec: Spec) -> str:
    lines = [
        "# Written by tools/specgen.py from shared_spec/protocol.toml. Do not edit.",
        "from micropython import const",
        "from struct import pack_into",
        "",
        f'SPEC_HASH = "{spec_hash(spec)}"',
    ]
    lines += [f"{name} = const({value})" for name, value in device_constants(spec)]
    return "\n".join(lines) + "\n" + DEVICE_ACCESSORS


def class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def host_enum(name: str, doc: str, rows: dict[str, int], base: str = "IntEnum") -> list[str]:
    body = [f"    {key.upper()} = {value}" for key, value in rows.items()]
    return ["", "", f"class {name}({base}):", f'    """{doc}"""', "", *body]


def host_layout(name: str, fields: list[list[str]]) -> list[str]:
    """A NamedTuple with `pack` and `unpack`; reserved fields are not attributes."""
    shown = [(f, k) for f, k in fields if not f.startswith("reserved")]
    masked = [f for f, k in shown if k == "u30"]
    lines = ["", "", f"class {class_name(name)}Fields(NamedTuple):"]
    lines += [f'    """Layout `{name}`: {layout_size(fields)} bytes."""', ""]
    lines += [f"    {f}: {'bytes' if k.startswith('id') else 'int'}" for f, k in shown]
    args = ", ".join("0" if f.startswith("reserved") else f"self.{f}" for f, _ in fields)
    names = ", ".join("_" if f.startswith("reserved") else f for f, _ in fields)
    if len(fields) == 1:
        names += ","
    lines += ["", "    def pack(self) -> bytes:"]
    lines += [f"        return {name.upper()}_STRUCT.pack({args})"]
    lines += ["", "    @classmethod"]
    lines += [f"    def unpack(cls, data: Buffer, offset: int = 0) -> {class_name(name)}Fields:"]
    lines += ['        """Raise ValueError for a value that no packet may hold (W-1)."""']
    lines += [f"        {names} = {name.upper()}_STRUCT.unpack_from(data, offset)"]
    if masked:
        test = " or ".join(f"{f} >= NUMBER_LIMIT" for f in masked)
        if len(masked) > 1:
            test = f"max({', '.join(masked)}) >= NUMBER_LIMIT"
        lines += [f"        if {test}:"]
        lines += [f'            raise ValueError("{name}: a number is 2**30 or above")']
    lines += [f"        return cls({', '.join(f for f, _ in shown)})"]
    lines += ["", "", f'{name.upper()}_STRUCT = struct.Struct("{layout_format(fields)}")']
    return lines


def host_text(spec: Spec) -> str:
    lines = [
        '"""Written by tools/specgen.py from shared_spec/protocol.toml. Do not edit."""',
        "",
        "# ruff: noqa",
        "from __future__ import annotations",
        "",
        "import struct",
        "from enum import IntEnum, IntFlag",
        "from typing import NamedTuple, Union",
        "",
        "Buffer = Union[bytes, bytearray, memoryview]",
        "",
        f'SPEC_HASH = "{spec_hash(spec)}"',
    ]
    lines += [f"{name} = {value}" for name, value in constants(spec)]
    kinds = spec["kinds"]
    lines += host_enum("Kind", "What a packet is.", {k: v["value"] for k, v in kinds.items()})
    for side, letter in (("DEVICE", "d"), ("HOST", "h")):
        sent = [k.upper() for k, v in kinds.items() if v["sender"] in (letter, "b")]
        lines += ["", f"{side}_KINDS = frozenset({{{', '.join('Kind.' + k for k in sent)}}})"]
    masks = {k: v for k, v in spec["flags"].items() if k.endswith("_mask")}
    flags = {k: v for k, v in spec["flags"].items() if k not in masks}
    lines += host_enum("Flag", "What is said of a packet.", flags, "IntFlag")
    lines += ["", *[f"FLAG_{k.upper()} = {v}" for k, v in masks.items()]]
    lines += [f"START_{k.upper()} = {v}" for k, v in spec["start_flags"].items()]
    for name, section, doc in ENUMS:
        lines += host_enum(name, doc, spec[section])
    for name, layout in spec["layouts"].items():
        lines += host_layout(name, layout["fields"])
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    args = parser.parse_args()
    spec = tomllib.loads(SPEC.read_text(encoding="utf-8"))
    check_spec(spec)
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    schema.check_config(config, dict(constants(spec)))
    texts = {
        DEVICE: device_text(spec),
        HOST: host_text(spec),
        KEYS: schema.device_keys(config),
        SCHEMA: schema.host_schema(config),
    }
    stale = []
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not args.check:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    if args.check and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        print(f"not what shared_spec says: {names}; run python3 tools/specgen.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
