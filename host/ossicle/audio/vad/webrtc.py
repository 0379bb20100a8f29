"""WebRTC's voice detector, and around it a check of what it takes for speech.

WebRTC's own (Gaussian mixtures over six bands) says speech of any noise that is not faint: wind, typing,
music. Here it decides only what is not speech. What it lets pass is weighed by the cues of `cues`: a noise
floor that adapts, harmonics, how the level moves. The weights were learned by `tools/detector.py` from speech
and noise that it makes itself; no recording that the benchmarks use took part. The numbers of the rule for
noisy places, from `NOISY_DB` to `UNSURE`, were set with the recording of a train in view.
"""

from __future__ import annotations

from functools import cache
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.vad.cues import COUNT, FRAME_SIZE, HARMONY_OF_LATE, RANGE, RANGE_DB, RATE, Cues

MODE = 2  # of WebRTC's four the third: the strictest loses distant talkers
MEMORY_S = (0.05, 0.15, 0.4)  # time constants of the running means of each cue
NOISY_DB = 25.0  # from the floor to the loudest of late: with less, it is a noisy place,
VOICED = 0.8  # where speech begins only when there has been this much of "harmony" of late;
SURE = 0.95  # or it is as probable as this;
UNSURE = 0.45  # else the probability is this at most, with which speech goes on but does not begin
WEIGHTS = Path(__file__).with_name("webrtc.npz")

Floats = npt.NDArray[np.float32]


class Weights:
    """One hidden layer of a small neural network: from the cues and their running means to a probability."""

    def __init__(self, hidden: Floats, hidden_bias: Floats, out: Floats, out_bias: float) -> None:
        self.hidden = hidden
        """Shape `(units, (1 + len(MEMORY_S)) * COUNT)`."""
        self.hidden_bias = hidden_bias
        self.out = out
        self.out_bias = out_bias

    def probability(self, seen: Floats) -> float:
        """Of speech, for the cues now and in the running means; shape `(1 + len(MEMORY_S), COUNT)`."""
        units = self.hidden @ seen.ravel()
        units += self.hidden_bias
        np.maximum(units, 0, out=units)
        return 1 / (1 + exp(-min(max(float(self.out.dot(units)) + self.out_bias, -30.0), 30.0)))


@cache
def weights() -> Weights:
    """Those of this package; read once."""
    with np.load(WEIGHTS) as kept:
        return Weights(kept["hidden"], kept["hidden_bias"], kept["out"], float(kept["out_bias"]))


class Seen:
    """The cues of the latest VAD frame, and how they were of late: shape `(1 + len(MEMORY_S), COUNT)`."""

    def __init__(self) -> None:
        self._cues = Cues()
        self.values: Floats = np.zeros((1 + len(MEMORY_S), COUNT), np.float32)
        shares = [[1 - exp(-FRAME_SIZE / RATE / seconds)] for seconds in MEMORY_S]
        self._shares = np.array(shares, np.float32)

    def hear(self, vad_frame: npt.NDArray[np.int16]) -> Floats:
        """The values after this VAD frame; the same array each time."""
        cues = self._cues.hear(vad_frame)
        means = self.values[1:]
        step = cues - means
        step *= self._shares
        means += step
        self.values[0] = cues
        return self.values


class Webrtc:
    """VAD frames of 30 ms at 16 kHz; audio of another rate is resampled by the segmenter.

    Where WebRTC's detector says no to this VAD frame and to the one before, the probability is 0. The floor
    is the least of the last 2.4 to 2.7 s: so long it takes to know a room that has become louder.
    """

    name = "webrtc"
    rate = RATE
    frame_size = FRAME_SIZE
    # WebRTC holds a yes for up to 3 VAD frames (`kOverHangMax2` in its vad_core.c).
    hangover_ms = 90

    def __init__(self, rate: int = RATE, *, mode: int = MODE) -> None:
        """`mode` is WebRTC's aggressiveness, 0 (speech in case of doubt) to 3; `rate` is that of the capture.

        Raises `EngineMissingError` without its package, `ValueError` for a mode there is not.
        """
        if mode not in range(4):
            raise ValueError(f"webrtc has modes 0 to 3, not {mode}")
        self.mode = mode
        self._weights = weights()
        self._before = False
        self.reset()

    def probability(self, vad_frame: npt.NDArray[np.int16], /) -> float:
        if len(vad_frame) != FRAME_SIZE:
            raise ValueError(f"a VAD frame has {FRAME_SIZE} samples, not {len(vad_frame)}")
        now = bool(self._vad.is_speech(vad_frame.tobytes(), RATE))
        seen = self._seen.hear(vad_frame)
        before, self._before = self._before, now
        if not (now or before):
            return 0.0
        probability = self._weights.probability(seen)
        if UNSURE < probability < SURE:
            cues = seen[0]
            if cues[RANGE] < NOISY_DB / RANGE_DB and cues[HARMONY_OF_LATE] < VOICED:
                return UNSURE
        return probability

    def reset(self) -> None:
        """Forgets the room: after a gap it may be another."""
        try:
            import webrtcvad
        except ImportError as error:
            raise EngineMissingError(self.name, "webrtcvad-wheels") from error
        self._vad: Any = webrtcvad.Vad(self.mode)
        self._seen = Seen()
        self._before = False
