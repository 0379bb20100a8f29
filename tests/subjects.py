"""The two implementations in one shape, for the tests that compare them with the contract.

`Agent` is a MicroPython that runs `tests/device/agent.py` with the real firmware on its path.
`vectors(topic)` reads a file of `shared_spec/vectors`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "shared_spec" / "vectors"
AGENT = ROOT / "tests" / "device" / "agent.py"


def vectors(topic: str, side: str | None = None) -> list[dict[str, Any]]:
    """All vectors of a file, or those for "host" or "device"."""
    found: list[dict[str, Any]] = json.loads((VECTORS / f"{topic}.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    return [each for each in found if side is None or side in each.get("sides", (side,))]


class AgentError(Exception):
    """The firmware raised, or its MicroPython died; the text is what it said."""


class Agent:
    """A MicroPython with the firmware; a context manager. Ask for many things at once: each ask is a line."""

    def __init__(self, micropython: str, heapsize: str = "4M", firmware: Path = ROOT / "firmware") -> None:
        path = os.pathsep.join((str(firmware), str(AGENT.parent)))
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in close)
        self.read_to = 0
        self.process = subprocess.Popen(
            [micropython, "-X", f"heapsize={heapsize}", str(AGENT)],
            env={**os.environ, "MICROPYPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
        )

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def pipes(self) -> tuple[IO[str], IO[str]]:
        if self.process.stdin is None or self.process.stdout is None:
            raise AgentError("no pipes")
        return self.process.stdin, self.process.stdout

    def close(self) -> None:
        stdin, stdout = self.pipes()
        stdin.close()
        self.process.wait(10)
        stdout.close()
        self.said.close()

    def complaint(self) -> str:
        """What it wrote to stderr since it was last asked this."""
        self.said.seek(self.read_to)
        text = self.said.read()
        self.read_to = self.said.tell()
        return text.strip()

    def ask(self, do: str, each: Sequence[dict[str, Any]]) -> list[Any]:
        """The answers of the command `do` to each message. Raises AgentError."""
        stdin, stdout = self.pipes()
        try:
            print(json.dumps({"do": do, "each": list(each)}), file=stdin, flush=True)
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise AgentError(f"MicroPython ended: {self.complaint()}")
        answer = json.loads(line)
        if "error" in answer:
            raise AgentError(f"{answer['error']}\n{self.complaint()}")
        found: list[Any] = answer["answer"]
        return found
