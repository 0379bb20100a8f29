"""Audio to the bytes of one object and back: FLAC, or Opus in Ogg, with the entry as its comment.

The entry is known only when all frames are, and its place is before them, so it is put in at the end: a block
of FLAC's head, or the second page of the Ogg stream, is made anew. Either lies within the first `HEAD_BYTES`.
Frames go in and out in small pieces; what is held is the encoded object.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.archive import flac, ogg
from ossicle.archive.entry import CHANNELS_MAX, RATE_MAX, TEXT_MAX_BYTES, ArchiveError, Entry, parse

Frames = npt.NDArray[np.int16]

HEAD_BYTES = 64 * 1024
"""From the start of an object; enough for `entry_of`."""
PIECE_FRAMES = 4096
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
OPUS_KBPS = 32
_FORMATS = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}
# libsndfile takes Opus' bitrate as a level: 256 kbit/s a channel at 0, 6 at 1 (its ogg_opus.c).
_OPUS_TOP, _OPUS_SPAN = 256.0, 250.0


def check(codec: str, rate: int, channels: int) -> None:
    """Raises ArchiveError, one line, where the codec cannot hold such audio."""
    if codec not in _FORMATS:
        raise ArchiveError(f"codec {codec!r}: an archive holds {' or '.join(_FORMATS)}")
    if not 1 <= channels <= CHANNELS_MAX:
        raise ArchiveError(f"{channels} channels: {codec} holds 1 to {CHANNELS_MAX}")
    if codec == "opus" and rate not in OPUS_RATES:
        rates = ", ".join(map(str, OPUS_RATES))
        raise ArchiveError(f"{rate} Hz: Opus takes {rates} Hz only; use flac")
    if not 1 <= rate <= RATE_MAX:
        raise ArchiveError(f"{rate} Hz: FLAC takes 1 to {RATE_MAX} Hz")


class Encoder:
    """One object in the making."""

    def __init__(self, codec: str, rate: int, channels: int = 1, *, kbps: int = OPUS_KBPS) -> None:
        """`kbps` is of each channel, and counts for Opus only. Raises ArchiveError as `check` does."""
        import soundfile

        check(codec, rate, channels)
        self.codec, self.rate, self.channels = codec, rate, channels
        self.frames = 0
        self._out = io.BytesIO()
        self._hash = hashlib.sha256()
        container, subtype = _FORMATS[codec]
        level = {"compression_level": (_OPUS_TOP - kbps) / _OPUS_SPAN} if codec == "opus" else {}
        self._file: Any = soundfile.SoundFile(
            self._out, "w", rate, channels, format=container, subtype=subtype, **level
        )

    def write(self, frames: Frames) -> None:
        """int16 of shape (n,) for mono and (n, channels) else."""
        for at in range(0, len(frames), PIECE_FRAMES):
            piece = np.ascontiguousarray(frames[at : at + PIECE_FRAMES])
            self._hash.update(piece.astype("<i2", copy=False).data)
            self._file.write(piece)
            self.frames += len(piece)

    def finish(self, make_entry: Callable[[str], Entry]) -> bytes:
        """The whole object. `make_entry` is given the SHA-256 of the PCM in hex. Raises ArchiveError where
        the entry is not of these frames, or too long."""
        self._file.close()
        entry = make_entry(self._hash.hexdigest())
        if (entry.frames, entry.rate, entry.channels) != (self.frames, self.rate, self.channels):
            raise ArchiveError(f"an entry of {entry.frames} frames for {self.frames} that were written")
        text = entry.text()
        if entry.codec != self.codec or len(text) > TEXT_MAX_BYTES:
            raise ArchiveError(f"an entry of {len(text)} bytes and {entry.codec}: not of this object")
        put_in = flac.with_comment if self.codec == "flac" else ogg.with_comment
        return put_in(self._out.getbuffer(), text)

    def close(self) -> None:
        """Give up, where nothing is to come of it."""
        self._file.close()


def entry_of(head: bytes) -> Entry:
    """The entry, from an object's first `HEAD_BYTES` bytes (or all). Raises ArchiveError where it has
    none that an archive wrote."""
    if head.startswith(flac.MAGIC):
        codec, text = "flac", flac.comment(head)
    elif head.startswith(ogg.MAGIC):
        codec, text = "opus", ogg.comment(head)
    else:
        raise ArchiveError("neither FLAC nor Ogg")
    if text is None:
        raise ArchiveError("it has no description")
    entry = parse(text)
    if entry.codec != codec:
        raise ArchiveError(f"it is {codec}, and its description says {entry.codec}")
    return entry


def decode(data: bytes) -> tuple[Entry, Frames]:
    """The entry and the frames, int16 of shape (n,) for mono and (n, channels) else; exactly `entry.frames`.

    Raises ArchiveError for what is damaged: FLAC has to give the PCM whose hash the entry has. Opus is lossy;
    there it is the number of frames that is checked.
    """
    entry = entry_of(data[:HEAD_BYTES])
    frames = _decoded(data, entry)
    if len(frames) != entry.frames:
        raise ArchiveError(f"it holds {len(frames)} frames, and its description says {entry.frames}")
    if entry.codec == "flac" and pcm_sha256(frames) != entry.pcm_sha256:
        raise ArchiveError("its samples are not those that were written")
    return entry, frames


def pcm_sha256(frames: Frames) -> str:
    """In hex, of int16 frames as little-endian PCM."""
    return hashlib.sha256(np.ascontiguousarray(frames).astype("<i2", copy=False).data).hexdigest()


def _decoded(data: bytes, entry: Entry) -> Frames:
    import soundfile

    container, subtype = _FORMATS[entry.codec]
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.format, file.subtype) != (container, subtype):
                raise ArchiveError(f"it is {file.format} of {file.subtype}, not {entry.codec} of 16 bits")
            if (file.samplerate, file.channels) != (entry.rate, entry.channels):
                raise ArchiveError(
                    f"it has {file.channels} channels of {file.samplerate} Hz, its description not"
                )
            frames: Frames = file.read(entry.frames + 1, dtype="int16")
            return frames
    except soundfile.LibsndfileError:
        raise ArchiveError("it cannot be decoded") from None
