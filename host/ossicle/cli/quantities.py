"""Bytes, spans and moments, as people read them."""

from __future__ import annotations

from datetime import datetime


def bytes_shown(n: int) -> str:
    """Such as 12.3 MB: decimal, as disks are sold."""
    size, unit = float(n), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.95:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def counted(n: int, what: str) -> str:
    """Such as 1 object, 2 objects."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def span_shown(seconds: float) -> str:
    """Such as 0:01:00, or 0.4 s below one second."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def moment(time: float) -> str:
    """A Unix time by this computer's clock, to the second, as `--from` takes it."""
    return datetime.fromtimestamp(time).astimezone().isoformat(timespec="seconds")
