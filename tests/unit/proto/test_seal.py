"""Keys, windows and the handshake of the host; what the transcripts of session.json do not show."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from random import Random

import oracle
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from oracle.packet import pack_layout

from ossicle.errors import KeyMissingError, PacketError
from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto.framing import DatagramFraming
from ossicle.proto.handshake import State
from ossicle.proto.packets import Packet, decode, encode
from ossicle.proto.receiver import Receiver
from ossicle.proto.seal import WAIT, Keys, Seal, derive, nonce
from ossicle.proto.stream import Stream

PSK = bytes(range(50, 82))
DEVICE = "kitchen"


def sealed_by_device(
    key: bytes, number: int, kind: int = wire.Kind.PONG, payload: bytes = bytes(16)
) -> bytes:
    head = wire.HEADER_STRUCT.pack(kind, wire.Flag.SEALED, 1, 0, 0, number)
    return head + AESCCM(key, tag_length=8).encrypt(nonce(1, head[12:]), payload, head)


class TestWindow:
    key = bytes(range(16))

    def takes(self, keys: Keys, number: int) -> bool:
        try:
            keys.open(sealed_by_device(self.key, number))
        except PacketError as error:
            return error.reason != "replay"
        return True

    def test_each_number_once_within_the_window(self) -> None:
        keys = Keys(bytes(16), self.key)
        assert self.takes(keys, 100)
        assert not self.takes(keys, 100)
        assert self.takes(keys, 100 - wire.REPLAY_WINDOW + 1)
        assert not self.takes(keys, 100 - wire.REPLAY_WINDOW)
        assert self.takes(keys, 99)
        assert not self.takes(keys, 99)
        assert self.takes(keys, 5000)
        assert not self.takes(keys, 5000 - wire.REPLAY_WINDOW)
        assert self.takes(keys, 5000 - wire.REPLAY_WINDOW + 1)

    def test_it_is_what_a_set_of_numbers_says(self) -> None:
        dice = random.Random(47)
        keys = Keys(bytes(16), self.key)
        seen: set[int] = set()
        top = -1
        for _ in range(3000):
            number = max(0, top + dice.choice((-70, -64, -63, -2, -1, 0, 1, 2, 63, 64, 65)))
            fresh = number not in seen and number > top - wire.REPLAY_WINDOW
            assert self.takes(keys, number) == fresh
            if fresh:
                seen.add(number)
                top = max(top, number)

    def test_what_does_not_open_moves_nothing(self) -> None:
        keys = Keys(bytes(16), self.key)
        with pytest.raises(PacketError) as caught:
            keys.open(sealed_by_device(bytes(16), 1 << 29))
        assert caught.value.reason == "tag"
        assert self.takes(keys, 0)


class TestHandshake:
    def seal(self, psk: bytes | None = PSK) -> Seal:
        made = Seal(lambda device: psk if device == DEVICE else None, "laptop", Random(3))
        made.begin()
        return made

    def hello(self, seal: Seal, theirs: bytes = bytes(16), psk: bytes = PSK) -> dict[str, object]:
        proof = derive(psk, 2, (seal.challenge, theirs), ("laptop", DEVICE))
        return {"ossicle": 1, "device": DEVICE, "challenge": theirs.hex(), "proof": proof.hex()}

    def test_one_pair_of_keys_for_a_challenge(self) -> None:
        seal = self.seal()
        assert seal.answer(self.hello(seal), 0.0) == ""
        first = seal.keys
        assert seal.answer(self.hello(seal, bytes(range(16))), 1.0) == WAIT
        assert seal.keys is first
        before = seal.challenge
        seal.begin()
        assert seal.challenge != before
        assert seal.keys is first, "keys in force outlive the next HELLO"
        assert seal.answer(self.hello(seal), 2.0) == ""
        assert seal.keys is not first

    def test_no_challenge_comes_twice(self) -> None:
        seal = self.seal()
        challenges = set()
        for _ in range(100):
            seal.begin()
            challenges.add(seal.challenge)
        assert len(challenges) == 100
        assert all(len(each) == wire.CHALLENGE_BYTES for each in challenges)

    @pytest.mark.parametrize(
        "change",
        [
            {"device": "other"},
            {"device": 5},
            {"device": "x" * 300},
            {"device": "\ud800"},
            {"challenge": None},
            {"challenge": "00"},
            {"challenge": "zz" * 16},
            {"challenge": ["00"]},
            {"proof": None},
            {"proof": "00" * 15},
            {"proof": "00" * 16},
            {"proof": 0},
        ],
        ids=str,
    )
    def test_what_makes_no_keys(self, change: dict[str, object]) -> None:
        seal = self.seal()
        assert seal.answer({**self.hello(seal), **change}, 0.0) == WAIT
        assert seal.keys is None
        assert seal.answer(self.hello(seal), 0.5) == ""

    def test_why_not_is_told_when_it_stays_so(self) -> None:
        for psk, change, why in (
            (PSK, {"proof": "00" * 16}, "wrong"),
            (PSK, {"challenge": None}, "device"),
            (None, {}, "host"),
        ):
            seal = self.seal(psk)
            said = {**self.hello(seal), **change}
            assert seal.answer(said, 10.0) == WAIT
            assert seal.answer(said, 10.0 + wire.UNPROVED_MS / 1000 - 0.01) == WAIT
            assert seal.answer(said, 10.0 + wire.UNPROVED_MS / 1000) == why
            assert DEVICE in str(KeyMissingError(DEVICE, why))
            seal.begin()
            assert seal.answer(said, 90.0) == WAIT, "another HELLO, another patience"

    def test_an_unasked_hello_is_no_reason_to_fail(self) -> None:
        seal = self.seal()
        said = {**self.hello(seal), "proof": None}
        assert [seal.answer(said, now) for now in (0.0, 5.0, 50.0)] == [WAIT] * 3

    def test_a_name_has_a_length(self) -> None:
        with pytest.raises(ValueError, match="255"):
            Seal(lambda _: PSK, "x" * 256, Random(1))


@dataclass
class Board:
    """A device that seals, by the oracle, on datagrams."""

    psk: bytes = PSK
    session: int = 77
    stream_id: bytes = b"\x01" * 8
    challenge: bytes = bytes(range(16, 32))
    keys: tuple[bytes, bytes] | None = None
    number: int = 0
    mute: bool = False
    """START is heard, and not answered."""
    heard: list[Packet] = field(default_factory=list)
    nonces: set[tuple[bytes, int]] = field(default_factory=set)

    def hear(self, data: bytes) -> list[bytes]:
        if not data[1] & wire.Flag.SEALED:
            packet = decode(data, wire.HOST_KINDS)
            assert packet.kind == wire.Kind.HELLO, "only HELLO goes unsealed"
            self.heard.append(packet)
            return [self.hello(packet)]
        assert self.keys is not None
        payload = oracle.open_sealed(self.keys[0], 0, data)
        if payload is None:
            return []
        number = int.from_bytes(data[12:16], "little")
        assert (self.keys[0], number) not in self.nonces, "a nonce came twice"
        self.nonces.add((self.keys[0], number))
        self.heard.append(Packet(data[0], 0, 0, 0, 0, number, payload))
        if data[0] != wire.Kind.START or self.mute:
            return []
        return [self.seal(wire.Kind.STARTED, self.started(wire.StartFields.unpack(payload)))]

    def hello(self, asked: Packet) -> bytes:
        theirs = bytes.fromhex(json.loads(asked.payload)["challenge"])
        pair, names = (theirs, self.challenge), ("ossicle", DEVICE)
        made = [oracle.derive_key(self.psk, purpose, pair, names) for purpose in range(3)]
        if self.keys != (made[0], made[1]):
            self.keys = (made[0], made[1])
            self.number = 0
        said = {"ossicle": 1, "device": DEVICE, "challenge": self.challenge.hex(), "proof": made[2].hex()}
        text = json.dumps(said)
        return encode(Packet(wire.Kind.HELLO, payload=text.encode()))

    def started(self, asked: wire.StartFields) -> bytes:
        same = ("token", "rate", "hop", "overlap", "mode", "codec", "channels", "gain")
        fields = {name: getattr(asked, name) for name in same}
        fields |= {"ring_frames": 32768, "stream_id": self.stream_id.hex(), "oldest": 0, "next": 0}
        return pack_layout("started", fields)

    def seal(self, kind: int, payload: bytes, sequence: int = 0, flags: int = 0) -> bytes:
        assert self.keys is not None
        head = wire.HEADER_STRUCT.pack(kind, flags | wire.Flag.SEALED, self.session, sequence, 0, self.number)
        self.number += 1
        return head + AESCCM(self.keys[1], tag_length=8).encrypt(nonce(1, head[12:]), payload, head)

    def audio(self, sequence: int) -> bytes:
        return self.seal(wire.Kind.AUDIO, bytes(1024), sequence)


class Air:
    """A receiver and a board with nothing between them."""

    def __init__(self) -> None:
        self.board = Board()
        self.now = 50.0
        self.told: list[ev.Event] = []
        self.receiver = Receiver(
            framing=DatagramFraming(), baud=None, random=Random(5), keys=lambda device: PSK
        )

    def turn(self, seconds: float = 0.0, answer: bool = True) -> None:
        self.now += seconds
        self.receiver.tick(self.now)
        self.collect(answer)

    def collect(self, answer: bool = True) -> None:
        out = self.receiver.to_send()
        while out:
            replies = [reply for data in out for reply in self.board.hear(data)]
            for reply in replies if answer else ():
                self.receiver.receive(reply, self.now)
            self.told += self.receiver.events()
            out = self.receiver.to_send()

    def hear(self, data: bytes) -> bool:
        believed = self.receiver.receive(data, self.now)
        self.told += self.receiver.events()
        return believed

    def start(self) -> Stream:
        while self.receiver.state is not State.STREAMING:
            self.turn(0.05)
            assert self.now < 60
        assert self.receiver.stream is not None
        return self.receiver.stream


def test_hello_goes_before_each_start() -> None:
    air = Air()
    air.board.mute = True
    for _ in range(30):
        air.turn(0.05)
    kinds = [packet.kind for packet in air.board.heard]
    starts = kinds.count(wire.Kind.START)
    assert starts > 8
    assert kinds == [wire.Kind.HELLO] + [wire.Kind.HELLO, wire.Kind.START] * starts


def test_a_flood_of_forged_packets_disturbs_nothing() -> None:
    air = Air()
    air.start()
    dice = random.Random(9)
    believed = 0
    for sequence in range(200):
        for _ in range(50):
            size = dice.choice((1, 16, 24, 40, 1048, 1368, 1500))
            data = bytearray(dice.randbytes(size))
            if size > 16:
                data[:4] = bytes([3, 32]) + air.board.session.to_bytes(2, "little")
                data[12:16] = dice.randrange(1 << 30).to_bytes(4, "little")
            believed += air.hear(bytes(data))
        assert air.hear(air.board.audio(sequence))
    assert believed == 0
    frames = sum(len(each.frames) for each in air.told if isinstance(each, ev.Audio))
    assert frames == 200 * 512
    assert not [each for each in air.told if isinstance(each, ev.Gap)]
    refused = air.receiver.stats().refused
    assert sum(refused.values()) + air.receiver.stats().frames_undecodable == 200 * 50
    assert refused["tag"] > 1000


def test_a_hello_in_a_sealed_session_is_not_a_sign_of_life() -> None:
    air = Air()
    air.start()
    hello = air.board.hello(Packet(wire.Kind.HELLO, payload=b'{"challenge":"' + b"00" * 16 + b'"}'))
    in_session = bytearray(hello)
    in_session[2:4] = air.board.session.to_bytes(2, "little")
    in_session[-4:] = oracle.crc32(bytes(in_session[:-4])).to_bytes(4, "little")
    for _ in range(15):
        air.turn(0.1, answer=False)
        assert not air.hear(hello)
        assert not air.hear(bytes(in_session))
    assert air.receiver.state is State.STREAMING
    for _ in range(8):
        air.turn(0.1, answer=False)
        air.hear(hello)
    assert any(isinstance(each, ev.Silent) for each in air.told)


def test_numbers_that_are_used_up_bring_new_keys() -> None:
    air = Air()
    air.start()
    assert air.receiver._seal is not None
    before = air.receiver._seal.keys
    assert before is not None
    before.number = wire.SESSION_RENEW_NUMBER
    air.turn(0.5)
    assert air.receiver.state is not State.FAILED
    air.start()
    after = air.receiver._seal.keys
    assert after is not None
    assert after is not before
    assert after.number < 10
    assert [each.resumed for each in air.told if isinstance(each, ev.Started)] == [False, True]


def test_lost_transmissions_are_counted_over_new_keys() -> None:
    air = Air()
    air.start()
    for sequence in range(100):
        air.hear(air.board.audio(sequence))
    air.receiver.lost(air.now)
    air.start()
    for sequence in range(100, 110):
        air.hear(air.board.audio(sequence))
    assert air.receiver.counters.lost_transmissions == 0
    air.board.number += 7
    air.hear(air.board.audio(110))
    assert air.receiver.counters.lost_transmissions == 7


def test_no_key_is_shown() -> None:
    air = Air()
    air.start()
    seal = air.receiver._seal
    keys = air.board.keys
    assert keys is not None
    shown = [repr(seal), str(seal), repr(seal.keys if seal else None), repr(air.receiver), repr(air.told)]
    for secret in (PSK, *keys):
        for text in shown:
            assert secret.hex() not in text.lower()
            assert repr(secret)[2:-1] not in text


def test_a_copy_of_the_keys_would_repeat_numbers() -> None:
    """Why a Seal belongs to one receiver: the oracle board above would notice."""
    air = Air()
    air.start()
    assert air.receiver._seal is not None
    twin = copy.copy(air.receiver._seal.keys)
    assert twin is not None
    first = twin.seal(Packet(wire.Kind.PING, payload=bytes(8)))
    air.board.hear(first)
    with pytest.raises(AssertionError, match="nonce"):
        air.board.hear(first)
