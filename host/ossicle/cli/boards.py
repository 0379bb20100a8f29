"""`ossicle boards`: the boards and microphones that `ossicle install` knows by name."""

from __future__ import annotations

from ..board.profiles import Profile, microphones
from ..board.profiles import boards as all_boards
from . import options
from .output import Output


def boards(*, as_json: options.Json = False) -> None:
    """List the boards and microphones that install knows, and why others cannot be."""
    output = Output(as_json)
    for board in all_boards().values():
        keys = board.keys
        pins = f"    SCK {keys['sck']}, WS {keys['ws']}, SD {keys['sd']}" if keys else ""
        _tell(output, "board", f"--board {board.name}", board, pins)
    for mic in microphones().values():
        _tell(output, "microphone", f"--mic {mic.name}", mic, "")


def _tell(output: Output, kind: str, option: str, profile: Profile, more: str) -> None:
    lines = [f"{option:24s} {profile.shown}", more]
    if profile.refused:
        lines.append(f"    refused: {profile.refused}")
    output.event(
        "profile",
        "\n".join(line for line in lines if line),
        kind=kind,
        profile=profile.name,
        shown=profile.shown,
        chip=profile.chip.shown if profile.chip else None,
        rates=[list(each) for each in profile.rates],
        config=dict(profile.keys),
        notes=list(profile.notes),
        refused=profile.refused or None,
        sources=list(profile.sources),
    )
