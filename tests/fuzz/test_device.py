"""Whatever comes, the firmware raises nothing, loses no packet around it, and counts it."""

from __future__ import annotations

from typing import Any

import oracle
from hypothesis import given
from hypothesis import strategies as st
from mutations import checked, judged, lines, nearly
from oracle.packet import KINDS
from profiles import examples
from subjects import Agent, vectors

APP = {"ring_samples": 4096, "bytes_per_s": 0, "max_baud": 2000000, "microphone": True}
HELLO = KINDS["hello"]


def without_interrupt(line: bytes) -> bool:
    """0D 03 at the head of a frame ends streaming (W-33): that is no fuzz, and has vectors of its own."""
    return b"\0\r\x03" not in b"\0" + line


@examples(60)
@given(
    st.lists(lines("device").filter(without_interrupt), min_size=1, max_size=10), st.sampled_from([0, 1, 7])
)
def test_serial_link(agent: Agent, heard: list[bytes], piece: int) -> None:
    """The same packets as the oracle finds, and every dropped frame counted, however the bytes arrive."""
    answers = agent.ask("line", [{"steps": [line.hex()], "piece": piece} for line in heard])
    for line, got in zip(heard, answers, strict=True):
        frames, dropped = oracle.read_serial(line[: line.rfind(b"\0") + 1])
        whole = [frame for frame in frames if right_check(frame)]
        assert got["packets"] == [frame.hex() for frame in whole]
        early = len(line) - line.rfind(b"\0") - 1 >= oracle.SPEC["limits"]["serial_frame_max_bytes"]
        assert got["dropped"] == dropped + len(frames) - len(whole) + early


def right_check(frame: bytes) -> bool:
    """What the link's user judges before it looks at the kind: lengths, check, header numbers, flags."""
    if len(frame) < 20 or len(frame) > 1364 or checked(frame) != frame:
        return False
    numbers = [int.from_bytes(frame[at : at + 4], "little") for at in (4, 8, 12)]
    return max(numbers) < 2**30 and not frame[1] & 0xE0


def begun(agent: Agent) -> int:
    """A new firmware in a stream; its session."""
    vector = next(v for v in vectors("packet", "device") if v["id"] == "start")
    start = oracle.serial_frame(bytes.fromhex(vector["packet"])).hex()
    answers = agent.ask("app", [{"new": APP, "calls": [["hear", start], ["capture", 1024, False]]}])[0]
    frames, _ = oracle.read_serial(bytes.fromhex(answers[0]["sent"]))
    return int(oracle.decode_packet(frames[0], "host")["session"])


def as_of(data: bytes, session: int) -> bytes:
    """A packet of the vectors' session as one of this session, when its check was right."""
    if len(data) < 20 or checked(data) != data or data[2:4] != b"\x17\x5a":
        return data
    return checked(data[:2] + session.to_bytes(2, "little") + data[4:])


@examples(60)
@given(st.lists(nearly("device"), min_size=5, max_size=40))
def test_firmware(agent: Agent, heard: list[bytes]) -> None:
    """Packets right, hurt, and hurt with a right check, into a running session: what is malformed is
    counted once and answered by nothing; afterwards the firmware still answers."""
    session = begun(agent)
    said = [as_of(data, session) for data in heard]
    said = [data for data in said if data and without_interrupt(oracle.serial_frame(data))]
    calls: list[list[Any]] = [["hear", oracle.serial_frame(data).hex()] for data in said]
    hello = next(v for v in vectors("packet", "device") if v["id"] == "hello-host")
    calls.append(["hear", oracle.serial_frame(bytes.fromhex(hello["packet"])).hex()])
    calls.append(["wait", oracle.SPEC["timing"]["hello_answer_ms"]])  # W-52
    answers = agent.ask("app", [{"calls": calls}])[0] if calls else []
    bad = 0
    for data, got in zip(said, answers, strict=False):
        known, dropped = judged(oracle.serial_frame(data), "device")
        sent, undecodable = oracle.read_serial(bytes.fromhex(got["sent"]))
        assert not undecodable
        for frame in sent:
            oracle.decode_packet(frame, "host")
        if dropped and not (right_check(data) and data[0] == HELLO):
            assert got["bad"] == bad + 1, data.hex()
        elif known:
            assert got["bad"] <= bad + 1
        bad = got["bad"]
        assert not got["interrupted"]
    sent, _ = oracle.read_serial(b"".join(bytes.fromhex(each["sent"]) for each in answers[-2:]))
    assert "hello" in [oracle.decode_packet(frame, "host")["kind"] for frame in sent]
