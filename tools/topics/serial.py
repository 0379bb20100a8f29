"""serial.json: COBS of single packets, and whole lines with noise between the frames."""

from __future__ import annotations

from typing import Any

from oracle import cobs_encode, encode_packet, pack_payload, read_serial, serial_frame

Vector = dict[str, Any]

LENGTHS = (1, 2, 12, 13, 253, 254, 255, 256, 507, 508, 509, 510, 762, 763, 1016, 1364, 1368)


def cobs(name: str, note: str, data: bytes, clauses: list[str]) -> Vector:
    """`also`: what a decoder accepts beside what an encoder writes."""
    return {
        "id": name,
        "clauses": clauses,
        "note": note,
        "data": data.hex(),
        "encoded": cobs_encode(data).hex(),
        "also": [cobs_encode(data).hex() + "01"] if "W-15" in clauses else [],
    }


def no_zero(n: int) -> bytes:
    return bytes(i * 7 % 255 + 1 for i in range(n))


def cobs_vectors() -> list[Vector]:
    out = []
    for n in LENGTHS:
        clauses = ["W-12"] + (["W-15"] if n % 254 == 0 else [])
        out.append(cobs(f"cobs-no-zero-{n}", "no zero at all", no_zero(n), clauses))
        out.append(cobs(f"cobs-zeros-{n}", "all zeros", bytes(n), ["W-12"]))
        out.append(cobs(f"cobs-zero-first-{n}", "a zero, then none", b"\0" + no_zero(n - 1), ["W-12"]))
        out.append(cobs(f"cobs-zero-last-{n}", "a zero at the end", no_zero(n - 1) + b"\0", ["W-12"]))
    for cut in (253, 254, 255):
        data = no_zero(cut) + b"\0" + no_zero(300)
        out.append(cobs(f"cobs-zero-after-{cut}", "a zero near the edge of a block", data, ["W-12"]))
    out.append(cobs("cobs-ff", "bytes of 255", b"\xff" * 300, ["W-12"]))
    out.append(cobs("cobs-empty", "nothing is one code", b"", ["W-12"]))
    return out


def made(number: int, kind: str = "ping") -> bytes:
    """A packet that a device hears (ping) or a host hears (pong), told apart by its number."""
    fields = {"echo": f"{number:016x}", "receive_us": number, "send_us": number}
    head = {"flags": 0, "session": 0x5A17, "sequence": 0, "ticks_us": 0, "number": number}
    return encode_packet({"kind": kind, "payload": pack_payload(kind, fields), **head})


def line(name: str, clauses: list[str], note: str, parts: list[Any], side: str, dropped: int) -> Vector:
    """`parts`: packets (int: their number) and raw bytes (hex). The expected count is said by hand."""
    kind = "ping" if side == "device" else "pong"
    data = b""
    packets = []
    for part in parts:
        if isinstance(part, int):
            data += serial_frame(made(part, kind))
            packets.append(made(part, kind).hex())
        else:
            data += bytes.fromhex(part)
    frames, bad = read_serial(data)
    if bad + len([f for f in frames if f.hex() not in packets]) != dropped:
        raise ValueError(f"{name}: the oracle disagrees with the count said")
    return {
        "id": f"{name}-{side}",
        "clauses": clauses,
        "note": note,
        "sides": [side],
        "line": data.hex(),
        "packets": packets,
        "dropped": dropped,
    }


