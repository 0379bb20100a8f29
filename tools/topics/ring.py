"""ring.json: operations on a ring, with the answer and the state after each (`oracle/steps.py`)."""

from __future__ import annotations

from topics import ring_device, ring_host
from topics.rings import BOTH, HOST, LIMIT, Op, Vector, vector


def plain() -> list[Vector]:
    """What both rings do, with hop 1 so that the device's rounding has nothing to round."""
    five = {"capacity": 5, "overlap": 1}
    return [
        vector("new", "R-1 R-2", "a new ring is empty", BOTH, five, [("skip", 3), ("peek", 0)]),
        vector(
            "write-read",
            "R-1 R-2 R-7 R-12",
            "in order, once",
            BOTH,
            five,
            [("write", 3), ("read", 2), ("read", 1), ("read", 1), ("write", 2), ("read", 2)],
        ),
        vector(
            "write-nothing",
            "R-7",
            "writing nothing changes nothing",
            BOTH,
            five,
            [("write", 0), ("write", 2), ("write", 0), ("read", 2)],
        ),
        vector(
            "fill-exactly",
            "R-1 R-2 R-7",
            "full is not overfull",
            BOTH,
            five,
            [("write", 5), ("read", 5), ("write", 5), ("peek", 5)],
        ),
        vector(
            "wrap-odd-capacity",
            "R-3 R-6",
            "each read runs over the end of the storage sooner or later",
            BOTH,
            {"capacity": 7, "overlap": 3},
            [op for _ in range(9) for op in (("write", 4), ("peek", 4), ("read", 4))],
        ),
        vector(
            "every-start",
            "R-3 R-6 R-21",
            "a window of the guard's length starting at every index",
            BOTH,
            {"capacity": 11, "overlap": 5},
            [("write", 6)] + [op for _ in range(23) for op in (("peek", 6), ("advance", 1), ("write", 1))],
        ),
        vector(
            "guard-is-capacity",
            "R-6 R-21",
            "the largest guard there may be",
            BOTH,
            {"capacity": 6, "overlap": 5},
            [("write", 6)] + [op for _ in range(13) for op in (("peek", 6), ("advance", 1), ("write", 1))],
        ),
        vector(
            "capacity-one",
            "R-1 R-3",
            "the smallest ring",
            BOTH,
            {"capacity": 1},
            [("write", 1), ("read", 1), ("write", 1), ("write", 1), ("read", 1)],
        ),
        vector(
            "peek-twice",
            "R-12",
            "peeking does not move",
            BOTH,
            five,
            [("write", 4), ("peek", 3), ("peek", 3), ("peek", 5), ("read", 4)],
        ),
        vector(
            "not-enough",
            "R-12",
            "asking for too much moves nothing",
            BOTH,
            five,
            [("write", 3), ("read", 4), ("peek", 4), ("read", 6), ("read", 3)],
        ),
        vector(
            "advance",
            "R-13",
            "exactly so far, or not at all",
            BOTH,
            five,
            [("write", 4), ("advance", 3), ("advance", 2), ("advance", 0), ("advance", 1), ("advance", 1)],
        ),
        vector(
            "skip",
            "R-13",
            "as far as there is",
            BOTH,
            five,
            [("write", 4), ("skip", 3), ("skip", 3), ("skip", 1), ("write", 2), ("skip", 0), ("read", 2)],
        ),
        vector(
            "clear",
            "R-25",
            "what is unread is dropped, and stays in history",
            BOTH,
            five,
            [("write", 4), ("clear",), ("history", 0, 4), ("write", 2), ("read", 2), ("clear",)],
        ),
    ]


