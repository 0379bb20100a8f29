"""Putting the firmware on a board: ask it, think, copy, start it, hear it. A module for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..proto.events import Hello
from . import arrival
from .faults import BoardError
from .mpremote import Tell
from .plan import Build, Plan, plan, room
from .settings import PATH, ConfigError, Settings, read, written
from .survey import Board
from .transfer import Progress, restart, transfer

STARTS_S = 45.0
"""A board joins Wi-Fi in seconds; a version that does not run is given up after two starts."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A plan with what it came from."""

    board: Board
    build: Build
    settings: Settings
    plan: Plan

    @property
    def device(self) -> str:
        """What the board calls itself."""
        return str(self.settings.get("device") or self.board.id)

    @property
    def url(self) -> str:
        """Where it will be heard."""
        return arrival.url(self.settings, self.board.port)


def configure(board: Board, change: Callable[[Settings], Settings]) -> tuple[Settings, bytes | None]:
    """The settings of the board as `change` makes them from those that it has, and its file where it changes.

    Where it changes nothing, the file stays as it is, byte by byte, also with faults in it: the board takes
    defaults for them. Raises BoardError, and ConfigError where a file with faults would have to be changed.
    """
    before, problems = read(board.config)
    after = change(Settings(before))
    if after != before and problems:
        raise ConfigError(f"{PATH} on the board (mend it with: ossicle config {board.port} edit)", problems)
    return after, None if after == before else written(after)


def intend(
    board: Board, build: Build, settings: Settings, config: bytes | None, *, force: bool = False
) -> Intent:
    """What an install would do; `settings` and `config` are what `configure` gave. Raises BoardError."""
    found = plan(board, build, config, force=force)
    if lacking := room(board, found):
        raise BoardError(
            f"{board.port}: {lacking} bytes are missing on the board's file system; remove what you need not",
            board.port,
        )
    return Intent(board, build, settings, found)


def carry_out(
    intent: Intent,
    *,
    progress: Progress = lambda done, total: None,
    tell: Tell = lambda line: None,
) -> None:
    """Copy what is to be copied, and start the board. Raises BoardError; the old version is in force then."""
    if intent.plan.nothing:
        restart(intent.board.port, tell=tell)
    else:
        transfer(intent.board, intent.plan, progress=progress, tell=tell)


def hear(intent: Intent, timeout: float = STARTS_S) -> Hello | None:
    """The HELLO of the board that was started, None where none came."""
    time.sleep(0.5)  # what it said before the restart is another board's word
    return arrival.wait(intent.settings, intent.board.port, intent.device, timeout)
