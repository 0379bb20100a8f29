"""From jobs and segments to batches for a speech recogniser. The rules are `shared_spec/AGGREGATOR.md`.

Counted in samples, never by a clock. All jobs, one after the other in the order in which they end, are one
line of audio; batches are cut from its head. So no sample is lost, doubled or moved, whatever is called when.
"""

from __future__ import annotations

from collections import Counter
from numbers import Integral
from typing import Any, Literal, Unpack, get_args

from ossicle.audio import batch as made
from ossicle.audio.batch import Batch, Held, Holding, JobInfo, Result
from ossicle.audio.chunk import Frames
from ossicle.audio.intake import Audio, Encoding, Intake
from ossicle.audio.job import Job
from ossicle.audio.joining import Given, Line
from ossicle.audio.measures import AggregatorStats, Measures, Options
from ossicle.audio.segment import EndedBy, Segment
from ossicle.audio.stretch import JobId, Stretch

By = Literal["pause", "timeout", "cut", "end"]
BY: tuple[By, ...] = get_args(By)
ENDED_BY: dict[EndedBy, By] = {"silence": "pause", "length": "timeout", "gap": "timeout", "end": "end"}
"""How the job of a segment ends (A-18): length and gaps end it while somebody speaks."""
PARTS_MAX = 65_536
"""Of all that is held: audio that comes in single samples from everywhere costs more than its samples."""

__all__ = ["Aggregator", "AggregatorStats", "Batch", "Holding", "JobInfo", "Options", "Result"]


