"""Single words: whether they are found, and how soon after their end the segment is there.

The capture comes in blocks of 10 ms. How late a segment is given is counted in audio, not by a clock: the
position of the capture when `push` gave the segment, less the end of the word's label. So it is what waiting
for silence costs, and leaves out links and processor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ..figures import Column, Limit, Row, Table, Value
from .corpus import Label, Mix
from .judge import BLOCK_MS, Heard, Subject, hear, ours
from .metrics import overlap

SHORTEST_MS = 250
LATEST_MS = 400.0
PRESET = "command"
LIMITED = ("webrtc", "silero")

COLUMNS = (
    Column("engine", "engine"),
    Column("preset", "preset"),
    Column("mix", "mix"),
    Column("words", "words", digits=0),
    Column("found", "found", digits=0),
    Column("delay", "given after its end, median", "ms", 0),
    Column("delay_worst", "latest", "ms", 0),
    Column("missed", "missed"),
)


@dataclass(frozen=True, slots=True)
class Word:
    """What became of one word: how late its segment was given, None where no segment overlaps it."""

    text: str
    delay_ms: float | None


def words_of(mix: Mix) -> list[Label]:
    """The single words of at least 250 ms."""
    least = SHORTEST_MS * mix.rate / 1000
    return [label for label in mix.labels if label.kind == "word" and label.stop - label.start >= least]


def words(heard: Heard, mix: Mix) -> list[Word]:
    """Each word, and the segment that overlaps it most."""
    out = []
    for label in words_of(mix):
        shares = [overlap(segment, (label.start, label.stop)) for segment in heard.segments]
        most = max(shares, default=0)
        late = heard.given[shares.index(most)] - label.stop if most > 0 else None
        out.append(Word(label.text, None if late is None else late * 1000 / mix.rate))
    return out


def table(mixes: Iterable[Mix]) -> Table:
    """Every engine on these mixes, with the segmenter's default options and its preset for commands. The
    bounds are those of the first mix."""
    every = list(mixes)
    notes = [
        "Found: a segment overlaps the word. Given after its end: position of the capture when the segment"
        f" was given, in blocks of {BLOCK_MS} ms, less the end of the label; a segment that goes on into the"
        " next utterance is late accordingly, and one that is given before the word's end was cut short.",
    ]
    rows: list[Row] = []
    limits: list[Limit] = []
    for preset in ("", PRESET):
        subjects, missing = ours(**({"preset": preset} if preset else {}))
        notes += [text for text in missing if text not in notes]
        for subject in subjects:
            for mix in every:
                found = words(hear(subject, mix, BLOCK_MS), mix)
                rows.append(_row(subject, preset, mix, found))
                if preset and mix is every[0] and subject.name in LIMITED:
                    limits += _limits(subject, found)
    return Table("vad_words", "Single words", COLUMNS, tuple(rows), tuple(notes), tuple(limits))


def _row(subject: Subject, preset: str, mix: Mix, found: list[Word]) -> Row:
    delays = [word.delay_ms for word in found if word.delay_ms is not None]
    values: dict[str, Value] = {
        "engine": subject.name,
        "preset": preset or "none",
        "mix": mix.name,
        "words": len(found),
        "found": len(delays),
        "delay": median(delays) if delays else None,
        "delay_worst": max(delays, default=None),
        "missed": " ".join(word.text for word in found if word.delay_ms is None),
    }
    return Row(f"{subject.name}, {preset or 'default options'}, {mix.name}", values)


def _limits(subject: Subject, found: list[Word]) -> list[Limit]:
    delays = [word.delay_ms for word in found if word.delay_ms is not None]
    share = len(delays) / len(found) if found else 0.0
    limits = [
        Limit(f"{subject.name} finds every clean word with preset {PRESET!r}", share, 1.0, at_most=False)
    ]
    if delays:
        limits.append(
            Limit(f"{subject.name} gives the latest of them within this, ms", max(delays), LATEST_MS)
        )
    return limits
