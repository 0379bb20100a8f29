"""One target under atheris (libFuzzer, guided by coverage): fuzzer.py TARGET RUNS [SEED].

`fuzzer.py TARGET FILE` plays one input again. `fuzzer.py TARGET=RUNS ...` fuzzes several, which takes the
instrumented imports once: what is said of each goes to TARGET.log, and its exit code to TARGET.code.

A process of its own for each, because libFuzzer ends it. Exit code 0: so many inputs, and no fault.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "tools")]

with atheris.instrument_imports(include=["ossicle"], exclude=["ossicle.audio"]):
    from targets import TARGETS

LONGEST_BYTES = 4096


def main() -> None:
    if "=" in sys.argv[1]:
        for word in sys.argv[1:]:
            forked(*word.split("="))
        return
    name, runs, *seed = sys.argv[1:]
    again = Path(runs)
    if again.is_file():
        TARGETS[name](again.read_bytes())
        return
    fuzz(name, runs, seed[0] if seed else "1")


def forked(name: str, runs: str) -> None:
    child = os.fork()
    if not child:
        log = os.open(f"{name}.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        fuzz(name, runs, "1")
    _, status = os.waitpid(child, 0)
    Path(f"{name}.code").write_text(str(os.waitstatus_to_exitcode(status)))


def fuzz(name: str, runs: str, seed: str) -> None:
    """Ends the process."""
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_BYTES}", "-timeout=20"]
    options += ["-rss_limit_mb=2048", "-print_final_stats=1", "-len_control=20"]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
