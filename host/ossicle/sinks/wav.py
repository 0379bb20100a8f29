"""A WAV file that is whole at every moment, whatever becomes of its writer.

Each write puts the frames behind those there are, then the head, which says how many there are: so a head
never claims what is not there. The head goes out in one system call and lies within a page, so a kill does
not cut it in two. A power cut can still lose what the system had not yet put on the disk.

A file that outgrows the 4 GB of WAV becomes RF64: its head has room for that from the start.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy.typing as npt

from ossicle.alone import cut
from ossicle.sinks.head import DESCRIBED_BYTES, SAMPLE_BYTES, Head, compose, parse
from ossicle.sinks.sink import Sink, SinkError, open_alone


class WavSink(Sink):
    """16-bit PCM, any number of channels."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        rate: int,
        channels: int = 1,
        *,
        described: bool = False,
        alone: Callable[[], object] = lambda: None,
    ) -> None:
        """Makes the file, with no frames in it; with room in its head for a text if `described`. `alone` is
        called once no other writer can come, before an old content goes.

        Raises `SinkError` where another writer is at it, and `OSError`.
        """
        super().__init__(path, rate, channels)
        self._file: int | None = open_alone(self.path, make=True)
        self._head = Head(rate, channels, 0, "" if described else None)
        try:
            alone()
            cut(self._file, 0)
            self._put(compose(self._head), 0)
        except BaseException:
            self.close()
            raise

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Self:
        """Goes on with a file that another `WavSink` began, behind the last frame that its head claims. The
        text in its head stays until the next one. Changes nothing by itself; call `trim` before the first
        frame.

        Raises `SinkError` for a file of another kind, or where another writer is at it, and `OSError`.
        """
        name = os.fspath(path)
        file = open_alone(name, make=False)
        sink = cls.__new__(cls)
        sink._file = file
        try:
            head = parse(os.read(file, DESCRIBED_BYTES))
            if head is None:
                raise SinkError(f"{name}: only a WAV file that Ossicle made can be gone on with")
            super(WavSink, sink).__init__(path, head.rate, head.channels)
            # A power cut may have taken frames that the head claims; a kill cannot.
            there = (os.fstat(file).st_size - head.size) // (SAMPLE_BYTES * head.channels)
            sink._head = replace(head, frames=max(0, min(head.frames, there)))
            sink.frames = sink._head.frames
        except BaseException:
            sink.close()
            raise
        return sink

    def trim(self) -> None:
        """Cut off what a writer that was killed had put behind the last frame."""
        assert self._file is not None
        cut(self._file, self._place)
        self._put(compose(self._head), 0)

    @property
    def closed(self) -> bool:
        return self._file is None

    @property
    def described(self) -> bool:
        return self._head.text is not None

    @property
    def text(self) -> str:
        """What the head describes, "" before the first text."""
        return self._head.text or ""

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    @property
    def _place(self) -> int:
        """Of the next frame."""
        return self._head.size + self._head.frames * SAMPLE_BYTES * self.channels

    def _append(self, frames: npt.NDArray[Any]) -> None:
        self._put(frames.astype("<i2", copy=False).tobytes(), self._place)
        self._say(frames=self._head.frames + len(frames))

    def silence(self, frames: int) -> None:
        """A hole in the file, where the system has such: it reads as zeros and takes no room."""
        if self._file is None:
            raise SinkError(f"{self.path} is closed")
        if frames <= 0:
            return
        try:
            cut(self._file, self._place + frames * SAMPLE_BYTES * self.channels)
        except OSError as error:
            error.filename = self.path
            raise
        self._say(frames=self._head.frames + frames)
        self.frames += frames

    def _describe(self, text: str) -> None:
        self._say(text=text)

    def _say(self, **change: Any) -> None:
        """Put the head in place; it counts from then on."""
        head = replace(self._head, **change)
        self._put(compose(head), 0)
        self._head = head

    def _put(self, data: bytes, place: int) -> None:
        assert self._file is not None
        left = memoryview(data)
        try:
            os.lseek(self._file, place, os.SEEK_SET)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            error.filename = self.path  # a full disk has many files, and a pipe takes no head
            raise
