"""The firmware fits beside its ring of 67,584 bytes: with Wi-Fi as it is built, without Wi-Fi also as it is.

It runs with the ESP32's own board file, on 32 bits. What stays of the heap is told by the interpreter, not
reckoned. On the chip 54 KB are left beside the ring, I2S and Wi-Fi, which a heap of 120K holds with the ring
in it; without Wi-Fi that is 164K. The script that plays hardware and host takes some of it too.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy

from ossicle.proto import _wire as wire
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, encode

RING_BYTES = 67584
PACKETS = 300


class Run(NamedTuple):
    before: int
    """Bytes of the heap that the script holds before the firmware is there."""
    streams: list[tuple[int, int]]
    """(channels, bytes free) of each stream."""


def frame(kind: wire.Kind, payload: bytes) -> bytes:
    return SerialFraming().wrap(encode(Packet(kind, payload=payload)))


def start(channels: int, codec: wire.Codec = wire.Codec.PCM16) -> str:
    hop = wire.DEFAULT_HOP if channels == 1 else wire.PAYLOAD_MAX_BYTES // 4
    if codec is wire.Codec.ADPCM:
        hop = 4 * hop - 16  # packets are as long
    fields = wire.StartFields(
        token=channels,
        mode=wire.Mode.LOSSLESS,
        codec=codec,
        channels=channels,
        start_flags=0,
        rate=16000,
        hop=hop,
        overlap=0,
        gain=wire.DEFAULT_GAIN,
        stream_id=bytes(8),
        sequence=0,
    )
    return (b"\0" + frame(wire.Kind.START, fields.pack())).hex()


def stream(where: Path, heapsize: str, *channels: int, codec: wire.Codec = wire.Codec.PCM16) -> Run:
    """One stream for each number of channels; fails where the firmware does not come that far."""
    hello = frame(wire.Kind.HELLO, b'{"ossicle": 1}')
    faster = frame(wire.Kind.SET, wire.SetFields(token=1, key=wire.Key.BAUD, value=921600).pack())
    said = [(b"\0" + hello + faster).hex(), *(start(each, codec) for each in channels)]
    done = run_mpy(DEVICE / "memory_run.py", str(PACKETS), *said, heapsize=heapsize, firmware=where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("= ")]
    assert lines[-1] == ["ring", str(RING_BYTES)], done.stdout  # whole, and the way back to the REPL is there
    # One channel has windows of 1,024 bytes, two have 1,344: so a stream that was refused is seen.
    streams = [(1 if int(line[1]) < 1200 else 2, int(line[2])) for line in lines if line[0] == "stream"]
    assert [n for n, _ in streams] == list(channels), done.stdout
    return Run(int(lines[0][1]), streams)


def test_built_it_fits_beside_wifi(built: Path) -> None:
    run = stream(built, "120K", 1)
    assert run.streams[0][1] > 2560


def test_built_it_fits_with_two_channels(built: Path) -> None:
    """The microphone's buffers are twice as long; here the script has its own room."""
    run = stream(built, "123K", 1, 2, 1)
    assert run.before > 3072
    assert min(free for _, free in run.streams) > 3072


def test_the_sources_fit_without_wifi() -> None:
    """Compiling them needs memory for a moment; it must have been enough, and be free again."""
    run = stream(FIRMWARE, "164K", 1, 2)
    assert min(free for _, free in run.streams) > 28 * 1024


@pytest.mark.parametrize("channels", [1, 2])
def test_what_adpcm_takes(built: Path, channels: int) -> None:
    """Its code, and a table with four bytes for each channel and hop, come out of what pcm16 leaves."""
    plain = stream(built, "164K", channels)
    coded = stream(built, "164K", channels, codec=wire.Codec.ADPCM)
    assert 0 < plain.streams[0][1] - coded.streams[0][1] < 2560
