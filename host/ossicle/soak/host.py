"""The worker process from outside: started, read, measured, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from .tape import Reader, Row

_READ_BYTES = 1 << 18
_JOIN_S = 5.0
_SIZES = re.compile(r"^Vm(HWM|RSS):\s+(\d+) kB", re.MULTILINE)


class Host:
    """One worker process. `take` gets each row, in the thread that reads them."""

    def __init__(self, task: dict[str, Any], take: Callable[[Row], None]) -> None:
        self._take = take
        self.failure: Exception | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(task).encode())
            given.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ossicle.soak.worker"],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        self._thread = Thread(target=self._read, name="ossicle-soak-host", daemon=True)
        self._thread.start()

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def complaint(self) -> str:
        """The last line on its stderr."""
        # Not by reading: the place in the file is the worker's too.
        lines = os.pread(self._errors.fileno(), _READ_BYTES, 0).decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def memory(self) -> tuple[int, int] | None:
        """Resident bytes at the most and at present, as the kernel counts them; None once it has ended."""
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return None
        sizes = {name: int(kilobytes) * 1024 for name, kilobytes in _SIZES.findall(text)}
        return (sizes["HWM"], sizes["RSS"]) if len(sizes) == 2 else None

    def kill(self) -> None:
        """SIGKILL. What it had written is read to the end."""
        self._process.kill()
        self._process.wait()
        self._thread.join(_JOIN_S)

    def close(self) -> None:
        """End it, in whatever state it is."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._thread.join(_JOIN_S)
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        reader = Reader()
        try:
            with self._process.stdout as out:
                while data := os.read(out.fileno(), _READ_BYTES):
                    for each in reader.feed(data):
                        self._take(each)
        except Exception as error:  # told by `failure`: a thread's exception is seen by nobody
            self.failure = error
