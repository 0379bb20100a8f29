"""Audio in the forms in which jobs bring it: arrays, bytes, base64, files and Opus packets.

Whatever cannot be taken whole and as it is raises `MalformedAudioError`: nothing is cast, filled up or cut
off. (FLAC comes with libsndfile, and is taken as well.)
"""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ossicle.audio.chunk import Frames
from ossicle.audio.containers import check_ogg, check_wav
from ossicle.audio.errors import MalformedAudioError

Audio = Frames | bytes | bytearray | memoryview | str | Sequence[bytes]
"""int16 of shape `(n,)` or `(n, channels)`; or bytes: samples (little-endian, channels interleaved), or a
file; or either as base64 text; or a list of Opus packets."""

Encoding = Literal["auto", "pcm16", "wav", "flac", "ogg"]
ENCODINGS: tuple[Encoding, ...] = ("auto", "pcm16", "wav", "flac", "ogg")

FILE_RATES = (1000, 768_000)  # Hz; beyond, a head is wrong rather than the audio strange
_BITS = "PCM_16"
_OTHERS = {  # 8 bytes or more of each, so that samples are not taken for one
    "a file of AIFF": re.compile(rb"FORM....AIF[FC]", re.DOTALL),
    "a file of Wave64": re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb"),
    "a file of WebM or Matroska": re.compile(rb"\x1a\x45\xdf\xa3.{1,40}\x42\x82", re.DOTALL),
    "a file of MP4": re.compile(rb"\x00\x00\x00.ftyp[ -~]{4}", re.DOTALL),
    "a file of CAF": re.compile(rb"caff\x00\x01\x00\x00desc"),
}


@dataclass(frozen=True, slots=True)
class Intake:
    """Reads audio of so many channels; what has no rate of its own is of `rate`."""

    rate: int
    channels: int
    max_s: float
    """Of a chunk."""

    def read(self, audio: Audio, encoding: Encoding = "auto") -> tuple[Frames, int]:
        """The frames, int16 of shape `(n,)` for one channel and `(n, channels)` else, and their rate."""
        if encoding not in ENCODINGS:
            raise ValueError(f"audio is encoded as {', '.join(ENCODINGS)}, not as {encoding!r}")
        if isinstance(audio, np.ndarray):
            self.check_length(len(self.array(audio)), self.rate)
            return audio, self.rate
        if isinstance(audio, str):
            audio = _from_base64(audio)
        if not isinstance(audio, bytes | bytearray | memoryview):
            kind = type(audio).__name__
            raise MalformedAudioError(
                f"audio is an array of int16, bytes, base64 text or a list of Opus packets, not {kind}"
            )
        data = bytes(audio)
        kind = sniff(data) if encoding == "auto" else encoding
        return (self._samples(data), self.rate) if kind == "pcm16" else self._file(data, kind)

    def array(self, frames: Frames) -> Frames:
        """These frames, checked, but for their length."""
        if frames.dtype != np.int16:
            raise MalformedAudioError(
                f"audio is an array of int16, not {frames.dtype}; nothing is cast silently"
            )
        wanted = (self.channels,) if self.channels > 1 else ()
        if frames.ndim not in (1, 2) or frames.shape[1:] != wanted:
            shape = f"(n, {self.channels})" if wanted else "(n,)"
            raise MalformedAudioError(f"audio of shape {frames.shape} where {shape} is taken")
        return frames

    def check_length(self, frames: int, rate: int) -> None:
        """Raise `MalformedAudioError` for a chunk that is too long."""
        if frames > self.max_s * rate:
            raise MalformedAudioError(
                f"a chunk has at most {self.max_s:g} s of audio (max_chunk_s), not {frames / rate:.3f}: "
                f"push it in parts"
            )

    def _samples(self, data: bytes) -> Frames:
        frame_bytes = 2 * self.channels
        if len(data) % frame_bytes:
            raise MalformedAudioError(
                f"{len(data)} bytes are no whole number of frames of {frame_bytes} bytes: is some missing?"
            )
        self.check_length(len(data) // frame_bytes, self.rate)
        frames = np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        return frames.reshape(-1, self.channels) if self.channels > 1 else frames

    def _file(self, data: bytes, kind: str) -> tuple[Frames, int]:
        import soundfile

        if kind == "wav":
            check_wav(data)
        elif kind == "ogg":
            check_ogg(data)
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                self._check_file(file, kind)
                self.check_length(file.frames, file.samplerate)
                # One frame more than there may be, so that a head that tells too little is found out.
                frames = file.read(int(self.max_s * file.samplerate) + 1, dtype="int16")
                told, rate = file.frames, file.samplerate
        except soundfile.LibsndfileError as error:
            reason = str(error.error_string).rstrip(".")
            raise MalformedAudioError(f"the {kind} audio cannot be read: {reason}") from None
        if len(frames) != told:
            raise MalformedAudioError(
                f"the {kind} audio ends after {len(frames)} of {told} frames: it is cut short"
            )
        return frames, rate

    def _check_file(self, file: Any, kind: str) -> None:
        if not FILE_RATES[0] <= file.samplerate <= FILE_RATES[1]:
            raise MalformedAudioError(f"the {kind} audio says that it is of {file.samplerate} Hz")
        if file.channels != self.channels:
            raise MalformedAudioError(
                f"the audio has {file.channels} channels, and {self.channels} are taken: "
                f"mix it, or make the aggregator with channels={file.channels}"
            )
        if kind in ("wav", "flac") and file.subtype != _BITS:
            raise MalformedAudioError(
                f"the {kind} audio is {file.subtype}, not {_BITS}; nothing is cast silently"
            )


def sniff(data: bytes) -> Encoding:
    """What bytes are, by their first ones; samples, where they begin as no file does.

    Raises `MalformedAudioError` for files that are none of these: their heads are no samples.
    """
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":  # the latter where it outgrew 4 GB
        return "wav"
    for name, begins in _OTHERS.items():
        if begins.match(data):
            raise MalformedAudioError(f"the audio begins as {name}: WAV, FLAC and Ogg Opus are taken")
    if data[:4] == b"fLaC":
        return "flac"
    # Version 0, and the flag of a first page: samples seldom are so.
    return "ogg" if data[:6] == b"OggS\0\2" else "pcm16"


def _from_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)  # line breaks are usual in mails
    except ValueError as error:
        reason = str(error)[:1].lower() + str(error)[1:]
        raise MalformedAudioError(f"the text is no base64: {reason}") from None
