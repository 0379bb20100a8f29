"""session.json: the same transcripts for the whole firmware and for the host's receiver."""

from __future__ import annotations

from typing import Any

import oracle
import pytest
from sessions import DevicePlayer, HostPlayer
from subjects import Agent, vectors


@pytest.mark.parametrize("vector", vectors("session", "host"), ids=lambda vector: vector["id"])
def test_host(vector: dict[str, Any]) -> None:
    HostPlayer(vector).play()


@pytest.mark.parametrize("vector", vectors("session", "device"), ids=lambda vector: vector["id"])
def test_device(agent: Agent, vector: dict[str, Any]) -> None:
    DevicePlayer(agent, vector).play()


def begun(side: str) -> dict[str, Any]:
    """A transcript up to the first audio, for what the vectors of invalid packets are fed to."""
    return next(vector for vector in vectors("session", side) if vector["id"] == "start")


def in_session(vector: dict[str, Any], session: int) -> bytes:
    """An invalid packet as it would come in this session: with its number, and the check set right again.

    So it is dropped for its own fault, not for another session. A wrong check stays wrong.
    """
    data = bytearray.fromhex(vector["packet"])
    if vector["why"] == "check" or len(data) < 20 or data[2:4] != b"\x17\x5a":
        return bytes(data)
    data[2:4] = session.to_bytes(2, "little")
    data[-4:] = oracle.crc32(bytes(data[:-4])).to_bytes(4, "little")
    return bytes(data)


def test_device_drops_each_invalid_packet(agent: Agent) -> None:
    player = DevicePlayer(agent, begun("device"))
    player.play()
    session = player.names.values["$s"]
    assert player.bad == 0
    bad = [vector for vector in vectors("packet_invalid", "device") if vector["packet"]]
    for count, vector in enumerate(bad, 1):
        player.hear(oracle.serial_frame(in_session(vector, session)))
        assert player.bad == count, f"{vector['id']}: {vector['note']}"
        assert not player.said, f"{vector['id']} is answered by {player.said}"
    ping = {"from": "host", "kind": "ping", "session": "$s", "fields": {"echo": "0102030405060708"}}
    player.hear(player.encoded(ping))
    assert [packet["kind"] for packet in player.said] == ["pong"], "the session is over"
    assert player.bad == len(bad)


def test_host_drops_each_invalid_packet() -> None:
    player = HostPlayer(begun("host"))
    player.play()
    receiver = player.receiver
    bad = [vector for vector in vectors("packet_invalid", "host") if vector["packet"]]
    for count, vector in enumerate(bad, 1):
        session = player.names.values["$s"]
        player.hear(oracle.serial_frame(in_session(vector, session)))
        dropped = sum(receiver.refused.values()) + receiver.stats().frames_undecodable
        assert dropped == count, f"{vector['id']}: {vector['note']}"
        assert not player.told, f"{vector['id']} is told as {player.told}"
    assert player.position == 1024
    player.hear(player.encoded(player.vector["steps"][-2] | {"sequence": 2, "range": [1024, 1536]}))
    assert player.position == 1536, "the stream is over"
