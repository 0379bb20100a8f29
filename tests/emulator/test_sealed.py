"""A sealed stream through somebody who hears all, keeps all, and sends what he likes from both addresses."""

from __future__ import annotations

import json
import select
import socket
from pathlib import Path
from random import Random
from threading import Thread

import numpy as np
import soundfile

import ossicle
from ossicle.emulator import Emulator
from ossicle.proto import _wire as wire
from ossicle.proto.packets import Packet, encode

KEY = bytes(range(32))


class Attacker(Thread):
    """Between a board and its host: each datagram goes on as it is, and often something behind it."""

    def __init__(self, host_port: int) -> None:
        super().__init__(daemon=True)
        self.dice = Random(51)
        self.board: tuple[str, int] | None = None
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect(("127.0.0.1", host_port))
        self.kept: dict[bool, list[bytes]] = {True: [], False: []}  # by whether it goes to the host
        self.sent = 0
        self.over = False

    @property
    def port(self) -> int:
        return int(self.front.getsockname()[1])

    def run(self) -> None:
        while not self.over:
            for ready in select.select([self.front, self.back], [], [], 0.05)[0]:
                try:
                    data, address = ready.recvfrom(2048)
                except OSError:
                    continue
                if ready is self.front:
                    self.board = address
                self.carry(data, to_host=ready is self.front)

    def carry(self, data: bytes, to_host: bool) -> None:
        kept = self.kept[to_host]
        kept.append(data)
        self.send(data, to_host)
        if self.dice.random() < 0.5:
            self.sent += 1
            self.send(self.forged(data, to_host), to_host)

    def forged(self, data: bytes, to_host: bool) -> bytes:
        way = self.dice.randrange(5)
        if way == 0:
            return self.dice.choice(self.kept[to_host])
        if way == 1:
            at = self.dice.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << self.dice.randrange(8)]) + data[at + 1 :]
        if way == 2:
            return self.dice.randbytes(self.dice.randrange(1, 1400))
        session = int.from_bytes(data[2:4], "little")
        if way == 3:
            said = {
                "ossicle": 1,
                "device": "x",
                "host": "ossicle",
                "challenge": self.dice.randbytes(16).hex(),
            }
            return encode(Packet(wire.Kind.HELLO, payload=json.dumps(said).encode()))
        kind = wire.Kind.PONG if to_host else wire.Kind.STOP
        return encode(Packet(kind, 0, session, 0, 0, 0, bytes(16) if to_host else b""))

    def send(self, data: bytes, to_host: bool) -> None:
        try:
            if to_host:
                self.back.send(data)
            elif self.board is not None:
                self.front.sendto(data, self.board)
        except OSError:  # nobody listens yet
            pass

    def close(self) -> None:
        self.over = True
        self.join(5)
        self.front.close()
        self.back.close()


def test_who_sits_between_changes_nothing(speech: Path) -> None:
    played, rate = soundfile.read(speech, dtype="int16")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    attacker = Attacker(port)
    attacker.start()
    try:
        with Emulator(speech, link="udp", host_port=attacker.port, key=KEY, speed="max") as emulator:
            keys = {emulator.device: KEY}
            with ossicle.open(f"udp://127.0.0.1:{port}", keys=keys, rate=rate, timeout=20) as mic:
                blocks = list(mic.blocks(4096))
                stats = mic.stats
    finally:
        attacker.close()
    assert [gap for block in blocks for gap in block.gaps] == []
    assert np.array_equal(np.concatenate([block.data for block in blocks]), played)
    assert attacker.sent > 200
    assert stats.link.refused["tag"] > 5
    assert stats.link.refused["replay"] > 5
    assert stats.link.refused["unsealed"] > 5
    heard = b"".join(attacker.kept[True] + attacker.kept[False])
    for at in range(0, len(played) - 64, len(played) // 50):
        if np.any(played[at : at + 64]):
            assert played[at : at + 64].tobytes() not in heard
