"""How many packets a second the device's loop makes.

Two figures. The loop alone: a MicroPython script drives the whole firmware, from the microphone's callback
over ring, session and sender to the bytes of a serial frame, with nothing to wait for: a full buffer is
always there, the port takes every byte, and a scripted host acknowledges and pings as a real one does. The
emulated board flat out: the same firmware with its emulated I2S, and a host that hears it over a
pseudo-terminal and holds it back where it must; both processes and the waiting count.

What left the port is decoded and compared with what the microphone delivered.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import soundfile

import ossicle
from ossicle.demo import asset
from ossicle.errors import LinkError
from ossicle.micropython import MicroPythonMissing
from ossicle.proto._wire import DEVICE_KINDS, Kind
from ossicle.proto.events import Audio, Frames
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import decode

from . import mpy
from .figures import Column, Effort, Row, Table, Value
from .source import RATE, BenchmarkError

SCRIPT = "loop_times.py"
HOP = 512
ALONE = "the loop alone"
BOARD = "the emulated board, flat out"
_KEPT = 4  # chunks that the script tells, before its rounds and after
_BUFFER, _BUFFERS = 256, 128  # as in the script


def run(effort: Effort) -> Table:
    """The table."""
    chunks, rounds = effort.pick(1000, 200), effort.pick(20, 3)
    effort.say(f"loop: {rounds} rounds of {chunks} packets, then the emulated board")
    rows: list[Row] = []
    notes: list[str] = []
    try:
        told, notes = mpy.run(SCRIPT, str(chunks), str(rounds), say=effort.say)
        check(told, chunks, rounds)
        rows.append(_row(ALONE, [each["packets"] * 1e6 / each["us"] for each in told if "us" in each]))
        rows.append(_row(BOARD, [board() for _ in range(effort.pick(3, 1))]))
    except (MicroPythonMissing, LinkError) as missing:
        notes.append(f"Not measured: {missing}.")
    return Table(
        name="loop",
        title="Packets that the device's loop makes",
        columns=(
            Column("packets_s", "packets", "1/s", 0),
            Column("times", "of real time", "×", 0),
        ),
        rows=tuple(rows),
        notes=(
            f"Packets of {HOP} frames; real time: 16 kHz mono. The median round.",
            f"{ALONE}: driven by a script on MicroPython, with a microphone, a port and a host that never "
            f"keep it waiting. {BOARD}: with its host over a pseudo-terminal, by the wall clock.",
            *notes,
        ),
    )


def check(told: Sequence[dict[str, Any]], chunks: int, rounds: int) -> None:
    """Raises BenchmarkError unless each round sent what it should, and what was kept was delivered so."""
    sent = [each["packets"] for each in told if "us" in each]
    if sent != [chunks] * rounds or any(each.get("resent") for each in told):
        raise BenchmarkError(f"the loop sent {sent} packets in rounds of {chunks}")
    kept = [each["kept"] for each in told if "kept" in each]
    firsts = (0, _KEPT + chunks * rounds)
    if len(kept) != len(firsts):
        raise BenchmarkError("the loop did not tell what it sent")
    for text, first in zip(kept, firsts, strict=True):
        heard = [decode(raw, DEVICE_KINDS) for raw in SerialFraming().feed(unhexlify(text))]
        audio = [packet for packet in heard if packet.kind == Kind.AUDIO]
        if [packet.sequence for packet in audio] != list(range(first, first + _KEPT)):
            raise BenchmarkError(f"the loop sent other chunks than {first} to {first + _KEPT - 1}")
        for packet in audio:
            if not np.array_equal(np.frombuffer(packet.payload, "<i2"), delivered(packet.sequence)):
                raise BenchmarkError(f"chunk {packet.sequence} is not what the microphone delivered")


def delivered(sequence: int) -> Frames:
    """What the script's microphone delivers at a sequence."""
    position = np.arange(sequence * HOP, (sequence + 1) * HOP)
    number = position // _BUFFER % _BUFFERS
    return ((position % _BUFFER * 97 + number) & 0x7FFF).astype(np.int16)


def board() -> float:
    """Packets a second of a whole stream. Raises LinkError where there is no emulated board."""
    played, _ = soundfile.read(asset(), dtype="int16")
    with ossicle.open(f"emulator:{asset()}?speed=max", rate=RATE, hop=HOP) as microphone:
        began = perf_counter()
        heard = [event.frames for event in microphone.events() if isinstance(event, Audio)]
        took_s = perf_counter() - began
    if not np.array_equal(np.concatenate(heard), played):
        raise BenchmarkError("what was heard from the emulated board was not played")
    return len(played) / HOP / took_s


def _row(name: str, packets_s: Sequence[float]) -> Row:
    middle = median(packets_s)
    values: dict[str, Value] = {"packets_s": middle, "times": middle * HOP / RATE}
    return Row(name, values)
