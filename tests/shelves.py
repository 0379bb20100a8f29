"""An archive in a folder, filled object by object, for tests of what reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.archive.coding import Encoder
from ossicle.archive.entry import Entry, GapRow
from ossicle.archive.key import key_of
from ossicle.archive.library import Library
from ossicle.archive.settings import Settings, load

RATE = 8000
DAY = 1_750_000_000.0
STREAM = "00ff00ff00ff00ff"

Frames = npt.NDArray[np.int16]


def noise(n: int, seed: int = 1, channels: int = 1) -> Frames:
    """Frames of which no two places look alike; none is 0, which is silence."""
    shape = (n,) if channels == 1 else (n, channels)
    return np.random.default_rng(seed).integers(1, 32767, shape, dtype=np.int16)


class Tape:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.pieces: list[Frames] = []
        self.silent = 0

    def write(self, frames: Frames) -> None:
        self.pieces.append(frames.copy())

    def silence(self, frames: int) -> None:
        self.silent += frames
        self.pieces.append(np.zeros(frames, np.int16))

    @property
    def frames(self) -> Frames:
        return np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.int16)


class Shelf:
    """The archive below `folder`; `library` opens it as another program would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.settings: Settings = load(url=str(self.folder), state=folder / "state")

    def library(self, **kwargs: Any) -> Library:
        return Library(self.settings, **kwargs)

    def made(
        self,
        frames: Frames,
        start: int = 0,
        *,
        time: float | None = None,
        gaps: Sequence[GapRow] = (),
        owner: str = "ann",
        device: str = "mic",
        stream: str = STREAM,
        rate: int = RATE,
        codec: str = "flac",
        true_rate: float | None = None,
    ) -> tuple[Entry, bytes, str]:
        """An object: its entry, its bytes and its name."""
        channels = 1 if frames.ndim == 1 else frames.shape[1]
        encoder = Encoder(codec, rate, channels)
        encoder.write(frames)
        entries = []

        def entry(pcm_sha256: str) -> Entry:
            entries.append(
                Entry(
                    owner=owner,
                    device=device,
                    stream=stream,
                    start=start,
                    stop=start + len(frames),
                    rate=rate,
                    channels=channels,
                    codec=codec,
                    time=DAY + start / rate if time is None else time,
                    uncertainty=0.002,
                    true_rate=true_rate,
                    gaps=tuple(gaps),
                    segments=(),
                    pcm_sha256=pcm_sha256,
                )
            )
            return entries[0]

        data = encoder.finish(entry)
        key = str(key_of(entries[0], hashlib.sha256(data).hexdigest()))
        return entries[0], data, key

    def add(self, frames: Frames, start: int = 0, **about: Any) -> str:
        """An object in the store; no index knows it. Returns its name."""
        _, data, key = self.made(frames, start, **about)
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return key

    def spool(self, frames: Frames, start: int = 0, **about: Any) -> str:
        """An object that waits in the spool."""
        entry, data, key = self.made(frames, start, **about)
        with self.library() as library:
            library.spool.put(entry, hashlib.sha256(data).hexdigest(), data)
        return key

    def keys(self) -> set[str]:
        """All names in the store that are audio."""
        return {path.relative_to(self.folder).as_posix() for path in self.folder.glob("audio/**/*.*")}
