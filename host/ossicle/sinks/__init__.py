"""Where audio is kept: files that take frames as they come."""

from __future__ import annotations

import os
from pathlib import Path

from ossicle.sinks.flac import FlacSink
from ossicle.sinks.head import TEXT_MAX_BYTES
from ossicle.sinks.sink import Sink, SinkError
from ossicle.sinks.wav import WavSink

__all__ = ["TEXT_MAX_BYTES", "FlacSink", "Sink", "SinkError", "WavSink", "check_suffix", "open_sink"]

_BY_SUFFIX: dict[str, type[WavSink] | type[FlacSink]] = {".wav": WavSink, ".flac": FlacSink}


def open_sink(path: str | os.PathLike[str], rate: int, channels: int = 1, *, described: bool = False) -> Sink:
    """A file for int16 audio of `rate` Hz, of the format that its suffix names; an old file of that name is
    lost. `described`: with room in its head for a text, see `Sink.describe`.

    Raises `SinkError` for a suffix that it does not know, and `OSError` where the file cannot be made.
    """
    return _BY_SUFFIX[check_suffix(path)](path, rate, channels, described=described)


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix that names a format. Raises `SinkError` for one that `open_sink` does not know."""
    suffix = Path(path).suffix.lower()
    if suffix not in _BY_SUFFIX:
        raise SinkError(
            f"{os.fspath(path)}: a recording ends in {' or '.join(_BY_SUFFIX)}, not {suffix or 'nothing'}"
        )
    return suffix