def policies() -> list[Vector]:
    seven = {"capacity": 7, "overlap": 2}
    reject = {**seven, "overflow": "reject"}
    block = {**seven, "overflow": "block"}
    return [
        vector(
            "reject-whole",
            "R-8",
            "nothing of a refused write goes in",
            BOTH,
            reject,
            [("write", 5), ("write", 3), ("write", 2), ("write", 1), ("read", 7)],
        ),
        vector(
            "reject-longer-than-capacity",
            "R-8",
            "can never fit",
            BOTH,
            reject,
            [("write", 8), ("write", 7), ("write", 100), ("read", 7)],
        ),
        vector(
            "reject-keeps-history",
            "R-8 R-17",
            "a refused write overwrites nothing",
            BOTH,
            reject,
            [("write", 7), ("read", 4), ("write", 5), ("history", 0, 7), ("write", 4), ("history", 4, 7)],
        ),
        vector(
            "overwrite-by-one",
            "R-9",
            "the oldest goes",
            BOTH,
            seven,
            [("write", 7), ("write", 1), ("read", 7)],
        ),
        vector(
            "overwrite-counts",
            "R-9",
            "one overflow for each drop, and its frames",
            BOTH,
            seven,
            [("write", 6), ("write", 3), ("write", 3), ("read", 2), ("write", 2), ("write", 1), ("read", 7)],
        ),
        vector(
            "overwrite-exactly-capacity",
            "R-9",
            "a whole ring of new frames",
            BOTH,
            seven,
            [("write", 3), ("write", 7), ("read", 7)],
        ),
        vector(
            "overwrite-longer-than-capacity",
            "R-1 R-9",
            "keeps the last C frames and counts all: no counter goes below zero",
            BOTH,
            seven,
            [("write", 3), ("write", 17), ("read", 7), ("write", 2), ("read", 2)],
        ),
        vector(
            "overwrite-far-longer",
            "R-1 R-9",
            "many times the capacity, at once and again",
            BOTH,
            seven,
            [("write", 700), ("write", 701), ("peek", 7), ("write", 6), ("read", 7), ("history", 1400, 7)],
        ),
        vector(
            "overwrite-while-empty",
            "R-9",
            "what was read is no loss",
            BOTH,
            seven,
            [("write", 7), ("read", 7), ("write", 7), ("write", 9), ("read", 7)],
        ),
        vector(
            "overwrite-mixed",
            "R-1 R-3 R-9",
            "reads and overflows in turn",
            BOTH,
            seven,
            [op for i in range(12) for op in (("write", i), ("read", min(i, 3)), ("peek", 2))],
        ),
        vector(
            "block-pieces",
            "R-11",
            "what fits stays written; the rest is reported with the timeout",
            HOST,
            block,
            [("write", 5), ("write", 4), ("read", 3), ("write", 2), ("write", 2), ("read", 7)],
        ),
        vector(
            "block-longer-than-capacity",
            "R-11",
            "more than C in one call, and no reader",
            HOST,
            block,
            [("write", 20), ("write", 1), ("read", 7), ("write", 7)],
        ),
        vector(
            "block-no-waiting",
            "R-11",
            "not allowed to wait, it refuses whole",
            HOST,
            block,
            [("write", 5), ("write", 3, False), ("write", 2, False), ("write", 1, False), ("read", 7)],
        ),
    ]


def histories() -> list[Vector]:
    eight = {"capacity": 8, "overlap": 2}
    return [
        vector(
            "history-after-read",
            "R-17",
            "what was read stays until it is overwritten",
            BOTH,
            eight,
            [
                ("write", 6),
                ("read", 6),
                ("history", 0, 6),
                ("history", 2, 3),
                ("write", 4),
                ("history", 2, 8),
                ("history", 1, 2),
                ("history", 0, 1),
            ],
        ),
        vector(
            "history-bounds",
            "R-17",
            "not before the oldest, not beyond the newest",
            BOTH,
            eight,
            [
                ("write", 5),
                ("history", 0, 5),
                ("history", 0, 6),
                ("history", 5, 1),
                ("history", 4, 1),
                ("write", 8),
                ("history", 5, 8),
                ("history", 4, 8),
                ("history", 5, 9),
            ],
        ),
        vector(
            "history-over-the-end",
            "R-3 R-17",
            "a range in two pieces of storage",
            BOTH,
            eight,
            [("write", 13), ("history", 5, 8), ("history", 7, 3), ("history", 6, 7)],
        ),
        vector(
            "history-unread",
            "R-17",
            "unread frames are history too",
            BOTH,
            eight,
            [("write", 4), ("history", 1, 2), ("read", 4)],
        ),
    ]


def large() -> list[Vector]:
    """Positions near 2**30, where a device's counters wrap and its write index must not."""
    out = []
    for capacity in (7, 8, 10, 1000):
        for policy in ("overwrite", "reject"):
            ring = {"capacity": capacity, "overlap": 2, "overflow": policy, "start": LIMIT - 5}
            ops: list[Op] = [("write", 4), ("peek", 3), ("write", 3), ("read", 4), ("write", 3), ("read", 5)]
            ops += [
                ("history", LIMIT - 1, 3),
                ("history", LIMIT, 2),
                ("write", 2 * capacity),
                ("skip", 2),
                ("clear",),
            ]
            ops += [("write", 5), ("read", 4)]
            out.append(vector(f"wrap-{policy}-{capacity}", "R-3 R-4 R-17", "across 2**30", BOTH, ring, ops))
    for start in (LIMIT - 1, LIMIT, 2 * LIMIT - 3):
        ring = {"capacity": 9, "overlap": 3, "start": start}
        ops = [op for _ in range(5) for op in (("write", 4), ("read", 3), ("peek", 1))]
        out.append(vector(f"start-{start}", "R-3 R-4", "the index is the position modulo C", BOTH, ring, ops))
    return out


def channels() -> list[Vector]:
    stereo = {"capacity": 7, "overlap": 2, "channels": 2}
    ops: list[Op] = [
        ("write", 4),
        ("read", 3),
        ("write", 6),
        ("peek", 3),
        ("write", 5),
        ("read", 7),
        ("history", 8, 7),
    ]
    three = {**stereo, "channels": 3}
    return [
        vector("stereo", "R-5", "a frame is a sample of each channel", BOTH, stereo, ops),
        vector("three-channels", "R-5", "no channel is special", HOST, three, ops),
    ]


def vectors() -> list[Vector]:
    return (
        plain()
        + policies()
        + histories()
        + large()
        + channels()
        + ring_host.vectors()
        + ring_device.vectors()
    )
