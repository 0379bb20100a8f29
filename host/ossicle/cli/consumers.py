"""What the capture loop feeds: a voice detector, the meter, lines about gaps; `recorder` has the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..api import Microphone
from ..proto.events import Gap, Started
from .capture import Frames
from .meter import Meter
from .output import Output, seconds

if TYPE_CHECKING:
    from ..audio.segmenter import Segment, Segmenter


class Voice:
    """Finds speech as the frames come and hands over each segment once it is complete."""

    def __init__(self, segmenter: Segmenter, take: Callable[[Segment], None], meter: Meter) -> None:
        self._segmenter = segmenter
        self._take = take
        self._meter = meter
        self.count = 0

    def stream(self, start: int, started: Started, position: int) -> None:
        """The gap before it has ended the segment."""

    def audio(self, start: int, frames: Frames) -> None:
        self._hand_over(self._segmenter.push(frames))

    def gap(self, gap: Gap, frames: int | None) -> None:
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

    def stream(self, start: int, started: Started, position: int) -> None:
        """The meter shows the time alone."""

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

    def gap(self, gap: Gap, frames: int | None) -> None:
        self._meter.gap(frames)

    def finish(self) -> None:
        """The meter is closed by whoever opened it."""


class Gaps:
    """Tells each gap when it is known, and each stream but the first."""

    def __init__(self, output: Output, rate: int) -> None:
        self._output = output
        self._rate = rate
        self._told = False  # a gap that takes no time

    def stream(self, start: int, started: Started, position: int) -> None:
        if not self._told:
            return
        self._told = False
        at = "from its beginning" if not position else f"from its frame {position} on"
        self._output.event(
            "stream",
            f"at {start / self._rate:.3f} s goes on with stream {started.stream_id.hex()}, {at}",
            start=seconds(start, self._rate),
            start_frame=start,
            stream=started.stream_id.hex(),
            position=position,
        )

    def audio(self, start: int, frames: Frames) -> None:
        """Audio is not told."""

    def gap(self, gap: Gap, frames: int | None) -> None:
        rate, stop = self._rate, gap.stop
        length = "of unknown length" if frames is None else f"of {frames / rate:.3f} s, {frames} frames"
        about = ", length estimated" if gap.estimated else ""
        about += ", which take no time here" if stop is None and frames is not None else ""
        self._told |= stop is None
        self._output.event(
            "gap",
            f"gap at {gap.start / rate:.3f} s {length} ({gap.cause}{about})",
            start=seconds(gap.start, rate),
            stop=None if stop is None else seconds(stop, rate),
            start_frame=gap.start,
            stop_frame=stop,
            frames=frames,
            cause=gap.cause,
            estimated=gap.estimated,
        )

    def finish(self) -> None:
        """Nothing is kept."""
