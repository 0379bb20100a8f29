"""`ossicle emulate`: an emulated board behind a serial port, for as long as it is wanted."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
    as_json: options.Json = False,
) -> None:
    """Run the firmware as an emulated board that hears FILE. Prints the URL to open; Ctrl-C stops it.

    Each new stream plays FILE from its beginning.
    """
    output = Output(as_json)
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
