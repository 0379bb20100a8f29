"""`ossicle archive rm`, `cleanup`, `verify`, `rebuild` and `upload`: an archive looked after."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import choice, options
from .guard import FAILED, USAGE, complain
from .leave import leaving_at_once
from .output import Output
from .progress import progress
from .quantities import bytes_shown, counted, moment, span_shown

if TYPE_CHECKING:
    from ..archive.health import Notice
    from ..archive.problem import Problem
    from ..archive.rebuild import Compared
    from ..archive.remove import Removed

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")]
RANGES_SHOWN = 20
_NOTICES_MAX = 20


def rm(
    *,
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    device: choice.Device = None,
    stream: choice.Stream = None,
    since: choice.Since = None,
    until: choice.Until = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept, of everyone.")] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Delete audio for good, by owner, device, stream and time. A record stays that it was deleted."""
    output = Output(as_json)
    given = any(part is not None for part in (owner, device, stream, since, until))
    if given == everything:
        complain("say what: --owner, --device, --stream, --from or --to; or --all for everything")
        raise typer.Exit(USAGE)
    wanted = choice.selection(owner, device, stream, since, until)
    if not (yes or dry_run or sys.stdin.isatty()):
        complain("there is no terminal to ask on: --yes says that it is meant, --dry-run tells what it is")
        raise typer.Exit(USAGE)
    with choice.library(url, config, assignments, output) as library:
        if dry_run or not yes:
            removed = library.remove(wanted, dry_run=True)
            if dry_run:
                _tell_removed(output, removed)
                return
            for line in _ranges(removed):
                complain(line)
            complain(_amount(removed))
            if not typer.confirm("This goes for good, from every copy that is known. Go on?", err=True):
                raise typer.Exit(FAILED)
        with progress("objects", as_json) as tell:
            _tell_removed(output, library.remove(wanted, progress=tell))


