"""A WAV file that is whole at every moment, whatever becomes of its writer.

Each write puts the frames behind those there are, then the header, which says how many there are: so a header
never claims what is not there. The header goes out in one system call, which a kill cannot cut in two. A
power cut can still lose what the system had not yet put on the disk.

A file that outgrows the 4 GB of WAV becomes RF64 (EBU Tech 3306): its header has room for that from the
start.
"""

from __future__ import annotations

import os
import struct
from typing import Any, Self

import numpy.typing as npt

from ossicle.sinks.lock import cut, open_alone
from ossicle.sinks.sink import Sink, SinkError

SAMPLE_BYTES = 2
HEADER_BYTES = 80
_U32_MAX = 0xFFFFFFFF
_PCM = 1


def header(rate: int, channels: int, frames: int) -> bytes:
    """The 80 bytes before the samples: RIFF or RF64, a chunk of 28 bytes that only RF64 needs, format,
    data."""
    frame_bytes = SAMPLE_BYTES * channels
    data = frames * frame_bytes
    riff = HEADER_BYTES - 8 + data + data % 2
    if riff <= _U32_MAX:
        top = struct.pack("<4sI4s4sI28x", b"RIFF", riff, b"WAVE", b"JUNK", 28)
        size = data
    else:
        top = struct.pack("<4sI4s4sIQQQI", b"RF64", _U32_MAX, b"WAVE", b"ds64", 28, riff, data, frames, 0)
        size = _U32_MAX
    layout = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, _PCM, channels, rate, rate * frame_bytes, frame_bytes, 8 * SAMPLE_BYTES
    )
    return top + layout + struct.pack("<4sI", b"data", size)


def claimed(head: bytes) -> tuple[int, int, int] | None:
    """(rate, channels, frames) of a header that `header` made; None for any other."""
    if len(head) != HEADER_BYTES:
        return None
    channels, rate = struct.unpack_from("<HI", head, 58)
    data = struct.unpack_from("<I", head, HEADER_BYTES - 4)[0]
    if head[:4] == b"RF64":
        data = struct.unpack_from("<Q", head, 28)[0]
    frames = data // (SAMPLE_BYTES * channels) if channels else 0
    return (rate, channels, frames) if rate and channels and head == header(rate, channels, frames) else None


class WavSink(Sink):
    """16-bit PCM, any number of channels."""

    def __init__(self, path: str | os.PathLike[str], rate: int, channels: int = 1) -> None:
        """Makes the file, with no frames in it. Raises `SinkError` where another writer is at it, and
        `OSError`."""
        super().__init__(path, rate, channels)
        self._file: int | None = open_alone(self.path, make=True)
        try:
            cut(self._file, 0)
            self._put(header(rate, channels, 0), 0)
        except BaseException:
            self.close()
            raise

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Self:
        """Goes on with a file that another `WavSink` began, behind the last frame that its header claims:
        what a killed writer had put behind that is cut off.

        Raises `SinkError` for a file of another kind, or where another writer is at it, and `OSError`.
        """
        name = os.fspath(path)
        file = open_alone(name, make=False)
        try:
            found = claimed(os.read(file, HEADER_BYTES))
            if found is None:
                raise SinkError(f"{name}: only a WAV file that Ossicle made can be gone on with")
            rate, channels, frames = found
            # A power cut may take frames that the header has; a kill cannot.
            there = os.fstat(file).st_size - HEADER_BYTES
            frames = min(frames, there // (SAMPLE_BYTES * channels))
            sink = cls.__new__(cls)
            super(WavSink, sink).__init__(path, rate, channels)
            sink.frames = frames
            sink._file = file
            cut(file, sink._place)
            sink._put(header(rate, channels, frames), 0)
        except BaseException:
            os.close(file)
            raise
        return sink

    @property
    def closed(self) -> bool:
        return self._file is None

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    @property
    def _place(self) -> int:
        """Of the next frame."""
        return HEADER_BYTES + self.frames * SAMPLE_BYTES * self.channels

    def _append(self, frames: npt.NDArray[Any]) -> None:
        self._put(frames.astype("<i2", copy=False).tobytes(), self._place)
        self._put(header(self.rate, self.channels, self.frames + len(frames)), 0)

    def _append_silence(self, frames: int) -> None:
        """A hole in the file, where the system has such: it reads as zeros and takes no room."""
        assert self._file is not None
        size = self._place + frames * SAMPLE_BYTES * self.channels
        try:
            cut(self._file, size)
        except OSError as error:
            error.filename = self.path
            raise
        self._put(header(self.rate, self.channels, self.frames + frames), 0)

    def _put(self, data: bytes, place: int) -> None:
        assert self._file is not None
        os.lseek(self._file, place, os.SEEK_SET)
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            error.filename = self.path  # a full disk has many files
            raise
