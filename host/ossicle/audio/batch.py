"""What the aggregator gives: batches, and word of what it holds."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ossicle.audio.chunk import Frames
from ossicle.audio.joining import Why
from ossicle.audio.measures import Form, Measures, check_form
from ossicle.audio.stretch import JobId, Part, Stretch

State = Literal["pending_small", "pending_timeout", "pending_pause", "open"]


@dataclass(frozen=True, slots=True)
class JobInfo:
    """Frames of one job in a batch, without a break. Ranges are half-open, in frames."""

    job_id: JobId
    utterance: int | None
    """The job's utterance index, None where it was not told."""
    start: int
    """In the job's own frames, from its first on."""
    stop: int
    batch_start: int
    """In the frames of the batch."""
    batch_stop: int
    position: int | None = None
    """Of the first of these frames in the stream that the job came from, None where it was not told."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Audio for a recogniser, from one job or several that follow each other."""

    number: int
    """Batches are counted from 0."""
    start: int
    """How many frames all batches before it have: all batches together are the audio of all jobs."""
    rate: int
    """Frames a second."""
    frames: Frames = field(repr=False)
    """int16 of shape `(n,)`, or `(n, channels)` for more than one channel; nobody else's memory."""
    original_job_info: tuple[JobInfo, ...]
    """The jobs that its frames are from, in order, without hole or overlap."""
    why: Why
    """"full": as long as it has to be; given before by a manual cut ("cut"), at the end of the session
    ("end"), because it was held too long ("age") or because too much was held ("held")."""

    @property
    def job_id(self) -> JobId:
        """The job it belongs to: that of its first frame."""
        return self.original_job_info[0].job_id

    @property
    def utterance(self) -> int | None:
        """The utterance index of that job."""
        return self.original_job_info[0].utterance

    @property
    def original_job_ids(self) -> tuple[JobId, ...]:
        """Every job that it has frames from, each once, that of its first frame first."""
        return tuple(dict.fromkeys(info.job_id for info in self.original_job_info))

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.frames) / self.rate

    def __len__(self) -> int:
        return len(self.frames)

    def pcm(self) -> bytes:
        """Signed 16-bit little-endian, channels interleaved, without a head."""
        return self.frames.astype("<i2", copy=False).tobytes()

    def wav(self) -> bytes:
        """A whole WAV file, 16-bit PCM."""
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, self.frames, self.rate, format="WAV", subtype="PCM_16")
        return file.getvalue()

    def base64(self, *, wav: bool = False) -> str:
        """`pcm()`, or with `wav` the WAV file, as base64 text (RFC 4648, padded, no line breaks)."""
        return base64.b64encode(self.wav() if wav else self.pcm()).decode("ascii")

    def as_form(self, form: Form) -> Frames | bytes | str:
        """ "array", "wav", "base64" (of the samples) or "base64-wav". Raises `ValueError` for others."""
        check_form(form)
        if form == "array":
            return self.frames
        return self.wav() if form == "wav" else self.base64(wav=form == "base64-wav")


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held in one state."""

    state: State
    frames: int
    why: str
    """What it waits for, for people."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held, in frames, in the order in which it will be given."""

    small: int
    waiting: int
    waiting_by: Literal["timeout", "pause"]
    open: int
    open_jobs: int
    """That hold any."""

    def told(self, options: Measures) -> tuple[Holding, ...]:
        """For people, as far as there is any."""
        waits = {
            "timeout": "finished by timeout, it waits for the next job",
            "pause": f"finished by a pause and shorter than {options.min_pause_ms:g} ms, "
            "it waits for the next job",
        }
        small = f"pieces that are shorter than {options.min_batch_ms:g} ms together wait for more"
        still = f"{self.open_jobs} {'job is' if self.open_jobs == 1 else 'jobs are'} open"
        waiting: State = "pending_timeout" if self.waiting_by == "timeout" else "pending_pause"
        every = (
            Holding("pending_small", self.small, small),
            Holding(waiting, self.waiting, waits[self.waiting_by]),
            Holding("open", self.open, still),
        )
        return tuple(each for each in every if each.frames)


@dataclass(frozen=True, slots=True)
class Result:
    """What a call to the aggregator gave. It can be iterated over: its batches."""

    batches: tuple[Batch, ...]
    held: Held
    """After the call."""
    options: Measures = field(repr=False)

    @property
    def holding(self) -> tuple[Holding, ...]:
        """What is held after the call, in the order in which it will be given."""
        return self.held.told(self.options)

    @property
    def should_return_empty(self) -> bool:
        """No batch came: there is nothing to recognise yet, and `reason` says why."""
        return not self.batches

    @property
    def reason(self) -> str:
        """What is held, how much of it, in which state and what it waits for; "" where batches came."""
        if self.batches:
            return ""
        if not self.holding:
            return "nothing is held"
        return "; ".join(
            f"holding {each.frames / self.options.rate:.3f} s, {each.state}: {each.why}"
            for each in self.holding
        )

    @property
    def original_job_ids(self) -> tuple[JobId, ...]:
        """The job that each batch belongs to, one for each batch."""
        return tuple(batch.job_id for batch in self.batches)

    @property
    def original_job_info(self) -> tuple[tuple[JobInfo, ...], ...]:
        """The jobs that each batch is from, one tuple for each batch."""
        return tuple(batch.original_job_info for batch in self.batches)

    def outputs(self, form: Form | None = None) -> list[Frames | bytes | str]:
        """The audio of the batches in this form, or in that of the option `output`."""
        return [batch.as_form(form or self.options.output) for batch in self.batches]

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def job_info(parts: Sequence[Part]) -> tuple[JobInfo, ...]:
    """The parts of a batch, as few as tell all."""
    found: list[JobInfo] = []
    at = 0
    before: Part | None = None
    for part in parts:
        if before is not None and before.leads_to(part):
            last = found.pop()
            start, begin, position = last.start, last.batch_start, last.position
        else:
            start, begin, position = part.start, at, part.position
        at += part.count
        stop = part.start + part.count
        found.append(JobInfo(part.job_id, part.utterance, start, stop, begin, at, position))
        before = part
    return tuple(found)


def make(number: int, start: int, rate: int, stretch: Stretch, why: Why) -> Batch:
    """A batch of this audio."""
    return Batch(number, start, rate, stretch.frames, job_info(stretch.parts), why)
