"""Voice detectors: small objects that say how probable speech is in one VAD frame.

Built in are `webrtc`, `silero` (an extra: `pip install 'ossicle[silero]'`) and `energy`. Another package adds
its own under the entry point group `ossicle.vad`: a name, and a function that takes a sample rate and
returns an `Engine`. `auto` is silero where it is installed, else webrtc; `name` of the engine says which.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ossicle.audio.errors import EngineMissingError, UnknownEngineError
from ossicle.audio.vad.energy import Energy
from ossicle.audio.vad.silero import load as load_silero
from ossicle.audio.vad.webrtc import Webrtc

GROUP = "ossicle.vad"
AUTO = "auto"

VadFrame: TypeAlias = npt.NDArray[np.int16]


class Engine(Protocol):
    """What the segmenter needs of a voice detector.

    An engine may also have `hangover_ms` (0 without): for how long after the end of speech its probability
    may stay high. The segmenter then looks there for the true end.
    """

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    @property
    def rate(self) -> int:
        """Sample rate that it takes, in Hz. The segmenter resamples where the capture has another."""
        ...

    @property
    def frame_size(self) -> int:
        """Samples of a VAD frame."""
        ...

    def probability(self, vad_frame: VadFrame, /) -> float:
        """How probable speech is, 0 to 1, in the VAD frame that follows the one before; shape
        `(frame_size,)`. It is a view of the capture, read-only, and good during the call."""
        ...

    def reset(self) -> None:
        """Forget what was heard: the next VAD frame does not follow the last."""
        ...


Maker: TypeAlias = Callable[[int], Engine]

BUILT_IN: dict[str, Maker] = {"silero": load_silero, "webrtc": Webrtc, "energy": Energy}


def names() -> list[str]:
    """Every name that `engine` takes."""
    return [AUTO, *makers()]


def makers() -> dict[str, Maker]:
    """The engines by name, built-in ones first; a package of an entry point is loaded when it is called."""
    found = dict(BUILT_IN)
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, partial(_load, point))
    return found


def _load(point: EntryPoint, rate: int) -> Engine:
    engine: Engine = point.load()(rate)
    return engine


def engine(name: str = AUTO, rate: int = 16000) -> Engine:
    """The engine `name` for audio of `rate` Hz; its own `rate` may differ.

    Raises `UnknownEngineError`, which names those there are, and `EngineMissingError`, which names the
    package to install.
    """
    if name == AUTO:
        try:
            return load_silero(rate)
        except EngineMissingError:
            return Webrtc(rate)
    known = makers()
    if name not in known:
        raise UnknownEngineError(name, names())
    return known[name](rate)
