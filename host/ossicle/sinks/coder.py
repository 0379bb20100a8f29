"""A piece of a stream becomes an object."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ossicle.archive.coding import HEAD_BYTES, PIECE_FRAMES, Encoder, entry_of
from ossicle.archive.entry import Entry, GapRow
from ossicle.archive.key import Key, key_of
from ossicle.archive.losses import Range, joined, rows_of, without
from ossicle.archive.settings import Settings
from ossicle.sinks.lane import ArchiveStream, Cut


@dataclass(frozen=True, slots=True)
class Encoded:
    """An object; `entry` and `key` None where all of its audio was lost. `lost` counts frames that were."""

    entry: Entry | None
    key: Key | None
    sha256: str
    data: bytes
    lost: int


def encoded(settings: Settings, stream: ArchiveStream, cut: Cut) -> Encoded:
    """Encode a piece from the stream's past, a little at a time. What was overwritten is silence, and a gap
    with the cause "overflow". Raises ArchiveError and what the codec raises."""
    piece = cut.piece
    encoder = Encoder(settings.codec, stream.rate, stream.channels, kbps=settings.opus_kbps)
    try:
        read: list[Range] = []
        for at in range(piece.start, piece.stop, PIECE_FRAMES):
            frames, gone = stream.read(at, min(at + PIECE_FRAMES, piece.stop))
            if gone is not None:
                read.append(gone)
            encoder.write(frames)
        lost = without(joined(read), piece.gaps)
        count = sum(stop - start for start, stop in lost)
        heard = sum(stop - start for start, stop in without([(piece.start, piece.stop)], piece.gaps))
        if count >= heard:
            return Encoded(None, None, "", b"", count)
        data = encoder.finish(lambda pcm: _entry(settings, stream, cut, rows_of(lost), pcm))
    finally:
        encoder.close()
    entry = entry_of(data[:HEAD_BYTES])
    sha256 = hashlib.sha256(data).hexdigest()
    return Encoded(entry, key_of(entry, sha256), sha256, data, count)


def _entry(settings: Settings, stream: ArchiveStream, cut: Cut, lost: list[GapRow], pcm_sha256: str) -> Entry:
    gaps, segments = stream.rows([*cut.piece.gaps, *lost], cut.piece.segments)
    return Entry(
        owner=settings.owner,
        device=stream.device,
        stream=stream.stream,
        start=cut.piece.start,
        stop=cut.piece.stop,
        rate=stream.rate,
        channels=stream.channels,
        codec=settings.codec,
        time=cut.time,
        uncertainty=cut.uncertainty,
        true_rate=cut.true_rate,
        gaps=gaps,
        segments=segments,
        pcm_sha256=pcm_sha256,
    )
