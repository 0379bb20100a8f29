"""What the capture loop feeds: a file, a voice detector, the meter, and the lines about gaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..api import Microphone
from ..audio.segmenter import Segment, Segmenter
from ..proto.events import Gap
from ..sinks import Sink
from .capture import Frames
from .meter import Meter
from .output import Output, seconds

SILENCE_FRAMES = 16384  # a long gap is filled piece by piece


class Recorder:
    """Writes the timeline into a file; a gap of known length becomes silence, so frame n stays frame n."""

    def __init__(self, sink: Sink, channels: int) -> None:
        self._sink = sink
        self._shape: tuple[int, ...] = () if channels == 1 else (channels,)

    def audio(self, start: int, frames: Frames) -> None:
        self._sink.write(frames)

    def gap(self, gap: Gap) -> None:
        left = 0 if gap.stop is None else gap.stop - gap.start
        while left > 0:
            now = min(left, SILENCE_FRAMES)
            self._sink.write(np.zeros((now, *self._shape), np.int16))
            left -= now

    def finish(self) -> None:
        self._sink.close()


class Voice:
    """Finds speech as the frames come and hands over each segment once it is complete."""

    def __init__(self, segmenter: Segmenter, take: Callable[[Segment], None], meter: Meter) -> None:
        self._segmenter = segmenter
        self._take = take
        self._meter = meter
        self.count = 0

    def audio(self, start: int, frames: Frames) -> None:
        self._hand_over(self._segmenter.push(frames))

    def gap(self, gap: Gap) -> None:
        # A gap of unknown length takes no time on this timeline, but no segment may reach across it.
        self._hand_over(self._segmenter.gap(gap.start, gap.start if gap.stop is None else gap.stop))

    def finish(self) -> None:
        self._hand_over(self._segmenter.flush())

    def _hand_over(self, segments: list[Segment]) -> None:
        for segment in segments:
            self.count += 1
            self._take(segment)
        self._meter.voice(self._segmenter.probability, self._segmenter.speaking, self.count)


class Watch:
    """Feeds the meter, where there is one to look at."""

    def __init__(self, meter: Meter, microphone: Microphone) -> None:
        self._meter = meter
        self._microphone = microphone
        self._rate = microphone.rate
        self._count_at = 0

    def audio(self, start: int, frames: Frames) -> None:
        if not self._meter.shown:
            return
        self._meter.heard(frames, (start + len(frames)) / self._rate)
        if start >= self._count_at:
            self._count_at = start + self._rate // 2
            self._count()

    def _count(self) -> None:
        stats = self._microphone.stats
        host, device = stats.link.host, stats.link.device
        self._meter.counters(
            resent=host.resent,
            lost_on_the_way=host.lost_transmissions,
            bad_packets=sum(stats.link.refused.values()) + stats.link.frames_undecodable,
            overwritten=device.overwritten_frames if device else 0,
            lost_before_the_ring=device.lost_frames if device else 0,
        )

    def gap(self, gap: Gap) -> None:
        self._meter.gap(None if gap.stop is None else gap.stop - gap.start)

    def finish(self) -> None:
        """The meter is closed by whoever opened it."""


class Gaps:
    """Tells each gap when it is known."""

    def __init__(self, output: Output, rate: int) -> None:
        self._output = output
        self._rate = rate

    def audio(self, start: int, frames: Frames) -> None:
        """Audio is not told."""

    def gap(self, gap: Gap) -> None:
        rate, stop = self._rate, gap.stop
        length = "of unknown length" if stop is None else f"of {stop - gap.start} frames"
        about = ", length estimated" if gap.estimated else ""
        self._output.event(
            "gap",
            f"gap at {gap.start / rate:.3f} s {length} ({gap.cause}{about})",
            start=seconds(gap.start, rate),
            stop=None if stop is None else seconds(stop, rate),
            start_frame=gap.start,
            stop_frame=stop,
            cause=gap.cause,
            estimated=gap.estimated,
        )

    def finish(self) -> None:
        """Nothing is kept."""
