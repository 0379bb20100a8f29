"""The tables of the voice detectors' accuracy, in the order of `ossicle.bench.suite.VAD_NAMES`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from ..figures import Effort, Table
from ..suite import VAD_NAMES
from . import fidelity, tables, words
from .corpus import ALONE_S, KINDS, Corpus, Mix, first
from .judge import judge, ours
from .peers import knowing
from .recordings import Recordings, gather

QUICK_S, QUICK_PIECE_S = 16.0, 6.0
WORDS_NOISE, WORDS_SNR_DB = "room", 10


class Study:
    """The audio and the subjects of one run. Thorough takes well under a minute of one core.

    Quick, the speech is its first 16 s, in every noise at the lowest SNR only, and of each recording there
    are 6 s.
    """

    def __init__(self, effort: Effort, folder: Path | None = None) -> None:
        """`folder` holds recordings; without it they are looked for where `recordings` says."""
        self._quick = effort.quick
        self._say = effort.say
        self._corpus = Corpus(QUICK_S if effort.quick else math.inf)
        self._subjects, self._missing = ours()
        self._recordings = self._shortened(gather(folder))
        self._results: list[tables.Result] | None = None

    def table(self, name: str) -> Table:
        """One table; raises KeyError for a name there is not."""
        makers: dict[str, Callable[[], Table]] = {
            "vad": self._accuracy,
            "vad_raw": lambda: tables.gains(self._spoken()),
            "vad_noise": self._noise,
            "vad_meeting": self._meetings,
            "vad_silero": self._silero,
            "vad_words": self._words,
        }
        return makers[name]()

    def _mixes(self) -> list[Mix]:
        if not self._quick:
            return list(self._corpus.mixes())
        return [self._corpus.clean(), *(self._corpus.mix(noise, tables.GAIN_SNR_DB) for noise in KINDS)]

    def _spoken(self) -> list[tables.Result]:
        """Made once, for two tables."""
        if self._results is None:
            self._results = self._measured(self._mixes())
        return self._results

    def _accuracy(self) -> Table:
        clean = self._corpus.clean()
        return tables.accuracy(self._spoken(), judge(knowing(clean), clean).segments.balanced, self._missing)

    def _noise(self) -> Table:
        seconds = QUICK_PIECE_S if self._quick else ALONE_S
        alone = [self._corpus.alone(noise, seconds) for noise in KINDS]
        mixes = [*alone, *self._recordings.noises]
        return tables.noise(self._measured(mixes), (*self._missing, *self._recordings.notes))

    def _meetings(self) -> Table:
        return tables.meetings(self._measured(self._recordings.meetings), self._recordings.notes)

    def _silero(self) -> Table:
        mixes = self._mixes()
        return fidelity.table((mixes[0], mixes[-1]) if self._quick else mixes)

    def _words(self) -> Table:
        mixes = [self._corpus.clean(), self._corpus.mix(WORDS_NOISE, WORDS_SNR_DB)]
        return words.table(mixes[:1] if self._quick else mixes)

    def _measured(self, mixes: list[Mix] | tuple[Mix, ...]) -> list[tables.Result]:
        results = []
        for mix in mixes:
            self._say(mix.name)
            results.append(tables.measure(mix, self._subjects))
        return results

    def _shortened(self, found: Recordings) -> Recordings:
        if not self._quick:
            return found
        return Recordings(
            tuple(first(mix, QUICK_PIECE_S) for mix in found.noises),
            tuple(first(mix, 2 * QUICK_PIECE_S) for mix in found.meetings),
            found.notes,
        )


def run(effort: Effort, folder: Path | None = None) -> tuple[Table, ...]:
    """Every table. `folder` holds recordings; without it they are looked for where `recordings` says."""
    study = Study(effort, folder)
    return tuple(study.table(name) for name in VAD_NAMES)
