"""What all files that take frames have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ossicle import alone
from ossicle.errors import OssicleError
from ossicle.sinks.head import TEXT_MAX_BYTES

_SILENCE_FRAMES = 16384  # at once


class SinkError(OssicleError):
    """A recording that cannot be written as asked."""


def open_alone(path: str, *, make: bool) -> int:
    """As `alone.open_alone`; another writer is a `SinkError`."""
    try:
        return alone.open_alone(path, make=make)
    except alone.BusyError as error:
        raise SinkError(str(error)) from None


class Sink(ABC):
    """Takes int16 frames, in order. `frames` counts those that were taken. Close it, or use it in `with`."""

    def __init__(self, path: str | os.PathLike[str], rate: int, channels: int = 1) -> None:
        if rate < 1 or channels < 1:
            raise SinkError(f"{os.fspath(path)}: no audio has {rate} frames a second of {channels} channels")
        self.path = os.fspath(path)
        self.rate = rate
        self.channels = channels
        self.frames = 0

    def write(self, frames: npt.NDArray[np.int16]) -> None:
        """Append frames of shape `(frames,)` for one channel, `(frames, channels)` else.

        Raises `TypeError` for another dtype, `ValueError` for another shape, `SinkError` when closed, and
        `OSError`.
        """
        if not isinstance(frames, np.ndarray) or frames.dtype != np.int16:
            kind = getattr(frames, "dtype", type(frames).__name__)
            raise TypeError(f"a recording takes arrays of int16, not {kind}; nothing is cast silently")
        if frames.ndim != (1 if self.channels == 1 else 2) or (
            frames.ndim == 2 and frames.shape[1] != self.channels
        ):
            raise ValueError(f"frames of shape {frames.shape} for a recording of {self.channels} channels")
        if self.closed:
            raise SinkError(f"{self.path} is closed")
        if len(frames):
            self._append(frames)
            self.frames += len(frames)

    def describe(self, text: str) -> None:
        """Replace the text in the file's head, which readers show as its comment; "" before the first.

        Raises `SinkError` when closed or made without room for a text, `ValueError` for more than
        `TEXT_MAX_BYTES` bytes of UTF-8, and `OSError`.
        """
        if self.closed:
            raise SinkError(f"{self.path} is closed")
        if not self.described:
            raise SinkError(f"{self.path} has no room for a description")
        if len(text.encode()) > TEXT_MAX_BYTES:
            raise ValueError(f"a description of {len(text.encode())} bytes: at most {TEXT_MAX_BYTES} fit")
        self._describe(text)

    def silence(self, frames: int) -> None:
        """Append so many frames of zeros. Raises `SinkError` when closed, and `OSError`."""
        if self.closed:
            raise SinkError(f"{self.path} is closed")
        shape = () if self.channels == 1 else (self.channels,)
        for done in range(0, frames, _SILENCE_FRAMES):
            self.write(np.zeros((min(frames - done, _SILENCE_FRAMES), *shape), np.int16))

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it takes no more."""

    @property
    @abstractmethod
    def described(self) -> bool:
        """Whether it has room for a text."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file. Twice is legal."""

    @abstractmethod
    def _append(self, frames: npt.NDArray[Any]) -> None:
        """Put at least one frame, of the right kind, behind the others."""

    @abstractmethod
    def _describe(self, text: str) -> None:
        """Put a text of the right length into the head."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