class Aggregator:
    """Joins the audio of jobs into batches of at least 5 s, cut where it is quiet. Not for several threads at
    once; whoever has several speakers has an aggregator for each.

    Options, with what they are unless given:

    - `rate` (16000), `channels` (1): of the audio. Files and Opus of another rate are resampled.
    - `min_pause_ms` (1000): audio finished by a pause that is shorter waits for the next job.
    - `min_batch_ms` (5000): what is shorter waits until it is so long together.
    - `max_piece_ms` (10000), `min_piece_ms` (2000): longer audio is cut at its quietest places into pieces
      of these lengths. A batch is shorter than `min_batch_ms + max_piece_ms`.
    - `hangover_ms` (600): so much of the quiet around a cut stays with the piece before it, at most.
    - `window_ms` (20): the quietest place is one of this length.
    - `max_held_s` (60), `max_age_s` (30): what is held beyond, is given out early.
    - `max_jobs` (64): open at once; the one that began first ends by timeout.
    - `max_chunk_s` (600): longer chunks are refused.
    - `output` ("array"): what `Result.outputs` gives; or "wav", "base64" (of the samples), "base64-wav".

    Every call returns a `Result`: its `batches`, or `should_return_empty` and the `reason`.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        """Raises `ValueError` for options that make no sense."""
        self.options = Measures(**options)
        """All of them."""
        self._rules = self.options.rules()
        self._line = Line(self._rules)
        self._intake = Intake(self.options.rate, self.options.channels, self.options.max_chunk_s)
        self._jobs: dict[JobId, Job] = {}  # open, in the order in which they began
        self._max_held = self.options.frames(self.options.max_held_s * 1000)
        self._max_age = self.options.frames(self.options.max_age_s * 1000)
        self._clock = 0
        self._position: int | None = None  # that the stream of the segments has come to
        self._segments = 0
        self._segment_stop = 0  # of the last one
        self._frames_in = self._frames_out = self._batches = self._peak = 0
        self._counts: Counter[str] = Counter()

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self.options.rate

    @property
    def clock(self) -> int:
        """Frames of audio and silence so far; ages are counted by it."""
        return self._clock

    def push(
        self,
        job_id: JobId,
        audio: Audio,
        *,
        utterance: int | None = None,
        start: int | None = None,
        encoding: Encoding = "auto",
    ) -> Result:
        """The next chunk of a job, which begins with its first.

        `audio` is an array of int16 of shape `(n,)` or `(n, channels)`; bytes: samples (little-endian,
        channels interleaved), WAV, FLAC or Ogg Opus, told apart by how they begin unless `encoding` says
        "pcm16", "wav", "flac" or "ogg"; the same as base64 text; or a list of Opus packets (with the extra
        `opus`). `utterance` is the job's utterance index. `start` is the position of the first frame in the
        stream that the job is from; unless given it follows the chunk before. It goes with audio of `rate`
        only: what is resampled has no such frames.

        Raises `MalformedAudioError` for audio that cannot be taken, `DecoderMissingError`, and `ValueError`
        for anything else that is wrong. Then nothing has changed.
        """
        try:
            _check("utterance", utterance)
            _check("start", start)
            job = self._open(job_id, utterance)
            frames, rate = job.read(self._intake, audio, encoding, placed=start is not None)
        except (ValueError, TypeError, ImportError):
            self._counts["refused"] += 1
            raise
        self._begin(job, utterance)
        if rate != job.rate:
            self._add(job, job.change_rate(rate))
        self._add(job, job.resampled(frames), start)
        return self._result(self._keep_bounds())

    def push_segment(
        self, segment: Segment, job_id: JobId | None = None, *, utterance: int | None = None
    ) -> Result:
        """A segment of `ossicle.Segmenter`, as a whole job: by a pause where it ends in silence, by timeout
        where its length or a gap ends it, and at the end of the capture with the session.

        `job_id` is "segment-0", "segment-1" ... unless given, with that number as its utterance index.
        Positions are those of the segment, and the silence since the one before counts for the age of what
        is held.

        Raises as `push` does, and `ValueError` for a segment of another rate.
        """
        if job_id is None:
            job_id = f"segment-{self._segments}"
            utterance = self._segments if utterance is None else utterance
        try:
            _check("utterance", utterance)
            frames = self._intake.array(segment.frames)
            self._check_segment(segment)
            job = self._open(job_id, utterance)
        except (ValueError, TypeError):
            self._counts["refused"] += 1
            raise
        self._segments += 1
        self._begin(job, utterance)
        self._add(job, job.change_rate(self.rate))
        self._follow(segment)
        # The clock is at the position of the stream: so it was at the segment's first frame when that came.
        came = self._clock - ((self._position or 0) - segment.start)
        self._hold(job, frames, came, segment.start)
        return self._result(self._end(job_id, ENDED_BY[segment.ended_by]) + self._keep_bounds())

    def finish(self, job_id: JobId, by: By = "pause") -> Result:
        """The job ends: by a "pause", by "timeout" (it goes on in the next), by a manual "cut", or with the
        session ("end"). The last two give out everything, also what is too short and other open jobs.

        A job that has no audio, or has ended before, may end, too. Raises `ValueError` for another `by`.
        """
        if by not in BY:
            raise ValueError(f"a job ends by {', '.join(BY)}, not by {by!r}")
        _check_id(job_id)
        return self._result(self._end(job_id, by) + self._keep_bounds())

    def flush(self) -> Result:
        """The session ends: every open job ends, and everything is given out. Another session may follow."""
        return self._result(self._end(None, "end"))

    def advance(self, frames: int = 0, *, to: int | None = None) -> Result:
        """So many frames of silence, or of audio that comes later, have passed: what is held gets older.

        `to`, in its place, is the position that the stream of the segments has come to. Raises `ValueError`
        for less than 0.
        """
        _check("frames", frames)
        _check("to", to)
        self._clock += int(frames)
        if to is not None:
            self._go_to(int(to))
        return self._result(self._keep_bounds())

    @property
    def held(self) -> int:
        """Frames held in all."""
        return self._line.frames + sum(map(len, self._jobs.values()))

    @property
    def stats(self) -> AggregatorStats:
        """Counters and what is held."""
        came, counts = self._came(), self._counts
        return AggregatorStats(
            frames_in=self._frames_in,
            frames_out=self._frames_out,
            batches=self._batches,
            held=self.held,
            held_peak=self._peak,
            open_jobs=len(self._jobs),
            oldest_age=0 if came is None else self._clock - came,
            ended_by_pause=counts["pause"],
            ended_by_timeout=counts["timeout"],
            ended_by_cut=counts["cut"],
            ended_by_end=counts["end"],
            early_held=counts["early_held"],
            early_age=counts["early_age"],
            early_jobs=counts["early_jobs"],
            chunks_refused=counts["refused"],
        )

    def _open(self, job_id: JobId, utterance: int | None) -> Job:
        """The open job of that name, or one that may become it. Changes nothing."""
        _check_id(job_id)
        job = self._jobs.get(job_id)
        if job is None:  # one that holds nothing is false
            job = Job(job_id, self.rate, self.options.channels)
        if None not in (utterance, job.utterance) and utterance != job.utterance:
            raise ValueError(f"job {job_id!r} is utterance {job.utterance}, not {utterance}")
        return job

    def _check_segment(self, segment: Segment) -> None:
        if segment.rate != self.rate:
            raise ValueError(f"a segment of {segment.rate} Hz in an aggregator of {self.rate} Hz")
        if segment.start < 0 or segment.stop - segment.start != len(segment.frames):
            place = f"[{segment.start}, {segment.stop})"
            raise ValueError(f"a segment of {len(segment.frames)} frames cannot be {place}")
        if segment.ended_by not in ENDED_BY:
            raise ValueError(f"a segment ends by {', '.join(ENDED_BY)}, not by {segment.ended_by!r}")

    def _begin(self, job: Job, utterance: int | None) -> None:
        if utterance is not None:
            job.utterance = int(utterance)
        self._jobs.setdefault(job.job_id, job)

    def _add(self, job: Job, frames: Frames, start: int | None = None) -> None:
        """Frames that come now."""
        came = self._clock
        self._clock += len(frames)
        self._hold(job, frames, came, start)

    def _hold(self, job: Job, frames: Frames, came: int, start: int | None) -> None:
        job.add(frames, came, None if start is None else int(start))
        self._frames_in += len(frames)
        self._peak = max(self._peak, self.held)

    def _follow(self, segment: Segment) -> None:
        """Have the clock go on to the end of a segment, with the silence before it."""
        if self._position is None or segment.start < self._segment_stop:
            self._position = segment.start
        if segment.stop > self._position:
            self._go_to(segment.stop)
        self._segment_stop = segment.stop

    def _go_to(self, position: int) -> None:
        """The stream of the segments has come to this position. Where that is further back, another stream
        has begun."""
        if self._position is not None and position < self._position:
            self._segment_stop = 0
        elif self._position is not None:
            self._clock += position - self._position
        self._position = position

    def _end(self, job_id: JobId | None, by: By) -> list[Given]:
        """End a job; by a cut and at the end all of them, in the order in which they began (A-10)."""
        if by in ("cut", "end"):
            given: list[Given] = []
            for each in list(self._jobs):
                given += self._line.pass_on(self._close(each, by))
            return given + self._line.empty(by)
        if job_id not in self._jobs:
            return []
        audio = self._close(job_id, by)
        return self._line.pause(audio) if by == "pause" else self._line.timeout(audio)

    def _close(self, job_id: JobId, by: By) -> Stretch:
        """All that is left of a job."""
        job = self._jobs[job_id]
        self._add(job, job.change_rate(self.rate))
        del self._jobs[job_id]
        self._counts[by] += 1
        return job.take()

    def _keep_bounds(self) -> list[Given]:
        """Give out what is beyond the bounds."""
        given: list[Given] = []
        while len(self._jobs) > self.options.max_jobs:
            self._counts["early_jobs"] += 1
            given += self._end(next(iter(self._jobs)), "timeout")
        while (held := self.held) > self._max_held or (held > PARTS_MAX and self._parts() > PARTS_MAX):
            self._counts["early_held"] += 1
            given += self._give_first()
        oldest = self._clock - self._max_age
        while (came := self._came()) is not None and came < oldest:
            self._counts["early_age"] += 1
            given += self._give_old(oldest)
        return given

    def _give_first(self) -> list[Given]:
        """Something goes on its way, first what is furthest on it; pieces below the minimum go last."""
        if self._line.waiting:
            return self._line.pass_on()
        for job in self._jobs.values():
            if len(job):
                return self._pass_on(job)
        return self._line.give_small("held")

    def _give_old(self, oldest: int) -> list[Given]:
        """Something that came before then goes on its way, the pieces at the head last: they may be a whole
        batch with what follows them."""
        if self._line.waiting and self._line.waiting.came < oldest:
            return self._line.pass_on()
        for job in self._jobs.values():
            if len(job) and job.came < oldest:
                return self._pass_on(job)
        return self._line.give_small("age")

    def _pass_on(self, job: Job) -> list[Given]:
        """The audio of an open job goes on, but for its last piece where there are several: it may end in the
        middle of a word."""
        pieces = self._line.split(job.take())
        given = self._line.pass_on()
        for piece in pieces[: max(1, len(pieces) - 1)]:
            given += self._line.pass_on(piece)
        if len(pieces) > 1:
            job.put_back(pieces[-1])
        return given

    def _parts(self) -> int:
        return self._line.parts + sum(job.parts for job in self._jobs.values())

    def _came(self) -> int | None:
        """When the oldest frame that is held came."""
        came = [job.came for job in self._jobs.values() if len(job)]
        if self._line.came is not None:
            came.append(self._line.came)
        return min(came, default=None)

    def _result(self, given: list[Given]) -> Result:
        batches = []
        for stretch, why in given:
            batches.append(made.make(self._batches, self._frames_out, self.rate, stretch, why))
            self._batches += 1
            self._frames_out += len(stretch)
        line = self._line
        holding = [len(job) for job in self._jobs.values() if len(job)]
        waiting = len(line.waiting) if line.waiting else 0
        held = Held(line.small_frames, waiting, line.waiting_by, sum(holding), len(holding))
        return Result(tuple(batches), held, self.options)


def _check(name: str, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 0):
        raise ValueError(f"{name} is a whole number from 0 on, not {value!r}")


def _check_id(job_id: object) -> None:
    if isinstance(job_id, bool) or not isinstance(job_id, str | int):
        raise TypeError(f"the id of a job is a text or a whole number, not {job_id!r}")
