"""What an install changes on a board, thought out before anything is touched.

A board keeps two versions, in /firmware/a and /firmware/b; /firmware/slot says which runs. The new one goes
into the folder that does not run, and the last step is the renaming of one small file: "ab" there means that
b is to be tried, and a kept until b has shown that it runs (firmware/main.py). So wherever a copy is cut off,
the board boots what it booted before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .survey import HASH_DIGITS, Board

MAIN = "main.py"
MANIFEST = "manifest.json"
_BLOCK_BYTES = 4096
_SPARE_BYTES = 16384  # folders, and what the file system itself needs


@dataclass(frozen=True, slots=True)
class Build:
    """The firmware as files: {path on the board below its slot: content}, and /main.py."""

    version: str
    files: Mapping[str, bytes] = field(repr=False)
    main: bytes = field(repr=False)
    form: str = ".mpy"
    """".mpy", or ".py" where the board's MicroPython takes none of ours."""

    @property
    def manifest(self) -> bytes:
        """What /firmware/<slot>/manifest.json says."""
        hashes = {path: digest(data) for path, data in sorted(self.files.items())}
        return json.dumps({"version": self.version, "files": hashes}).encode()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of an install, in their order. Where there is nothing to do, all is empty."""

    target: str
    """The slot that gets the new version; "" where the one in force has it."""
    send: Mapping[str, bytes] = field(repr=False)
    """{path below the slot: content} that travels."""
    keep: tuple[str, ...]
    """What is copied on the board from the slot in force."""
    there: tuple[str, ...]
    """What lies in the target slot already, as from a copy that was cut off."""
    main: bytes | None = field(repr=False)
    """The new /main.py, None where it is there."""
    backup: bool
    """The /main.py of somebody else is kept as /main.py.bak."""
    config: bytes | None = field(repr=False)
    """The new /ossicle.json, None where it stays."""
    first: str
    """What /firmware/slot has to say before anything is copied, "" where it may stay as it is."""
    last: str
    """What /firmware/slot says at the end, "" where it stays."""

    @property
    def bytes(self) -> int:
        """Of files that travel."""
        more = (self.main or b"", self.config or b"")
        return sum(map(len, self.send.values())) + sum(map(len, more))

    @property
    def nothing(self) -> bool:
        """The board has it all."""
        return not (self.target or self.main or self.config or self.first or self.last)


def digest(data: bytes) -> str:
    """sha256, in hex."""
    return hashlib.sha256(data).hexdigest()


def plan(board: Board, build: Build, config: bytes | None, *, force: bool = False) -> Plan:
    """What to do so that the board runs `build`, configured so (None: as it is). `force`: copy all of it."""
    wanted = {path: digest(data)[:HASH_DIGITS] for path, data in build.files.items()}
    wanted[MANIFEST] = digest(build.manifest)[:HASH_DIGITS]
    old = board.in_force
    other = {"a": "b", "b": "a"}.get(old, "a")
    main = None if board.main == digest(build.main) and not force else build.main
    backup = bool(board.main) and not board.ours
    change = None if config == board.config else config
    if old and dict(board.files[old]) == wanted and not force:
        # A version that is still to be tried is not the one that was asked for.
        undo = old if board.slot != old else ""
        return Plan("", {}, (), (), main, backup, change, "", undo)
    there = {path for path, hashed in board.files[other].items() if wanted.get(path) == hashed and not force}
    ours = board.files[old] if old and not force else {}
    keep = {path for path, hashed in wanted.items() if path not in there and ours.get(path) == hashed}
    if there | keep != {*wanted}:  # the manifest says that all is there, so it comes last
        there.discard(MANIFEST)
        keep.discard(MANIFEST)
    contents = {**build.files, MANIFEST: build.manifest}
    send = {path: contents[path] for path in contents if path not in there and path not in keep}
    return Plan(
        target=other,
        send=send,
        keep=tuple(sorted(keep)),
        there=tuple(sorted(there)),
        main=main,
        backup=backup,
        config=change,
        first=old if old and board.slot != old and dict(board.files[other]) != wanted else "",
        last=old + other if old else other,
    )


def room(board: Board, plan: Plan) -> int:
    """How many bytes the file system lacks for the plan; 0 where it fits, or the board does not tell."""
    if board.free_bytes < 0:
        return 0
    sizes = [len(data) for data in (*plan.send.values(), plan.main or b"", plan.config or b"")]
    sizes += [_BLOCK_BYTES] * len(plan.keep)
    needed = sum(-(-size // _BLOCK_BYTES) * _BLOCK_BYTES for size in sizes) + (_SPARE_BYTES if sizes else 0)
    return max(0, needed - board.free_bytes)
