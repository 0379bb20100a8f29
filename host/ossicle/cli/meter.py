"""The live line a person watches: level, time, speech, gaps. Drawn on stderr, if that is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

FLOOR_DBFS = -96.0  # what int16 can tell from silence
BAR_FROM_DBFS = -66.0
BAR_CELLS = 14  # with which the line fits a terminal of 80 columns
DECAY_DB = 1.5  # a block; so a bar falls slowly enough to be read


def level_dbfs(frames: npt.NDArray[np.int16]) -> float:
    """RMS of frames of any shape, in dB of full scale (a full-scale square wave is 0), never below -96."""
    if frames.size == 0:
        return FLOOR_DBFS
    power = float(np.mean(np.square(frames, dtype=np.float64))) / 32768.0**2
    return max(FLOOR_DBFS, 10.0 * float(np.log10(power))) if power > 0 else FLOOR_DBFS


class Meter:
    """A context manager; told what is heard, it redraws itself a dozen times a second."""

    def __init__(self, *, shown: bool, total_s: float | None = None) -> None:
        self._total_s = total_s
        self._heard_s = 0.0
        self._level = FLOOR_DBFS
        self._bar = FLOOR_DBFS
        self._speaking: bool | None = None
        self._probability = 0.0
        self._segments = 0
        self._gaps = 0
        self._missing = 0
        self._counters: dict[str, int] = {}
        self.shown = shown
        self._live = self._open() if shown else None

    def _open(self) -> Live:
        from rich.console import Console  # only for who watches
        from rich.live import Live

        # Lines printed meanwhile must go above the meter, but only where both are on the same terminal.
        return Live(
            console=Console(stderr=True),
            get_renderable=self.line,
            refresh_per_second=12,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )

    def __enter__(self) -> Meter:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def heard(self, frames: npt.NDArray[np.int16], until_s: float) -> None:
        """Frames came; the capture is now `until_s` seconds long."""
        self._heard_s = until_s
        self._level = level_dbfs(frames)
        self._bar = max(self._level, self._bar - DECAY_DB)

    def gap(self, frames: int | None) -> None:
        """A gap of so many frames, None when nobody knows."""
        self._gaps += 1
        self._missing += frames or 0

    def voice(self, probability: float, speaking: bool, segments: int) -> None:
        """What the voice detector thinks now, and how many segments are complete."""
        self._probability, self._speaking, self._segments = probability, speaking, segments

    def counters(self, **values: int) -> None:
        """Counters of the link and of the device; those that are not zero are shown."""
        self._counters.update(values)

    def line(self) -> RenderableType:
        """The line as it would be drawn now."""
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        total = f" / {self._total_s:.1f}" if self._total_s else ""
        text.append(f"{self._heard_s:7.1f}{total} s ", "bold")
        share = (self._bar - BAR_FROM_DBFS) / -BAR_FROM_DBFS
        filled = max(0, min(BAR_CELLS, round(share * BAR_CELLS)))
        text.append("█" * filled, "green" if self._bar < -12 else "yellow" if self._bar < -3 else "red")
        text.append("·" * (BAR_CELLS - filled), "dim")
        text.append(f" {self._level:6.1f} dBFS")
        text.append(f"  {self._gaps} gap{'' if self._gaps == 1 else 's'}", "red" if self._gaps else "dim")
        if self._missing:
            text.append(f" ({self._missing} frames)", "red")
        if self._speaking is not None:
            text.append(f"  speech {self._probability:4.2f} ", "bold cyan" if self._speaking else "dim")
            text.append(f" {self._segments} segment{'' if self._segments == 1 else 's'}")
        for name, value in self._counters.items():
            if value:
                text.append(f"  {name.replace('_', ' ')} {value}", "yellow")
        return text


def watched(as_json: bool) -> bool:
    """Whether a person watches: stderr is a terminal, and stdout does not carry a program's lines."""
    return sys.stderr.isatty() and not as_json
