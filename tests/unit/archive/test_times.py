"""Times as they are written: each form, and what is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ossicle.archive.entry import ArchiveError
from ossicle.archive.times import parse_range, parse_time, shown

NOW = datetime(2026, 7, 29, 12, 0, 0, 250_000, UTC).timestamp()


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two hours before UTC in summer, and one in winter."""
    if not hasattr(time, "tzset"):
        pytest.skip("this system's zone cannot be set for a test")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-07-29T14:30", "2026-07-29T12:30:00"),
        ("2026-01-29T14:30", "2026-01-29T13:30:00"),
        ("2026-07-29 14:30:01.5", "2026-07-29T12:30:01.500"),
        ("2026-07-29T14:30Z", "2026-07-29T14:30:00"),
        ("2026-07-29T14:30:00-05:00", "2026-07-29T19:30:00"),
        ("2026-07-29", "2026-07-28T22:00:00"),
        (" today ", "2026-07-28T22:00:00"),
        ("yesterday", "2026-07-27T22:00:00"),
        ("14:30", "2026-07-29T12:30:00"),
        ("9:05:30", "2026-07-29T07:05:30"),
        ("now", "2026-07-29T12:00:00.250"),
        ("-15m", "2026-07-29T11:45:00.250"),
        ("-1.5h", "2026-07-29T10:30:00.250"),
        ("-2d", "2026-07-27T12:00:00.250"),
        ("@1785326400.5", "2026-07-29T12:00:00.500"),
    ],
)
def test_forms(text: str, utc: str) -> None:
    assert parse_time(text, NOW) == pytest.approx(
        datetime.fromisoformat(utc + "+00:00").timestamp(), abs=1e-6
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-15",
        "15m",
        "-m",
        "2026-13-01",
        "2026-07-29T25:00",
        "25:00",
        "@",
        "@nan",
        "@1e300",
        "-99999999w",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ArchiveError, match=r"is no time; write one such as 2026") as caught:
        parse_time(text, NOW)
    assert "\n" not in str(caught.value)


def test_ranges() -> None:
    assert parse_range(None, None) == (None, None)
    assert parse_range("-1h", "now", NOW) == (NOW - 3600, NOW)
    assert parse_range("-1h", None, NOW) == (NOW - 3600, None)
    for since, until in [("now", "-1h"), ("now", "now"), ("2026-07-30", "2026-07-29")]:
        with pytest.raises(ArchiveError, match="the time range is empty"):
            parse_range(since, until, NOW)


def test_what_is_shown_is_read_again() -> None:
    assert shown(NOW) == "2026-07-29T14:00:00.250+02:00"
    assert parse_time(shown(NOW)) == NOW
