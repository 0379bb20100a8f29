"""Hop rounding, holes and windows: what only the device's ring does."""

from __future__ import annotations

from topics.rings import DEVICE, LIMIT, Op, Vector, vector


def rounding() -> list[Vector]:
    ring = {"capacity": 14, "hop": 4, "overlap": 2}
    turns: list[Op] = [op for n in (3, 9, 5, 14, 1, 30, 2) for op in (("write", n), ("peek", 1), ("skip", 3))]
    return [
        vector(
            "round-up",
            "R-10 R-24",
            "overwriting moves R to a hop boundary, and counts what that cost",
            DEVICE,
            ring,
            [("write", 14), ("write", 1), ("read", 4), ("write", 6), ("skip", 14)],
        ),
        vector(
            "round-at-boundary",
            "R-10",
            "a boundary already: nothing is skipped",
            DEVICE,
            ring,
            [("write", 14), ("write", 4), ("read", 4)],
        ),
        vector(
            "round-longer-than-capacity",
            "R-9 R-10",
            "a write longer than C",
            DEVICE,
            ring,
            [("write", 3), ("write", 50), ("read", 10), ("write", 100), ("skip", 14)],
        ),
        vector("round-in-turn", "R-10 R-24", "reads that are no hops between overflows", DEVICE, ring, turns),
        vector(
            "round-one-window",
            "R-6 R-10",
            "a ring of one window: a boundary always lies in it",
            DEVICE,
            {"capacity": 6, "hop": 4, "overlap": 2},
            [op for n in (6, 1, 1, 1, 1, 1, 5, 13) for op in (("write", n), ("skip", 1))],
        ),
        vector(
            "round-across-the-wrap",
            "R-4 R-10",
            "a hop that does not divide 2**30: boundaries are those of the capture",
            DEVICE,
            {"capacity": 14, "hop": 3, "overlap": 1, "start": (LIMIT // 3 - 2) * 3},
            [
                ("write", 12),
                ("peek", 2),
                ("write", 5),
                ("peek", 2),
                ("write", 14),
                ("window", LIMIT // 3 + 3),
            ],
        ),
    ]


def windows() -> list[Vector]:
    ring = {"capacity": 14, "hop": 4, "overlap": 2}
    far = {"capacity": 14, "hop": 5, "overlap": 2, "start": (LIMIT // 5 - 1) * 5}
    first = LIMIT // 5 - 1
    return [
        vector(
            "window",
            "R-14 R-19",
            "by sequence, whether read or not; less where W cuts it",
            DEVICE,
            ring,
            [
                ("window", 0),
                ("write", 3),
                ("window", 0),
                ("write", 6),
                ("window", 0),
                ("window", 1),
                ("window", 2),
                ("skip", 9),
                ("window", 0),
                ("window", 1),
                ("window", 3),
            ],
        ),
        vector(
            "window-gone",
            "R-17",
            "overwritten, if only its first frame is",
            DEVICE,
            ring,
            [
                ("write", 14),
                ("window", 0),
                ("write", 1),
                ("window", 0),
                ("window", 1),
                ("write", 3),
                ("window", 1),
                ("write", 1),
                ("window", 1),
                ("window", 2),
            ],
        ),
        vector(
            "window-across-the-wrap",
            "R-4 R-14",
            "sequences go on when positions wrap",
            DEVICE,
            far,
            [
                ("write", 14),
                ("window", first),
                ("window", first + 1),
                ("window", first + 2),
                ("write", 9),
                ("window", first + 1),
                ("window", first + 2),
                ("window", first + 3),
            ],
        ),
        vector(
            "window-every-index",
            "R-3 R-6",
            "contiguous wherever it starts",
            DEVICE,
            {"capacity": 11, "hop": 3, "overlap": 4},
            [("write", 7)] + [op for i in range(13) for op in (("window", i), ("write", 3), ("skip", 3))],
        ),
        vector(
            "window-torn",
            "R-18 R-24",
            "the writer passes the start of a window while it is copied: the copy is thrown away",
            DEVICE,
            ring,
            [("write", 14), ("torn", 1, 4), ("torn", 1, 1), ("write", 1), ("torn", 2, 2), ("torn", 3, 40)],
        ),
        vector(
            "window-nearly-torn",
            "R-18 R-24",
            "the writer comes as far as the start, not past it: the copy is good",
            DEVICE,
            ring,
            [("write", 14), ("torn", 0, 0), ("torn", 1, 4), ("window", 1), ("torn", 2, 4), ("window", 2)],
        ),
        vector(
            "window-stereo",
            "R-5 R-14",
            "two channels",
            DEVICE,
            {**ring, "channels": 2},
            [("write", 14), ("window", 1), ("write", 9), ("window", 3), ("window", 2), ("window", 4)],
        ),
    ]


def holes() -> list[Vector]:
    ring = {"capacity": 40, "hop": 4, "overlap": 2}
    nine: list[Op] = [("write", 4)] + [op for _ in range(9) for op in (("hole", 4), ("write", 4))]
    return [
        vector(
            "hole",
            "R-19",
            "positions pass, frames do not come; no window holds one",
            DEVICE,
            ring,
            [
                ("write", 6),
                ("hole", 6),
                ("write", 8),
                ("window", 0),
                ("window", 1),
                ("window", 2),
                ("window", 3),
                ("read", 6),
                ("read", 8),
                ("history", 4, 3),
                ("history", 4, 2),
                ("history", 12, 8),
            ],
        ),
        vector(
            "hole-first",
            "R-19",
            "before anything was written",
            DEVICE,
            ring,
            [
                ("hole", 8),
                ("peek", 1),
                ("write", 5),
                ("window", 0),
                ("window", 1),
                ("window", 2),
                ("read", 5),
            ],
        ),
        vector(
            "hole-at-boundary",
            "R-19",
            "a hole that starts where a window would",
            DEVICE,
            ring,
            [
                ("write", 8),
                ("hole", 4),
                ("write", 8),
                ("window", 0),
                ("window", 1),
                ("window", 2),
                ("window", 3),
            ],
        ),
        vector(
            "hole-cuts-two-windows",
            "R-19",
            "with overlap, more than one window ends at a hole",
            DEVICE,
            {"capacity": 40, "hop": 2, "overlap": 6},
            [("write", 12), ("hole", 2), ("write", 8)] + [("window", i) for i in range(9)],
        ),
        vector(
            "holes-in-a-row",
            "R-19",
            "two holes and nothing between",
            DEVICE,
            ring,
            [("write", 4), ("hole", 4), ("hole", 8), ("write", 4), ("read", 4), ("peek", 1), ("read", 4)]
            + [("window", i) for i in range(5)],
        ),
        vector(
            "hole-empty",
            "R-19",
            "a hole of nothing is none",
            DEVICE,
            ring,
            [("write", 6), ("hole", 0), ("write", 6), ("window", 1), ("read", 12)],
        ),
        vector(
            "hole-overwritten",
            "R-9 R-10 R-19",
            "the ring runs on over a hole",
            DEVICE,
            {"capacity": 16, "hop": 4, "overlap": 2},
            [
                ("write", 6),
                ("hole", 6),
                ("write", 12),
                ("window", 1),
                ("window", 2),
                ("window", 3),
                ("peek", 4),
                ("write", 30),
                ("window", 3),
                ("window", 9),
                ("peek", 4),
            ],
        ),
        vector(
            "hole-longer-than-the-ring",
            "R-9 R-19",
            "nothing that was before is left",
            DEVICE,
            {"capacity": 16, "hop": 4, "overlap": 2},
            [
                ("write", 10),
                ("hole", 42),
                ("peek", 1),
                ("write", 6),
                ("window", 0),
                ("window", 13),
                ("read", 6),
            ],
        ),
        vector(
            "nine-holes",
            "R-19",
            "history starts at the end of the hole that is forgotten",
            DEVICE,
            {"capacity": 100, "hop": 4, "overlap": 0},
            [*nine[:-2], ("window", 0), ("window", 1), *nine[-2:]]
            + [("window", i) for i in range(5)]
            + [("fates", 0, 24), ("history", 0, 4), ("history", 8, 4), ("read", 4), ("read", 4)],
        ),
        vector(
            "hole-across-the-wrap",
            "R-4 R-19",
            "the counters wrap inside a hole",
            DEVICE,
            {"capacity": 40, "hop": 4, "overlap": 2, "start": LIMIT - 16},
            [("write", 10), ("hole", 14), ("write", 10), ("read", 10), ("peek", 4)]
            + [("window", LIMIT // 4 - 4 + i) for i in range(9)],
        ),
    ]


def vectors() -> list[Vector]:
    return rounding() + windows() + holes()
