"""Fixtures for tests on the emulated chip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from onchip import Remote

from ossicle.chip import Chip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The chip's file system."""
    return tmp_path / "files"


@pytest.fixture
def chip(files: Path) -> Iterator[Chip]:
    """A chip with an empty file system, at no line's speed."""
    with Chip(files=files, pace=False) as chip:
        yield chip


@pytest.fixture
def remote(chip: Chip) -> Remote:
    """mpremote on its port."""
    return Remote(chip)
