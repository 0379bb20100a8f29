"""The firmware as ossicle.board.build builds it for the 32-bit unix port."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossicle.board.build import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board") / "firmware" / "a"  # as on a board, where names are this long
    build("x86", folder)
    return folder
