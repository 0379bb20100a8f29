"""`ossicle bench`: what it all costs and how well it hears, measured here and now."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from ..bench import suite
from ..bench.chart import draw
from ..bench.figures import Effort, Table
from ..bench.machine import describe
from ..bench.report import cells, heads, page, plain, verdict
from ..errors import OssicleError
from . import options
from .guard import FAILED, complain, os_error_line
from .output import Output

COST, VOICE = "What Ossicle costs", "How well speech is found"


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help=f"Which: {', '.join(suite.NAMES)}; with --vad {', '.join(suite.VAD_NAMES)}. "
            "All of them unless given.",
            show_default=False,
        ),
    ] = None,
    *,
    vad: Annotated[
        bool, typer.Option("--vad", help="Accuracy of the voice detectors instead of cost.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds instead of minutes; the figures are rough.")
    ] = False,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            metavar="DIR",
            help="Recordings to judge by, too: noise_*.wav, and WAV files with .rttm labels.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Also write a page with charts into this folder."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when a bound does not hold.")] = False,
    as_json: options.Json = False,
) -> None:
    """Measure speed beside what a user would pick instead, or with --vad how well speech is found.

    Times are compared within one run. Keep the machine quiet meanwhile.
    """
    chosen = choose(names or [], vad)
    if recordings is not None and not recordings.is_dir():
        raise typer.BadParameter(f"{recordings} is no folder")
    if recordings is not None and not vad:
        raise typer.BadParameter("--recordings goes with --vad")
    if out is not None:
        prepare(out)
    output = Output(as_json)
    console = Console(stderr=True)
    tables, failed = [], False
    with console.status("measuring ...") as status:

        def say(text: str) -> None:
            status.update(text)

        for name, table in measured(chosen, vad, Effort(quick, say), recordings):
            if table is None:
                failed = True
                continue
            status.stop()
            tell(output, table)
            status.start()
            tables.append(table)
            say(f"{name} done")
    machine = describe()
    command = shlex.join(["ossicle", "bench", *shown_arguments(sys.argv)])
    written = None
    if out is not None:
        try:
            written = write(out, vad, command, machine, tables)
        except OSError as error:
            complain(os_error_line(error))
            failed = True
    broken = [verdict(limit) for table in tables for limit in table.limits if not limit.holds]
    finish(output, machine, broken, written)
    if failed or (check and broken):
        raise typer.Exit(FAILED)


def choose(names: list[str], vad: bool) -> list[str]:
    """The benchmarks asked for, in the order in which they run."""
    known = suite.VAD_NAMES if vad else suite.NAMES
    for name in names:
        if name not in known:
            elsewhere = {True: " (without --vad)", False: " (with --vad)"}[vad]
            also = elsewhere if name in (*suite.NAMES, *suite.VAD_NAMES) else ""
            raise typer.BadParameter(f"no benchmark {name!r} here{also}; there are {', '.join(known)}")
    return [name for name in known if not names or name in names]


def measured(
    names: list[str], vad: bool, effort: Effort, recordings: Path | None
) -> Iterator[tuple[str, Table | None]]:
    """One table after the other; None, and a line that says why, for one that could not be made."""
    study = None
    if vad:
        from ..bench.vad.suite import Study

        study = Study(effort, recordings)
    for name in names:
        effort.say(f"{name} ...")
        try:
            yield name, study.table(name) if study else suite.find(name)(effort)
        except OssicleError as error:
            complain(f"{name}: {error}")
            yield name, None


def tell(output: Output, table: Table) -> None:
    """A table as JSON, or laid out for people; wide ones as Markdown would have them where nobody watches."""
    if output.as_json:
        told = table.as_json()
        output.event(
            "table",
            "",
            benchmark=told["name"],
            title=told["title"],
            columns=told["columns"],
            rows=told["rows"],
            notes=told["notes"],
            limits=told["limits"],
        )
        return
    grid = Grid(title=f"{table.title} ({table.name})", title_justify="left", header_style="bold")
    for number, head in enumerate(heads(table)):
        grid.add_column(head, justify="right" if number else "left", overflow="fold", no_wrap=not number)
    for row in table.rows:
        grid.add_row(*cells(table, row))
    width = None if sys.stdout.isatty() else min(max(80, shutil.get_terminal_size((200, 0)).columns), 1000)
    console = Console(width=width, soft_wrap=False, highlight=False, markup=False)
    console.print(grid)
    for note in table.notes:
        console.print(f"  {plain(note)}")
    for limit in table.limits:
        console.print(f"  {verdict(limit)}")
    console.print()


def prepare(folder: Path) -> None:
    """Have the folder before minutes are spent on what goes into it; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def write(folder: Path, vad: bool, command: str, machine: dict[str, str], tables: list[Table]) -> Path:
    """The page with its charts; without matplotlib a page without them, and a line that says so."""
    try:
        pictures = draw(tables, folder)
    except ModuleNotFoundError:
        pictures = []
        complain("no charts without matplotlib: pip install 'ossicle[bench]'")
    path = folder / ("voice.md" if vad else "cost.md")
    path.write_text(page(VOICE if vad else COST, command, machine, tables, pictures), encoding="utf-8")
    return path


def shown_arguments(argv: list[str]) -> list[str]:
    """The arguments after `bench`, as they were given; none where the command was called otherwise."""
    return argv[argv.index("bench") + 1 :] if "bench" in argv else []


def finish(output: Output, machine: dict[str, str], broken: list[str], written: Path | None) -> None:
    """The last line: the machine, and what does not hold."""
    where = "; ".join(f"{key} {value}" for key, value in machine.items())
    lines = [f"measured on {where}", *broken]
    if written is not None:
        lines.append(f"written: {written}")
    output.event(
        "done",
        "\n".join(lines),
        machine=machine,
        broken=broken,
        page=None if written is None else str(written),
    )
