"""WebRTC's voice detector: Gaussian mixtures over six bands, small and always there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.errors import EngineMissingError

RATES = (8000, 16000, 32000, 48000)
FRAME_MS = 30
MODE = 2


class Webrtc:
    """VAD frames of 30 ms, of which it takes 10, 20 or 30: the longest tells speech from noise best.

    `mode` is its aggressiveness, 0 (speech in case of doubt) to 3. It decides yes or no, so the probability
    is 1 or 0. It holds a yes for up to 3 VAD frames after speech (`kOverHangMax2` in WebRTC's vad_core.c).
    """

    name = "webrtc"
    hangover_ms = 3 * FRAME_MS

    def __init__(self, rate: int = 16000, *, mode: int = MODE) -> None:
        """Raises `EngineMissingError` without its package, `ValueError` for a mode there is not."""
        if mode not in range(4):
            raise ValueError(f"webrtc has modes 0 to 3, not {mode}")
        self.rate = rate if rate in RATES else 16000
        self.frame_size = self.rate * FRAME_MS // 1000
        self.mode = mode
        self.reset()

    def probability(self, vad_frame: npt.NDArray[np.int16], /) -> float:
        return float(self._vad.is_speech(vad_frame.tobytes(), self.rate))

    def reset(self) -> None:
        """Starts anew with the noise it assumes at first, and learns the room's again in about a second."""
        try:
            import webrtcvad
        except ImportError as error:
            raise EngineMissingError(self.name, "webrtcvad-wheels") from error
        self._vad: Any = webrtcvad.Vad(self.mode)
