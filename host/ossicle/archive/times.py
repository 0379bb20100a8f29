"""Times as people write them, and as they read them."""

from __future__ import annotations

import math
import re
import time as clock
from datetime import UTC, datetime, timedelta

from ossicle.archive.entry import ArchiveError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO = re.compile(r"-(?P<n>\d{1,9}(?:\.\d{1,6})?)(?P<unit>[smhdw])")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?")
_FORMS = (
    "such as 2026-07-29T14:30, 2026-07-29, 14:30 (today), -15m (ago; s, m, h, d, w), today, yesterday, now"
)


def parse_time(text: str, now: float | None = None) -> float:
    """Unix time. ISO 8601, which is local time unless it says another; a date is its first moment; a time of
    day is today's; `-15m` is so long ago; `today` and `yesterday` are dates; `@` is before Unix time.

    Raises ArchiveError for anything else.
    """
    moment = clock.time() if now is None else now
    said = text.strip()
    try:
        value = _parsed(said, moment)
        datetime.fromtimestamp(value, UTC)  # within what a calendar has
    except (ValueError, OverflowError, OSError):
        raise ArchiveError(f"{text!r} is no time; write one {_FORMS}") from None
    return value


def _parsed(said: str, now: float) -> float:
    if said == "now":
        return now
    if ago := _AGO.fullmatch(said):
        return now - float(ago["n"]) * _UNITS_S[ago["unit"]]
    if said.startswith("@"):
        value = float(said[1:])
        if not math.isfinite(value):
            raise ValueError
        return value
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if said == "today":
        return today.timestamp()
    if said == "yesterday":
        return (today - timedelta(days=1)).timestamp()
    if _CLOCK.fullmatch(said):
        said = f"{today:%Y-%m-%d}T{said.zfill(len(said) + (said[1] == ':'))}"
    return datetime.fromisoformat(said).timestamp()


def parse_range(
    since: str | None, until: str | None, now: float | None = None
) -> tuple[float | None, float | None]:
    """Both ends in Unix time, of which either may be missing. Raises ArchiveError where the second does not
    come after the first."""
    moment = clock.time() if now is None else now
    start = None if since is None else parse_time(since, moment)
    stop = None if until is None else parse_time(until, moment)
    if start is not None and stop is not None and start >= stop:
        raise ArchiveError(
            f"the time range is empty: {since} is {shown(start)}, and {until} is {shown(stop)}; "
            f"the end comes after the start"
        )
    return start, stop


def shown(time: float) -> str:
    """Local time with its offset from UTC, to the millisecond, as `parse_time` reads it."""
    return datetime.fromtimestamp(time).astimezone().isoformat(timespec="milliseconds")
