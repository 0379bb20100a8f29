"""An aggregator driven by operations, as vectors and properties have them, and judged by what was pushed.

An operation is a list: ["push", job, audio, {utterance, start}], ["segment", job, start, audio, ended_by,
utterance], ["finish", job, by], ["advance", {frames, to}] or ["flush"]. Audio is a list of runs
[frames, level]: samples of that level, each second one negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from oracle.aggregator import AggregatorModel

from ossicle import Aggregator, Segment
from ossicle.audio.batch import Batch, Result

Samples = npt.NDArray[np.int16]
Runs = list[list[int]]
Op = list[Any]


def samples(runs: Runs, channels: int = 1) -> Samples:
    """The audio of these runs; a second channel has half the level."""
    pieces = [np.full(count, level) for count, level in runs]
    line = np.concatenate([np.empty(0), *pieces])
    line[1::2] *= -1
    if channels == 1:
        return line.astype(np.int16)
    return np.stack([line / (channel + 1) for channel in range(channels)], axis=1).astype(np.int16)


def told(batch: Batch) -> dict[str, Any]:
    """A batch as the oracle tells it."""
    ranges = [
        [i.job_id, i.utterance, i.start, i.stop, i.batch_start, i.batch_stop, i.position]
        for i in batch.original_job_info
    ]
    return {"number": batch.number, "start": batch.start, "why": batch.why, "ranges": ranges}


class Player:
    """Does operations and keeps account: of each job what was pushed and what came out."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.aggregator = Aggregator(**options)
        self.channels = options.get("channels", 1)
        self.pushed: dict[str, list[Samples]] = {}
        self.begun: dict[str, int] = {}  # frames of earlier jobs of that id
        self.out: dict[str, list[Samples]] = {}
        self.line: list[Samples] = []

    def do(self, op: Op, audio: Samples | None = None) -> dict[str, Any]:
        """One operation, with this audio in place of its runs; what it gave, as the oracle tells it."""
        result = self._do(op, audio)
        for batch in result:
            self._judge(batch)
        held = sum(each.frames for each in result.holding)
        came_in = sum(len(each) for pieces in self.pushed.values() for each in pieces)
        assert held + sum(map(len, self.line)) == came_in, "nothing is lost"
        assert result.should_return_empty is not bool(result.batches)
        assert bool(result.reason) is result.should_return_empty
        return {
            "batches": [told(batch) for batch in result],
            "holding": [[each.state, each.frames] for each in result.holding],
        }

    def _do(self, op: Op, audio: Samples | None) -> Result:
        name, *args = op
        if name == "push":
            job, runs, extra = args
            return self.aggregator.push(job, self._heard(job, runs, audio), **extra)
        if name == "segment":
            job, start, runs, ended_by, utterance = args
            frames = self._heard(job, runs, audio)
            rate = self.aggregator.rate
            segment = Segment(start, start + len(frames), rate, frames, ended_by)
            return self.aggregator.push_segment(segment, job, utterance=utterance)
        if name == "advance":
            return self.aggregator.advance(**args[0])
        result: Result = getattr(self.aggregator, name)(*args)
        return result

    def _heard(self, job: str, runs: Runs, audio: Samples | None) -> Samples:
        frames = samples(runs, self.channels) if audio is None else audio
        self.pushed.setdefault(job, []).append(frames.copy())
        return frames

    def _judge(self, batch: Batch) -> None:
        """Its ranges are its samples, without hole or overlap, and it goes on where the one before ended."""
        assert batch.start == sum(map(len, self.line))
        assert len(batch) > 0
        self.line.append(batch.frames.copy())
        at = 0
        for info in batch.original_job_info:
            assert info.batch_start == at
            assert info.batch_stop - at == info.stop - info.start > 0
            at = info.batch_stop
            piece = batch.frames[info.batch_start : info.batch_stop]
            before = self.out.setdefault(str(info.job_id), [])
            given = sum(map(len, before))
            if info.start == 0:
                self.begun[str(info.job_id)] = given
            whole = np.concatenate(self.pushed[str(info.job_id)])
            begin = self.begun[str(info.job_id)] + info.start
            assert begin == given, "of a job, frame follows frame"
            assert (whole[begin : begin + len(piece)] == piece).all()
            before.append(piece.copy())
        assert at == len(batch)
        assert batch.job_id == batch.original_job_info[0].job_id
        batch.frames[:] = 0  # nobody else's memory


def expect(model: AggregatorModel, op: Op, audio: list[tuple[int, ...]]) -> dict[str, Any]:
    """What the oracle gives for an operation."""
    name, *args = op
    if name == "push":
        batches = model.push(args[0], audio, **args[2])
    elif name == "segment":
        job, start, _, ended_by, utterance = args
        batches = model.push_segment(job, start, audio, ended_by, utterance)
    elif name == "advance":
        batches = model.advance(**args[0])
    else:
        batches = getattr(model, name)(*args)
    shown = [{key: value for key, value in batch.items() if key != "audio"} for batch in batches]
    return {"batches": shown, "holding": model.holding()}
