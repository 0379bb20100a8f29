"""serial.json and serial_invalid.json on both sides' framing."""

from __future__ import annotations

from typing import Any

import pytest
from subjects import Agent, vectors

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto import packets
from ossicle.proto.framing import SerialFraming, cobs_decode, cobs_encode

COBS = [vector for vector in vectors("serial") if "encoded" in vector]
LINES = [vector for vector in vectors("serial") if "line" in vector]
PAUSES = [vector for vector in vectors("serial") if "steps" in vector]

# Unfinished bytes behind a line: they wait, and change nothing of what came before.
TRAILING = "0a112233"


def three_ways(line: str) -> list[tuple[str, list[str]]]:
    """The same bytes whole, a byte at a time, and with more behind them, as (name, pieces)."""
    single = [line[i : i + 2] for i in range(0, len(line), 2)]
    return [("whole", [line]), ("byte by byte", single), ("with bytes trailing", [line + TRAILING])]


def asked(way: str, pieces: list[str]) -> dict[str, Any]:
    """The same for the agent, which cuts by itself: a board has no room for thousands of pieces."""
    single = way == "byte by byte"
    return {"steps": ["".join(pieces)], "piece": 1} if single else {"steps": pieces, "piece": 0}


def host_hears(pieces: list[str]) -> tuple[list[str], int]:
    framing = SerialFraming()
    heard = []
    bad = 0
    for piece in pieces:
        for data in framing.feed(bytes.fromhex(piece)):
            try:
                packets.decode(data, wire.DEVICE_KINDS)
            except PacketError:
                bad += 1
            else:
                heard.append(data.hex())
    return heard, framing.dropped + bad


@pytest.mark.parametrize("vector", COBS, ids=lambda vector: vector["id"])
def test_host_cobs(vector: dict[str, Any]) -> None:
    data, encoded = bytes.fromhex(vector["data"]), bytes.fromhex(vector["encoded"])
    assert cobs_encode(data) == encoded
    assert cobs_decode(encoded) == data
    for other in vector["also"]:
        assert cobs_decode(bytes.fromhex(other)) == data


@pytest.mark.parametrize(
    "vector", [v for v in LINES if "host" in v["sides"]], ids=lambda vector: vector["id"]
)
def test_host_line(vector: dict[str, Any]) -> None:
    for way, pieces in three_ways(vector["line"]):
        assert host_hears(pieces) == (vector["packets"], vector["dropped"]), way


@pytest.mark.parametrize("vector", vectors("serial_invalid"), ids=lambda vector: vector["id"])
def test_host_drops(vector: dict[str, Any]) -> None:
    assert cobs_decode(bytes.fromhex(vector["frame"])) is None
    good = next(v for v in LINES if v["id"] == "line-one-host")
    for way, pieces in three_ways(good["line"] + vector["frame"] + "00" + good["line"]):
        assert host_hears(pieces) == (good["packets"] * 2, 1), way


def test_device_cobs(agent: Agent) -> None:
    encoded = agent.ask("cobs_encode", COBS)
    for vector, got in zip(COBS, encoded, strict=True):
        assert got == vector["encoded"] + "00", vector["id"]
    decoded = agent.ask("cobs_decode", [{"data": vector["encoded"]} for vector in COBS])
    for vector, got in zip(COBS, decoded, strict=True):
        assert got == vector["data"], vector["id"]
    also = [(vector, other) for vector in COBS for other in vector["also"]]
    decoded = agent.ask("cobs_decode", [{"data": other} for _, other in also])
    for (vector, _), got in zip(also, decoded, strict=True):
        assert got == vector["data"], f"{vector['id']}: an empty block behind a full one"


def test_device_lines(agent: Agent) -> None:
    heard = [v for v in LINES if "device" in v["sides"]]
    ways = [(v, way, pieces) for v in heard for way, pieces in three_ways(v["line"])]
    answers = agent.ask("line", [asked(way, pieces) for _, way, pieces in ways])
    for (vector, way, _), got in zip(ways, answers, strict=True):
        where = f"{vector['id']}, {way}"
        assert got["packets"] == vector["packets"], where
        assert got["dropped"] == vector["dropped"], where
        assert not got["repl"], where


def test_device_drops(agent: Agent) -> None:
    good = next(v for v in LINES if v["id"] == "line-one-device")
    bad = vectors("serial_invalid")
    ways = [
        (v, way, p) for v in bad for way, p in three_ways(good["line"] + v["frame"] + "00" + good["line"])
    ]
    answers = agent.ask("line", [asked(way, pieces) for _, way, pieces in ways])
    for (vector, way, _), got in zip(ways, answers, strict=True):
        assert (got["packets"], got["dropped"]) == (good["packets"] * 2, 1), f"{vector['id']}, {way}"


@pytest.mark.parametrize("piece", [0, 1, 3])
def test_device_pauses_and_the_way_back(agent: Agent, piece: int) -> None:
    answers = agent.ask("line", [{"steps": vector["steps"], "piece": piece} for vector in PAUSES])
    for vector, got in zip(PAUSES, answers, strict=True):
        for key in ("packets", "dropped", "repl"):
            assert got[key] == vector[key], f"{vector['id']}: {key}"
        if vector["repl"]:
            assert got["left"] + got["unread"] == vector["left"], vector["id"]
