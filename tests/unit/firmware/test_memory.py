"""The memory plan: what is free beside the ring while the firmware streams, as it is built.

It runs with the ESP32's own board file, on 32 bits, and what stays of the heap is told by the interpreter,
not reckoned. On the chip 54 KB are left beside a ring of 67,584 bytes, I2S and Wi-Fi, which a heap of 120K
holds with the ring in it; without Wi-Fi that is 164K, less what a longer I2S buffer takes. What stands in for
hardware takes some of it too, which it tells, and so much more is the heap here.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from mpy import DEVICE, FIRMWARE, command

from ossicle.proto import _wire as wire
from ossicle.proto.framing import DatagramFraming, Framing, SerialFraming
from ossicle.proto.packets import Packet, encode
from ossicle.proto.seal import Seal

RING_BYTES = 65536
RING_ALONE_BYTES = 67584
RING_BESIDE_WIFI_BYTES = 57344
PACKETS = 300
WIFI = {"ssid": "kitchen", "host": "10.0.0.1"}
KEY = {"key": "5a" * 32}
DEVICE_ID = "010203040506"
IMAGE = 704
"""Bytes of the heap that MicroPython itself holds: they are the chip's too."""


class Run(NamedTuple):
    streams: list[tuple[int, int]]
    """(channels, bytes free) of each stream."""
    ring: int
    """Its bytes."""


class MaskedFraming:
    """The device's frames of a WebSocket, one at a time; the host's likewise."""

    def feed(self, data: bytes) -> list[bytes]:
        at = 2 if data[1] & 127 < 126 else 4
        mask = data[at : at + 4]
        return [bytes(b ^ mask[i % 4] for i, b in enumerate(data[at + 4 :]))] if data[0] == 0x82 else []

    def wrap(self, packet: bytes) -> bytes:
        assert len(packet) < 126
        return bytes([0x82, len(packet)]) + packet


class Dialogue:
    """A host that opens streams of so many channels, one after the other; sealed where there is a key."""

    def __init__(self, link: str, sealed: bool, codec: wire.Codec, channels: tuple[int, ...]) -> None:
        framings = {"serial": SerialFraming, "udp": DatagramFraming, "ws": MaskedFraming}
        self._framing: Framing | MaskedFraming = framings[link]()
        self._serial = link == "serial"
        self._seal = Seal(lambda _: bytes.fromhex(KEY["key"]), "t", Random(5)) if sealed else None
        self._starts = [start(n, codec) for n in channels]
        self._begun = False

    def answer(self, asked: str) -> str:
        """To a line of memory_run.py."""
        if asked == "hello":
            return self._hello().hex()
        if asked == "next":
            return self._start().hex() if self._starts else "end"
        for data in self._framing.feed(bytes.fromhex(asked)):
            if not self._begun and self._agreed(data):
                self._begun = True
                return self._start().hex()
        return "-"

    def _hello(self) -> bytes:
        said = {"ossicle": wire.PROTOCOL_VERSION}
        if self._seal:
            self._seal.begin()
            said |= {"host": "t", "challenge": self._seal.challenge.hex()}
        packets = [Packet(wire.Kind.HELLO, payload=json.dumps(said, separators=(",", ":")).encode())]
        return self._said(*map(encode, packets))

    def _agreed(self, data: bytes) -> bool:
        if data[0] != wire.Kind.HELLO:
            return False
        return self._seal is None or self._seal.answer(json.loads(data[wire.HEADER_BYTES : -4]), 0.0) == ""

    def _start(self) -> bytes:
        packet = Packet(wire.Kind.START, payload=self._starts.pop(0))
        if self._seal is None:
            return self._said(encode(packet))
        sealed = self._seal.seal(packet._replace(sequence=len(packet.payload)))
        assert sealed is not None
        return self._said(sealed)

    def _said(self, *packets: bytes) -> bytes:
        lead = b"\0" if self._serial else b""
        return lead + b"".join(self._framing.wrap(packet) for packet in packets)


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


