"""A FLAC file: half the size of WAV, without loss.

FLAC works in blocks. After each write the number of samples in the file's head is set to that of the whole
blocks in it, which the library itself does at the end only; a reader trusts that number. So when the writer
is killed, the file is whole but for its last block: up to two blocks of 4096 frames are lost, half a second
at 16 kHz, and the checksum over all samples is missing, which readers take as unknown.

A description is a Vorbis comment of fixed length, filled with spaces; where it lies is found once the library
has written the head, which it does with the first frames.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from ossicle.alone import cut
from ossicle.sinks.head import TEXT_MAX_BYTES
from ossicle.sinks.sink import Sink, SinkError, open_alone

CHANNELS_MAX = 8
# In STREAMINFO, the first block of every file (RFC 9639, 8.2), counted from the start of the file:
_BLOCK_SIZE = slice(10, 12)  # frames of the largest block
_TOTAL = slice(21, 26)  # its last 36 bits: frames in the file; the 4 before belong to the sample size
_HEAD_BYTES = 42
_COMMENT = b"comment="
_COMMENT_WITHIN = 4096  # bytes from the start of the file


class FlacSink(Sink):
    """16-bit FLAC of up to 8 channels."""

    def __init__(
        self, path: str | os.PathLike[str], rate: int, channels: int = 1, *, described: bool = False
    ) -> None:
        """Makes the file. Raises `SinkError` for more channels than FLAC has, or where another writer is at
        it, and `OSError`."""
        import soundfile  # for a WAV file nobody needs it, and a recorder starts faster without

        super().__init__(path, rate, channels)
        if channels > CHANNELS_MAX:
            raise SinkError(
                f"{self.path}: FLAC holds {CHANNELS_MAX} channels at most, not {channels}; use .wav"
            )
        name = os.fsencode(self.path) if os.name == "posix" else self.path  # it may be no text
        self._head = open_alone(self.path, make=True)
        try:
            cut(self._head, 0)
            with _named(self.path):
                self._file: Any = soundfile.SoundFile(
                    name, "w", rate, channels, format="FLAC", subtype="PCM_16"
                )
        except BaseException:
            os.close(self._head)
            raise
        self._described = described
        self._text = ""
        self._text_at: int | None = None
        if described:
            self._file.comment = _filled("").decode()

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        if not self._file.closed:
            os.close(self._head)
            with _named(self.path):
                self._file.close()

    @property
    def described(self) -> bool:
        return self._described

    def _append(self, frames: npt.NDArray[Any]) -> None:
        with _named(self.path):
            self._file.write(frames)
        self._tell(self.frames + len(frames))
        if self._described and self._text_at is None:
            self._describe(self._text)

    def _describe(self, text: str) -> None:
        self._text = text
        if self._text_at is None:
            self._text_at = self._find_text()
        if self._text_at is not None:
            os.lseek(self._head, self._text_at, os.SEEK_SET)
            os.write(self._head, _filled(text))

    def _find_text(self) -> int | None:
        """Where the text lies in the file, None before the library has written the head."""
        os.lseek(self._head, 0, os.SEEK_SET)
        found = os.read(self._head, _COMMENT_WITHIN).find(_COMMENT + _filled("")[:8])
        return None if found < 0 else found + len(_COMMENT)

    def _tell(self, frames: int) -> None:
        """Set the head to the whole blocks that are in the file."""
        os.lseek(self._head, 0, os.SEEK_SET)
        head = bytearray(os.read(self._head, _HEAD_BYTES))
        if len(head) < _HEAD_BYTES:
            return
        block = int.from_bytes(head[_BLOCK_SIZE], "big")
        whole = max(0, frames - 1) // block * block  # the library keeps one frame back
        kept = head[_TOTAL][0] & 0xF0
        total = whole.to_bytes(5, "big")
        os.lseek(self._head, _TOTAL.start, os.SEEK_SET)
        os.write(self._head, bytes([kept | total[0] & 0x0F]) + total[1:])


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """libsndfile names neither the file nor what the system said: most often that the disk is full."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        reason = str(error).rstrip(".")
        raise SinkError(f"{path}: cannot be written ({reason}); is there room on the disk?") from None


def _filled(text: str) -> bytes:
    return text.encode().ljust(TEXT_MAX_BYTES)
