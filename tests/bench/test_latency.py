"""The benchmark of the latency: its times belong to the chunks, and the board ends with it."""

import os

import pytest

from ossicle.bench import latency
from ossicle.bench.figures import Effort
from ossicle.bench.latency import Chunk, compare, packets
from ossicle.bench.source import BenchmarkError, Source, speech
from ossicle.errors import LinkError
from ossicle.proto._wire import DEVICE_KINDS, NUMBER_LIMIT, Kind, PongFields
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, encode

FRAMING = SerialFraming()


def test_the_table():
    table = latency.run(Effort(quick=True))
    names = [row.name for row in table.rows]
    assert len(set(names)) == 6
    for row in table.rows:
        values = [row.values[column.key] for column in table.columns]
        assert values == sorted(values)
    first = table.value("a chunk's first frame", "max_ms")
    assert first == pytest.approx(table.value("a chunk's last frame", "max_ms") + 32)
    assert first == pytest.approx(table.value("every frame", "max_ms"))
    assert table.value("a real line's time, reckoned", "p50_ms") == pytest.approx(11.4, abs=0.1)


def test_the_rows_say_what_the_chunks_say():
    chunks = [Chunk(0.0, 0.032, 0.042, 0.043, None), Chunk(0.032, 0.064, 0.066, 0.070, None)]
    rows = {row.name.strip(): row.values["max_ms"] for row in latency._rows(chunks, 0.0114)}
    assert rows == pytest.approx(
        {
            "every frame": 43,
            "a chunk's first frame": 43,
            "a chunk's last frame": 11,
            "of that, board and line": 10,
            "of that, host": 4,
            "a real line's time, reckoned": 11.4,
        }
    )


def wrapped(kind, payload, ticks_us=0):
    return FRAMING.wrap(encode(Packet(kind, 0, 1, 0, ticks_us % NUMBER_LIMIT, 0, payload)))


def exchange(echo, sent, received, answered, came):
    """Times of the host in seconds, of the device in microseconds."""
    ping = wrapped(Kind.PING, bytes(8)[:7] + bytes([echo]))
    pong = wrapped(Kind.PONG, PongFields(bytes(8)[:7] + bytes([echo]), received, answered).pack())
    return (sent, ping), (came, pong)


def test_the_clocks_lie_between_the_narrowest_bounds():
    # The device's clock was 0 at 100 s. There the way is 1 ms and 5 ms, back 4 ms and 2 ms.
    first = exchange(1, 100.500, 501_000, 501_000, 100.505)
    second = exchange(2, 101.000, 1_005_000, 1_006_000, 101.008)
    clocks = compare([first[1], second[1]], [first[0], second[0]])
    assert clocks.zero == pytest.approx((99.999 + 100.002) / 2)
    assert clocks.within == pytest.approx(0.0015)


def test_without_an_exchange_the_clocks_are_not_known():
    ping, pong = exchange(1, 100.5, 501_000, 501_000, 100.505)
    for came, went in (([], [ping]), ([pong], []), ([exchange(2, 1.0, 0, 0, 2.0)[1]], [ping])):
        with pytest.raises(BenchmarkError, match="no PING"):
            compare(came, went)


def test_packets_are_timed_by_their_last_byte():
    source = Source(speech(0.1), SerialFraming())
    whole = b"noise\0" + source.chunk(0) + source.chunk(1)
    traffic = [(float(at), whole[at : at + 100]) for at in range(0, len(whole), 100)]
    found = packets(traffic, DEVICE_KINDS)
    assert [packet.sequence for packet, _ in found] == [0, 1]
    ends = [whole.index(b"\0", 6), len(whole) - 1]
    assert [at for _, at in found] == [end // 100 * 100 for end in ends]


@pytest.mark.parametrize("zero", [0.0, 5000.25])
def test_a_chunk_is_placed_by_its_ticks_also_when_they_have_wrapped(zero):
    captured = zero + 3 * NUMBER_LIMIT / 1e6 + 12.5
    ticks = round((captured - zero) * 1e6) % NUMBER_LIMIT
    packet = Packet(Kind.AUDIO, 0, 1, 0, ticks, 0, bytes(1024))
    chunk = latency._chunk(packet, captured + 0.05, latency.Clocks(zero, 0.0), captured + 0.06, None)
    assert chunk.first == pytest.approx(captured, abs=2e-6)
    assert chunk.last == pytest.approx(captured + 0.032, abs=2e-6)


def test_without_a_board_there_is_a_note(monkeypatch):
    def missing(*arguments, **options):
        raise LinkError("there is no MicroPython here")

    monkeypatch.setattr(latency.Emulator, "_command", missing)
    table = latency.run(Effort(quick=True))
    assert table.rows == ()
    assert table.notes == ("Not measured: there is no MicroPython here.",)


def test_the_board_ends_when_it_is_interrupted(monkeypatch):
    boards = []

    def interrupt(microphone, frames):
        raise KeyboardInterrupt

    class Noted(latency.Emulator):
        def start(self):
            super().start()
            boards.append((self, self.pid))

    monkeypatch.setattr(latency, "Emulator", Noted)
    monkeypatch.setattr(latency, "_iterate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        latency.listen(1)
    ((board, pid),) = boards
    assert board.pid is None
    assert board.returncode is not None
    assert not os.path.exists(f"/proc/{pid}")


def test_other_audio_is_noticed(monkeypatch):
    played, rate = latency.soundfile.read(latency.asset(), dtype="int16")
    monkeypatch.setattr(latency.soundfile, "read", lambda *a, **k: (played + 1, rate))
    with pytest.raises(BenchmarkError, match="was not played"):
        latency.listen(0.1)
