"""The audio of the jobs that have ended, in one line: what waits at its end, and the batches at its head.

From the oldest to the newest: pieces that wait for more (`small`), then one buffer that waits for the next
job (`waiting`). Whatever comes joins at the end, whatever goes leaves at the head: nothing changes places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ossicle.audio import quiet
from ossicle.audio.stretch import Stretch, join

Why = Literal["full", "cut", "end", "age", "held"]
Given = tuple[Stretch, Why]


@dataclass(frozen=True, slots=True)
class Rules:
    """In frames."""

    min_pause: int
    """Audio finished by a pause that is shorter waits for the next job."""
    min_batch: int
    """Pieces wait until they are so long together."""
    pieces: quiet.Lengths


class Line:
    """Takes the audio of jobs as they end; each method gives the batches that are ready then."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.small: list[Stretch] = []
        """Pieces, shorter together than `min_batch`."""
        self.small_frames = 0
        self.waiting: Stretch | None = None
        """What the next job will follow."""
        self.waiting_by: Literal["timeout", "pause"] = "timeout"

    @property
    def frames(self) -> int:
        """Held in all."""
        return self.small_frames + (len(self.waiting) if self.waiting else 0)

    @property
    def parts(self) -> int:
        """Of what is held."""
        waiting = len(self.waiting.parts) if self.waiting else 0
        return waiting + sum(len(piece.parts) for piece in self.small)

    @property
    def came(self) -> int | None:
        """When the oldest frame came, None where nothing is held."""
        return min((each.came for each in (*self.small, self.waiting) if each), default=None)

    def timeout(self, job: Stretch) -> list[Given]:
        """A job ended by timeout: it waits for the next one (A-8)."""
        if len(job):
            self.waiting, self.waiting_by = self._joined(job), "timeout"
        return []

    def pause(self, job: Stretch) -> list[Given]:
        """A job ended by a pause: all of it goes on, unless it is too short (A-7)."""
        if not len(job):
            return []
        whole = self._joined(job)
        if len(whole) < self._rules.min_pause:
            self.waiting, self.waiting_by = whole, "pause"
            return []
        self.waiting = None
        return self._pieces(whole)

    def pass_on(self, job: Stretch | None = None) -> list[Given]:
        """What waits for the next job, and this after it, go on however short they are."""
        whole = self._joined(job) if job else self.waiting
        self.waiting = None
        return self._pieces(whole) if whole else []

    def empty(self, why: Why, job: Stretch | None = None) -> list[Given]:
        """Everything goes, and this after it, also what is too short for a batch."""
        return self.pass_on(job) + self.give_small(why)

    def give_small(self, why: Why) -> list[Given]:
        """The pieces that wait, as one batch."""
        if not self.small:
            return []
        batch = join(self.small)
        self.small, self.small_frames = [], 0
        return [(batch, why)]

    def split(self, whole: Stretch) -> list[Stretch]:
        """The pieces of a buffer."""
        if len(whole) <= self._rules.pieces.most:
            return [whole]
        return whole.split(quiet.cuts(whole.frames, self._rules.pieces))

    def _joined(self, job: Stretch) -> Stretch:
        return join((self.waiting, job)) if self.waiting else job

    def _pieces(self, whole: Stretch) -> list[Given]:
        given: list[Given] = []
        for piece in self.split(whole):
            self.small.append(piece)
            self.small_frames += len(piece)
            if self.small_frames >= self._rules.min_batch:
                given += self.give_small("full")
        # A piece is a view: it would keep all that it was cut from in memory.
        self.small = [piece if piece.frames.base is None else join((piece,)) for piece in self.small]
        return given
