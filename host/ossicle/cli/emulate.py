"""`ossicle emulate`: an emulated board or chip behind a serial port, for as long as it is wanted."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..chip import KINDS, Chip
from ..emulator import Emulator
from ..errors import LinkError
from . import options
from .guard import Interrupts
from .output import Output

DEFAULT_RATE = 16000  # what a host asks for unless told


class Speed(StrEnum):
    """How fast the recording is played."""

    realtime = "realtime"
    max = "max"


def emulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording that its microphone hears.")],
    *,
    speed: Annotated[
        Speed, typer.Option("--speed", help="realtime: as a microphone; max: as fast as it is read.")
    ] = Speed.realtime,
    chip: Annotated[
        str, typer.Option("--chip", metavar="KIND", help=f"An empty chip instead: {', '.join(KINDS)}.")
    ] = "",
    files: Annotated[
        Path | None, typer.Option("--files", metavar="FOLDER", help="The file system of --chip.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Run the firmware as an emulated board that hears FILE. Prints the URL to open; Ctrl-C stops it.

    Each new stream plays FILE from its beginning. With --chip it is a chip with MicroPython and the file
    system FOLDER, on which mpremote and `ossicle install` work; its microphone hears FILE over and over.
    """
    output = Output(as_json)
    if bool(chip) != (files is not None):
        raise typer.BadParameter("--chip and --files go together")
    if chip and files is not None:
        if chip not in KINDS:
            raise typer.BadParameter(f"--chip is one of {', '.join(KINDS)}")
        if speed is not Speed.realtime:
            raise typer.BadParameter("a chip hears in real time")
        _chip(output, file, chip, files)
        return
    with Interrupts().installed(), Emulator(file, speed=speed.value) as board:
        for note in board.notes:
            output.note(note)
        output.event(
            "ready",
            board.url,
            url=board.url,
            port=board.port,
            file=str(file),
            speed=speed.value,
            rate=board.rate,
            channels=board.channels,
        )
        if board.rate != DEFAULT_RATE:
            output.note(f"it plays at {board.rate} Hz: open it with --rate {board.rate}")
        try:
            while board.returncode is None:
                time.sleep(0.1)
        except KeyboardInterrupt:
            output.event("done", "", interrupted=True)
            return
        if board.failure:
            raise LinkError(board.failure, board.url)
    output.event("done", "the firmware went back to its REPL, so the board is gone", interrupted=False)


def _chip(output: Output, file: Path, kind: str, files: Path) -> None:
    with Interrupts().installed(), Chip(kind, files=files, source=file) as chip:
        for note in chip.notes:
            output.note(note)
        output.event(
            "ready",
            chip.url,
            url=chip.url,
            port=chip.port,
            file=str(file),
            speed=Speed.realtime.value,
            rate=chip.rate,
            channels=chip.channels,
            chip=kind,
            files=str(chip.files),
        )
        try:
            while chip.failure is None:
                time.sleep(0.1)
        except KeyboardInterrupt:
            output.event("done", "", interrupted=True)
            return
        raise LinkError(chip.failure, chip.url)
