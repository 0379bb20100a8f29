"""What the tests of sinks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ossicle.sinks.archive import Archive


@pytest.fixture
def set_up(tmp_path: Path) -> Callable[..., Archive]:
    """Archives in a folder, with objects of a second."""

    def make(**given: Any) -> Archive:
        quick = {"object_s": 1, "keep_s": 4, "retry_first_s": 0.01, "retry_max_s": 0.05, "retries": 1}
        return Archive(str(tmp_path / "store"), state=tmp_path / "state", **{**quick, **given})

    return make
