"""The report of tests/hil: what is in it, and that what is not sure to be harmless is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dossier import FAILED, PASSED, SKIPPED, Dossier

from ossicle import __version__


@pytest.fixture
def found() -> Dossier:
    made = Dossier("serial:///dev/ttyUSB0", {"chip": "ESP32", "notes": ("a", "b"), "rates": []})
    made.kernels.append({"name": "convert", "unit": "sample", "ns": 203.44, "plain_ns": 9000.0})
    made.stream = {"wrong": 0, "lost": 3, "host": {"packets_in": 7}, "drift_ppm": None}
    made.outcome("test_a", PASSED)
    made.outcome("test_b", SKIPPED, "nobody is there\nto ask | at all")
    made.outcome("test_c", FAILED, "assert 1 == 2")
    return made


def test_the_page(found: Dossier) -> None:
    text = found.text()
    assert text.startswith("# Ossicle on serial:///dev/ttyUSB0\n\n1 passed, 1 failed, 1 skipped; ossicle ")
    assert "| chip | ESP32 |" in text
    assert "| notes | a, b |" in text
    assert "| rates | none |" in text
    assert "| convert | sample | 203.4 | 9000.0 |" in text
    assert "| lost | 3 |" in text
    assert "packets_in" not in text, "counters are in the JSON only"
    assert "drift_ppm" not in text
    assert "| test_b | skipped | nobody is there to ask \\| at all |" in text
    assert {line.count(" | ") for line in text.splitlines() if line.startswith("| test_")} == {2}


def test_the_files(found: Dossier, tmp_path: Path) -> None:
    for name in ("report.md", "report.json"):
        page, data = found.write(tmp_path / "new" / name)
        assert (page.name, data.name) == ("report.md", "report.json")
        assert page.read_text(encoding="utf-8") == found.text()
        told = json.loads(data.read_text(encoding="utf-8"))
        assert told == json.loads(json.dumps(found.plain()))
        assert (told["ossicle"], told["passed"], told["failed"], told["skipped"]) == (__version__, 1, 1, 1)
        assert told["stream"]["host"] == {"packets_in": 7}
        assert told["tests"][2] == {"test": "test_c", "outcome": "failed", "why": "assert 1 == 2"}


def test_a_failure_stays_one(found: Dossier) -> None:
    """What fails in the test passes its teardown."""
    found.outcome("test_c", PASSED)
    assert found.count(FAILED) == 1


def test_a_long_reason_is_cut(found: Dossier) -> None:
    found.outcome("test_d", FAILED, "x" * 5000)
    assert len(found.text()) < 2000
