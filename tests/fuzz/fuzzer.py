"""One target under atheris (libFuzzer, guided by coverage): fuzzer.py TARGET RUNS [SEED].

`fuzzer.py TARGET FILE` plays one input again.

A process of its own, because libFuzzer ends it. Exit code 0: so many inputs, and no fault.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "tools")]

with atheris.instrument_imports(include=["ossicle"], exclude=["ossicle.audio"]):
    from targets import TARGETS

LONGEST_BYTES = 4096


def main() -> None:
    name, runs, *seed = sys.argv[1:]
    again = Path(runs)
    if again.is_file():
        TARGETS[name](again.read_bytes())
        return
    options = [f"-runs={runs}", f"-seed={seed[0] if seed else 1}", f"-max_len={LONGEST_BYTES}", "-timeout=20"]
    options += ["-rss_limit_mb=2048", "-print_final_stats=1", "-len_control=20"]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
