"""aggregator.json: operations on an aggregator, with the batches and what is held after each.

Audio is told in runs of [frames, level]. At 1000 frames a second a millisecond is a frame, and the defaults
are those of A-3.
"""

from __future__ import annotations

from typing import Any

from topics import aggregator_bounds
from topics.aggregations import FLUSH, LOUD, Op, Vector, finish, push, vector


def jobs() -> list[Vector]:
    six = (6000, LOUD)
    return [
        vector(
            "chunks",
            "A-5 A-7 A-17",
            "the chunks of a job wait for its end, and are one batch then",
            [
                push("a", (2000, LOUD), utterance=3),
                push("a", (1000, 5)),
                push("a", six),
                finish("a", "pause"),
            ],
        ),
        vector(
            "order-of-ending",
            "A-6 A-15",
            "jobs that come in turns are in the order in which they end",
            [
                push("a", (3000, 1)),
                push("b", (3000, 2)),
                push("a", (100, 3)),
                finish("b", "pause"),
                finish("a", "pause"),
            ],
        ),
        vector(
            "again",
            "A-5",
            "after its end an id begins another job, counted from 0",
            [
                push("a", six, utterance=1),
                finish("a", "pause"),
                push("a", six, utterance=2),
                finish("a", "pause"),
            ],
        ),
        vector(
            "pause-short",
            "A-7 A-17",
            "below a second a pause waits, also the next one; at a second all of it goes on",
            [
                push("a", (999, LOUD)),
                finish("a", "pause"),
                push("b", (5000, LOUD)),
                finish("b", "pause"),
                push("c", (1000, LOUD)),
                finish("c", "pause"),
                push("d", (400, LOUD)),
                finish("d", "pause"),
                push("e", (599, LOUD)),
                finish("e", "pause"),
                push("f", (1, LOUD)),
                finish("f", "pause"),
            ],
        ),
        vector(
            "timeout",
            "A-8 A-17",
            "what timeouts finished is one buffer, in front of the next job",
            [
                push("a", (4000, LOUD)),
                finish("a", "timeout"),
                push("b", (300, LOUD)),
                finish("b", "timeout"),
                push("c", (800, LOUD)),
                finish("c", "pause"),
            ],
        ),
        vector(
            "pause-then-timeout",
            "A-7 A-8",
            "what a pause left waits on with a timeout, and the other way round",
            [
                push("a", (300, LOUD)),
                finish("a", "pause"),
                push("b", (300, LOUD)),
                finish("b", "timeout"),
                push("c", (300, LOUD)),
                finish("c", "pause"),
                push("d", (100, LOUD)),
                finish("d", "pause"),
            ],
        ),
        vector(
            "nothing-to-end",
            "A-9",
            "jobs without audio end and change nothing, but by a cut",
            [
                push("a", (500, LOUD)),
                finish("a", "pause"),
                finish("x", "pause"),
                push("b", (0, 0)),
                finish("b", "timeout"),
                finish("x", "cut"),
                finish("x", "end"),
            ],
        ),
        vector(
            "cut",
            "A-10 A-16",
            "everything goes, open jobs as they began, what waits with the first of them",
            [
                push("s", (3000, LOUD)),
                finish("s", "pause"),
                push("t", (200, LOUD)),
                finish("t", "timeout"),
                push("a", (100, LOUD)),
                push("b", (2500, LOUD)),
                push("a", (20, 9)),
                finish("b", "cut"),
                push("a", (7, LOUD)),
                FLUSH,
                FLUSH,
            ],
        ),
    ]