def stream(
    where: Path, kilobytes: int, *channels: int, codec: wire.Codec = wire.Codec.PCM16, **config: object
) -> Run:
    """One stream for each number of channels, on a heap of so many KB for the firmware.

    Fails where the firmware does not come that far. What the script holds before the firmware is there
    comes on top of the heap.
    """
    on_top = 9 * 1024
    while True:
        lines = converse(where, kilobytes * 1024 + on_top - IMAGE, codec, channels, config)
        before = int(lines[0][1])
        if abs(before - on_top) <= 256:
            break
        on_top = before
    assert lines[-1][0] == "ring", lines  # the way back to the REPL is there
    # One channel has windows of 1,024 bytes, two have 1,344: so a stream that was refused is seen.
    streams = [(1 if int(line[1]) < 1200 else 2, int(line[2])) for line in lines if line[0] == "stream"]
    assert [n for n, _ in streams] == list(channels), lines
    return Run(streams, int(lines[-1][1]))


def converse(
    where: Path, heap: int, codec: wire.Codec, channels: tuple[int, ...], config: dict[str, object]
) -> list[list[str]]:
    """What memory_run.py tells, each line as words."""
    host = Dialogue(str(config.get("link", "serial")), "key" in config, codec, channels)
    # The firmware's names for its files are as long as on a board.
    root, device = where.parent, DEVICE
    if where.name == "a":  # the stand-ins' names are as long wherever the sources lie
        root, device = root.parent, Path("device")
        (root / device).is_symlink() or (root / device).symlink_to(DEVICE)
    environment = {**os.environ, "MICROPYPATH": f"{where.relative_to(root)}:{device}:.frozen"}
    # By its name, not by its file: MicroPython keeps the whole path of that, which differs on each machine.
    script = ["-m", "memory_run", str(PACKETS), json.dumps({"watchdog_s": 0, **config})]
    told = []
    with subprocess.Popen(
        [*command(), "-X", f"heapsize={heap}", *script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=environment,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            if line.startswith("? "):
                process.stdin.write(host.answer(line[2:].strip()) + "\n")
                process.stdin.flush()
            elif line.startswith("= "):
                told.append(line.split()[1:])
        assert process.wait(20) == 0, process.stderr.read()
        assert process.stderr.read() == ""
    return told


def least(run: Run) -> int:
    return min(free for _, free in run.streams)


def test_the_plan_on_sealed_udp(built: Path) -> None:
    """A plain ESP32 with its default ring beside Wi-Fi has 27 KB left; with one of 65,536 bytes 20 KB."""
    run = stream(built, 120, 1, link="udp", **WIFI, **KEY)
    assert run.ring == RING_BESIDE_WIFI_BYTES
    assert least(run) >= 27 * 1024
    run = stream(built, 120, 1, link="udp", ring_samples=RING_BYTES // 2, **WIFI, **KEY)
    assert run.ring == RING_BYTES
    assert least(run) >= 20 * 1024


@pytest.mark.parametrize("codec", [wire.Codec.PCM16, wire.Codec.ADPCM])
@pytest.mark.parametrize(("link", "channels"), [("udp", (1, 2, 1)), ("ws", (1,)), ("ws", (2,))])
def test_two_channels_adpcm_and_ws_fit_with_a_key(
    built: Path, link: str, channels: tuple[int, ...], codec: wire.Codec
) -> None:
    """Two channels have longer buffers, a table of adpcm four bytes for each channel and hop."""
    run = stream(built, 120, *channels, codec=codec, link=link, **WIFI, **KEY)
    assert run.ring == RING_BESIDE_WIFI_BYTES
    assert least(run) >= 18 * 1024


def test_what_adpcm_and_a_key_take(built: Path) -> None:
    """Code and tables of the codec 2 KB; the seal 5 KB, of which AES of this MicroPython has one."""
    plain = least(stream(built, 120, 1, link="udp", plain=True, **WIFI))
    sealed = least(stream(built, 120, 1, link="udp", **WIFI, **KEY))
    adpcm = least(stream(built, 120, 1, codec=wire.Codec.ADPCM, link="udp", plain=True, **WIFI))
    assert 500 < plain - adpcm <= 2 * 1024
    assert 2 * 1024 < plain - sealed <= 5 * 1024


def test_it_fits_on_a_serial_line(built: Path) -> None:
    """Beside an I2S buffer of 40,960 bytes, where 144K are left; the whole ring."""
    for secret in ({}, KEY):  # adpcm is what the speed at first is enough for
        run = stream(built, 144, 1, codec=wire.Codec.ADPCM, **secret)
        assert run.ring == RING_ALONE_BYTES
        assert least(run) >= 33 * 1024


def test_the_sources_fit_without_wifi() -> None:
    """Compiling them needs memory for a moment; it must have been enough, and be free again."""
    run = stream(FIRMWARE, 164, 1, codec=wire.Codec.ADPCM)
    assert least(run) > 12 * 1024
