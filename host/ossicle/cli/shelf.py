"""`ossicle archive ls` and `stats`: what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from . import choice, options
from .guard import FAILED
from .output import Output, seconds
from .progress import progress
from .quantities import bytes_shown, counted, moment, span_shown

if TYPE_CHECKING:
    from ..archive.holdings import Found
    from ..archive.row import Row
    from ..archive.stats import DeviceStats, LibraryStats


@dataclass(slots=True)
class Run:
    """What is kept of one stream."""

    first: Row
    last: Row
    frames: int = 0
    objects: int = 0
    waiting: int = 0
    """Of these, those that are in the spool yet."""
    bytes: int = 0
    raw_bytes: int = 0
    gaps: int = 0
    segments: int = 0

    def add(self, found: Found) -> None:
        """One more object of the stream."""
        row, entry = found.row, found.row.entry
        self.last = max(self.last, row, key=lambda r: r.stop)
        self.frames += entry.frames
        self.objects += 1
        self.waiting += found.spooled
        self.bytes += row.bytes
        self.raw_bytes += row.raw_bytes
        self.gaps += len(entry.gaps)
        self.segments += len(entry.segments)


def ls(
    *,
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    device: choice.Device = None,
    stream: choice.Stream = None,
    since: choice.Since = None,
    until: choice.Until = None,
    objects: Annotated[
        bool,
        typer.Option(
            "--objects", help="Each object; with --json also the gaps and the speech in it, one by one."
        ),
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the store first what other computers wrote or deleted.")
    ] = False,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """List what is kept: each stream, from when to when, or each object."""
    output = Output(as_json)
    wanted = choice.selection(owner, device, stream, since, until)
    with choice.library(url, config, assignments, output, lenient=True) as library:
        if refresh:
            with progress("reading the store", as_json) as tell:
                library.refresh(tell)
        found = library.found(wanted)
        if not (_tell_objects if objects else _tell_streams)(output, found):
            if library.is_partial:
                raise typer.Exit(FAILED)
            narrowed = any(part is not None for part in (owner, device, stream, since, until))
            output.note("nothing is kept of what was asked for" if narrowed else "nothing is kept there")


def _tell_objects(output: Output, objects: Iterable[Found]) -> int:
    count = 0
    for found in objects:
        count += 1
        row, entry = found.row, found.row.entry
        length = span_shown(entry.frames / row.rate)
        holds = _holds(len(entry.segments), len(entry.gaps)) + (
            ", waits on this disk" if found.spooled else ""
        )
        output.event(
            "object",
            f"{moment(row.time)}  {length}  {bytes_shown(row.bytes):>8}  {row.key}{holds}",
            key=row.key,
            owner=row.owner,
            device=row.device,
            stream=row.stream,
            start_frame=row.start,
            stop_frame=row.stop,
            rate=row.rate,
            channels=row.channels,
            codec=row.codec,
            time=row.time,
            stop_time=row.stop_time,
            uncertainty=row.uncertainty,
            true_rate=entry.true_rate,
            bytes=row.bytes,
            raw_bytes=row.raw_bytes,
            sha256=row.sha256,
            waiting=found.spooled,
            gaps=[asdict(gap) for gap in entry.gaps],
            segments=[asdict(segment) for segment in entry.segments],
        )
    return count


def _holds(segments: int, gaps: int) -> str:
    return "".join(f", {counted(n, what)}" for n, what in ((segments, "segment"), (gaps, "gap")) if n)


def _tell_streams(output: Output, objects: Iterable[Found]) -> int:
    runs: dict[tuple[str, str, str], Run] = {}
    for found in objects:
        row = found.row
        runs.setdefault((row.owner, row.device, row.stream), Run(row, row)).add(found)
    for run in runs.values():
        first, last = run.first, run.last
        about = _holds(run.segments, run.gaps)
        about += (
            f", {counted(run.waiting, 'object')} of {run.objects} on this disk yet" if run.waiting else ""
        )
        output.event(
            "kept",
            f"{moment(first.time)} to {moment(last.stop_time)}  {first.owner}  {first.device}  "
            f"{first.stream}  {span_shown(run.frames / first.rate)}, {bytes_shown(run.bytes)}{about}",
            owner=first.owner,
            device=first.device,
            stream=first.stream,
            start_frame=first.start,
            stop_frame=last.stop,
            rate=first.rate,
            channels=first.channels,
            time=first.time,
            stop_time=last.stop_time,
            seconds=seconds(run.frames, first.rate),
            objects=run.objects,
            waiting=run.waiting,
            bytes=run.bytes,
            raw_bytes=run.raw_bytes,
            gaps=run.gaps,
            segments=run.segments,
        )
    return len(runs)


def stats(
    *,
    url: choice.Place = choice.AUTO,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Tell how much is kept, of whom and in how many bytes, what waits, and how many uploads came through."""
    output = Output(as_json)
    with choice.library(url, config, assignments, output, lenient=True) as library:
        found = library.stats()
    output.event(
        "stats",
        "\n".join(_lines(found)),
        url=found.url,
        objects=found.objects,
        bytes=found.bytes,
        raw_bytes=found.raw_bytes,
        ratio=found.ratio,
        seconds=found.seconds,
        time=found.first_time,
        stop_time=found.last_time,
        devices=[_told(one) for one in found.devices],
        upload_share=found.upload_share,
        spool_objects=found.spooled_objects,
        spool_bytes=found.spooled_bytes,
        unsaved_s=found.oldest_unsaved_s,
        counters=found.counters,
        deletions=found.deletions,
        compared_at=found.compared_at,
    )


def _lines(found: LibraryStats) -> Iterable[str]:
    yield f"{found.url}: {_amount(found.objects, found.seconds, found.bytes)}"
    if found.ratio is not None and found.first_time is not None and found.last_time is not None:
        yield f"from {moment(found.first_time)} to {moment(found.last_time)}"
        yield f"stored bytes of each byte of PCM: {found.ratio:.3f}"
    for one in found.devices:
        yield f"  {one.owner}  {one.device}  {_amount(one.objects, one.seconds, one.bytes)}"
    if found.upload_share is not None:
        tries, failed = found.counters.get("attempts", 0), found.counters.get("failed", 0)
        yield (
            f"objects of this computer that came through: {found.upload_share:.3%} "
            f"({counted(tries, 'upload')} begun, {failed} failed and tried again)"
        )
    if found.oldest_unsaved_s is not None:
        yield (
            f"waiting on this disk: {counted(found.spooled_objects, 'object')}, "
            f"{bytes_shown(found.spooled_bytes)}, the oldest from {span_shown(found.oldest_unsaved_s)} ago"
        )
    if found.deletions:
        yield f"records of deletions: {found.deletions}"


def _amount(objects: int, length_s: float, size: int) -> str:
    return f"{counted(objects, 'object')}, {span_shown(length_s)}, {bytes_shown(size)}"


def _told(one: DeviceStats) -> dict[str, object]:
    return {
        "owner": one.owner,
        "device": one.device,
        "streams": one.streams,
        "objects": one.objects,
        "bytes": one.bytes,
        "raw_bytes": one.raw_bytes,
        "seconds": one.seconds,
        "time": one.first_time,
        "stop_time": one.last_time,
    }
