"""Recordings of a folder, where the machine has one: noise without speech, and meetings with labels.

The folder is $OSSICLE_RECORDINGS, else `../shared/data` beside a checkout. `noise_NAME.wav` is noise; an
`NAME.rttm` labels the first `NAME*.wav`: its speaker turns, all speakers together. What is missing or cannot
be read becomes a note.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
import soundfile

from ossicle.audio.resample import mono
from ossicle.paths import for_libsndfile

from .corpus import Label, Mix
from .metrics import Range, union

LONGEST_S = 120.0
LEAST_RATE = 8000  # Hz: below it no detector has its bands
TALKING = ("coffee-shop",)
"""Noise in which people talk: a detector is right to hear speech in it, and no bound is set."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """What a folder holds. `notes` tell what it does not."""

    noises: tuple[Mix, ...] = ()
    meetings: tuple[Mix, ...] = ()
    notes: tuple[str, ...] = ()


def folder_of(asked: Path | None = None) -> Path | None:
    """The folder that was asked for, else the one this machine has; None without."""
    if asked is not None:
        return asked
    if told := os.environ.get("OSSICLE_RECORDINGS"):
        return Path(told)
    checkout = Path(__file__).resolve().parents[4]
    beside = checkout.parent / "shared" / "data"
    return beside if (checkout / "pyproject.toml").is_file() and beside.is_dir() else None


def gather(asked: Path | None = None) -> Recordings:
    """The recordings of a folder; without any, notes that say so."""
    folder = folder_of(asked)
    if folder is None:
        return Recordings(notes=("No recordings: OSSICLE_RECORDINGS names no folder.",))
    if not folder.is_dir():
        return Recordings(notes=(f"No recordings: {folder.name} is no folder.",))
    notes: list[str] = []
    noises = [mix for path in sorted(folder.glob("noise_*.wav")) if (mix := _noise(path, notes))]
    meetings = [mix for path in sorted(folder.glob("*.rttm")) if (mix := _meeting(path, notes))]
    if not noises:
        notes.append("The folder of recordings has no noise_*.wav.")
    if not meetings:
        notes.append("The folder of recordings has no meeting with labels (.rttm).")
    return Recordings(tuple(noises), tuple(meetings), tuple(notes))


def turns(text: str, rate: int, frames: int) -> tuple[Label, ...]:
    """Where anybody speaks, by the SPEAKER lines of an RTTM file (NIST, Rich Transcription 2009: fields 4 and
    5 are begin and duration in seconds), cut to the recording. Raises ValueError for a line that is none."""
    ranges: list[Range] = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            begin, lasts = float(fields[3]), float(fields[4])
            start, stop = max(0, round(begin * rate)), min(frames, round((begin + lasts) * rate))
        except (IndexError, ValueError, OverflowError):
            raise ValueError(f"line {number} is no SPEAKER line of RTTM") from None
        if start < stop:
            ranges.append((start, stop))
    return tuple(Label(start, stop, "turn") for start, stop in union(ranges))


def _noise(path: Path, notes: list[str]) -> Mix | None:
    name = path.stem.removeprefix("noise_")
    return _read(path, name, notes)


def _meeting(path: Path, notes: list[str]) -> Mix | None:
    audio = sorted(path.parent.glob(f"{escape(path.stem)}*.wav"))
    if not audio:
        notes.append(f"{path.name} has no recording beside it.")
        return None
    heard = _read(audio[0], path.stem, notes)
    if heard is None:
        return None
    try:
        labels = turns(path.read_text(encoding="utf-8"), heard.rate, len(heard.frames))
    except (OSError, ValueError) as error:
        notes.append(f"{path.name} was left out: {error}")
        return None
    return Mix(heard.name, heard.rate, heard.frames, labels)


def _read(path: Path, name: str, notes: list[str]) -> Mix | None:
    """One channel of at most two minutes."""
    try:
        with soundfile.SoundFile(for_libsndfile(path)) as source:
            rate = int(source.samplerate)
            if rate < LEAST_RATE:
                notes.append(f"{path.name} was left out: {rate} Hz is less than {LEAST_RATE}")
                return None
            frames = source.read(round(LONGEST_S * rate), dtype="int16")
            if source.tell() < len(source):
                notes.append(f"Of {path.name} the first {LONGEST_S:.0f} s were used.")
    except (OSError, soundfile.LibsndfileError) as error:
        notes.append(f"{path.name} was left out: {error}")
        return None
    if not len(frames):
        notes.append(f"{path.name} was left out: it is empty")
        return None
    return Mix(name, rate, np.ascontiguousarray(mono(frames)), ())
