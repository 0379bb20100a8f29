"""Mutated input to the whole firmware under MicroPython, on every link: `tests/device/fuzz_run.py` says what
holds all the while.

Short here; `python3 tools/dev.py soak` runs the long version. A fault prints the last inputs; the same link,
words, seed and at least as many inputs play it again.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from mpy import DEVICE, run_mpy
from subjects import vectors

SHORT_RUNS = 2000
LONG_RUNS = int(os.environ.get("OSSICLE_FUZZ_RUNS", "10000000"))  # of all ways together
LINKS = ("direct", "serial", "udp", "ws")
WAYS = [(link, *words) for link in LINKS for words in ((), ("sealed",))]
SLOWEST_A_S = 100  # inputs

# A fault, where it is planted, and what is said of it.
PLANTED = [
    (("direct", "raises"), "IndexError: planted"),
    (("direct", "leaks"), "the heap holds"),
    (("direct", "believes"), "believed: True, and it should be False"),
    (("serial", "uncounted"), "dropped, not"),
    (("ws", "uncounted"), "dropped, not"),
    (("udp", "uncut"), "the link finds"),
    (("ws", "unmasked"), "masked by"),
    (("direct", "skips"), "has to come"),
    (("serial", "wrong"), "is wrong"),
    (("serial", "torn"), "no packet goes out"),
    (("udp", "again"), "number"),
    (("direct", "deaf"), "a right PING is not answered"),
    (("serial", "stuck"), "wait for nothing"),
    (("direct", "endless"), "it does not come to rest"),
    (("direct", "illegal"), "stream: state"),
    (("udp", "sealed", "replayed"), "believed: True, and it should be False"),
    (("direct", "sealed", "forged"), "and it should be"),
    (("ws", "sealed", "clear"), "goes out in the clear"),
    (("ws", "unopened"), "it does not open its link"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packets that a device may hear, right ones and others, one to a line."""
    found = [each["packet"] for topic in ("packet", "packet_invalid") for each in vectors(topic, "device")]
    path = tmp_path_factory.mktemp("corpus") / "packets.txt"
    path.write_text("".join(packet + "\n" for packet in found))
    return path


def play(corpus: Path, way: tuple[str, ...], runs: int, seed: int = 1) -> subprocess.CompletedProcess[str]:
    link, *words = way
    arguments = (str(corpus), link, str(runs), str(seed), *words)
    return run_mpy(DEVICE / "fuzz_run.py", *arguments, heapsize="1M", timeout=60 + runs / SLOWEST_A_S)


def fuzz(corpus: Path, way: tuple[str, ...], runs: int) -> dict[str, int]:
    """What was counted; fails with what the fuzzer says."""
    done = play(corpus, way, runs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    counts = [line.split()[1:] for line in done.stdout.splitlines()]
    return {name: int(value) for name, value in counts}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_short(corpus: Path, way: tuple[str, ...]) -> None:
    counts = fuzz(corpus, way, SHORT_RUNS)
    assert counts["inputs"] >= SHORT_RUNS
    # It was not all one thing: packets were believed and dropped, a stream ran, the link had its troubles.
    assert min(counts["good"], counts["bad"], counts["heard"]) > SHORT_RUNS // 20
    assert counts["streams"] > 3
    assert (counts["dropped"] > 0) == (way[0] != "direct")
    assert (counts["losses"] > 0) == (way[0] in ("udp", "ws"))
    assert (counts["sealed"] > SHORT_RUNS // 10) == ("sealed" in way)


@pytest.mark.parametrize(("way", "said"), PLANTED, ids=["-".join(way) for way, _ in PLANTED])
def test_a_planted_fault_is_found(corpus: Path, way: tuple[str, ...], said: str) -> None:
    done = play(corpus, way, 3000)
    assert done.returncode == 1, done.stdout
    assert said in done.stderr.splitlines()[-1], done.stderr
    assert "of seed 1; the last ones:" in done.stderr


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_long(corpus: Path, way: tuple[str, ...]) -> None:
    runs = LONG_RUNS // len(WAYS)
    assert fuzz(corpus, way, runs)["inputs"] >= runs
