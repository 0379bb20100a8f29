"""The file of a recording and its journal: begun, gone on with after a kill, and finished.

What a kill between any two steps of `begin` leaves, and what `take_up` makes of it:

    the file is locked          the old recording and its journal are as they were
    its old journal is removed  a file with frames and no journal: not gone on with, nothing is lost
    its old content goes        a file without frames, no journal: begun anew
    its journal is made         the same while the journal has no rows, since these come in one transaction
    frames, gaps, streams       gone on with; see `journal` for why the two agree
    `finish`                    either the journal is there, and the recording goes on, or it is finished
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..api import Microphone
from ..journal import Journal, JournalError, discard, journal_of
from ..ledger import Ledger, Origin, StreamRow
from ..proto._wire import Codec
from ..proto.events import Started
from ..proto.request import Resume
from ..sinks import TEXT_MAX_BYTES, Sink, WavSink, open_sink
from .capture import Place, Totals
from .options import CodecName

WAV = ".wav"
SILENCE_MAX_S = 3600
"""A gap that is longer is not written as silence: it takes no time in the file."""


class Tape:
    """An open file, its ledger and, for a WAV file, its journal. A context manager: left without `finish`, it
    can be gone on with."""

    def __init__(self, sink: Sink, ledger: Ledger, journal: Journal | None = None) -> None:
        self.sink = sink
        self.ledger = ledger
        self.journal = journal

    def describe(self) -> None:
        """Let the file itself tell what its frames mean, as far as that is known."""
        if self.sink.described:
            self.sink.describe(self.ledger.text(TEXT_MAX_BYTES))

    def finish(self) -> None:
        """The recording is complete."""
        self.sink.close()
        if self.journal is not None:
            self.journal.finish()

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, *details: object) -> None:
        self.sink.close()
        if self.journal is not None:
            self.journal.close()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A recording that goes on: its tape, and where. `codec`, `hop` and `overlap` are its last stream's."""

    tape: Tape
    origin: Origin
    place: Place
    totals: Totals
    resume: Resume
    codec: CodecName
    hop: int
    overlap: int

    def refuse_other(self, rate: int | None, channels: int | None, codec: CodecName | None) -> None:
        """Raises `JournalError` for a rate, channels or codec that the file has not."""
        mine = self.origin
        if codec not in (None, self.codec):
            raise JournalError(
                f"{self.tape.sink.path}: goes on in codec {self.codec}, not {codec}; leave it out, or record "
                f"into another file"
            )
        if rate not in (None, mine.rate) or channels not in (None, mine.channels):
            raise JournalError(
                f"{self.tape.sink.path}: has {mine.rate} Hz and {_channels(mine.channels)}, not "
                f"{rate or mine.rate} Hz and {_channels(channels or mine.channels)}; leave them out, or "
                f"record into another file"
            )

    def refuse_device(self, device: str) -> None:
        """Raises `JournalError` for another device than the file's."""
        if device != self.origin.device:
            raise JournalError(
                f"{self.tape.sink.path}: was recorded from {self.origin.device}, and {device} answers; "
                f"record that into another file"
            )


def row_of(start: int, started: Started, position: int) -> StreamRow:
    """What journal and ledger keep of a stream that begins on the timeline."""
    return StreamRow(start, started.stream_id, position, started.hop, started.overlap, started.codec)


def begin(out: Path, microphone: Microphone) -> Tape:
    """A new file for what this microphone hears; an older recording of that name is lost."""
    rate, channels = microphone.rate, microphone.channels
    ledger = Ledger(Origin(microphone.device, rate, channels))
    row = row_of(0, microphone.started, 0)
    ledger.stream(row)
    if out.suffix.lower() != WAV:
        return Tape(open_sink(out, rate, channels, described=True), ledger)
    sink = WavSink(out, rate, channels, described=True, alone=lambda: discard(out))
    try:
        return Tape(sink, ledger, Journal.create(out, ledger.origin, row, microphone.resume(0).baud))
    except BaseException:
        sink.close()
        raise


def take_up(out: Path) -> Unfinished | None:
    """The recording that a killed recorder left; None where there is none to go on with, and nothing in the
    way of a new one. Raises `JournalError`, `SinkError` and `OSError` for all else."""
    if out.suffix.lower() != WAV:
        raise JournalError(f"{out}: only a WAV file can be gone on with; record into {out.stem}{WAV}")
    if not out.exists():
        if journal_of(out).exists():
            raise JournalError(
                f"{out}: is gone, and its journal is there; put it back, or remove {journal_of(out)}"
            )
        return None
    if not out.stat().st_size and not journal_of(out).exists():
        return None  # a kill came when the old content was gone, and before the head
    sink = WavSink.resume(out)
    try:
        journal = Journal.open(out)
        if journal is None:
            if sink.frames:
                raise JournalError(
                    f"{out}: has no journal, so it is finished, or was not begun by `ossicle record`; "
                    f"record into another file"
                )
            sink.close()
            return None
    except BaseException:
        sink.close()
        raise
    try:
        return _unfinished(out, sink, journal)
    except BaseException:
        journal.close()
        sink.close()
        raise


def _unfinished(out: Path, sink: WavSink, journal: Journal) -> Unfinished:
    origin = journal.origin
    if (sink.rate, sink.channels) != (origin.rate, origin.channels) or not _belong(sink, journal):
        raise JournalError(f"{out}: is not the file of its journal; put the right one back")
    sink.trim()
    journal.settle(sink.frames)
    ledger = journal.ledger()
    silence, stop = journal.silence()
    # A kill may have come before the silence of a gap, or in the middle of it.
    missing = stop - sink.frames
    if not ledger.streams or silence > stop or missing > SILENCE_MAX_S * sink.rate:
        raise JournalError(f"{journal.path}: is damaged; without it {out} cannot be gone on with")
    sink.silence(missing)
    last = ledger.streams[-1]
    position = last.position + sink.frames - last.start
    totals = Totals(
        frames=sink.frames - silence,
        position=sink.frames,
        gaps=ledger.gap_count,
        missing=ledger.missing,
    )
    try:
        resume = Resume(last.stream_id, position, last.hop, journal.baud)
        codec = CodecName(Codec(last.codec).name.lower())
    except (TypeError, ValueError) as error:
        raise JournalError(f"{journal.path}: {error}") from None
    place = Place(sink.frames, position, last.stream_id)
    return Unfinished(
        Tape(sink, ledger, journal), origin, place, totals, resume, codec, last.hop, last.overlap
    )


def _belong(sink: WavSink, journal: Journal) -> bool:
    """Whether file and journal begin with the same stream, as far as the file tells. What its first frame is
    of has been told in both before it was written."""
    try:
        told = json.loads(sink.text)["streams"][0]["stream"]
    except (ValueError, LookupError, TypeError):
        return True
    rows = journal.ledger().streams
    return not sink.frames or not rows or rows[0].stream_id.hex() == told


def _channels(count: int) -> str:
    return f"{count} channel{'' if count == 1 else 's'}"
