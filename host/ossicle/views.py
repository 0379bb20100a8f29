"""What a consumer makes of the stream's events: blocks, segments, or the events themselves.

A view does not wait and does not fetch, so the same views serve threads and asyncio.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from .block import Block, Cutter
from .locks import RLock
from .proto.events import Audio, Event, Gap

if TYPE_CHECKING:
    from .audio.options import Options
    from .audio.segmenter import Segment, Segmenter

_EVENT_FRAMES = 4096
_SEGMENT_FRAMES = 4096

T = TypeVar("T")


class View(Protocol[T]):
    """Turns events into things of one type."""

    @property
    def wants(self) -> int:
        """Frames that the next Audio should have, at most."""

    def feed(self, event: Event) -> list[T]:
        """What this event completes."""

    def end(self) -> list[T]:
        """What the end of the stream completes."""


class EventView:
    """The events themselves."""

    wants = _EVENT_FRAMES

    def feed(self, event: Event) -> list[Event]:
        """The event."""
        return [event]

    def end(self) -> list[Event]:
        """Nothing."""
        return []


class BlockView:
    """Blocks, by a `Cutter`."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self.begun = False
        """Frames wait for a block to be complete."""

    @property
    def wants(self) -> int:
        """Frames that complete the block."""
        return self._cutter.wants

    def feed(self, event: Event) -> list[Block]:
        """A block that this completes or cuts short."""
        block = None
        if isinstance(event, Audio):
            self.begun = True
            block = self._cutter.audio(event)
        elif isinstance(event, Gap):
            block = self._cutter.gap(event)
        return [] if block is None else [block]

    def end(self) -> list[Block]:
        """The short last block, if there is one."""
        block = self._cutter.end()
        return [] if block is None else [block]

    def nothing(self, position: int) -> Block:
        """A block without frames."""
        return self._cutter.empty(position)


class SegmentView:
    """Speech. After a reset, where positions start again, a new segmenter goes on with the same engine.

    Options may be changed by any thread, also while another feeds.
    """

    wants = _SEGMENT_FRAMES

    def __init__(self, vad: str, rate: int, position: int, options: dict[str, Any]) -> None:
        # Here, so that engines are loaded only where speech is asked for.
        from .audio.segmenter import Segmenter
        from .audio.vad import engine

        self._segmenter_type = Segmenter
        self._engine = engine(vad, rate)
        self._rate = rate
        self._options = options
        self._lock = RLock()  # of the segmenter; `on_vad_frame` may change options, too
        self._segmenter = self._new()
        if position:
            self._segmenter.gap(0, position)

    def _new(self) -> Segmenter:
        return self._segmenter_type(self._engine, rate=self._rate, **self._options)

    def configure(self, **change: Any) -> int:
        """As `Segmenter.configure`."""
        with self._lock:
            return self._segmenter.configure(**change)

    @property
    def position(self) -> int:
        """Of the next frame to hear."""
        with self._lock:
            return self._segmenter.position

    @property
    def options(self) -> Options:
        """In force."""
        with self._lock:
            return self._segmenter.options

    def feed(self, event: Event) -> list[Segment]:
        """Segments that are over now."""
        with self._lock:
            if isinstance(event, Audio):
                return self._segmenter.push(np.asarray(event.frames))
            if isinstance(event, Gap):
                if event.stop is not None:
                    return self._segmenter.gap(event.start, event.stop)
                return self._begin_anew()
            return []

    def end(self) -> list[Segment]:
        """The segment that the end of the stream ends."""
        with self._lock:
            return self._segmenter.flush()

    def _begin_anew(self) -> list[Segment]:
        """S-23: positions start again, and no position that a change waits for will come."""
        rest = self._segmenter.flush()
        self._options = {**self._options, "preset": None, **asdict(self._segmenter.options_ahead)}
        self._segmenter = self._new()
        return rest
