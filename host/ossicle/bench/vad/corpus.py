"""Labelled audio: the project's clean speech in noise of known power, made when it is asked for.

The speech is the asset `clean.flac` (`tools/speech.py`): sentences and single words by eight espeak-ng
voices, digital silence between them, and edges measured on the speech before any noise. The noise is made by
recipe (`noises`). The same to the bit at every run.

**SNR.** The power of the speech is its mean square over the labelled frames, all utterances together (they
differ in level, so a soft one is worse off than the figure says). The power of the noise is its mean square
over the whole mix, its pauses included: typing of 5 dB clicks much louder than hiss of 5 dB. SNR is the ratio
of the two in dB. Every mix, the clean one too, also has the hiss of a quiet room at -75 dBFS, which is not
counted. A mix that would leave full scale is made softer as a whole, so that nothing is clipped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from .noises import NOISES, Floats, Voice, babble, power

Int16 = npt.NDArray[np.int16]

SPEECH = Path(__file__).resolve().parent.parent.parent / "assets" / "clean.flac"
KINDS = (*NOISES, "babble")
SNRS_DB = (20, 10, 5)
ROOM_DBFS = -75.0
ALONE_DBFS = -38.0  # about as loud as in a mix of 10 dB
ALONE_S = 30.0
TAIL_S = 1.0  # after the last label of a shortened recording
SEED = 2024


@dataclass(frozen=True, slots=True)
class Label:
    """Speech in frames `[start, stop)`: a "word", a "sentence", or a "turn" of somebody in a recording."""

    start: int
    stop: int
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """Audio of one channel and where speech is in it. `noise` is None without any, `snr_db` without speech or
    without noise."""

    name: str
    rate: int
    frames: Int16
    labels: tuple[Label, ...]
    noise: str | None = None
    snr_db: int | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.frames) / self.rate


def first(mix: Mix, seconds: float) -> Mix:
    """The beginning of a mix, labels cut with it."""
    stop = min(len(mix.frames), round(seconds * mix.rate))
    labels = (replace(each, stop=min(each.stop, stop)) for each in mix.labels if each.start < stop)
    return replace(mix, frames=mix.frames[:stop], labels=tuple(labels))


@cache
def speech() -> Mix:
    """The clean speech as it is in the asset. Raises OSError where the installation lacks it."""
    told = json.loads(SPEECH.with_suffix(".json").read_text(encoding="utf-8"))
    frames, rate = soundfile.read(str(SPEECH), dtype="int16")
    labels = (Label(u["start_frame"], u["stop_frame"], u["kind"], u["text"]) for u in told["utterances"])
    return Mix("speech", int(rate), frames, tuple(labels))


class Corpus:
    """The mixes of the clean speech, or of those of its utterances that end within `seconds`.

    Noises are made once and kept (10 MB each).
    """

    def __init__(self, seconds: float = math.inf) -> None:
        """Raises ValueError when no utterance ends that early."""
        whole = speech()
        self.labels = tuple(label for label in whole.labels if label.stop <= seconds * whole.rate)
        if not self.labels:
            raise ValueError(f"nothing is said within {seconds} s")
        self.rate = whole.rate
        shortened = len(self.labels) < len(whole.labels)
        last = self.labels[-1].stop + round(TAIL_S * whole.rate) if shortened else len(whole.frames)
        self._speech: Floats = whole.frames[:last].astype(np.float64) / 32768
        self._noises: dict[tuple[str, int, int], Floats] = {}
        spoken = np.concatenate([self._speech[label.start : label.stop] for label in self.labels])
        self._power = power(spoken)

    def clean(self) -> Mix:
        """Without noise but for the room's."""
        return self._finished("clean", self._speech, self.labels)

    def mix(self, noise: str, snr_db: int) -> Mix:
        """The speech in noise of a kind of `KINDS`; the module's docstring says what SNR is.

        Raises ValueError for a kind there is not.
        """
        level = math.sqrt(self._power / 10 ** (snr_db / 10))
        mixed = self._speech + level * self._noise(noise, len(self._speech), SEED)
        return self._finished(f"{noise} {snr_db} dB", mixed, self.labels, noise, snr_db)

    def alone(self, noise: str, seconds: float = ALONE_S) -> Mix:
        """Noise of a kind of `KINDS` and no speech, RMS -38 dBFS; not the same as in the mixes."""
        made = self._noise(noise, round(seconds * self.rate), SEED + 100)
        return self._finished(f"{noise} alone", 10 ** (ALONE_DBFS / 20) * made, (), noise)

    def mixes(self) -> Iterator[Mix]:
        """The clean one, then every noise at every SNR."""
        yield self.clean()
        for noise in KINDS:
            for snr_db in SNRS_DB:
                yield self.mix(noise, snr_db)

    def _noise(self, noise: str, frames: int, seed: int) -> Floats:
        key = noise, frames, seed
        if noise not in KINDS:
            raise ValueError(f"no noise {noise!r}; there are {', '.join(KINDS)}")
        if key not in self._noises:
            seed += KINDS.index(noise)
            if noise == "babble":
                self._noises[key] = babble(frames, self.rate, seed, self._voices())
            else:
                self._noises[key] = NOISES[noise](frames, self.rate, seed)
        return self._noises[key]

    def _voices(self) -> list[Voice]:
        """Every utterance of the asset, also those that a short corpus does not say itself."""
        whole = speech()
        clean = whole.frames.astype(np.float64) / 32768
        return [Voice(clean[label.start : label.stop], label.start, label.stop) for label in whole.labels]

    def _finished(
        self,
        name: str,
        samples: Floats,
        labels: tuple[Label, ...],
        noise: str | None = None,
        snr_db: int | None = None,
    ) -> Mix:
        quiet = 10 ** (ROOM_DBFS / 20) * self._noise("room", len(samples), SEED + 200)
        heard = (samples + quiet) * 32768
        peak = float(np.abs(heard).max())
        if peak > 32767:
            heard = heard * (32767 / peak)
        return Mix(name, self.rate, np.rint(heard).astype(np.int16), labels, noise, snr_db)
