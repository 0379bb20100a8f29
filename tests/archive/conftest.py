"""What the tests of the archive share: a server that speaks S3, one for each worker of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from motoserver import S3Server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server; `s3.given()` are the settings of an archive in a new bucket."""
    server = S3Server()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's settings, or writes where the user's archive is."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
