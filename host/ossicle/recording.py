"""A recording as the slots of a microphone, for the emulated board.

Slots are little-endian int32, channels interleaved, a 16-bit sample in the
upper half of each. A 16-bit file at a rate that the board has is carried over
bit for bit; whatever else is done is said in `notes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ossicle.errors import SourceError
from ossicle.paths import for_libsndfile

RATES = (8000, 16000, 24000, 32000, 44100, 48000)  # Hz, as the firmware has them
CHANNELS_MAX = 2
BLOCK_FRAMES = 65536
EXACT = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")  # 16 bits hold every sample of these


@dataclass(frozen=True, slots=True)
class Slots:
    """What was written: `frames` at `rate` Hz, and what was done to the recording for it."""

    rate: int
    channels: int
    frames: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RawSlots:
    """What a microphone's pins carry, where it is not a recording: every bit of every slot.

    `slots` is int32 of shape (frames, channels), at `rate` Hz.
    """

    slots: NDArray[np.int32]
    rate: int = 16000

    def write(self, out: IO[bytes]) -> Slots:
        """Write them to `out` as they are."""
        out.write(np.ascontiguousarray(self.slots, "<i4").tobytes())
        out.flush()
        return Slots(self.rate, self.slots.shape[1], len(self.slots), ())


def write_slots(
    source: Path, out: IO[bytes], *, channels: int | None = None, rate: int | None = None
) -> Slots:
    """Write the recording to `out` block by block.

    `channels` and `rate` None take the file's, where the board has them. Raises SourceError.
    """
    try:
        with soundfile.SoundFile(for_libsndfile(source)) as file:
            return _write(file, source, out, channels, rate)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:  # the last: a suffix of raw samples
        if not source.exists():
            raise SourceError(f"{source}: there is no such file") from None
        reason = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
        raise SourceError(f"{source}: cannot be played ({reason.rstrip('.')})") from None


def _write(
    file: soundfile.SoundFile, source: Path, out: IO[bytes], channels: int | None, rate: int | None
) -> Slots:
    notes = []
    if channels is None:
        channels = min(file.channels, CHANNELS_MAX)
    if not 1 <= channels <= CHANNELS_MAX:
        raise SourceError(f"{source}: a board has 1 or {CHANNELS_MAX} channels, not {channels}")
    if channels < file.channels:
        notes.append(f"the first {channels} of {file.channels} channels are played")
    if channels > file.channels:
        notes.append("the recording has one channel: the right one is silent")
    channels = min(channels, file.channels)
    if rate is None:
        rate = next((known for known in RATES if known >= file.samplerate), RATES[-1])
    if rate not in RATES:
        raise SourceError(f"{source}: a board has {', '.join(map(str, RATES))} Hz, not {rate}")
    if file.subtype not in EXACT:
        notes.append(f"{file.subtype} samples are rounded to 16 bits")
    if rate != file.samplerate:
        notes.append(f"resampled from {file.samplerate} to {rate} Hz")
    frames = 0
    for block in _blocks(file, channels, rate):
        out.write((block.astype("<i4") << 16).tobytes())
        frames += len(block)
    out.flush()
    if not frames:
        raise SourceError(f"{source}: there is no audio in it")
    return Slots(rate, channels, frames, tuple(notes))


def _blocks(file: soundfile.SoundFile, channels: int, rate: int) -> Iterator[NDArray[np.int16]]:
    """The file in int16, shape (frames, channels)."""
    if rate == file.samplerate and file.subtype in EXACT:
        while len(block := file.read(BLOCK_FRAMES, dtype="int16", always_2d=True)):
            yield block[:, :channels]
        return
    stream = None
    if rate != file.samplerate:
        stream = soxr.ResampleStream(file.samplerate, rate, channels, dtype="float64", quality="HQ")
    ended = False
    while not ended:
        block = file.read(BLOCK_FRAMES, dtype="float64", always_2d=True)[:, :channels]
        block = np.nan_to_num(block, posinf=1.0, neginf=-1.0)
        ended = len(block) == 0
        if stream is not None:
            block = stream.resample_chunk(np.ascontiguousarray(block), last=ended)
        # Full scale is 2**15; halves round to even.
        yield np.clip(np.rint(block * 32768.0), -32768, 32767).astype(np.int16)
