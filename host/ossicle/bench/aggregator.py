"""The aggregator beside what one would write without it: a list of chunks and `np.concatenate`.

Utterances of up to twelve seconds, one after the other, in chunks; each ends by a pause. Plain joining gives
an utterance as it is; the aggregator cuts it where it is quiet, joins batches, and says where each sample is
from. Both have to give every sample, in order.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import numpy as np

from ossicle.audio.aggregator import Aggregator
from ossicle.proto.events import Frames

from .figures import Column, Effort, Row, Table
from .source import RATE, BenchmarkError, speech
from .timing import Timing, in_turns, processor_ns

SECONDS = 120
LENGTHS_S = (4.2, 11.7, 0.6, 7.3, 12.0, 2.9, 5.5)  # of utterances, again and again
PLAIN = "np.concatenate"
OURS = "Aggregator"
SIZES = {"32 ms": RATE * 32 // 1000, "1 s": RATE, "whole utterances": 13 * RATE}

Give = Callable[[list[Frames]], Iterator[Frames]]
"""Takes the utterances and yields what is to be recognised."""


def plain(size: int) -> Give:
    """A list of chunks, joined when the utterance ends."""

    def give(utterances: list[Frames]) -> Iterator[Frames]:
        for utterance in utterances:
            chunks = [utterance[at : at + size].copy() for at in range(0, len(utterance), size)]
            yield np.concatenate(chunks)

    return give


def ours(size: int) -> Give:
    """Arrays in, arrays out."""

    def give(utterances: list[Frames]) -> Iterator[Frames]:
        aggregator = Aggregator(max_age_s=3600)
        for number, utterance in enumerate(utterances):
            for at in range(0, len(utterance), size):
                aggregator.push(number, utterance[at : at + size])
            yield from (batch.frames for batch in aggregator.finish(number))
        yield from (batch.frames for batch in aggregator.flush())

    return give


def text(size: int) -> Give:
    """Base64 in, base64 out, as over HTTP; what comes out is decoded again by whoever looks."""

    def give(utterances: list[Frames]) -> Iterator[Frames]:
        aggregator = Aggregator(max_age_s=3600, output="base64")
        for number, utterance in enumerate(utterances):
            for at in range(0, len(utterance), size):
                chunk = base64.b64encode(utterance[at : at + size].tobytes()).decode()
                aggregator.push(number, chunk)
            yield from map(_decoded, aggregator.finish(number).outputs())
        yield from map(_decoded, aggregator.flush().outputs())

    return give


def subjects() -> dict[str, Give]:
    """Every way, by name."""
    found: dict[str, Give] = {}
    for name, size in SIZES.items():
        found[f"{OURS}, {name}"] = ours(size)
        found[f"{PLAIN}, {name}"] = plain(size)
    found[f"{OURS}, base64, 1 s"] = text(RATE)
    return found


def utterances(seconds: float) -> list[Frames]:
    """Speech, cut into such lengths."""
    audio = speech(seconds)
    found: list[Frames] = []
    at = 0
    while at < len(audio):
        length = round(LENGTHS_S[len(found) % len(LENGTHS_S)] * RATE)
        found.append(audio[at : at + length])
        at += length
    return found


def prove(name: str, give: Give, given: list[Frames]) -> None:
    """Raises BenchmarkError unless every sample comes out, in order."""
    wanted, got = np.concatenate(given), np.concatenate(list(give(given)))
    if not np.array_equal(wanted, got):
        raise BenchmarkError(f"{name}: {len(got)} of {len(wanted)} samples, or others")


def run(effort: Effort) -> Table:
    """The table."""
    effort.say("aggregator: chunks to batches, beside joining alone")
    given = utterances(effort.pick(SECONDS, 30))
    frames = sum(map(len, given))
    ways = subjects()
    for name, give in ways.items():
        prove(name, give, given)

    def work(give: Give) -> Callable[[int], object]:
        def do(number: int) -> None:
            for _ in range(number):
                for _ in give(given):
                    pass

        return do

    timings = in_turns(
        {name: work(give) for name, give in ways.items()},
        number=effort.pick(3, 1),
        rounds=effort.pick(15, 3),
        clock=processor_ns,
    )
    rows = tuple(_row(name, timing, timings, frames) for name, timing in timings.items())
    return Table(
        "aggregator",
        "From chunks of speech to batches",
        (
            Column("samples", "samples, million/s", "", 1),
            Column("microphones", "microphones at 16 kHz", "", 0),
            Column("ratio", "beside joining alone, the same chunks", "times", 1),
        ),
        rows,
        (
            f"{frames / RATE:g} s of the demo's speech at 16 kHz, mono, in {len(given)} utterances that end "
            "by a pause. CPU time of one thread, the median round, ratios round by round. Every way gave "
            "every sample, in order.",
            "Joining alone copies each chunk when it comes, and once more when the utterance ends. The "
            "aggregator also cuts where it is quiet, joins batches of 5 s, and tells where samples are from.",
            "base64: text in and out, encoding and decoding on both sides counted.",
        ),
    )


def _row(name: str, timing: Timing, timings: dict[str, Timing], frames: int) -> Row:
    second = frames / timing.median_ns * 1e9
    other = timings.get(name.replace(OURS, PLAIN))
    return Row(
        name,
        {
            "samples": second / 1e6,
            "microphones": second / RATE,
            "ratio": timing.over(other) if other is not None else None,
        },
    )


def _decoded(text: object) -> Frames:
    return np.frombuffer(base64.b64decode(str(text)), "<i2")
