"""The capture as the voice detector hears it: one channel, its own rate, VAD frame by VAD frame (S-2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ossicle.audio.chunk import Frames
from ossicle.audio.resample import Mono, Resampler, mono
from ossicle.audio.tape import Tape

AT_ONCE = 128  # VAD frames that are compared with each other in one go: half a megabyte


class Hearing:
    """Samples for the voice detector on a tape of their own, or on the capture's, where that is the same.

    The positions of that tape, here called `at`, count samples at the detector's rate; they begin at the
    capture's own position, at the start and after each gap.
    """

    def __init__(self, capture: Tape, rate: int, to_rate: int, size: int) -> None:
        """`size` is that of a VAD frame."""
        self._capture = capture
        self._rate = rate
        self._to_rate = to_rate
        self._size = size
        self._resampler = Resampler(rate, to_rate)
        self._origin = capture.stop  # where the detector began to hear
        self._floats = np.empty(size)
        self.same_rate = rate == to_rate
        """`place(at)` is `at`."""
        self.tape = capture
        self.next = capture.stop
        """Where the next VAD frame begins, a whole one after the latest."""

    def begin(self, channels: bool) -> None:
        """Before the first frames: whether they have a dimension for channels."""
        if channels or not self.same_rate:
            self.tape = Tape(self._origin)

    def push(self, frames: Frames, needed: int) -> None:
        """Frames that were appended to the capture. None will be asked for that begins before `needed`."""
        if self.tape is not self._capture:
            self._append(self._resampler.push(mono(frames)), needed)

    def finish(self, needed: int) -> None:
        """Nothing follows what was pushed: hear the rest."""
        if self.tape is not self._capture:
            self._append(self._resampler.finish(), needed)

    def restart(self, position: int) -> None:
        """Drop everything and go on at `position` of the capture."""
        if self.tape is not self._capture:
            self.tape.restart(position)
        self._origin = self.next = position

    def rest(self) -> Mono:
        """What is left of less than a VAD frame: shape `(samples,)`."""
        tape = self.tape
        return tape.view[self.next - tape.base : tape.stop - tape.base]

    def place(self, at: int) -> int:
        """The position in the capture."""
        origin = self._origin
        return min(origin + (at - origin) * self._rate // self._to_rate, self._capture.stop)

    def first_from(self, position: int) -> int:
        """Where the first VAD frame will begin that begins at `position` or after, if no gap comes before."""
        return self._origin + self._first(position) * self._size * self._rate // self._to_rate

    def _first(self, position: int) -> int:
        """Its number, counted from the start or from the last gap."""
        behind = (position - self._origin) * self._to_rate
        return -(-behind // (self._rate * self._size))

    # What speech asks for

    def start(self, back: int) -> int:
        """Where the VAD frame begins in the capture that is so many before the latest."""
        return self.place(self.next - (back + 1) * self._size)

    def power(self, back: int) -> float:
        """Its mean square. Exact: integers of which a float64 can hold the sum."""
        tape, size = self.tape, self._size
        at = self.next - (back + 1) * size - tape.base
        if at + size <= tape.kept:
            floats = self._floats
        else:
            floats = self._floats[: tape.kept - at]
            size = len(floats)
        floats[:] = tape.view[at : at + size]
        return float(floats.dot(floats)) / size

    def quietest(self, position: int) -> int:
        """Where the least powerful VAD frame begins (of equals, the last) of those from `position` on."""
        first = self._first(position)
        latest = (self.next - self._origin) // self._size - 1
        powers = [self._powers(at, min(at + AT_ONCE, latest)) for at in range(first, latest, AT_ONCE)]
        backwards = np.concatenate((*powers, [self.power(0)]))[::-1]
        return self.start(int(backwards.argmin()))

    def _powers(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        """Of whole VAD frames, by their number."""
        start = self._origin - self.tape.base + first * self._size
        samples = self.tape.view[start : start + (stop - first) * self._size]
        floats = samples.astype(np.float64).reshape(-1, self._size)
        powers: npt.NDArray[np.float64] = np.einsum("ij,ij->i", floats, floats) / self._size
        return powers

    def _append(self, samples: Mono, needed: int) -> None:
        tape = self.tape
        if not tape.push(samples):
            at = self._origin + (needed - self._origin) * self._to_rate // self._rate
            tape.make_room(samples, min(at, self.next))
            tape.push(samples)
