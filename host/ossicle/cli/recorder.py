"""What the capture loop feeds where there is a file: the audio, and what it means."""

from __future__ import annotations

from ..api import Microphone
from ..ledger import GapRow, Timing
from ..proto.events import Gap, Started
from .capture import Frames
from .tape import Tape, row_of

TIMING_EACH_S = 5  # of audio


class Recorder:
    """Writes the timeline onto a tape; a gap becomes silence, so frame n stays frame n.

    Where there is a journal, what a frame means is there before the frame is. The text in the file follows:
    what it tells late, the journal has.
    """

    def __init__(self, tape: Tape, microphone: Microphone | None = None) -> None:
        self._tape = tape
        self._microphone = microphone
        self._before: GapRow | None = None  # a gap that takes no room, until the stream behind it is known
        self._next_timing = 0  # a frame
        rows = tape.ledger.streams
        # The first process that hears a stream knows best when it began.
        self._begun = tape.ledger.timings.get(rows[-1].start, Timing()) if rows else Timing()

    def stream(self, start: int, started: Started, position: int) -> None:
        tape, before, self._before = self._tape, self._before, None
        if before is not None:
            before = tape.ledger.gap(before)
        row = row_of(start, started, position)
        tape.ledger.stream(row)
        if tape.journal is not None:
            tape.journal.stream(row, before)
        tape.describe()
        self._begun = Timing()
        self._next_timing = start

    def audio(self, start: int, frames: Frames) -> None:
        self._follow(start)
        if self._microphone is not None:
            if self._tape.journal is not None:
                self._tape.journal.speed(self._microphone.resume(0).baud)
            if start >= self._next_timing:
                self._next_timing = start + TIMING_EACH_S * self._microphone.rate
                self._time(self._microphone)
        self._tape.sink.write(frames)

    def gap(self, gap: Gap, frames: int | None) -> None:
        row = GapRow(gap.start, gap.stop, frames, gap.cause, gap.estimated)
        if gap.stop is None:
            self._before = row
            return
        self._follow(gap.start)
        if self._tape.journal is not None:
            self._tape.journal.gap(row)
        self._tape.ledger.gap(row)
        self._tape.sink.silence(gap.stop - gap.start)
        self._tape.describe()

    def finish(self) -> None:
        """The file is whole at any moment; whoever opened it closes it."""
        if self._before is not None:
            self._tape.ledger.gap(self._before)
        if self._microphone is not None:
            self._time(self._microphone)
        self._tape.describe()

    def _follow(self, start: int) -> None:
        """Who was very late may have missed that a stream began: then it is the one in force."""
        if self._before is not None and self._microphone is not None:
            self.stream(start, self._microphone.started, 0)

    def _time(self, microphone: Microphone) -> None:
        """Note what is known of the stream's times, if what the microphone tells is still of this stream."""
        ledger = self._tape.ledger
        row = ledger.streams[-1]
        time, uncertainty = microphone.time_of(row.position) or (None, None)
        best = ledger.timings.get(row.start, self._begun)
        if best.uncertainty is not None and (uncertainty is None or best.uncertainty <= uncertainty):
            # The clocks are compared over the last minutes: from hours later the beginning is less clear.
            time, uncertainty = best.time, best.uncertainty
        timing = Timing(time, uncertainty, microphone.stats.link.true_rate or best.true_rate)
        if microphone.started.stream_id != row.stream_id or timing == ledger.timings.get(row.start):
            return
        ledger.timings[row.start] = timing
        if self._tape.journal is not None:
            self._tape.journal.timing(row.start, timing)
        self._tape.describe()
