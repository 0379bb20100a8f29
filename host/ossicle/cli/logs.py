"""`ossicle logs`: why a board last failed, restarted, or took less memory than it was told to."""

from __future__ import annotations

from ..board.ports import chosen
from ..board.survey import survey
from ..board.transfer import restart
from . import options
from .install import Port
from .output import Output


def logs(port: Port = "auto", *, as_json: options.Json = False) -> None:
    """Show the last reasons that a board noted, newest last. What streams on it ends, and it restarts."""
    output = Output(as_json)
    place = chosen(port)
    found = survey(place, tell=output.note)
    restart(place)
    lines = [line for line in found.log.splitlines() if line.strip()]
    for line in lines:
        output.event("log", line, url=place, reason=line)
    if not lines:
        output.note(f"{place}: the board has noted nothing")
