"""A microphone followed into an archive, for scripts: a thread with a subscription of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ossicle.proto.events import Audio, Event, Gap, Started
from ossicle.sinks.lane import ArchiveStream
from ossicle.sinks.pace import Pace

if TYPE_CHECKING:
    from ossicle.sinks.archive import Archive

_BUFFER_S = 5.0
_JOIN_S = 10.0


class Follower:
    """Made by `Archive.follow`. `close` it, or let the microphone end; then `error` tells why it ended, None
    where the stream was over."""

    def __init__(self, archive: Archive, microphone: Any, vad: str | None) -> None:
        self._archive = archive
        self._microphone = microphone
        # A source that can wait does so; any other loses what is not taken, to this consumer alone.
        self._subscription = microphone.subscribe(_BUFFER_S, "wait")
        try:
            self._voice = None if vad is None else self._subscription.segment_view(vad)
        except BaseException:
            self._subscription.close()
            raise
        self._stream: ArchiveStream | None = None
        self._pace: Pace | None = None  # of this stream
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="archive-follow", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it follows no more."""
        return not self._thread.is_alive()

    @property
    def stream(self) -> ArchiveStream | None:
        """What it feeds; another one after the device has restarted, None before the first frame."""
        return self._stream

    def close(self) -> None:
        """Follow no more; what was heard is written. Twice is legal."""
        self._subscription.close()
        self._thread.join(_JOIN_S)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the microphone has ended. Whether it has."""
        self._thread.join(seconds)
        return self.closed

    def _run(self) -> None:
        try:
            for event in self._subscription.events():
                self._take(event)
            if self._voice is not None:
                self._tell(self._voice.end())
        except Exception as error:
            self.error = error
        finally:
            self._subscription.close()
            if self._stream is not None:
                self._stream.close()

    def _take(self, event: Event) -> None:
        if isinstance(event, Started):
            self._begin(event)
            return
        if not isinstance(event, Audio | Gap):
            return
        stream = self._stream or self._begin(self._microphone.started)
        if isinstance(event, Audio):
            stream.audio(event.start, event.frames)
            if self._pace is not None:
                self._pace.keep()
        else:
            stream.gap(event)
        if self._voice is not None:
            self._tell(self._voice.feed(event))

    def _tell(self, segments: list[Any]) -> None:
        for segment in segments:
            if self._stream is not None:
                self._stream.segment(segment.start, segment.stop, segment.ended_by)

    def _begin(self, started: Started) -> ArchiveStream:
        stream_id = started.stream_id.hex()
        if self._stream is not None:
            if self._stream.stream == stream_id:
                return self._stream
            self._stream.close()
        microphone = self._microphone

        def in_force() -> bool:
            # What the microphone tells is of the stream that it hears, which may be a later one already.
            return bool(microphone.started.stream_id == started.stream_id)

        self._stream = self._archive.stream(
            device=microphone.device,
            stream=stream_id,
            rate=started.rate,
            channels=started.channels,
            time_of=lambda position: microphone.time_of(position) if in_force() else None,
            true_rate=lambda: microphone.stats.link.true_rate if in_force() else None,
        )
        self._pace = Pace(self._archive, self._stream)
        return self._stream