def pieces() -> list[Vector]:
    small = {"min_piece_ms": 20, "max_piece_ms": 100, "window_ms": 10, "hangover_ms": 30, "min_batch_ms": 0}
    small |= {"min_pause_ms": 0}

    def cut(name: str, clauses: str, note: str, *runs: tuple[int, int], **more: Any) -> Vector:
        return vector(name, clauses, note, [push("a", *runs), finish("a", "pause")], **{**small, **more})

    return [
        cut("short-enough", "A-11", "of the greatest length it is one piece", (60, 0), (40, LOUD)),
        cut("quiet-place", "A-12 A-13", "in the middle of the quiet", (50, LOUD), (20, 1), (60, LOUD)),
        cut("whole-windows", "A-12", "quiet that fills no window", (51, LOUD), (18, 1), (60, LOUD)),
        cut("last-of-equals", "A-12", "two pauses", (30, LOUD), (10, 1), (30, LOUD), (10, 1), (50, LOUD)),
        cut(
            "quieter-before",
            "A-12",
            "the first of them",
            (30, LOUD),
            (10, 1),
            (30, LOUD),
            (10, 3),
            (50, LOUD),
        ),
        cut("as-quiet", "A-13", "up to 6 dB", (30, LOUD), (10, 1), (30, 2), (60, LOUD)),
        cut("not-as-quiet", "A-13", "above 6 dB", (30, LOUD), (10, 1), (30, 3), (60, LOUD)),
        cut("as-quiet-before", "A-13", "on both sides", (30, LOUD), (20, 2), (10, 1), (10, 2), (60, LOUD)),
        cut("hangover", "A-13", "a long quiet: 30 stay", (30, LOUD), (64, 1), (40, LOUD)),
        cut("odd-middle", "A-13", "rounded down", (30, LOUD), (5, 1), (50, LOUD), (60, 9), window_ms=5),
        cut("no-quiet", "A-13", "all of one power: as long as may be", (250, LOUD)),
        cut("silence", "A-13", "zeros", (250, 0)),
        cut("before-the-end", "A-11", "the rest is not too short", (101, LOUD)),
        cut("quiet-too-early", "A-11 A-12", "not before the least length", (5, LOUD), (10, 1), (100, LOUD)),
        cut("no-window", "A-12", "windows longer than the range", (105, LOUD), window_ms=90),
        cut("stretch", "A-11 A-14", "piece after piece", *[(45, LOUD), (10, 1)] * 9),
        vector(
            "defaults",
            "A-3 A-11 A-13",
            "25 s with two pauses, one of which is long",
            [push("a", (7000, LOUD), (400, 3), (9000, LOUD), (2000, 3), (6600, LOUD)), finish("a", "pause")],
        ),
    ]


def batches() -> list[Vector]:
    def pauses(*lengths: int) -> list[Op]:
        return [
            op
            for number, length in enumerate(lengths)
            for op in (push(f"j{number}", (length, LOUD), utterance=number), finish(f"j{number}", "pause"))
        ]

    return [
        vector(
            "small-pieces",
            "A-14 A-15 A-16",
            "joined until they are 5 s, not before",
            [*pauses(2000, 2999, 1000, 4999, 1000), FLUSH],
        ),
        vector(
            "head",
            "A-15",
            "a batch belongs to the job of its first frame, others are named",
            pauses(4000, 9000, 12_500, 3000),
        ),
        vector(
            "positions",
            "A-15 A-19",
            "chunks that do not follow each other in the stream are two ranges, others one",
            [
                push("a", (2000, LOUD), start=500),
                push("a", (1000, LOUD)),
                push("a", (500, LOUD), start=3500),
                push("a", (700, LOUD), start=5000),
                push("a", (900, LOUD), start=0),
                finish("a", "pause"),
            ],
        ),
        vector(
            "position-told-late",
            "A-15 A-19",
            "what has no position does not lead to what has one",
            [push("a", (3000, LOUD)), push("a", (3000, LOUD), start=3000), finish("a", "pause")],
        ),
        vector(
            "split-ranges",
            "A-15",
            "a job over three batches keeps its own count",
            [push("a", (12_000, LOUD), start=100), push("a", (14_000, 7)), finish("a", "pause"), FLUSH],
        ),
    ]


def vectors() -> list[Vector]:
    return jobs() + pieces() + batches() + aggregator_bounds.segments() + aggregator_bounds.bounds()
