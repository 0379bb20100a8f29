"""What docs/aggregator.md says is so: its code runs, its options are those there are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ossicle.audio.aggregator import AggregatorStats
from ossicle.audio.measures import Measures

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "aggregator.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_python_shown_runs(number: int, speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = BLOCKS[number].replace('open("auto"', f'open("emulator:{speech}?speed=max"')
    exec(compile(code, f"aggregator.md python {number}", "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    if "microphone" in code:
        assert len(re.findall(r"^\d+\.\d s of segment-", said, re.MULTILINE)) >= 2
        assert len(re.findall(r"is the microphone's sample \d+ and on$", said, re.MULTILINE)) >= 5
    else:
        (shown,) = re.findall(r"print\(result.reason\)  # (.*) \.\.\.$", code, re.MULTILINE)
        assert said.startswith(shown)


def test_there_are_two_examples() -> None:
    assert len(BLOCKS) == 2


def test_every_option_is_told_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE))
    assert told == {field.name: str(field.default) for field in fields(Measures)}


def test_the_counters_named_exist() -> None:
    (line,) = re.findall(r"`aggregator.stats`: (.*?) and how", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", line)) <= {field.name for field in fields(AggregatorStats)}
