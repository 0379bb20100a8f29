"""A voice detector that hears loudness only: no model, no dependency, the same everywhere."""

from __future__ import annotations

from math import log10

import numpy as np
import numpy.typing as npt

FRAME_MS = 20
FULL_SCALE = 32768.0
SILENT_DBFS = -65.0  # quieter than any room with a microphone in it
FALL = 0.3  # of the way to a quieter VAD frame that the noise floor goes at once
RISE_DB_S = 2.0  # how fast it follows noise that has become louder
NONE_DB = 3.0  # over the floor: where probability begins
SURE_DB = 15.0  # and where it is 1; so 0.5 is 9 dB over the floor


class Energy:
    """Probability by how far a VAD frame of 20 ms stands out of a noise floor that follows the quiet parts.

    It takes any sudden loud sound for speech, and needs a pause now and then to know the floor.
    """

    name = "energy"
    hangover_ms = 0

    def __init__(self, rate: int = 16000) -> None:
        self.rate = rate
        self.frame_size = max(1, rate * FRAME_MS // 1000)
        self.reset()

    def reset(self) -> None:
        """Forgets the noise floor: after a gap it may be another room."""
        self._floor_db: float | None = None

    def probability(self, vad_frame: npt.NDArray[np.int16], /) -> float:
        samples = vad_frame.astype(np.float64)
        level_db = 10 * log10(float(np.mean(samples * samples)) / FULL_SCALE**2 + 1e-12)
        if self._floor_db is None:
            self._floor_db = level_db
        elif level_db < self._floor_db:
            self._floor_db += FALL * (level_db - self._floor_db)
        else:
            self._floor_db = min(level_db, self._floor_db + RISE_DB_S * FRAME_MS / 1000)
        if level_db < SILENT_DBFS:
            return 0.0
        over_db = level_db - max(self._floor_db, SILENT_DBFS)
        return min(1.0, max(0.0, (over_db - NONE_DB) / (SURE_DB - NONE_DB)))