def lines(side: str) -> list[Vector]:
    long = "01" * 1375 + "00"
    first = serial_frame(made(1, "ping" if side == "device" else "pong"))
    return [
        line("line-one", ["W-12"], "one packet", [1], side, 0),
        line("line-three", ["W-12"], "three packets", [1, 2, 3], side, 0),
        line("line-leading-zero", ["W-14"], "a write may begin with 0x00", ["00", 1, "0000", 2], side, 0),
        line(
            "line-empty-frames",
            ["W-13", "W-14"],
            "empty frames are nothing",
            ["00" * 50, 1, "00" * 50],
            side,
            0,
        ),
        line(
            "line-noise-before",
            ["W-13"],
            "a receiver that starts in the middle",
            [first[9:].hex(), 1],
            side,
            1,
        ),
        line("line-noise-between", ["W-13"], "noise costs itself only", [1, "0511223300", 2], side, 1),
        line(
            "line-stray-byte",
            ["W-13"],
            "a stray byte before a packet costs that packet",
            [1, "7f" + serial_frame(made(3)).hex(), 2],
            side,
            1,
        ),
        line(
            "line-text",
            ["W-13"],
            "boot messages of a chip",
            [b"rst:0x1 (POWERON_RESET)\r\n\0".hex(), 1],
            side,
            1,
        ),
        line("line-too-long", ["W-13"], "longer than the longest frame: dropped once", [1, long, 2], side, 1),
        line(
            "line-far-too-long",
            ["W-13"],
            "far longer: dropped once, and nothing grows",
            [1, "01" * 6000 + "00", 2],
            side,
            1,
        ),
        line(
            "line-cut-packet",
            ["W-13"],
            "the end of a packet is missing",
            [first[:-6].hex() + "00", 1],
            side,
            1,
        ),
        line(
            "line-bad-check",
            ["W-4", "W-13"],
            "decodes, but the check is wrong",
            [serial_frame(made(7)[:-1] + b"\x55").hex(), 1],
            side,
            1,
        ),
        line(
            "line-short",
            ["W-4"],
            "decodes, but is shorter than header and check",
            [serial_frame(bytes(19)).hex(), 1],
            side,
            1,
        ),
    ]


def pauses() -> list[Vector]:
    """Only a device drops an unfinished frame after a pause: `steps` are bytes, or a pause in ms."""
    whole = serial_frame(made(1)).hex()
    half = len(whole) // 4 * 2
    return [
        {
            "id": "pause-drops-unfinished",
            "clauses": ["W-33"],
            "note": "the half before the pause does not spoil the packet after it",
            "sides": ["device"],
            "steps": [whole[:half], 260, whole],
            "packets": [made(1).hex()],
            "dropped": 1,
            "repl": False,
        },
        {
            "id": "pause-too-short",
            "clauses": ["W-33"],
            "note": "bytes that dawdle are still one packet",
            "sides": ["device"],
            "steps": [whole[:half], 100, whole[half:]],
            "packets": [made(1).hex()],
            "dropped": 0,
            "repl": False,
        },
        {
            "id": "repl-after-zero",
            "clauses": ["W-33"],
            "note": "CR and Ctrl-C after a 0x00",
            "sides": ["device"],
            "steps": [whole + "0d03"],
            "packets": [made(1).hex()],
            "dropped": 0,
            "repl": True,
            "left": "",
        },
        {
            "id": "repl-leaves-the-rest",
            "clauses": ["W-33"],
            "note": "what mpremote sends at once behind it is left for the REPL",
            "sides": ["device"],
            "steps": ["000d030d01"],
            "packets": [],
            "dropped": 0,
            "repl": True,
            "left": "0d01",
        },
        {
            "id": "repl-after-pause",
            "clauses": ["W-33"],
            "note": "after a pause, no 0x00 is needed",
            "sides": ["device"],
            "steps": [whole[:half], 260, "0d03"],
            "packets": [],
            "dropped": 1,
            "repl": True,
            "left": "",
        },
        {
            "id": "repl-first-bytes",
            "clauses": ["W-33"],
            "note": "the first bytes after opening come after a long silence",
            "sides": ["device"],
            "steps": [260, "0d03"],
            "packets": [],
            "dropped": 0,
            "repl": True,
            "left": "",
        },
        {
            "id": "repl-split",
            "clauses": ["W-33"],
            "note": "the two bytes may come apart, but not by a pause",
            "sides": ["device"],
            "steps": ["00", "0d", 20, "03"],
            "packets": [],
            "dropped": 0,
            "repl": True,
            "left": "",
        },
        {
            "id": "repl-not-inside",
            "clauses": ["W-33"],
            "note": "0D 03 inside a frame is data",
            "sides": ["device"],
            "steps": ["00020d0300", whole],
            "packets": [made(1).hex()],
            "dropped": 1,
            "repl": False,
        },
    ]


def vectors() -> list[Vector]:
    return cobs_vectors() + lines("host") + lines("device") + pauses()
