"""A job that is open: its audio so far, in one piece of memory, and where each frame came from."""

from __future__ import annotations

import numpy as np

from ossicle.audio import packets
from ossicle.audio.chunk import Frames
from ossicle.audio.intake import Audio, Encoding, Intake
from ossicle.audio.resample import Resampler
from ossicle.audio.stretch import JobId, Part, Stretch

LEAST_FRAMES = 4096  # of its memory: a quarter of a second at 16 kHz


class Job:
    """Takes chunks; what it holds is taken from it whole."""

    def __init__(self, job_id: JobId, rate: int, channels: int) -> None:
        self.job_id = job_id
        self.utterance: int | None = None
        self.position: int | None = None
        """Of the next frame in its stream, where that is known."""
        self.rate = rate
        """Of the chunk before."""
        self._own_rate = rate
        self._channels = channels
        self._decoder: packets.PacketDecoder | None = None
        self._resamplers: list[Resampler] = []  # one a channel
        self._next = 0  # in its own frames
        self._hold(self._empty(), [])

    def __len__(self) -> int:
        return self._kept

    @property
    def parts(self) -> int:
        """How many it holds."""
        return len(self._parts)

    @property
    def came(self) -> int:
        """When the oldest frame came; there has to be one."""
        return self._parts[0].came

    def read(self, intake: Intake, audio: Audio, encoding: Encoding, *, placed: bool) -> tuple[Frames, int]:
        """The frames of a chunk and their rate; what is held stays. `placed`: its position is told.

        Raises as `Intake.read` does, and `ValueError` where what is placed is of another rate.
        """
        if not isinstance(audio, list | tuple):
            frames, rate = intake.read(audio, encoding)
            self._check_place(rate, placed)
            return frames, rate
        found = packets.checked(audio)
        self._check_place(packets.RATE, placed)
        intake.check_length(packets.length(found), packets.RATE)
        decoder = self._decoder or packets.PacketDecoder(intake.channels)
        self._decoder = None  # one that fails is not asked again
        frames = decoder.decode(found)
        self._decoder = decoder
        return frames, packets.RATE

    def change_rate(self, rate: int) -> Frames:
        """Audio of another rate may follow; what the resampling of that before still had."""
        if rate == self.rate:
            return self._empty()
        rest = self._each([resampler.finish() for resampler in self._resamplers])
        self.rate, self._resamplers = rate, []
        if rate != self._own_rate:
            self._resamplers = [Resampler(rate, self._own_rate) for _ in range(self._channels)]
        return rest

    def resampled(self, frames: Frames) -> Frames:
        """What these frames of `rate` add; some of it may come with those after them."""
        if not self._resamplers:
            return frames
        channels = [frames] if frames.ndim == 1 else list(np.ascontiguousarray(frames.T))
        return self._each([r.push(c) for r, c in zip(self._resamplers, channels, strict=True)])

    def add(self, frames: Frames, came: int, start: int | None = None) -> None:
        """Append a copy. `came` is the clock at the first frame, `start` its position, if another than the
        next."""
        count = len(frames)
        if not count:
            return
        position = self.position if start is None else start
        self._append(frames)
        part = Part(self.job_id, self.utterance, self._next, count, position, came)
        self._next += count
        self.position = None if position is None else position + count
        last = self._parts[-1] if self._parts else None
        if last and last.leads_to(part) and last.came + last.count == came:
            part = Part(self.job_id, self.utterance, last.start, last.count + count, last.position, last.came)
            self._parts.pop()
        self._parts.append(part)

    def take(self) -> Stretch:
        """All that it holds."""
        taken = Stretch(self._frames[: self._kept], self._parts)
        self._hold(self._empty(), [])
        return taken

    def put_back(self, rest: Stretch) -> None:
        """Hold the end of what was taken again."""
        self._hold(rest.frames.copy(), list(rest.parts))
        self._kept = len(rest)

    def _check_place(self, rate: int, placed: bool) -> None:
        if placed and rate != self._own_rate:
            raise ValueError(f"start is told for audio of {self._own_rate} Hz only, not for {rate} Hz")

    def _hold(self, frames: Frames, parts: list[Part]) -> None:
        self._frames, self._parts, self._kept = frames, parts, 0

    def _append(self, frames: Frames) -> None:
        kept = self._kept + len(frames)
        if kept > len(self._frames):
            room = np.empty((max(LEAST_FRAMES, kept + kept // 2), *frames.shape[1:]), np.int16)
            room[: self._kept] = self._frames[: self._kept]
            self._frames = room
        self._frames[self._kept : kept] = frames
        self._kept = kept

    def _each(self, channels: list[Frames]) -> Frames:
        if not channels:
            return self._empty()
        return np.stack(channels, axis=1) if self._channels > 1 else channels[0]

    def _empty(self) -> Frames:
        return np.empty((0, self._channels) if self._channels > 1 else 0, np.int16)
