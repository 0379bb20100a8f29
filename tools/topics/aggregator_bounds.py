"""aggregator.json: segments, the clock, and what is given out early."""

from __future__ import annotations

from topics.aggregations import FLUSH, LOUD, Vector, advance, finish, push, segment, vector


def segments() -> list[Vector]:
    return [
        vector(
            "segments",
            "A-18 A-19",
            "silence is a pause, length and a gap are timeouts, the end flushes",
            [
                segment("s0", 1000, 3000, "silence", 0),
                segment("s1", 5000, 2500, "length", 1),
                segment("s2", 7500, 900, "gap", 2),
                segment("s3", 9000, 400, "silence", 3),
                segment("s4", 12000, 700, "end", 4),
            ],
        ),
        vector(
            "segment-ends-a-job",
            "A-18 A-19",
            "a segment may be the last chunk of an open job",
            [push("a", (3000, LOUD), start=0), segment("a", 3000, 3000, "silence")],
        ),
        vector(
            "segment-clock",
            "A-20 A-23",
            "the silence between segments counts",
            [
                segment("s0", 0, 500, "silence"),
                advance(to=1500),
                segment("s1", 800, 100, "silence"),
                advance(to=2000),
                advance(to=2001),
                segment("s2", 4000, 300, "silence"),
                advance(frames=1700),
                advance(frames=1),
            ],
            max_age_s=2,
        ),
        vector(
            "another-stream-told",
            "A-20",
            "a position further back is another stream, also before its first segment",
            [
                segment("s0", 50_000, 400, "silence"),
                advance(to=100),
                segment("s1", 20, 40, "silence"),
                advance(to=1700),
                advance(to=1701),
            ],
            max_age_s=2,
        ),
        vector(
            "another-stream",
            "A-20",
            "positions begin anew and the clock does not",
            [
                segment("s0", 50000, 400, "silence"),
                segment("s1", 10, 400, "length"),
                advance(to=300),
                advance(to=1300),
                segment("s2", 1200, 50, "length"),
                advance(to=0),
                advance(to=620),
                advance(to=621),
            ],
            max_age_s=2.42,
        ),
    ]


def bounds() -> list[Vector]:
    tight = {"min_batch_ms": 500, "max_piece_ms": 1000, "min_piece_ms": 200, "max_held_s": 2}
    return [
        vector(
            "jobs",
            "A-21 A-24",
            "the first job ends by timeout; what comes for it later begins it anew",
            [
                push("a", (10, LOUD)),
                push("b", (20, LOUD)),
                push("a", (5, LOUD)),
                push("c", (30, LOUD)),
                push("a", (7, LOUD)),
                finish("c", "cut"),
            ],
            max_jobs=2,
        ),
        vector(
            "held-waiting",
            "A-22 A-24",
            "what waits for the next job goes first",
            [push("a", (1500, LOUD)), finish("a", "timeout"), push("b", (500, LOUD)), push("b", (1, LOUD))],
            **tight,
        ),
        vector(
            "held-open",
            "A-22",
            "then open jobs but for their last pieces, and those when it is still too much",
            [
                push("a", (1300, LOUD), (300, 1), (300, LOUD)),
                push("b", (100, LOUD)),
                push("b", (900, LOUD)),
                push("c", (1000, LOUD)),
                push("a", (50, LOUD)),
                push("d", (400, LOUD)),
                FLUSH,
            ],
            **tight,
        ),
        vector(
            "held-at-once",
            "A-22 A-14",
            "one chunk that is longer than what may be held",
            [push("a", (5000, LOUD)), finish("a", "pause")],
            **tight,
        ),
        vector(
            "age-small",
            "A-23 A-16",
            "pieces that wait for too long are a batch",
            [push("a", (2000, LOUD)), finish("a", "pause"), advance(frames=1000), advance(frames=1)],
            max_age_s=3,
        ),
        vector(
            "age-waiting",
            "A-23",
            "what waits for a job that does not come",
            [
                push("a", (200, LOUD)),
                finish("a", "pause"),
                advance(frames=2800),
                advance(frames=1),
                push("b", (200, LOUD)),
                finish("b", "timeout"),
                advance(frames=4000),
            ],
            max_age_s=3,
        ),
        vector(
            "age-small-alone",
            "A-23",
            "only pieces are too old, and what waits is not",
            [
                push("a", (2000, LOUD)),
                finish("a", "pause"),
                push("b", (200, LOUD)),
                finish("b", "timeout"),
                advance(frames=801),
            ],
            max_age_s=3,
        ),
        vector(
            "age-behind",
            "A-23",
            "an open job is too old, and what waits goes on by itself before it",
            [
                push("a", (3000, LOUD)),
                push("w", (9000, LOUD)),
                finish("w", "timeout"),
                advance(frames=3001),
                FLUSH,
            ],
            max_age_s=15,
        ),
        vector(
            "age-chunks",
            "A-20 A-23",
            "silence between the chunks of a job makes those before it older, and not those after",
            [
                push("a", (9000, LOUD)),
                advance(frames=5000),
                push("a", (4000, LOUD)),
                advance(frames=1001),
                advance(frames=1000),
                advance(frames=11_000),
            ],
            max_age_s=19,
        ),
        vector(
            "age-open",
            "A-23",
            "an open job gives all but its last piece, behind what waited; it is no short batch",
            [
                push("w", (100, LOUD)),
                finish("w", "timeout"),
                push("a", (6000, LOUD)),
                push("a", (6000, 2)),
                push("a", (6000, LOUD)),
                advance(frames=2000),
                advance(frames=10000),
            ],
            max_age_s=15,
        ),
    ]
