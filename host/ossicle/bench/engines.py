"""What the voice detectors cost, and what Ossicle's path around one adds.

All figures are CPU time for a second of audio, of the recording that travels in the package. Each engine is
measured alone (`probability` on VAD frames that are cut already) and in the segmenter, which is given blocks
of 512 and of 4096 frames. What the second costs more than the first is the path: cutting VAD frames, judging
them, keeping the audio, making segments. The yardstick is webrtcvad itself, called with bytes.

The difference of two large figures is a poor one, so the path is measured on an engine that costs next to
nothing: it says again what webrtc said, and so has the segmenter do the same work. The other differences
check that one. Contestants take turns, and the difference is taken round by round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import soundfile

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.segmenter import Segmenter
from ossicle.audio.vad import Engine, engine
from ossicle.demo import asset
from ossicle.proto.events import Frames

from .figures import Column, Effort, Limit, Row, Table, Value
from .source import RATE, BenchmarkError
from .timing import Timing, Work, in_turns, processor_ns

OURS = ("webrtc", "energy", "silero")
BLOCKS = (512, 4096)
ITSELF = "webrtcvad itself"
WRAPPED = "webrtcvad, wrapped"
REPLAYED = "path alone"
MODE = 2
SIZE = 480  # samples of a VAD frame of 30 ms
PATH_MOST = 1.0  # times webrtcvad itself


class Wrapped:
    """webrtcvad as anyone would give it to the segmenter."""

    name = "webrtcvad"
    rate = RATE
    frame_size = SIZE

    def __init__(self, new: Callable[[int], Any]) -> None:
        self._new = new
        self.reset()

    def probability(self, vad_frame: Frames, /) -> float:
        """1 or 0."""
        return float(self._vad.is_speech(vad_frame.tobytes(), RATE))

    def reset(self) -> None:
        """Begin anew."""
        self._vad = self._new(MODE)


class Replayed:
    """Says again what another engine said of the same recording."""

    name = "replayed"
    rate = RATE

    def __init__(self, said: Sequence[float], frame_size: int, hangover_ms: float) -> None:
        self.frame_size = frame_size
        self.hangover_ms = hangover_ms
        self._said = said
        self.reset()

    def probability(self, vad_frame: Frames, /) -> float:
        """The next one."""
        return self._next()

    def reset(self) -> None:
        """From the first one on."""
        self._next = iter(self._said).__next__


@dataclass(frozen=True, slots=True)
class Contestant:
    """One row: `make` gives a new engine, one for each way in which it is measured."""

    name: str
    make: Callable[[], Engine]


def run(effort: Effort) -> Table:
    """The table."""
    try:
        from webrtcvad import Vad
    except ImportError:
        return _table((), (f"{ITSELF}: not installed (pip install webrtcvad-wheels).",), ())
    audio = recording(effort)
    contestants, notes = enter(Vad, audio)
    check(contestants, audio)
    effort.say(f"engines: {len(contestants)} engines, {len(audio) / RATE:.1f} s of audio")
    pieces = [vad_frame.tobytes() for vad_frame in _vad_frames(audio, SIZE)]
    subjects: dict[str, Work] = {ITSELF: partial(_itself, Vad, pieces)}
    for contestant in contestants:
        subjects.update(_subjects(contestant, audio))
    times = in_turns(subjects, number=effort.pick(3, 1), rounds=effort.pick(25, 2), clock=processor_ns)
    scale = RATE / len(audio) / 1e3  # from nanoseconds a pass to microseconds a second of audio
    itself = times[ITSELF]
    rows = [Row(ITSELF, {"alone_us": itself.median_ns * scale})]
    rows += [_row(contestant.name, times, scale) for contestant in contestants]
    limits = tuple(
        Limit(
            f"the path around an engine, blocks of {block}: times webrtcvad itself",
            _ratio(times[f"{REPLAYED} {block}"], times[REPLAYED], itself),
            PATH_MOST,
        )
        for block in BLOCKS
    )
    told = (
        f"{len(audio) / RATE:.1f} s of speech in noise (the demo's recording), one channel at 16 kHz; "
        "in the segmenter: blocks of 512 and of 4096 frames.",
        "path: in the segmenter less alone, the median of the rounds' differences. "
        f"{REPLAYED}: an engine that only says again what webrtc said.",
        "All found the same segments at either block size; the replayed one those of webrtc.",
    )
    return _table(tuple(rows), (*told, *notes), limits)


def recording(effort: Effort) -> Frames:
    """The packaged recording, or its first seconds: int16 of shape (frames,) at 16 kHz."""
    frames: Frames
    frames, rate = soundfile.read(asset(), dtype="int16")
    if rate != RATE or frames.ndim != 1:
        raise BenchmarkError(f"{asset()} is not one channel at {RATE} Hz")
    return frames[: effort.pick(len(frames), 6 * RATE)]


def enter(new: Callable[[int], Any], audio: Frames) -> tuple[list[Contestant], list[str]]:
    """The engines that there are, and notes on those there are not."""
    contestants = [Contestant(WRAPPED, partial(Wrapped, new))]
    notes = []
    for name in OURS:
        make = partial(engine, name, RATE)
        try:
            make()
        except EngineMissingError as error:
            notes.append(f"{name}: {error}")
        else:
            contestants.append(Contestant(name, make))
    return [*contestants, Contestant(REPLAYED, replay_of(engine("webrtc", RATE), audio))], notes


def replay_of(real: Engine, audio: Frames) -> Callable[[], Engine]:
    """Makes engines that say of `audio` what `real` says."""
    said: list[float] = []
    segmenter = Segmenter(real, rate=RATE, on_vad_frame=lambda start, stop, p: said.append(p))
    segmenter.push(audio)
    segmenter.flush()
    return partial(Replayed, said, real.frame_size, getattr(real, "hangover_ms", 0))


def check(contestants: Sequence[Contestant], audio: Frames) -> None:
    """Raises BenchmarkError unless block sizes make no difference and the replay finds what webrtc does."""
    found: dict[str, list[tuple[int, int]]] = {}
    for contestant in contestants:
        each = [_segments(contestant.make(), audio, block) for block in BLOCKS]
        if any(segments != each[0] for segments in each):
            raise BenchmarkError(f"{contestant.name}: the segments depend on the size of the blocks")
        found[contestant.name] = each[0]
    if not found[REPLAYED] or found[REPLAYED] != found["webrtc"]:
        raise BenchmarkError("replayed probabilities give other segments than webrtc")


def _segments(detector: Engine, audio: Frames, block: int) -> list[tuple[int, int]]:
    segmenter = Segmenter(detector, rate=RATE)
    segments = [s for frames in _blocks(audio, block) for s in segmenter.push(frames)]
    return [(segment.start, segment.stop) for segment in [*segments, *segmenter.flush()]]


def _subjects(contestant: Contestant, audio: Frames) -> dict[str, Work]:
    detector = contestant.make()
    vad_frames = _vad_frames(audio, detector.frame_size)
    subjects: dict[str, Work] = {contestant.name: partial(_alone, detector, vad_frames)}
    for block in BLOCKS:
        # Between two passes the segmenter is flushed, and begins anew.
        segmenter = Segmenter(contestant.make(), rate=RATE)
        subjects[f"{contestant.name} {block}"] = partial(_segment, segmenter, _blocks(audio, block))
    return subjects


def _itself(new: Callable[[int], Any], pieces: list[bytes], number: int) -> None:
    for _ in range(number):
        is_speech = new(MODE).is_speech
        for piece in pieces:
            is_speech(piece, RATE)


def _alone(detector: Engine, vad_frames: list[Frames], number: int) -> None:
    for _ in range(number):
        detector.reset()
        probability = detector.probability
        for vad_frame in vad_frames:
            probability(vad_frame)


def _segment(segmenter: Segmenter, blocks: list[Frames], number: int) -> None:
    for _ in range(number):
        for block in blocks:
            segmenter.push(block)
        segmenter.flush()


def _vad_frames(audio: Frames, size: int) -> list[Frames]:
    """Cut into VAD frames, the last one filled up with zeros as the segmenter does."""
    padded = np.zeros(-(-len(audio) // size) * size, np.int16)
    padded[: len(audio)] = audio
    return list(padded.reshape(-1, size))


def _blocks(audio: Frames, size: int) -> list[Frames]:
    return [audio[at : at + size] for at in range(0, len(audio), size)]


def _ratio(whole: Timing, part: Timing, yardstick: Timing) -> float:
    """What the whole costs more than the part, over the yardstick."""
    differences = [a - b for a, b in zip(whole.rounds, part.rounds, strict=True)]
    return median(d / y for d, y in zip(differences, yardstick.rounds, strict=True))


def _row(name: str, times: dict[str, Timing], scale: float) -> Row:
    alone = times[name]
    values: dict[str, Value] = {"alone_us": alone.median_ns * scale}
    for block in BLOCKS:
        whole = times[f"{name} {block}"]
        values[f"through_{block}_us"] = whole.median_ns * scale
        path = median(a - b for a, b in zip(whole.rounds, alone.rounds, strict=True))
        values[f"path_{block}_us"] = path * scale
        values[f"path_{block}"] = _ratio(whole, alone, times[ITSELF])
    return Row(name, values)


def _table(rows: tuple[Row, ...], notes: tuple[str, ...], limits: tuple[Limit, ...]) -> Table:
    unit = "µs CPU/s"
    columns = [Column("alone_us", "alone", unit, 0)]
    for block in BLOCKS:
        columns += [
            Column(f"through_{block}_us", f"in the segmenter, {block}", unit, 0),
            Column(f"path_{block}_us", f"path, {block}", unit, 0),
            Column(f"path_{block}", f"path, {block}", "× webrtcvad"),
        ]
    title = "What a voice detector costs, and the path around it"
    return Table("engines", title, tuple(columns), rows, notes, limits)
