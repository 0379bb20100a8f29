"""A plan as scripts for the board, and their running.

The order is what makes an interruption harmless: first whatever lies in the folder that does not run, each
file read back and compared; then configuration, main.py and slot, each by the renaming of a whole file.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from . import mpremote
from .faults import BoardError, SilentBoardError
from .plan import MAIN, Plan, digest
from .survey import Board

_PART_BYTES = 4096
"""Of a file in one call."""
_WINDOW_BITS = 10
"""Of the compression: as put.py has it. The board needs that much memory to undo it."""
_SCRIPT_BYTES = 9000
"""A script is in the board's memory about three times while it is compiled."""
_DONE = re.compile(r"@done (\d+)")

Progress = Callable[[int, int], object]
"""Called with the bytes that are on the board, and how many there will be."""


def transfer(
    board: Board,
    plan: Plan,
    *,
    reset: bool = True,
    progress: Progress = lambda done, total: None,
    tell: mpremote.Tell = lambda line: None,
) -> None:
    """Do what the plan says, and start the board anew. Raises BoardError; the old version is in force then.

    `reset`: whether it starts anew.
    """

    def heard(line: str) -> None:
        if match := _DONE.fullmatch(line):
            progress(int(match[1]), plan.bytes)

    then = mpremote.RESET if reset else ()
    with awake(board.port):
        mpremote.run(board.port, list(scripts(board, plan)), then, heard=heard, tell=tell)


def scripts(board: Board, plan: Plan) -> Iterator[str]:
    """What the board runs, piece by piece."""
    yield mpremote.script("put") + "".join(_prepared(board, plan))
    yield from _batches(_sent(board, plan))
    yield from _batches(_finished(board, plan))


def _batches(calls: Iterator[str]) -> Iterator[str]:
    """As many calls in a script as the board's memory takes."""
    batch = ""
    for call in calls:
        if batch and len(batch) + len(call) > _SCRIPT_BYTES:
            yield batch
            batch = ""
        batch += call
    if batch:
        yield batch


def _prepared(board: Board, plan: Plan) -> Iterator[str]:
    """Room in the target, and what it can have from the slot in force."""
    if plan.first:
        yield from _replaced(board, "/firmware/slot", plan.first.encode())
    if not plan.target:
        return
    wanted = {path: 1 for path in plan.there}
    yield f"sweep('/firmware/{plan.target}', {wanted!r})\n"
    for path in plan.keep:
        old, new = f"/firmware/{board.in_force}/{path}", f"/firmware/{plan.target}/{path}"
        yield f"copy({old!r}, {new!r})\ntold(0)\n"


def _sent(board: Board, plan: Plan) -> Iterator[str]:
    for path, data in plan.send.items():
        yield from _written(board, f"/firmware/{plan.target}/{path}", data)


def _finished(board: Board, plan: Plan) -> Iterator[str]:
    """What counts from the next start on, one renaming each.

    Where a slot is in force, the slot comes last: main.py runs either version. Where none is, main.py does:
    the board has run something else, and does so until the new main.py finds all that it needs.
    """
    yield "remove('/ossicle.failed')\n"
    if plan.config is not None:
        yield from _replaced(board, "/ossicle.json", plan.config)
    slot = list(_replaced(board, "/firmware/slot", plan.last.encode())) if plan.last else []
    if not board.in_force:
        yield from slot
    if plan.main is not None:
        if plan.backup:
            yield f"copy('/{MAIN}', '/{MAIN}.bak')\n"
        yield from _replaced(board, f"/{MAIN}", plan.main)
    if board.in_force:
        yield from slot


def _replaced(board: Board, path: str, data: bytes) -> Iterator[str]:
    """A file that is either the old one or the new one, whole."""
    yield from _written(board, f"{path}.new", data)
    yield f"swap({path + '.new'!r}, {path!r})\n"


def _written(board: Board, path: str, data: bytes) -> Iterator[str]:
    for at in range(0, max(1, len(data)), _PART_BYTES):
        yield f"put({path!r}, {at}, {_packed(data[at : at + _PART_BYTES], board.deflate)})\n"
    yield f"check({path!r}, '{digest(data)}')\n"


def _packed(part: bytes, deflate: bool) -> str:
    """The last arguments of put(): the data as text, and whether it is squeezed."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS)
    squeezed = squeeze.compress(part) + squeeze.flush()
    use = deflate and len(squeezed) < len(part)
    text = base64.b64encode(squeezed if use else part).decode()
    return f"'{text}', True" if use else f"'{text}'"


def restart(port: str, *, tell: mpremote.Tell = lambda line: None) -> None:
    """Start the board anew. Raises BoardError."""
    mpremote.run(port, [], mpremote.RESET, tell=tell)


@contextmanager
def awake(port: str) -> Iterator[None]:
    """Where the body fails, the board, which is at its REPL since it was asked, starts anew.

    Not where it is silent: that took long to find out, and would again.
    """
    try:
        yield
    except SilentBoardError:
        raise
    except BaseException:
        with suppress(BoardError):
            restart(port)
        raise


def replace(board: Board, path: str, data: bytes, *, tell: mpremote.Tell = lambda line: None) -> None:
    """Put one file on the board in place of an old one, and start the board anew. Raises BoardError."""
    script = mpremote.script("put") + "".join(_replaced(board, path, data))
    mpremote.run(board.port, [script], mpremote.RESET, tell=tell)
