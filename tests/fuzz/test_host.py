"""Whatever comes, the host raises nothing but PacketError, loses no packet around it, and counts it."""

from __future__ import annotations

from typing import Any

import oracle
from hypothesis import given
from hypothesis import strategies as st
from mutations import cuts, hurt, judged, lines, nearly
from oracle.steps import sample
from profiles import examples
from sessions import HostPlayer
from subjects import vectors

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto import hello, packets
from ossicle.proto.framing import DatagramFraming, SerialFraming

HOP = 64


def hears(data: bytes) -> bool:
    try:
        decoded = packets.decode(data, wire.DEVICE_KINDS)
        if decoded.kind == wire.Kind.HELLO:
            hello.parse(decoded.payload)
    except PacketError:
        return False
    return True


def oracle_hears(data: bytes) -> bool:
    try:
        oracle.decode_packet(data, "host")
    except oracle.Malformed:
        return False
    return True


@examples(600)
@given(nearly("host"))
def test_decode(data: bytes) -> None:
    """PacketError or a packet, and the oracle says which."""
    assert hears(data) == oracle_hears(data)


@examples(250)
@given(st.data())
def test_serial_framing(data: st.DataObject) -> None:
    """The same packets as the oracle finds, and every dropped frame counted, however the bytes arrive."""
    line = data.draw(lines("host"))
    pieces = data.draw(st.composite(cuts)(line))
    framing = SerialFraming()
    found = [frame for piece in pieces for frame in framing.feed(piece)]
    good = [frame for frame in found if hears(frame)]
    finished = line[: line.rfind(b"\0") + 1]
    wanted, dropped = judged(finished, "host")
    assert good == wanted
    # A frame that is too long already is counted before its end has come.
    early = len(line) - len(finished) >= wire.SERIAL_FRAME_MAX_BYTES
    assert framing.dropped + len(found) - len(good) == dropped + early


@examples(100)
@given(st.lists(st.binary(max_size=1500), max_size=10))
def test_datagram_framing(datagrams: list[bytes]) -> None:
    framing = DatagramFraming()
    found = [frame for datagram in datagrams for frame in framing.feed(datagram)]
    assert found == [each for each in datagrams if 0 < len(each) <= wire.DATAGRAM_MAX_BYTES]
    assert framing.dropped == len(datagrams) - len(found)


def stream(frames: int) -> list[bytes]:
    """The AUDIO packets of a short recording, on the line, for the session that `play_start` begins."""
    samples = [sample(p, 0) for p in range(frames)]
    made = oracle.stream_packets(samples, session=0x5A17, hop=HOP, number=1)
    return [oracle.serial_frame(packet["packet"]) for packet in made]


def play_start() -> HostPlayer:
    """A host in a stream of hop 64 and session 0x5A17."""
    vector: dict[str, Any] = next(v for v in vectors("session", "host") if v["id"] == "start")
    steps = []
    for step in vector["steps"][:5]:
        step = {**step, "session": 0x5A17 if step.get("session") == "$s" else step.get("session", 0)}
        if step.get("kind") in ("start", "started"):
            step = {**step, "fields": {**step["fields"], "hop": HOP}}
        steps.append(step)
    player = HostPlayer({**vector, "host": {"hop": HOP}, "steps": steps})
    player.play()
    return player


def serve(player: HostPlayer, made: list[bytes]) -> None:
    """Answer the host's requests until it has all; nothing is hurt any more."""
    for _ in range(200):
        if player.receiver.stream is None or player.receiver.stream.audio.ended:
            return
        player.wait(50)
        asked = [packet for packet in player.said if packet["kind"] == "request"]
        player.said.clear()
        for packet in asked:
            for start, stop in packet["fields"]["ranges"]:
                for sequence in range(start, min(stop, len(made))):
                    player.hear(made[sequence])
    raise AssertionError("the stream does not end")


@examples(60)
@given(st.data())
def test_receiver_in_a_stream(data: st.DataObject) -> None:
    """Hurt audio is dropped, counted and asked for again; in the end every sample is there, once."""
    player = play_start()
    frames = data.draw(st.integers(1, 12)) * HOP + data.draw(st.integers(0, HOP - 1))
    made = stream(frames)
    hurts = 0
    for frame in made:
        if data.draw(st.integers(0, 2)) == 0:
            frame = data.draw(hurt(frame[:-1])).replace(b"\0", b"\1") + b"\0"
            hurts += judged(frame, "host")[1]
        player.hear(frame)
    told = player.receiver
    assert sum(told.refused.values()) + told.stats().frames_undecodable == hurts
    serve(player, made)
    assert player.position == frames
    assert player.heard == list(range(frames))


@examples(80)
@given(st.lists(lines("host"), max_size=6))
def test_receiver_hears_anything(heard: list[bytes]) -> None:
    """Whole lines of anything into a stream: no exception, and audio of another session never shows."""
    player = play_start()
    for line in heard:
        player.receiver.receive(line, player.now)
        player.receiver.events()
        player.receiver.to_send()
        player.now += 0.01
