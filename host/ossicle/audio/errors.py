"""What can go wrong with a ring, a voice detector, the segmenter or the aggregator.

    OssicleError
        RingError
            RingTypeError, RingShapeError      frames that the ring does not take
            RingFullError, RingClosedError, NotEnoughDataError, HistoryError
            WriteTimeoutError, ReadTimeoutError
            RingCorruptError
        EngineError                            a voice detector that cannot be had
            UnknownEngineError, EngineMissingError
        UnknownPresetError                     options of the segmenter by a name that is none
        MalformedAudioError                    audio that the aggregator cannot take whole and as it is
        DecoderMissingError                    raw Opus packets, and nothing here that reads them

Every error carries its numbers and says what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ossicle.errors import OssicleError


class RingError(OssicleError):
    """The base of all errors of :class:`ossicle.AudioRing`."""


class RingTypeError(RingError, TypeError):
    """Frames are not an array, or not of the ring's dtype. Nothing was cast and nothing changed."""


class RingShapeError(RingError, ValueError):
    """Frames have another shape than `(frames,)` or `(frames, channels)`. Nothing changed."""


class RingFullError(RingError):
    """A write did not fit whole and was refused whole.

    Attributes: `capacity` of the ring and `attempted`, the length of the write, both in frames.
    """

    def __init__(self, capacity: int, attempted: int) -> None:
        super().__init__(
            f"{attempted} frames do not fit into a ring of {capacity} that is not read fast enough: "
            f"read sooner, make the ring larger, or use overflow='overwrite'"
        )
        self.capacity = capacity
        self.attempted = attempted


class RingClosedError(RingError):
    """The ring is closed: to a writer at once, to a reader when it has read what was there.

    Attribute: `frames_written`, what an interrupted `write` had put in before.
    """

    def __init__(self, frames_written: int = 0) -> None:
        super().__init__("the ring is closed; nothing more goes in and nothing is left to read")
        self.frames_written = frames_written


class NotEnoughDataError(RingError):
    """Less is available than was asked for. The reader has not moved.

    Attributes: `available` and `required`, both in frames.
    """

    def __init__(self, available: int, required: int) -> None:
        super().__init__(f"{required} frames asked for, {available} available")
        self.available = available
        self.required = required


class HistoryError(RingError):
    """A range is not in the ring, or not all of it.

    Attributes: `start` and `stop` of the range asked for; `oldest` and `newest`, the range that can be had,
    `[oldest, newest)`. All are positions in frames.
    """

    def __init__(self, start: int, stop: int, oldest: int, newest: int) -> None:
        super().__init__(f"frames [{start}, {stop}) asked for, the ring holds [{oldest}, {newest})")
        self.start = start
        self.stop = stop
        self.oldest = oldest
        self.newest = newest


class WriteTimeoutError(RingError, TimeoutError):
    """A blocking write ran out of time. What went in stays in.

    Attributes: `frames_written`, how many went in, and `attempted`, how many there were, both in frames.
    """

    def __init__(self, frames_written: int, attempted: int) -> None:
        super().__init__(f"only {frames_written} of {attempted} frames went in before the timeout")
        self.frames_written = frames_written
        self.attempted = attempted


class ReadTimeoutError(NotEnoughDataError, TimeoutError):
    """A blocking read ran out of time. The reader has not moved.

    Attributes: `available` and `required`, both in frames.
    """


class RingCorruptError(RingError):
    """The ring's memory or counters break its own rules: something wrote into it from outside."""


class EngineError(OssicleError):
    """A voice detector that cannot be had."""


class UnknownEngineError(EngineError, ValueError):
    """Nobody knows an engine of this name. Attributes: `name`, and `known`, the names there are."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(f"no voice detector is called {name!r}; there are: {', '.join(self.known)}")


class EngineMissingError(EngineError, ImportError):
    """The package behind an engine is not installed. Attributes: `engine` and `package`, its name on PyPI."""

    def __init__(self, engine: str, package: str) -> None:
        self.engine = engine
        self.package = package
        super().__init__(f"the voice detector {engine} is not installed: pip install {package}")


class UnknownPresetError(OssicleError, ValueError):
    """The segmenter has no preset of this name. Attributes: `name`, and `known`, the names there are."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(f"no preset is called {name!r}; there are: {', '.join(self.known)}")


class MalformedAudioError(OssicleError, ValueError):
    """Audio that cannot be taken whole and as it is. Nothing of it was taken, and nothing changed."""


class DecoderMissingError(OssicleError, ImportError):
    """The package that decodes raw Opus packets is not installed."""

    def __init__(self) -> None:
        super().__init__("raw Opus packets need PyAV: pip install 'ossicle[opus]' (Ogg Opus needs nothing)")
