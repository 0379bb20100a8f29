"""`ossicle archive get` and `export`: audio back out of an archive."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OssicleError
from ..sinks import Sink, check_suffix, open_sink
from . import choice, options
from .guard import FAILED, USAGE, complain
from .leave import UNFINISHED
from .output import Output, seconds
from .progress import progress
from .quantities import bytes_shown, counted, moment, span_shown

if TYPE_CHECKING:
    from ..archive.get import Got
    from ..archive.layout import Hole, Plan

SAMPLE_BYTES = 2
FLAC_FRAMES_MAX = 2**36 - 1  # RFC 9639, 8.2
POSITION_MAX = 10**15 - 1  # what the name of an object has room for


def get(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .wav or .flac.")],
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    device: choice.Device = None,
    stream: choice.Stream = None,
    since: choice.Since = None,
    until: choice.Until = None,
    start: Annotated[
        int | None,
        typer.Option("--start", min=0, max=POSITION_MAX, help="With --stream: from this frame of it on."),
    ] = None,
    stop: Annotated[
        int | None,
        typer.Option("--stop", min=1, max=POSITION_MAX, help="With --stream: up to this frame of it."),
    ] = None,
    trim: Annotated[
        bool,
        typer.Option("--trim", help="Begin and end with audio, not with silence up to the times given."),
    ] = False,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Write any range of time as one file, gaps as silence, and tell each gap."""
    output = Output(as_json)
    if (start is not None or stop is not None) and stream is None:
        complain("--start and --stop are frames of a stream: --stream ID")
        raise typer.Exit(USAGE)
    check_suffix(out)
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
    wanted = choice.selection(owner, device, stream, since, until)
    with choice.library(url, config, assignments, output) as library:
        plan = library.plan(wanted, start=start, stop=stop, pad=not trim)
        _check_room(out, plan)
        with _aside(out, plan.rate, plan.channels) as sink, progress("objects", as_json) as tell:
            got = library.get(plan, sink, tell)
    for hole in got.holes:
        _tell_gap(output, hole, got.rate)
    _tell_end(output, out, got, plan.owner, plan.device)
    if got.corrupt:
        names = ", ".join(got.corrupt[:3]) + (" ..." if len(got.corrupt) > 3 else "")
        complain(f"{counted(len(got.corrupt), 'object')} damaged or gone, told as gaps: {names}")
        raise typer.Exit(FAILED)


def _check_room(out: Path, plan: Plan) -> None:
    """A year of silence before the first word fits no disk; of FLAC it takes next to nothing, but hours."""
    size = plan.frames * plan.channels * SAMPLE_BYTES
    free = shutil.disk_usage(out.absolute().parent).free
    if out.suffix.lower() == ".wav" and size > free:
        silence = sum(step.frames for step in plan.steps if step.cut is None) / plan.frames
        raise OssicleError(
            f"{out}: would be {bytes_shown(size)}, {silence:.0%} of it silence, and {bytes_shown(free)} are "
            f"free there: take a shorter range, --trim, or a .flac file"
        )
    if plan.frames > FLAC_FRAMES_MAX and out.suffix.lower() == ".flac":
        raise OssicleError(
            f"{out}: would be {span_shown(plan.frames / plan.rate)}, and FLAC holds "
            f"{span_shown(FLAC_FRAMES_MAX / plan.rate)}: take a shorter range, or --trim"
        )


@contextmanager
def _aside(out: Path, rate: int, channels: int) -> Iterator[Sink]:
    """A file that takes its place when it is whole; until then an older one of that name stays."""
    part = out.with_name(f".{out.stem[:100]}.{os.getpid()}.part{out.suffix}")
    UNFINISHED.add(part)
    try:
        with open_sink(part, rate, channels) as sink:
            yield sink
        part.replace(out)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    finally:
        UNFINISHED.discard(part)


def _tell_gap(output: Output, hole: Hole, rate: int) -> None:
    frames = hole.stop_frame - hole.start_frame
    known = frames or hole.position is None
    length = f"of {frames / rate:.3f} s, {frames} frames" if known else "of unknown length"
    about = ", length estimated" if hole.estimated and known else ""
    output.event(
        "gap",
        f"gap at {hole.start_frame / rate:.3f} s {length} ({hole.cause}{about})",
        start=seconds(hole.start_frame, rate),
        stop=seconds(hole.stop_frame, rate),
        start_frame=hole.start_frame,
        stop_frame=hole.stop_frame,
        frames=frames if known else None,
        cause=hole.cause,
        estimated=hole.estimated,
        stream=hole.stream,
        position=hole.position,
    )


def _tell_end(output: Output, out: Path, got: Got, owner: str, device: str) -> None:
    lossy = ", kept as Opus and so not bit for bit" if got.lossy else ""
    missing = sum(hole.stop_frame - hole.start_frame for hole in got.holes)
    length = f" of {missing / got.rate:.3f} s in all" if missing else ""
    output.event(
        "got",
        f"{out}: {got.frames / got.rate:.3f} s from {moment(got.start_time)} on, "
        f"{counted(len(got.holes), 'gap')}{length}{lossy}",
        file=str(out),
        owner=owner,
        device=device,
        rate=got.rate,
        channels=got.channels,
        time=got.start_time,
        stop_time=got.stop_time,
        seconds=seconds(got.frames, got.rate),
        frames=got.frames - missing,
        gaps=len(got.holes),
        missing_frames=missing,
        objects=got.objects,
        damaged=list(got.corrupt),
        lossy=got.lossy,
        streams=[
            {
                "stream": part.stream,
                "start_frame": part.start_frame,
                "stop_frame": part.stop_frame,
                "position": part.position,
                "time": part.time,
                "uncertainty": part.uncertainty,
            }
            for part in got.parts
        ],
    )


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to copy to.")],
    *,
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    device: choice.Device = None,
    stream: choice.Stream = None,
    since: choice.Since = None,
    until: choice.Until = None,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Copy objects as they are, with a list of them; what is there already is not copied again."""
    output = Output(as_json)
    wanted = choice.selection(owner, device, stream, since, until)
    with (
        choice.library(url, config, assignments, output) as library,
        progress("objects", as_json) as tell,
    ):
        done = library.export(wanted, folder, tell)
    there = f", {done.skipped} of them were there" if done.skipped else ""
    output.event(
        "exported",
        f"{folder}: {counted(done.objects, 'object')}, {bytes_shown(done.bytes)}{there}; the list is "
        f"{done.manifest}",
        folder=str(folder),
        manifest=str(done.manifest),
        objects=done.objects,
        bytes=done.bytes,
        skipped=done.skipped,
        damaged=[problem.key for problem in done.failed],
    )
    if done.failed:
        first = done.failed[0]
        complain(f"{counted(len(done.failed), 'object')} damaged or gone: {first.key}: {first.text}")
        raise typer.Exit(FAILED)
