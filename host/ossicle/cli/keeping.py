"""An archive beside a command that listens: opened before the microphone, closed after it, and told of."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..proto.events import Started
from .guard import Interrupts
from .keeper import Keeper, Kept, TimeOf
from .output import Output

if TYPE_CHECKING:
    from ..api import Microphone
    from ..archive.health import Notice, StreamStats
    from ..archive.settings import Settings
    from ..sinks.pace import Pace
    from .capture import Consumer

UPLOADS_S = 10.0
"""What uploads get at the end; what is not through by then lies in the spool."""
NOTICES_MAX = 64


class Keeping:
    """Raises ArchiveError where the codec cannot hold such audio, and where the store cannot be used as it is
    set up; one that is not reached is told."""

    def __init__(self, settings: Settings, output: Output, rate: int, channels: int) -> None:
        from ..archive.coding import check
        from ..sinks.archive import Archive  # needs packages that not everyone has

        check(settings.codec, rate, channels)
        self._output = output
        self._notices: deque[Notice] = deque(maxlen=NOTICES_MAX)  # from the archive's threads
        self._archive = Archive(settings, tell=self._notices.append)
        self._streams: tuple[StreamStats, ...] = ()
        self._pace: Pace | None = None  # of this stream
        self.tell()

    def keeper(self, microphone: Microphone, voice: Consumer) -> Keeper:
        """What feeds the archive; `voice` is fed by it, too."""
        from ..sinks.pace import Pace

        def opened(started: Started, times: TimeOf) -> Kept:
            def in_force() -> bool:
                return microphone.started.stream_id == started.stream_id

            stream = self._archive.stream(
                device=microphone.device,
                stream=started.stream_id,
                rate=started.rate,
                channels=started.channels,
                time_of=times,
                true_rate=lambda: microphone.stats.link.true_rate if in_force() else None,
            )
            self._pace = Pace(self._archive, stream)
            return stream

        return Keeper(opened, microphone, voice, self._each)

    def tell(self) -> None:
        """What became known since, by the thread that tells everything else."""
        while self._notices:
            notice = self._notices.popleft()
            stats = self._archive.stats()
            self._output.event(
                "archive",
                f"archive: {notice.text}",
                kind=notice.kind,
                message=notice.text,
                health=stats.health,
                unsaved_s=round(stats.unsaved_s, 3),
                spool_objects=stats.spool_objects,
                spool_bytes=stats.spool_bytes,
            )

    def close(self, interrupts: Interrupts) -> None:
        """Wait for the uploads for a while, or until Ctrl-C; what is not through is put on the disk."""
        self._streams = self._archive.stats().streams
        with suppress(KeyboardInterrupt):
            self._archive.drain(UPLOADS_S)
        with interrupts.shield():
            self._archive.close(0.0)
            self.tell()

    def told(self) -> dict[str, Any]:
        """For programs: what became of all that was heard."""
        stats = self._archive.stats()
        counts = stats.counts
        return {
            "url": self._archive.settings.url,
            "objects": counts.uploaded,
            "bytes": counts.stored_bytes,
            "raw_bytes": counts.raw_bytes,
            "failed_uploads": counts.failed,
            "spool_objects": stats.spool_objects,
            "spool_bytes": stats.spool_bytes,
            "lost_objects": counts.dropped_objects,
            "lost_frames": counts.dropped_frames + counts.lost_frames,
            "streams": [asdict(stream) for stream in self._streams],
        }

    def _each(self) -> None:
        """Nothing waits for the archive, but for a source that is faster than it can encode, and can wait."""
        self.tell()
        if self._pace is not None:
            self._pace.keep()
