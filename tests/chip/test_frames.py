"""The stream of text and frames, cut anywhere."""

from __future__ import annotations

import random

from ossicle.chip.frames import TEXT, Parser, Said

NONCE = b"\xff1234567"


def frame(kind: int, number: int, data: bytes) -> bytes:
    return NONCE + bytes((kind, number)) + len(data).to_bytes(2, "little") + data


def joined(said: list[Said]) -> list[Said]:
    """Text that came in pieces is one again."""
    made: list[Said] = []
    for item in said:
        if made and item.kind == TEXT == made[-1].kind:
            item = Said(TEXT, 0, made.pop().data + item.data)
        made.append(item)
    return made


def test_frames_and_text_come_in_order_however_they_are_cut() -> None:
    stream = (
        b"a\xff12" + frame(5, 6, b"x" * 300) + frame(7, 0, b"") + b"b" + frame(1, 2, NONCE[:4]) + b"end\xff"
    )
    whole = [
        Said(TEXT, 0, b"a\xff12"),
        Said(5, 6, b"x" * 300),
        Said(7, 0, b""),
        Said(TEXT, 0, b"b"),
        Said(1, 2, NONCE[:4]),
        Said(TEXT, 0, b"end\xff"),
    ]
    chance = random.Random(1)
    for size in (1, 2, 7, 13, 1000):
        parser = Parser(NONCE)
        said: list[Said] = []
        at = 0
        while at < len(stream):
            count = chance.randint(1, size)
            said += parser.feed(stream[at : at + count])
            at += count
        assert parser.held
        assert joined(said + list(parser.flush())) == whole
        assert not parser.held


def test_a_frame_that_is_not_whole_is_not_given_up() -> None:
    parser = Parser(NONCE)
    assert list(parser.feed(frame(5, 6, b"abc")[:-1])) == []
    assert list(parser.flush()) == []
    assert list(parser.feed(b"c")) == [Said(5, 6, b"abc")]
