"""What the frames of a recording mean, and the text that tells it in a room that is fixed."""

from __future__ import annotations

import json

from ossicle.ledger import GAPS_KEPT, STREAMS_KEPT, GapRow, Ledger, Origin, StreamRow, Timing
from ossicle.sinks import TEXT_MAX_BYTES

ORIGIN = Origin("kitchen", 16000, 2)


def stream(start: int, name: int = 0) -> StreamRow:
    return StreamRow(start, bytes([name] * 8), 0, 512, 0, 1)


def test_the_text_tells_all() -> None:
    ledger = Ledger(ORIGIN)
    ledger.stream(stream(0, 1))
    ledger.timings[0] = Timing(1763788722.1234567, 0.00212345, 16001.28)
    ledger.gap(GapRow(700, 1000, 300, "overwritten", False))
    ledger.gap(GapRow(5000, None, None, "reset", False))
    ledger.stream(stream(5000, 2))
    assert json.loads(ledger.text(TEXT_MAX_BYTES)) == {
        "ossicle": 1,
        "device": "kitchen",
        "rate": 16000,
        "channels": 2,
        "stream_count": 2,
        "gap_count": 2,
        "missing_frames": 300,
        "streams": [
            {
                "start_frame": 0,
                "stream": "01" * 8,
                "position": 0,
                "codec": "adpcm",
                "time": "2025-11-22T05:18:42.123457+00:00",
                "uncertainty": 0.002123,
                "true_rate": 16001.28,
                "drift_ppm": 80.0,
            },
            {"start_frame": 5000, "stream": "02" * 8, "position": 0, "codec": "adpcm"},
        ],
        "gaps": [
            {
                "start_frame": 700,
                "stop_frame": 1000,
                "frames": 300,
                "cause": "overwritten",
                "estimated": False,
            },
            {"start_frame": 5000, "stop_frame": None, "frames": None, "cause": "reset", "estimated": False},
        ],
    }


def test_it_stays_in_its_room_and_in_bounds() -> None:
    ledger = Ledger(Origin("\N{PILE OF POO}" * 900, 16000, 1))
    for i in range(1000):
        ledger.stream(stream(1000 * i, i % 256))
        ledger.timings[1000 * i] = Timing(1e9 + i, 0.01, 16000.5)
        for at in range(1000 * i, 1000 * i + 10):
            ledger.gap(GapRow(at, at + 1, 1, "overwritten", False))
    assert len(ledger.streams) == STREAMS_KEPT + 1
    assert set(ledger.timings) == {row.start for row in ledger.streams}
    assert ledger.streams[-1] == stream(999_000, 999 % 256)
    assert len(ledger.gaps) == GAPS_KEPT
    for most in (TEXT_MAX_BYTES, 1200, 1000):
        text = ledger.text(most)
        assert len(text.encode()) <= most
        told = json.loads(text)
        assert (told["stream_count"], told["gap_count"], told["missing_frames"]) == (1000, 10_000, 10_000)
        assert [row["start_frame"] for row in told["streams"]] == [
            1000 * i for i in range(len(told["streams"]))
        ]


def test_a_stream_without_a_frame_gives_its_place_to_the_next() -> None:
    ledger = Ledger(ORIGIN)
    ledger.stream(stream(0, 1))
    ledger.gap(GapRow(50, None, 9, "overwritten", False))
    ledger.stream(stream(50, 2))
    ledger.timings[50] = Timing(1.0, 1.0)
    assert ledger.gap(GapRow(50, None, 4, "overwritten", False)).frames == 13
    ledger.stream(stream(50, 3))
    assert ledger.missing == 13
    assert ledger.gap(GapRow(50, None, None, "reset", False)).frames is None
    assert ledger.streams == [stream(0, 1), stream(50, 3)]
    assert ledger.timings == {}
    assert (ledger.stream_count, ledger.gap_count, ledger.missing) == (2, 1, 0)
    ledger.gap(GapRow(50, 60, 10, "capture", True))
    ledger.gap(GapRow(60, None, None, "reset", False))
    assert (ledger.gap_count, ledger.missing) == (3, 10)


def test_a_clock_that_tells_no_date_costs_the_date_alone() -> None:
    ledger = Ledger(ORIGIN)
    for number, time in enumerate((1e12, -1e12, 1e300, float("nan"))):
        ledger.stream(stream(number))
        ledger.timings[number] = Timing(time, 0.1, 16000.0)
    told = json.loads(ledger.text(TEXT_MAX_BYTES))["streams"]
    assert [("time" in row, "uncertainty" in row, row["true_rate"]) for row in told] == [
        (False, False, 16000.0)
    ] * 4
