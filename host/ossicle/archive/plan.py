"""Which time range of which streams becomes one recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError
from ossicle.archive.layout import Layout, Plan, Range, Wanted
from ossicle.archive.row import Row
from ossicle.archive.select import Selection
from ossicle.archive.track import Piece, Track, by_clock

Neighbours = Callable[[Row, Row], Iterable[Row]]
"""The objects before the first and after the last of a stream that the range holds."""
_NAMES_MAX = 8


def plan(
    rows: Iterable[Row],
    selection: Selection,
    *,
    start: int | None = None,
    stop: int | None = None,
    pad: bool = True,
    neighbours: Neighbours = lambda first, last: (),
    deletions: Iterable[Deletion] = (),
) -> Plan:
    """The plan of the selection's time range, of which `rows` are the objects. `start` and `stop` are
    positions, for a selection of one stream. `pad`: with silence up to both ends that were asked for, as far
    as they are past; else the recording begins and ends with audio.

    Raises ArchiveError where there is nothing, or more than goes into one recording.
    """
    found = list(rows)
    if (start is not None or stop is not None) and selection.stream is None:
        raise ArchiveError("positions are those of a stream: choose one with --stream")
    if start is not None and stop is not None and start >= stop:
        raise ArchiveError(f"positions {start} to {stop}: the range is empty")
    _check(found)
    wanted = Wanted(selection, start, stop, pad)
    tracks = _tracks(found, wanted, neighbours)
    return Layout(found[0], wanted, list(deletions)).of(tracks, found)


def _check(rows: list[Row]) -> None:
    if not rows:
        raise ArchiveError("nothing is kept of that; `ossicle archive ls` shows what is")
    for option, names in (
        ("--owner", {row.owner for row in rows}),
        ("--device", {row.device for row in rows}),
    ):
        if len(names) > 1:
            raise ArchiveError(f"audio of several: choose with {option}: {_listed(names)}")
    kinds = {(row.rate, row.channels) for row in rows}
    if len(kinds) > 1:
        streams = {f"{row.stream} ({row.rate} Hz, {row.channels} channels)" for row in rows}
        raise ArchiveError(f"streams of different kinds: choose with --stream: {_listed(streams)}")


def _listed(names: set[str]) -> str:
    some = sorted(names)[:_NAMES_MAX]
    return ", ".join(some) + (f" and {len(names) - len(some)} more" if len(names) > len(some) else "")


def _tracks(rows: list[Row], wanted: Wanted, neighbours: Neighbours) -> list[Range]:
    streams: dict[str, list[Row]] = {}
    for row in rows:
        streams.setdefault(row.stream, []).append(row)
    ranges = []
    for stream, own in streams.items():
        own.sort(key=lambda row: (row.start, row.key))
        beside = [row for row in neighbours(own[0], own[-1]) if row.rate == own[0].rate]
        pieces = [Piece.of(row.key, row.entry) for row in {row.key: row for row in [*own, *beside]}.values()]
        for some in by_clock(pieces) if wanted.by_time else [pieces]:
            track = Track(some)
            start, stop = wanted.of(track)
            if start < stop:
                ranges.append(Range(stream, track, start, stop))
    if not ranges:
        raise ArchiveError("nothing is kept of that; `ossicle archive ls` shows what is")
    ranges.sort(key=lambda one: one.time)
    return ranges
