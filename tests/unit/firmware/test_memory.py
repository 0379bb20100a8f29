"""The firmware fits beside its ring: as it is built on serial line and Wi-Fi, as it is on a serial line.

It runs with the ESP32's own board file, on 32 bits. What stays of the heap is told by the interpreter, not
reckoned. On the chip 54 KB are left beside a ring of 67,584 bytes, I2S and Wi-Fi, which a heap of 120K holds
with the ring in it; without Wi-Fi that is 164K, less what a longer I2S buffer takes. The script that plays
hardware and host takes some of it too, and so do paths that are longer than on a board: so much more is the
heap here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from mpy import DEVICE, FIRMWARE, run_mpy

from ossicle.proto import _wire as wire
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, encode

RING_BYTES = 67584
RING_BESIDE_WIFI_BYTES = 53248
PACKETS = 300
WIFI = {"ssid": "kitchen", "host": "10.0.0.1", "plain": True}
KEY = {"key": "5a" * 32}
HELLO = b'{"ossicle": 1, "challenge": "%s"}' % (b"5a" * 16)  # such a host makes the device derive keys


class Run(NamedTuple):
    before: int
    """Bytes of the heap that the script holds before the firmware is there."""
    streams: list[tuple[int, int]]
    """(channels, bytes free) of each stream."""


def frame(kind: wire.Kind, payload: bytes) -> bytes:
    return SerialFraming().wrap(encode(Packet(kind, payload=payload)))


def start(channels: int, codec: wire.Codec) -> bytes:
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
    return fields.pack()


def said(network: bool, starts: list[bytes]) -> list[str]:
    """What the host says, one after the other, in hex."""
    if network:
        packets = [Packet(wire.Kind.HELLO, payload=HELLO)]
        packets += [Packet(wire.Kind.START, payload=fields) for fields in starts]
        return [encode(packet).hex() for packet in packets]
    faster = frame(wire.Kind.SET, wire.SetFields(token=1, key=wire.Key.BAUD, value=921600).pack())
    frames = [frame(wire.Kind.HELLO, HELLO) + faster, *(frame(wire.Kind.START, each) for each in starts)]
    return [(b"\0" + each).hex() for each in frames]


def stream(
    where: Path,
    heapsize: str,
    *channels: int,
    codec: wire.Codec = wire.Codec.PCM16,
    ring: int = RING_BYTES,
    **config: object,
) -> Run:
    """One stream for each number of channels; fails where the firmware does not come that far."""
    words = said("link" in config, [start(each, codec) for each in channels])
    done = run_mpy(
        DEVICE / "memory_run.py", str(PACKETS), json.dumps(config), *words, heapsize=heapsize, firmware=where
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("= ")]
    assert lines[-1] == ["ring", str(ring)], done.stdout  # whole, and the way back to the REPL is there
    # One channel has windows of 1,024 bytes, two have 1,344: so a stream that was refused is seen.
    streams = [(1 if int(line[1]) < 1200 else 2, int(line[2])) for line in lines if line[0] == "stream"]
    assert [n for n, _ in streams] == list(channels), done.stdout
    return Run(int(lines[0][1]), streams)


@pytest.mark.parametrize("codec", [wire.Codec.PCM16, wire.Codec.ADPCM])
@pytest.mark.parametrize("link", ["udp", "ws"])
def test_built_it_fits_beside_wifi_with_a_key(built: Path, link: str, codec: wire.Codec) -> None:
    """The default ring is a smaller one there. Two channels have longer buffers."""
    ring = RING_BESIDE_WIFI_BYTES
    run = stream(built, "130K", 1, 2, 1, codec=codec, ring=ring, link=link, **WIFI, **KEY)
    assert run.before > 8 * 1024
    assert min(free for _, free in run.streams) > 4 * 1024


def test_a_ring_of_the_configuration_is_taken(built: Path) -> None:
    stream(built, "164K", 1, ring=RING_BYTES, link="udp", ring_samples=RING_BYTES // 2, **WIFI)


def test_built_it_fits_on_a_serial_line(built: Path) -> None:
    """Sealed or not; beside an I2S buffer of 40,960 bytes."""
    for key in ({}, KEY):
        run = stream(built, "144K", 1, 2, 1, **key)
        assert min(free for _, free in run.streams) > 8 * 1024


def test_the_sources_fit_without_wifi() -> None:
    """Compiling them needs memory for a moment; it must have been enough, and be free again."""
    run = stream(FIRMWARE, "164K", 1, 2)
    assert min(free for _, free in run.streams) > 16 * 1024


@pytest.mark.parametrize("channels", [1, 2])
def test_what_adpcm_takes(built: Path, channels: int) -> None:
    """Its code, and a table with four bytes for each channel and hop, come out of what pcm16 leaves."""
    plain = stream(built, "164K", channels)
    coded = stream(built, "164K", channels, codec=wire.Codec.ADPCM)
    assert 0 < plain.streams[0][1] - coded.streams[0][1] < 2560
