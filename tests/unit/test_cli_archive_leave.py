"""Ctrl-C ends a command that waits for a store that never answers, and leaves nothing half-made."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ossicle.cli.leave import leaving_at_once

HANGS_S = 300
SOON_S = 60.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise on Windows")


@pytest.mark.parametrize("command", [["ls"], ["get", "--out", "x.wav"]], ids=["ls", "get"])
def test_a_store_that_hangs_is_left(tmp_path: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # connections wait in its queue for ever
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OSSICLE_")},
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "OSSICLE_ARCHIVE_ACCESS_KEY_ID": "id",
            "OSSICLE_ARCHIVE_SECRET_ACCESS_KEY": "key",
            "OSSICLE_ARCHIVE_ALLOW_HTTP": "true",
            "OSSICLE_ARCHIVE_TIMEOUT_S": str(HANGS_S),
        }
        url = f"http://127.0.0.1:{server.getsockname()[1]}/bucket"
        words = [sys.executable, "-m", "ossicle.cli", "archive", *command, "--archive", url]
        with subprocess.Popen(
            words, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert "reading the store" in process.stderr.readline()
            server.settimeout(SOON_S)
            server.accept()[0].recv(1)  # it asks, and waits
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(SOON_S) == 130
            assert time.monotonic() - began < SOON_S < HANGS_S
            assert process.stderr.read() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_an_end_in_good_order_is_left_alone() -> None:
    before = signal.set_wakeup_fd(-1)
    assert before == -1
    with pytest.raises(KeyboardInterrupt), leaving_at_once():
        signal.raise_signal(signal.SIGINT)
    with leaving_at_once():
        pass
    assert signal.set_wakeup_fd(-1) == -1
    assert "interrupt" not in {thread.name for thread in threading.enumerate()}


def test_threads_have_no_signals() -> None:
    done: list[bool] = []

    def run() -> None:
        with leaving_at_once():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
