"""The figures that are told whatever is found, for programs and for people."""

from __future__ import annotations

from ossicle.proto._wire import StatusFields

from .evidence import Link, Sound
from .finding import Number
from .hum import hum
from .link import flat_out, measured_rate
from .measure import FULL, decibels, figures

_NOTHING = 255  # of a band: quieter than it can tell, or not measured (W-57)


def sounds_like(heard: Sound) -> list[dict[str, Number]]:
    """For each channel how it sounds; levels are in dBFS."""
    told = []
    for number in range(heard.frames.shape[1]):
        one = heard.channel(number)
        of = figures(one)
        lines = hum(one)
        row: dict[str, Number] = {
            "loud_db": round(of.loud_db, 1),
            "floor_db": round(of.floor_db, 1),
            "peak_db": round(of.peak_db, 1),
            "offset": round(of.mean, 5),
            "clipped": round(of.clipped, 6),
            "hum_db": None if lines is None else round(lines.level_db, 1),
            "hum_hz": None if lines is None else lines.mains,
        }
        told.append(row)
    return told


def sound_line(name: str, row: dict[str, Number]) -> str:
    """A channel's figures for people."""
    buzz = "no hum" if row["hum_db"] is None else f"hum {row['hum_db']} dBFS at {row['hum_hz']} Hz"
    return (
        f"{name}: loudest {row['loud_db']} dBFS, noise floor {row['floor_db']} dBFS, "
        f"peak {row['peak_db']} dBFS, offset {float(row['offset'] or 0):.2%}, {buzz}"
    )


def rate_of(link: Link) -> tuple[float | None, int | None, int | None]:
    """The true rate in Hz, by how many millionths it is off, and within how many; None: not measured."""
    measured = None if flat_out(link) else measured_rate(link)
    if measured is None:
        return None, None, None
    rate, unsure = measured
    return round(rate, 2), round((rate / link.rate - 1) * 1e6), round(unsure * 1e6)


def lost_at(link: Link) -> dict[str, int]:
    """Samples lost by place: before the ring, in it, on this computer; and packets on the way."""
    status = link.status
    return {
        "i2s": max(link.lost.get("capture", 0), status.lost_frames if status else 0),
        "ring": max(link.lost.get("overwritten", 0), status.overwritten_frames if status else 0),
        "host": link.lost.get("overflow", 0),
        "packets": max(link.missing, link.garbled),
    }


def bands_db(status: StatusFields) -> list[float | None]:
    """The device's own spectrum: octaves, the highest first, each in dBFS; None where there was nothing."""
    return [None if band == _NOTHING else -band / 2 for band in status.bands]


def device_levels(status: StatusFields) -> tuple[float, float]:
    """The device's own peak and root mean square of its last second, in dBFS."""
    return round(decibels(status.peak / FULL), 1), round(decibels(status.rms / FULL), 1)


def link_line(link: Link) -> str:
    """The link's figures for people."""
    rate, off, unsure = rate_of(link)
    lost = lost_at(link)
    parts = [
        f"{link.baud} baud" if link.baud is not None else link.kind,
        "true rate not measured"
        if rate is None
        else f"true rate {rate:.0f} Hz ({off:+d} ppm, within {unsure})",
        f"lost: {lost['i2s']} samples before the ring, {lost['ring']} in it, {lost['host']} here; "
        f"{lost['packets']} packets on the way",
    ]
    if link.status is not None:
        if link.free_heap is not None:
            parts.append(f"{link.free_heap} bytes of heap free")
        if link.status.rssi:
            parts.append(f"Wi-Fi {link.status.rssi} dBm")
    return ", ".join(parts)
