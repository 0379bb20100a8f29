"""Chunks and closing: what only the host's ring does."""

from __future__ import annotations

from topics.rings import HOST, LIMIT, Vector, vector


def vectors() -> list[Vector]:
    """Windows of the host's ring; the device's are in `ring_device`."""
    nine = {"capacity": 9, "overlap": 2, "hop": 3}
    block = {**nine, "overflow": "block"}
    return [
        vector(
            "chunk-does-not-move",
            "R-14",
            "looking twice gives the same chunk and number",
            HOST,
            block,
            [
                ("write", 5),
                ("chunk", 3, 2),
                ("chunk", 3, 2),
                ("advance", 3),
                ("chunk", 3, 2),
                ("write", 3),
                ("chunk", 3, 2),
            ],
        ),
        vector(
            "chunk-sequence",
            "R-14",
            "sequence is start // hop, whatever was done before",
            HOST,
            block,
            [
                ("write", 9),
                ("chunk", 2, 1),
                ("advance", 5),
                ("chunk", 2, 1),
                ("chunk", 3, 0),
                ("chunk", 4, 0),
            ],
        ),
        vector(
            "chunk-sequence-large",
            "R-4 R-14",
            "on the host nothing wraps",
            HOST,
            {**block, "start": LIMIT - 4},
            [("write", 9), ("chunk", 3, 2), ("advance", 6), ("chunk", 3, 0)],
        ),
        vector(
            "chunks-hop",
            "R-15",
            "each window in turn, with what it shares",
            HOST,
            block,
            [("write", 9), ("chunks", 3, 2), ("write", 5), ("chunks", 3, 2)],
        ),
        vector(
            "chunks-last",
            "R-15 R-23",
            "the rest of a closed ring",
            HOST,
            block,
            [("write", 7), ("close",), ("chunks", 3, 2), ("chunks", 3, 2), ("read", 1)],
        ),
        vector(
            "chunks-last-none",
            "R-15",
            "nothing is left over",
            HOST,
            block,
            [("write", 6), ("close",), ("chunks", 3, 0), ("chunks", 3, 0)],
        ),
        vector(
            "chunks-last-only",
            "R-15",
            "less than a window in all",
            HOST,
            block,
            [("write", 2), ("close",), ("chunks", 3, 2)],
        ),
        vector(
            "discontinuity",
            "R-16",
            "the chunk after a drop says so, once it has been given the mark is gone",
            HOST,
            nine,
            [
                ("write", 9),
                ("chunk", 3, 0),
                ("write", 2),
                ("chunk", 3, 0),
                ("chunk", 3, 0),
                ("advance", 3),
                ("chunk", 3, 0),
                ("write", 9),
                ("chunks", 3, 0),
            ],
        ),
        vector(
            "discontinuity-long-write",
            "R-9 R-16",
            "after a write longer than C",
            HOST,
            nine,
            [("write", 4), ("chunk", 2, 0), ("advance", 2), ("write", 40), ("chunk", 2, 0)],
        ),
        vector(
            "no-discontinuity",
            "R-16",
            "dropping nothing marks nothing",
            HOST,
            nine,
            [("write", 9), ("read", 9), ("write", 9), ("chunk", 3, 2)],
        ),
        vector(
            "closed",
            "R-23",
            "no more writes; the reader drains, then hears that it is closed; twice is legal",
            HOST,
            block,
            [
                ("write", 4),
                ("close",),
                ("write", 1),
                ("read", 3),
                ("close",),
                ("read", 2),
                ("read", 1),
                ("read", 1),
                ("peek", 1),
                ("chunk", 3, 0),
            ],
        ),
        vector(
            "closed-nothing",
            "R-7 R-23",
            "not even nothing is written to a closed ring",
            HOST,
            block,
            [("close",), ("write", 0), ("history", 0, 0)],
        ),
    ]
