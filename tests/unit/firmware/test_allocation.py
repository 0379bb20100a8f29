"""From the I2S callback to the link's write nothing allocates: proven under heap_lock() on a 32-bit MicroPython.

A MemoryError in a scheduled callback goes to stderr and the loop never sees it. So the proof is: every
buffer delivered was handled to the handler's last line, stderr is empty, and a planted allocation, once in
the callback and once in the loop, is found.
"""

from __future__ import annotations

import pytest
from mpy import DEVICE, run_mpy

CHUNKS = 10_000


def run(chunks: int, plant: str) -> tuple[dict[str, str], str]:
    done = run_mpy(DEVICE / "alloc_run.py", str(chunks), plant, heapsize="400K", timeout=100)
    words = done.stdout.split()
    assert "failed" in words, done.stdout + done.stderr
    at = words.index("failed")
    counts = dict(zip(words[:at:2], words[1:at:2], strict=True))
    return {**counts, "failed": " ".join(words[at + 1 :])}, done.stderr


def test_this_micropython_can_tell() -> None:
    """On a 64-bit build numbers of the wire are small integers, and the proof would prove less."""
    assert run_mpy("import sys; print(sys.maxsize)").stdout.strip() == str(2**31 - 1)


def test_nothing_allocates() -> None:
    counts, stderr = run(CHUNKS, "none")
    assert counts["failed"] == ""
    assert stderr == ""
    assert counts["blocks"] == counts["delivered"]
    assert int(counts["new"]) == CHUNKS
    # It was not the easy path only: audio was asked for again, and lost before the ring.
    assert int(counts["resent"]) > CHUNKS // 10
    assert int(counts["holes"]) > 0
    assert int(counts["bad"]) == 0


@pytest.mark.parametrize("where", ["callback", "loop"])
def test_a_planted_allocation_is_found(where: str) -> None:
    counts, stderr = run(400, where)
    assert "MemoryError" in stderr
    if where == "callback":
        assert int(counts["blocks"]) == int(counts["delivered"]) - 1
        assert counts["failed"] == ""
    else:
        assert counts["failed"] != ""
