"""The benchmark of the device's loop: what left the port is what the microphone delivered, or it fails."""

from binascii import hexlify, unhexlify

import pytest

from ossicle.bench import loop, mpy
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError
from ossicle.errors import LinkError
from ossicle.micropython import MicroPythonMissing

QUICK = Effort(quick=True)


def test_the_table():
    table = loop.run(QUICK)
    assert [row.name for row in table.rows] == [loop.ALONE, loop.BOARD]
    for row in table.rows:
        assert row.values["packets_s"] > 0
        assert row.values["times"] == pytest.approx(row.values["packets_s"] * 0.032)


@pytest.fixture(scope="module")
def told():
    return mpy.run(loop.SCRIPT, "40", "2", say=str)[0]


def test_a_run_is_believed(told):
    loop.check(told, 40, 2)
    assert [each["packets"] for each in told if "us" in each] == [40, 40]


def flipped(text):
    data = bytearray(unhexlify(text))
    data[400] ^= 0xFF
    return hexlify(data).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: [*told[:-1], {"kept": flipped(told[-1]["kept"])}],
        lambda told: [told[-1], *told[1:-1], told[0]],
        lambda told: told[:-1],
        lambda told: [told[0], {**told[1], "packets": 39}, *told[2:]],
        lambda told: [told[0], {**told[1], "resent": 1}, *told[2:]],
    ],
    ids=["a byte", "the order", "the end", "a packet", "a re-send"],
)
def test_a_wrong_run_is_noticed(told, spoil):
    with pytest.raises((BenchmarkError, ValueError)):
        loop.check(spoil(told), 40, 2)


def test_other_audio_is_noticed(told, monkeypatch):
    real = loop.delivered
    monkeypatch.setattr(loop, "delivered", lambda sequence: real(sequence) ^ (sequence == 2))
    with pytest.raises(BenchmarkError, match="chunk 2 is not"):
        loop.check(told, 40, 2)


def test_without_micropython_there_is_a_note(monkeypatch):
    def find(**options):
        raise MicroPythonMissing("there is none here")

    monkeypatch.setattr(mpy.micropython, "find", find)
    table = loop.run(QUICK)
    assert table.rows == ()
    assert table.notes[-1] == "Not measured: there is none here."


def test_without_a_board_the_loop_alone_remains(monkeypatch):
    def board():
        raise LinkError("it did not come up")

    monkeypatch.setattr(loop, "board", board)
    table = loop.run(QUICK)
    assert [row.name for row in table.rows] == [loop.ALONE]
    assert table.notes[-1] == "Not measured: it did not come up."
