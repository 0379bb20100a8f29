"""The device's machine code: what it does, beside plain MicroPython, and how long it takes."""

from __future__ import annotations

import json
from statistics import median

from dossier import Dossier
from rig import Repl

MEASURE = """
import json
for told in kernel_times.measure(5, "", 4, 1):
    print(json.dumps(told))
    gc.collect()
"""
HEAP_AT_LEAST = 60_000  # where nothing runs; the firmware and its ring have to fit


def test_the_heap_where_nothing_runs(repl: Repl, dossier: Dossier) -> None:
    free, used = json.loads(repl.run("import gc\ngc.collect()\nprint([gc.mem_free(), gc.mem_alloc()])"))
    dossier.facts |= {"heap free at the REPL": free, "heap in use at the REPL": used}
    assert free > HEAP_AT_LEAST


def test_each_kernel_does_what_its_plain_twin_does(repl: Repl, dossier: Dossier) -> None:
    repl.load("kernel_times")
    told = [json.loads(line) for line in repl.run(MEASURE).splitlines()]
    assert len(told) > 10
    dossier.kernels = [
        {
            "name": each["name"],
            "unit": each["unit"],
            "ns": median(each["kernel_ns"]),
            "plain_ns": median(each["twin_ns"]),
        }
        for each in told
    ]
    assert [each["name"] for each in told if not each["same"]] == []
    assert all(each["ns"] > 0 for each in dossier.kernels)
