"""Processes of a Python module that need not import large packages first: forks of one that has.

`run` is subprocess.run for `python -m MODULE ...`: a process of its own, with its folder, environment,
outputs, signals and exit code, some tenths of a second earlier. The package's own modules are not among what
is imported beforehand: what they do when they are imported, each process does.

As a program this file is the process that forks. Its standard input is a socket, by which come a line of JSON
and four descriptors: the three standard ones, and where the process's id and exit code go.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy",
    "pydantic.types",
    "rich.live",
    "serial.tools.list_ports",
    "soundfile",
    "soxr",
    "typer",
    "websockets.asyncio.server",
    "zoneinfo",
)


def run(
    module: str, arguments: Sequence[str], cwd: Path, timeout: float, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Raises subprocess.TimeoutExpired, with the process killed."""
    words = [module, *arguments]
    asked = {"words": words, "cwd": os.fspath(cwd), "environment": dict(os.environ)}
    ends = [os.pipe() for _ in range(3)]
    given = [readable(stdin), *(written for _, written in ends)]
    try:
        FORKS.ask(json.dumps(asked).encode() + b"\n", given)
    finally:
        for descriptor in given:
            os.close(descriptor)
    reads = [read for read, _ in ends]
    try:
        out, err, told = drained(reads, time.monotonic() + timeout)
    except TimeoutError:
        os.kill(int(os.read(reads[2], 100).split()[0]), signal.SIGKILL)
        raise subprocess.TimeoutExpired(words, timeout) from None
    finally:
        for read in reads:
            os.close(read)
    _, code = map(int, told.split())
    return subprocess.CompletedProcess(words, code, out.decode(), err.decode())


def readable(text: str | None) -> int:
    """A descriptor that gives a short text and ends; None: one that is empty."""
    if text is None:
        return os.open(os.devnull, os.O_RDONLY)
    read, written = os.pipe()
    with open(written, "w", encoding="utf-8") as file:
        file.write(text)
    return read


def drained(reads: list[int], deadline: float) -> list[bytes]:
    """All that comes to each, until all are closed; TimeoutError, with the last one's unread."""
    said = {read: bytearray() for read in reads}
    for group in (reads[:2], reads[2:]):
        ends = list(group)
        while ends:
            ready, _, _ = select.select(ends, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for read in ready:
                piece = os.read(read, 65536)
                said[read] += piece
                if not piece:
                    ends.remove(read)
    return [bytes(each) for each in said.values()]


class Forks:
    """The process that forks: begun at the first run, ended with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def ask(self, message: bytes, descriptors: list[int]) -> None:
        with self._lock:
            self._socket = self._socket or self._begun()
            sent = socket.send_fds(self._socket, [message], descriptors)
            self._socket.sendall(message[sent:])

    @staticmethod
    def _begun() -> socket.socket:
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with theirs:
            process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=theirs,
                stdout=subprocess.PIPE,  # as those of each fork, for which the same two objects write
                stderr=subprocess.PIPE,
                env=environment,
            )
        atexit.register(process.wait)
        atexit.register(ours.close)
        return ours


FORKS = Forks()


def serve(asking: socket.socket) -> list[str]:
    """Forks until nobody asks any more; comes back in each process that was asked for, with its words."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(asking, 65536, 4)
        while message and not message.endswith(b"\n"):
            message += asking.recv(65536)
        if not message:
            sys.exit()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            watch(descriptors[3])
            return become(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def watch(told: int) -> None:
    """Fork once more, and tell of the child and its end; comes back in the child."""
    child = os.fork()
    if child:
        os.write(told, b"%d" % child)
        _, status = os.waitpid(child, 0)
        os.write(told, b" %d" % os.waitstatus_to_exitcode(status))
        os._exit(0)


def become(asked: dict[str, Any], descriptors: list[int]) -> list[str]:
    """What a process is before its first line, from the descriptors to the path of its modules."""
    for number in range(3):
        os.dup2(descriptors[number], number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    more = os.environ.get("PYTHONPATH", "")
    sys.path[:1] = [os.getcwd(), *filter(None, more.split(os.pathsep))]
    words: list[str] = asked["words"]
    return words


def main() -> None:
    for name in PACKAGES:
        importlib.import_module(name)
    gc.freeze()  # else each fork copies all of it when it looks for garbage
    asking = socket.socket(fileno=os.dup(0))
    words = serve(asking)
    asking.close()
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
