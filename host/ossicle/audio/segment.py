"""A stretch of speech."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from ossicle.audio.chunk import Frames

EndedBy = Literal["silence", "length", "gap", "end"]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Frames `[start, stop)` of the capture in which somebody speaks. It never contains a gap."""

    start: int
    """Position of the first frame."""
    stop: int
    """Position after the last frame."""
    rate: int
    """Frames a second."""
    frames: Frames = field(repr=False)
    """int16, all channels: shape `(stop - start,)` or `(stop - start, channels)`."""
    ended_by: EndedBy = "silence"
    """Why it ends: silence; the longest length allowed (the next segment goes on at `stop`); a gap in the
    capture; or the end of it."""

    @property
    def start_time(self) -> float:
        """Seconds from the start of the capture."""
        return self.start / self.rate

    @property
    def stop_time(self) -> float:
        """Seconds from the start of the capture."""
        return self.stop / self.rate

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.stop - self.start) / self.rate

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the frames as a 16-bit file of the format that the suffix names: .wav, .flac ...

        Raises `OSError` or `soundfile.LibsndfileError` where that is not possible.
        """
        import soundfile

        soundfile.write(os.fspath(path), self.frames, self.rate, subtype="PCM_16")
