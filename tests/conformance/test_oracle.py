"""The oracle against published vectors and the standard library: who checks the checker."""

from __future__ import annotations

import ast
import math
import random
import zlib

import oracle
import pytest
from oracle import adpcm
from oracle.sealed import aes, cbc_mac, counter_mode, stream_block, xor
from subjects import ROOT, vectors


def test_crc32() -> None:
    assert oracle.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32 in every catalogue
    data = random.Random(1).randbytes(2000)
    assert oracle.crc32(data) == zlib.crc32(data)


@pytest.mark.parametrize(
    ("data", "encoded"),
    [  # Cheshire and Baker's rules, worked by hand
        ("00", "0101"),
        ("0000", "010101"),
        ("00110000", "0102110101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
    ],
)
def test_cobs(data: str, encoded: str) -> None:
    assert oracle.cobs_encode(bytes.fromhex(data)).hex() == encoded
    assert oracle.cobs_decode(bytes.fromhex(encoded)) == bytes.fromhex(data)


def test_cobs_round_trip() -> None:
    dice = random.Random(2)
    for _ in range(300):
        data = bytes(dice.choice((0, dice.randrange(256), 255)) for _ in range(dice.randrange(800)))
        encoded = oracle.cobs_encode(data)
        assert 0 not in encoded
        assert oracle.cobs_decode(encoded) == data


def test_aes() -> None:
    """FIPS 197, appendices B and C.1."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert (
        aes(key, bytes.fromhex("3243f6a8885a308d313198a2e0370734")).hex()
        == "3925841d02dc09fbdc118597196a0b32"
    )
    key = bytes(range(16))
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes(key, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


def test_ccm() -> None:
    """RFC 3610, packet vector 1: M = 8, L = 2, as sealed packets have it."""
    key = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    once = bytes.fromhex("00000003020100a0a1a2a3a4a5")
    packet = bytes(range(0x1F))
    header, payload = packet[:8], packet[8:]
    tag = xor(cbc_mac(key, once, header, payload), stream_block(key, once, 0))[:8]
    sealed = header + counter_mode(key, once, payload) + tag
    wanted = "0001020304050607588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"
    assert sealed.hex() == wanted


def test_sealed_round_trip() -> None:
    key = oracle.derive_key(b"secret", 1, (bytes(16), bytes(range(16))), ("host", "device"))
    assert len(key) == 16
    assert key != oracle.derive_key(b"secret", 0, (bytes(16), bytes(range(16))), ("host", "device"))
    header = bytes(range(16))
    packet = oracle.seal(key, 1, header, b"payload")
    assert oracle.open_sealed(key, 1, packet) == b"payload"
    for at in range(len(packet)):
        bad = bytearray(packet)
        bad[at] ^= 1
        assert oracle.open_sealed(key, 1, bytes(bad)) is None, f"byte {at} is not covered"


def test_sealed_vectors_open() -> None:
    for vector in vectors("sealed"):
        if "packet" not in vector:
            continue
        opened = oracle.open_sealed(
            bytes.fromhex(vector["key"]), vector["direction"], bytes.fromhex(vector["packet"])
        )
        assert opened == bytes.fromhex(vector["payload"]), vector["id"]


def test_adpcm_follows_its_input() -> None:
    """A coder that is right comes close to a tone; CPython's former audioop gave the same nibbles."""
    samples = [round(9000 * math.sin(i * 0.05)) for i in range(3000)]
    nibbles, before = adpcm.encode_stream(samples, 1)
    decoded = adpcm.decode_payload(adpcm.chunk_payload(nibbles, before, 1, 0, 3000), 1)
    noise = sum((a - b) ** 2 for a, b in zip(samples[100:], decoded[100:], strict=True))
    assert noise < sum(a * a for a in samples[100:]) / 1000
    assert nibbles[:12] == [0, 7, 7, 7, 7, 7, 7, 7, 2, 1, 0, 1]


def test_adpcm_chunks_agree() -> None:
    for vector in vectors("codec"):
        if "chunks" not in vector:
            continue
        known: dict[int, list[int]] = {}
        channels = vector["channels"]
        for chunk in vector["chunks"]:
            for at, frame in enumerate(range(chunk["start"], chunk["stop"])):
                value = chunk["decoded"][at * channels : (at + 1) * channels]
                assert known.setdefault(frame, value) == value, f"{vector['id']}: frame {frame}"


def test_convert_of_a_step() -> None:
    """W-43 in real numbers: the blocker is a pole at 1 - 2**-10, so a step decays by e in 1024 frames."""
    out = oracle.convert([2**28] * 5000, shift=16, gain=256, dc_blocker=True)
    top = 2**28 >> 16
    assert abs(out[1023] - top * (1 - 1 / 1024) ** 1024) < 2
    assert abs(out[4999]) < top * 0.01
    assert oracle.convert([2**28] * 10, shift=16, gain=256, dc_blocker=False) == [top] * 10


def test_chunk_ranges() -> None:
    """W-24, W-29, W-37, counted by hand."""
    assert oracle.chunk_ranges(10, 4, 0) == [(0, 0, 4, ""), (1, 4, 8, ""), (2, 8, 10, "last")]
    assert oracle.chunk_ranges(8, 4, 0) == [(0, 0, 4, ""), (1, 4, 8, ""), (2, 8, 8, "last")]
    assert oracle.chunk_ranges(8, 4, 4) == [(0, 0, 8, ""), (1, 4, 8, "last")]
    assert oracle.chunk_ranges(0, 4, 0) == [(0, 0, 0, "last")]
    assert oracle.chunk_ranges(14, 4, 0, [(6, 12)]) == [
        (0, 0, 4, ""),
        (1, 4, 6, "discontinuity"),
        (3, 12, 14, "last"),
    ]


def test_the_oracle_stands_alone() -> None:
    """No module of the oracle imports either side, nor anything beyond the standard library."""
    allowed = {
        "__future__",
        "oracle",
        "hashlib",
        "hmac",
        "json",
        "tomllib",
        "pathlib",
        "typing",
        "collections",
    }
    for path in (ROOT / "tools" / "oracle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed, path.name
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path.name
