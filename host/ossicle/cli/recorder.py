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

from dataclasses import dataclass
from pathlib import Path

from ..api import Microphone
from ..journal import GapRow, Journal, JournalError, Origin, StreamRow, discard, journal_of
from ..proto._wire import Codec
from ..proto.events import Gap, Started
from ..proto.request import Resume
from ..sinks import Sink, WavSink, open_sink
from .capture import Frames, Place, Totals
from .options import CodecName

WAV = ".wav"
SILENCE_MAX_S = 3600
"""A gap that is longer is not written as silence: it takes no time in the file."""


class Recorder:
    """Writes the timeline into a file; a gap becomes silence, so frame n stays frame n.

    With a journal, what a frame means is there before the frame is.
    """

    def __init__(self, sink: Sink, journal: Journal | None = None, microphone: Microphone | None = None):
        self._sink = sink
        self._journal = journal
        self._microphone = microphone
        self._before: GapRow | None = None  # a gap that takes no room, until the stream behind it is known

    def stream(self, start: int, started: Started, position: int) -> None:
        if self._journal is not None:
            self._journal.stream(_row(start, started, position), self._before)
        self._before = None

    def audio(self, start: int, frames: Frames) -> None:
        self._follow(start)
        if self._journal is not None and self._microphone is not None:
            self._journal.speed(self._microphone.resume(0).baud)
        self._sink.write(frames)

    def gap(self, gap: Gap, frames: int | None) -> None:
        row = GapRow(gap.start, gap.stop, frames, gap.cause, gap.estimated)
        if gap.stop is None:
            self._before = row
            return
        self._follow(gap.start)
        if self._journal is not None:
            self._journal.gap(row)
        self._sink.silence(gap.stop - gap.start)

    def _follow(self, start: int) -> None:
        """Who was very late may have missed that a stream began: then it is the one in force."""
        if self._before is not None and self._microphone is not None:
            self.stream(start, self._microphone.started, 0)

    def finish(self) -> None:
        """The file is whole at any moment; whoever opened it closes it."""


class Tape:
    """An open file and, for a WAV file, its journal. A context manager: left without `finish`, it can be
    gone on with."""

    def __init__(self, sink: Sink, journal: Journal | None) -> None:
        self.sink = sink
        self.journal = journal

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


def begin(out: Path, microphone: Microphone) -> Tape:
    """A new file for what this microphone hears; an older recording of that name is lost."""
    rate, channels = microphone.rate, microphone.channels
    if out.suffix.lower() != WAV:
        return Tape(open_sink(out, rate, channels, described=True), None)
    sink = WavSink(out, rate, channels, described=True, alone=lambda: discard(out))
    try:
        row = _row(0, microphone.started, 0)
        origin = Origin(microphone.device, rate, channels)
        return Tape(sink, Journal.create(out, origin, row, microphone.resume(0).baud))
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
    if (sink.rate, sink.channels) != (origin.rate, origin.channels):
        raise JournalError(f"{out}: is not the file of its journal; put the right one back")
    sink.trim()
    journal.settle(sink.frames)
    gaps, streams = journal.gaps, journal.streams
    if not streams:
        raise JournalError(f"{journal.path}: is damaged; without it {out} cannot be gone on with")
    if gaps and gaps[-1].stop is not None:
        # A kill came before its silence, or in the middle of it.
        sink.silence(gaps[-1].stop - sink.frames)
    last = streams[-1]
    position = last.position + sink.frames - last.start
    silence = sum(gap.stop - gap.start for gap in gaps if gap.stop is not None)
    totals = Totals(
        frames=sink.frames - silence,
        position=sink.frames,
        gaps=len(gaps),
        missing=sum(gap.frames or 0 for gap in gaps),
    )
    try:
        resume = Resume(last.stream_id, position, last.hop, journal.baud)
        codec = CodecName(Codec(last.codec).name.lower())
    except (TypeError, ValueError) as error:
        raise JournalError(f"{journal.path}: {error}") from None
    place = Place(sink.frames, position, last.stream_id)
    return Unfinished(Tape(sink, journal), origin, place, totals, resume, codec, last.hop, last.overlap)


def _row(start: int, started: Started, position: int) -> StreamRow:
    return StreamRow(start, started.stream_id, position, started.hop, started.overlap, started.codec)


def _channels(count: int) -> str:
    return f"{count} channel{'' if count == 1 else 's'}"