def cleanup(
    *,
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    days: Annotated[
        float | None,
        typer.Option("--days", min=0, help="Delete what is older; 0: nothing. Unless given: retention_days."),
    ] = None,
    dry_run: DryRun = False,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Delete what is older than it has to be kept, and finish deletions that were broken off."""
    output = Output(as_json)
    with (
        choice.library(url, config, assignments, output) as library,
        progress("objects", as_json) as tell,
    ):
        removed = library.cleanup(days=days, owner=owner, dry_run=dry_run, progress=tell)
        age = library.settings.retention_days if days is None else days
    if not (removed.objects or removed.spooled):
        older = f"nothing is older than {age:g} days" if age else "audio is kept for ever"
        output.note(f"{older}, and no deletion was broken off")
    _tell_removed(output, removed)


def _tell_removed(output: Output, removed: Removed) -> None:
    verb = "would go" if removed.dry_run else "deleted"
    ranges = "".join(f"{line}\n" for line in _ranges(removed)) if removed.dry_run else ""
    spooled = f", {removed.spooled} of them from this disk's spool" if removed.spooled else ""
    output.event(
        "removed",
        f"{ranges}{verb}: {_amount(removed)}{spooled}",
        objects=removed.objects,
        bytes=removed.bytes,
        seconds=removed.seconds,
        spooled=removed.spooled,
        ranges=list(removed.ranges),
        records=list(removed.records),
        dry_run=removed.dry_run,
    )


def _amount(removed: Removed) -> str:
    objects = counted(removed.objects + removed.spooled, "object")
    return f"{objects}, {bytes_shown(removed.bytes)}, {span_shown(removed.seconds)} of audio"


def _ranges(removed: Removed) -> Iterator[str]:
    """For who is asked, or asks."""
    for one in removed.ranges[:RANGES_SHOWN]:
        when = f"{moment(one['time'])} to {moment(one['stop_time'])}" if "time" in one else "unreadable"
        yield f"{when}  {one['owner']}  {one['device']}  {one['stream']}"
    if len(removed.ranges) > RANGES_SHOWN:
        yield f"and {len(removed.ranges) - RANGES_SHOWN} more"


def verify(
    *,
    url: choice.Place = choice.AUTO,
    owner: choice.Owner = None,
    device: choice.Device = None,
    stream: choice.Stream = None,
    since: choice.Since = None,
    until: choice.Until = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only look whether each object is there; read none.")
    ] = False,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Read everything again and recompute every hash: what is damaged, missing, or not the archive's."""
    output = Output(as_json)
    wanted = choice.selection(owner, device, stream, since, until)

    def found(problem: Problem) -> None:
        _tell_problem(output, problem.key, problem.kind, problem.text)

    with (
        choice.library(url, config, assignments, output) as library,
        progress("objects", as_json) as tell,
    ):
        done = library.verify(wanted, quick=quick, progress=tell, found=found)
    verdict = counted(done.problems, "problem") if done.problems else "all as it was stored"
    output.event(
        "verified",
        f"{counted(done.objects, 'object')}, {bytes_shown(done.bytes)}: {verdict}",
        objects=done.objects,
        bytes=done.bytes,
        problems=done.problems,
        kinds=dict(done.kinds),
    )
    if done.failed:
        raise typer.Exit(FAILED)


def _tell_problem(output: Output, key: str, kind: str, text: str) -> None:
    output.event("problem", f"{kind}  {key}: {text}", key=key, kind=kind, message=text)


def rebuild(
    *,
    url: choice.Place = choice.AUTO,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Make this computer's index anew, from the store alone."""
    from ..archive.library import Library

    output = Output(as_json)
    with (
        leaving_at_once(),
        Library(choice.settings(url, config, assignments), tell=output.note) as library,
        progress("objects", as_json) as tell,
    ):
        _tell_compared(output, library.rebuild(tell))


def _tell_compared(output: Output, found: Compared) -> None:
    for key, why in found.unreadable:
        _tell_problem(output, key, "corrupt", why)
    for key in found.foreign:
        _tell_problem(output, key, "foreign", "no name of an archive's object")
    output.event(
        "index",
        f"{counted(found.objects, 'object')}, {bytes_shown(found.bytes)}: {found.added} new, "
        f"{found.dropped} gone",
        objects=found.objects,
        bytes=found.bytes,
        added=found.added,
        dropped=found.dropped,
        deletions=found.deletions,
        foreign=found.foreign_count,
        unreadable=len(found.unreadable),
    )


def upload(
    *,
    url: choice.Place = choice.AUTO,
    limit_s: Annotated[
        float | None, typer.Option("--seconds", min=0.1, max=options.LONG_S, help="Give up after so long.")
    ] = None,
    config: choice.Config = None,
    assignments: choice.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Upload what a program that was killed, or a store that failed, left on this disk."""
    from ..sinks.archive import Archive

    output = Output(as_json)
    notices: deque[Notice] = deque(maxlen=_NOTICES_MAX)
    archive = Archive(choice.settings(url, config, assignments), tell=notices.append)
    try:
        waited = archive.stats().spool_objects
        with progress("objects", as_json) as tell:
            tell(0, waited)
            archive.drain(options.LONG_S if limit_s is None else limit_s)
    finally:
        archive.close(0.0)
    stats = archive.stats()
    _tell_uploaded(output, stats)
    for notice in notices:
        if notice.kind in ("spool", "dropped"):
            complain(notice.text)
    if stats.spool_objects:
        why = stats.failing or "there was no time for more, or they cannot be read"
        complain(f"{counted(stats.spool_objects, 'object')} left on this disk: {why}")
        raise typer.Exit(FAILED)


def _tell_uploaded(output: Output, stats: Any) -> None:
    counts = stats.counts
    output.event(
        "uploaded",
        f"{counted(counts.uploaded, 'object')}, {bytes_shown(counts.stored_bytes)} uploaded",
        objects=counts.uploaded,
        bytes=counts.stored_bytes,
        failed_uploads=counts.failed,
        damaged=counts.damaged,
        deleted=counts.deleted,
        spool_objects=stats.spool_objects,
        spool_bytes=stats.spool_bytes,
    )
