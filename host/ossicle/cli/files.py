"""Recordings as the voice detector wants them: int16, piece by piece, and a word about what was converted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile

from ..errors import SourceError
from ..paths import for_libsndfile

PIECE_FRAMES = 65536
FULL_SCALE = 32768.0


def to_int16(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Full scale 1.0 to int16: rounded, and clipped rather than wrapped; what is no number is silence."""
    sane = np.clip(np.nan_to_num(frames), -1, 1)
    return np.clip(np.rint(sane * FULL_SCALE), -32768, 32767).astype(np.int16)


class Recording:
    """An open sound file; a context manager. Raises SourceError with one line that names the file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise SourceError(f"{path}: no such file")
        if path.is_dir():
            raise SourceError(f"{path}: is a folder, not a sound file")
        try:
            self._file = soundfile.SoundFile(for_libsndfile(path))
        except (soundfile.SoundFileError, OSError, TypeError) as error:  # the last: a suffix of raw samples
            raise SourceError(f"{path}: cannot be read as a sound file ({reason(error)})") from None
        self.path = path
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.subtype: str = self._file.subtype

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()

    @property
    def note(self) -> str | None:
        """What had to be converted for the voice detector, or None."""
        done = []
        if self.subtype != "PCM_16":
            done.append(f"{self.subtype} samples rounded to 16 bits")
        if self.rate not in (8000, 16000, 32000, 48000):
            done.append(f"{self.rate} Hz resampled for the voice detector")
        return f"{self.path}: {', '.join(done)}" if done else None

    def pieces(self) -> Iterator[npt.NDArray[np.int16]]:
        """The frames in order, `(n,)` for one channel and `(n, channels)` for more."""
        try:
            if self.subtype == "PCM_16":
                yield from self._file.blocks(PIECE_FRAMES, dtype="int16")
            else:
                yield from map(to_int16, self._file.blocks(PIECE_FRAMES, dtype="float64"))
        except soundfile.SoundFileError as error:
            raise SourceError(f"{self.path}: damaged ({reason(error)})") from None


def reason(error: Exception) -> str:
    """What the sound library or the system says, without the file's name and the full stop."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text: str = getattr(error, "error_string", str(error))
    return text.strip().rstrip(".")
