"""What tests/hil brings to a board: its tests as files that this board loads, its questions in pieces."""

from __future__ import annotations

import os
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from rig import AGENTS, BYTES_AT_ONCE, TIMES, kit, pieces

from ossicle.board.survey import Board

X86 = 6 | 3 << 8 | 1 << 10  # sys.implementation._mpy of the 32-bit unix port


def board(mpy: int) -> Board:
    """Of which nothing else is known."""
    return Board(**{**dict.fromkeys(field.name for field in fields(Board)), "mpy": mpy})  # type: ignore[arg-type]


def files(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.rglob(f"*{suffix}")}


def test_the_kit_is_loaded_and_answers(tmp_path: Path, micropython: str) -> None:
    kit(tmp_path, board(X86))
    assert files(tmp_path, ".py") == set()
    assert {*AGENTS, *TIMES, "ring", "kernels"} <= files(tmp_path, ".mpy")
    asked = '{"do": "cobs_encode", "each": [{"data": "1100"}]}'
    done = subprocess.run(
        [micropython, "-X", "heapsize=128K", "-c", f"import agent, kernel_times\nagent.ask('{asked}')"],
        env={**os.environ, "MICROPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == '{"answer": ["02110100"]}\n', done.stderr


@pytest.mark.parametrize("mpy", [0, 7 | 3 << 8 | 1 << 10, 6 | 2 << 8 | 1 << 10, 6 | 3 << 8 | 4 << 10])
def test_a_board_that_takes_no_such_machine_code_gets_sources(tmp_path: Path, mpy: int) -> None:
    kit(tmp_path, board(mpy))
    assert "kernels" in files(tmp_path, ".py")
    assert "kernels" not in files(tmp_path, ".mpy")


def test_questions_come_in_pieces_and_in_order() -> None:
    each = [{"number": number, "text": "x" * (number * 97 % 3000)} for number in range(50)]
    each.insert(7, {"text": "x" * 2 * BYTES_AT_ONCE})
    found = list(pieces(each))
    assert [message for piece in found for message in piece] == each
    assert len(found) > 10
    assert all(sum(len(str(m)) for m in piece) < BYTES_AT_ONCE + 100 or len(piece) == 1 for piece in found)
    assert list(pieces([])) == []
