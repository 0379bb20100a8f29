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
from typing import Any

import numpy.typing as npt

from ossicle.sinks.sink import Sink

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


class WavSink(Sink):
    """16-bit PCM, any number of channels."""

    def __init__(self, path: str | os.PathLike[str], rate: int, channels: int = 1) -> None:
        """Makes the file, with no frames in it. Raises `OSError`."""
        super().__init__(path, rate, channels)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file: int | None = os.open(self.path, flags, 0o666)
        self._put(header(rate, channels, 0), 0)

    @property
    def closed(self) -> bool:
        return self._file is None

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _append(self, frames: npt.NDArray[Any]) -> None:
        place = HEADER_BYTES + self.frames * SAMPLE_BYTES * self.channels
        self._put(frames.astype("<i2", copy=False).tobytes(), place)
        self._put(header(self.rate, self.channels, self.frames + len(frames)), 0)

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
