"""`listen --batches`: segments joined into what a speech recogniser wants, each batch as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..audio.aggregator import Aggregator
from ..proto.events import Gap, Started
from ..sinks import open_sink
from .capture import Frames
from .output import Output, seconds

if TYPE_CHECKING:
    from ..audio.batch import Batch
    from ..audio.segmenter import Segment


class Batches:
    """Takes segments, and follows the loop, since what is held gets older while nobody speaks. Numbers go on
    after what lies in the folder."""

    def __init__(self, output: Output, folder: Path, rate: int, channels: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._output = output
        self._folder = folder
        self._aggregator = Aggregator(rate=rate, channels=channels)
        self._number = max(_numbers(folder), default=0)
        self.count = 0

    def segment(self, segment: Segment) -> None:
        """The next stretch of speech; its positions are those of the timeline."""
        self._write(self._aggregator.push_segment(segment))

    def stream(self, start: int, started: Started, position: int) -> None:
        """The timeline goes on."""

    def audio(self, start: int, frames: Frames) -> None:
        self._write(self._aggregator.advance(to=start + len(frames)))

    def gap(self, gap: Gap, frames: int | None) -> None:
        """The gap has ended the segment."""

    def finish(self) -> None:
        self._write(self._aggregator.flush())

    def _write(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self.count += 1
            self._number += 1
            path = self._folder / f"batch-{self._number:04d}.wav"
            channels = 1 if batch.frames.ndim == 1 else batch.frames.shape[1]
            with open_sink(path, batch.rate, channels) as sink:
                sink.write(batch.frames)
            jobs = len(batch.original_job_ids)
            self._output.event(
                "batch",
                f"batch of {batch.duration:.2f} s from {jobs} segment{'' if jobs == 1 else 's'}  {path}",
                file=str(path),
                seconds=seconds(len(batch), batch.rate),
                frames=len(batch),
                why=batch.why,
                jobs=[
                    {
                        "job": info.job_id,
                        "utterance": info.utterance,
                        "start_frame": info.position,
                        "frames": info.stop - info.start,
                        "job_start": info.start,
                        "batch_start": info.batch_start,
                    }
                    for info in batch.original_job_info
                ],
            )


def _numbers(folder: Path) -> list[int]:
    found = (re.match(r"batch-(\d+)\.", path.name) for path in folder.glob("batch-*.wav"))
    return [int(match[1]) for match in found if match]
