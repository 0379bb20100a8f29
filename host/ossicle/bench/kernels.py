"""What the device's machine code saves: each viper kernel beside the same loop in plain MicroPython.

Both run on the same MicroPython and the same input, in turns, and what they return and leave in their
buffers is compared. Sizes are those of the audio path: a DMA buffer of 256 frames, a packet of 512.
The figures are those of this machine's processor; what carries over to a chip is the order of the ratio.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from ossicle.micropython import MicroPythonMissing

from . import mpy
from .figures import Column, Effort, Row, Table
from .source import BenchmarkError

SCRIPT = "kernel_times.py"


def run(effort: Effort) -> Table:
    """The table."""
    effort.say("kernels: each beside its plain loop")
    try:
        told, notes = mpy.run(SCRIPT, str(effort.pick(40, 3)), say=effort.say)
    except MicroPythonMissing as missing:
        return _table((), (f"Not measured: {missing}.",))
    check(told)
    said = "The median round of each, in turns, and the median of the rounds' ratios. Both did the same."
    return _table(tuple(_row(each) for each in told), (said, *notes))


def check(told: list[dict[str, Any]]) -> None:
    """Raises BenchmarkError for a kernel that does something else than its twin."""
    wrong = [each["name"] for each in told if not each["same"]]
    if wrong or not told:
        raise BenchmarkError(f"kernels that differ from their plain loops: {', '.join(wrong) or 'none ran'}")


def _row(told: dict[str, Any]) -> Row:
    kernel, twin = told["kernel_ns"], told["twin_ns"]
    return Row(
        told["name"],
        {
            "unit": told["unit"],
            "kernel_ns": median(kernel),
            "plain_ns": median(twin),
            "ratio": median(b / a for a, b in zip(kernel, twin, strict=True)),
        },
    )


def _table(rows: tuple[Row, ...], notes: tuple[str, ...]) -> Table:
    columns = (
        Column("unit", "for each"),
        Column("kernel_ns", "viper", "ns", 1),
        Column("plain_ns", "plain", "ns", 1),
        Column("ratio", "plain over viper", "×", 0),
    )
    return Table("kernels", "The device's kernels beside plain loops", columns, rows, notes)
