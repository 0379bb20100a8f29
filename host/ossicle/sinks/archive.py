"""Keeps what microphones hear: a minute an object, in a folder or in object storage.

    archive = ossicle.Archive("s3://bucket/prefix", owner="anna")
    handle = archive.follow(microphone)
    ...
    archive.close()

Whoever hears the stream hands frames over and goes on; a thread encodes each minute once it is over, and
others upload it. Where the store fails, objects wait in a spool on this disk, also for a later program.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ossicle.archive.entry import ArchiveError
from ossicle.archive.health import ArchiveStats, Notice, Tally, Tell, worst
from ossicle.archive.holdings import Holdings
from ossicle.archive.index import Index
from ossicle.archive.outbox import Parcel
from ossicle.archive.settings import Settings, load
from ossicle.archive.spool import Spool
from ossicle.archive.store import Store, StoreError
from ossicle.archive.upkeep import Upkeep
from ossicle.archive.upload import Uploader
from ossicle.locks import Condition, RLock
from ossicle.sinks.coder import encoded
from ossicle.sinks.follow import Follower
from ossicle.sinks.lane import ArchiveStream, Cut, TimeOf

_CUTS_MAX = 4096
_INDEX_S = 3.0  # for another program that writes the index; a row that is not taken is put later
_LOOK_S = 1.0  # for streams from which nothing comes any more
_ENCODE_S = 10.0  # at the end, at least: it needs no disk and no network
_STREAM_MAX = 32


class Archive:
    """An archive that is being written, by any number of streams. A context manager."""

    def __init__(
        self,
        settings: Settings | str | None = None,
        *,
        lenient: bool = False,
        tell: Tell = lambda notice: None,
        **given: Any,
    ) -> None:
        """`settings`: a `Settings`, or the URL; `given`: single settings by their names (docs/archive.md).

        A store that cannot be used as it is set up raises ArchiveError; one that is not reached, or with
        `lenient` any, does not: then audio goes into the spool until it is. `tell` is called with each
        `Notice`, by one of the threads.
        """
        if settings is not None and (isinstance(settings, Settings) or "url" in given) and given:
            raise ArchiveError("settings are given twice: as a whole, and one by one")
        given.setdefault("url", settings)
        self.settings = settings if isinstance(settings, Settings) else load(**given)
        self._tell = tell
        self._tally = Tally()
        store = Store(self.settings)
        trouble = self._check(store, lenient)
        self._index = Index(self.settings.index_path, busy_s=_INDEX_S)
        self._spool = Spool(self.settings.spool_folder, self.settings.spool_max_mb)
        self._spool.size()  # looked at once: `stats` does not look
        self._uploader = Uploader(self.settings, store, self._index, self._spool, self._tally, self._say)
        self._upkeep = Upkeep(self.settings, Holdings(store, self._index, self._spool), self._say)
        self._lock = RLock()  # of the streams and followers
        self._streams: list[ArchiveStream] = []
        self._followers: list[Follower] = []
        self._changed = Condition()  # of the cuts, and how many are under way
        self._cuts: deque[tuple[ArchiveStream, Cut]] = deque()
        self._encoding: tuple[ArchiveStream, Cut] | None = None
        self._ending = False
        self._closed = False
        self._encoder = threading.Thread(target=self._encode_on, name="archive-encode", daemon=True)
        self._encoder.start()
        self._uploader.start(trouble)
        self._upkeep.start()

    def stream(
        self,
        *,
        device: str,
        stream: str | bytes,
        rate: int,
        channels: int = 1,
        time_of: TimeOf = lambda position: None,
        true_rate: Callable[[], float | None] = lambda: None,
    ) -> ArchiveStream:
        """Take another stream; close it when it is over.

        `stream` is its id, bytes or hex. `time_of` tells when a position was captured (as
        `Microphone.time_of`), `true_rate` how many frames a second of this computer's clock there really are.
        Raises ArchiveError for what no object can hold.
        """
        told = stream.hex() if isinstance(stream, bytes) else stream.lower()
        if not told or len(told) > _STREAM_MAX or set(told) - set("0123456789abcdef"):
            raise ArchiveError(f"stream {told!r}: 1 to {_STREAM_MAX} hex digits make an id")
        with self._lock:
            if self._ending:
                raise ArchiveError("the archive is closed")
            made = ArchiveStream(
                self.settings,
                device,
                told,
                rate,
                channels,
                hand_over=self._take,
                time_of=time_of,
                true_rate=true_rate,
            )
            self._streams.append(made)
        return made

    def follow(self, microphone: Any, vad: str | None = None) -> Follower:
        """Keep what a microphone hears from here on, in a thread with a subscription of its own; `vad` names
        a voice detector whose segments are kept with it. Ends with the microphone, with `close` of what is
        returned, or with the archive."""
        follower = Follower(self, microphone, vad)
        with self._lock:
            self._followers.append(follower)
        follower.start()
        return follower

    def settle(self, stream: ArchiveStream, seconds: float) -> bool:
        """Wait until what is over of a stream is encoded, at most so long. Whether it is. For sources that
        can wait, and are faster than real time."""
        with self._changed.lock:
            return self._changed.wait_for(lambda: not self._behind(stream), seconds)

    def stats(self) -> ArchiveStats:
        """A snapshot."""
        with self._lock:
            streams = tuple(stream.stats() for stream in self._streams)
            heard = [stream.heard_at() for stream in self._streams]
            untold = sum(stream.untold for stream in self._streams)
            beyond = sum(stream.beyond for stream in self._streams)
        with self._changed.lock:
            heard += [cut.heard_at for _, cut in [*self._cuts, *([self._encoding] if self._encoding else [])]]
        heard.append(self._uploader.outbox.oldest)
        ages = [time.monotonic() - moment for moment in heard if moment is not None]
        if self._spool.oldest is not None:
            ages.append(time.time() - self._spool.oldest)
        counts = self._tally.counts()
        counts.untold += untold
        counts.lost_frames += beyond
        return ArchiveStats(
            counts=counts,
            streams=streams,
            health=worst([stream.health for stream in streams]),
            failing=self._uploader.failing,
            waiting=self._uploader.outbox.waiting,
            spool_objects=self._spool.known[0],
            spool_bytes=self._spool.known[1],
            unsaved_s=max([0.0, *ages]),
        )

    def drain(self, seconds: float) -> bool:
        """Wait until all that is encoded, and all that is in the spool, is in the store; at most so long, and
        not where the store fails and all is safe in the spool. Whether it is."""
        end = time.monotonic() + seconds
        with self._changed.lock:
            if not self._changed.wait_for(lambda: not self._behind(None), seconds):
                return False
        return self._uploader.wait_done(max(0.0, end - time.monotonic()))

    def close(self, timeout_s: float = 10.0) -> None:
        """End all streams and write what is left of them. Uploads get what is left of the time; what is not
        through by then lies in the spool. Twice is legal."""
        end = time.monotonic() + timeout_s
        with self._lock:
            if self._closed:
                return
            self._closed = True
            streams, followers = list(self._streams), list(self._followers)
        for follower in followers:
            follower.close()
        with self._lock:
            self._ending = True
        for stream in streams:
            stream.close()
        with self._changed.lock:
            self._changed.notify_all()
        self._encoder.join(max(_ENCODE_S, timeout_s))
        self._upkeep.stop()
        self._uploader.stop(max(0.0, end - time.monotonic()))
        self._index.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Encoding

    def _take(self, stream: ArchiveStream, cut: Cut) -> None:
        """A piece is over. Never waits."""
        dropped = None
        with self._changed.lock:
            if len(self._cuts) == _CUTS_MAX:
                dropped = self._cuts.popleft()
            self._cuts.append((stream, cut))
            self._changed.notify_all()
        if dropped is not None:
            self._lose(*dropped)

    def _encode_on(self) -> None:
        """The thread that encodes."""
        looked = time.monotonic()
        while True:
            with self._changed.lock:
                self._encoding = None
                self._changed.notify_all()
                if not self._cuts:
                    if self._ending:
                        return
                    self._changed.wait(_LOOK_S)
                if self._cuts:
                    self._encoding = self._cuts.popleft()
            if self._encoding is not None:
                self._encode(*self._encoding)
            if self._encoding is None or time.monotonic() - looked >= _LOOK_S:
                looked = time.monotonic()
                self._look_around()

    def _encode(self, stream: ArchiveStream, cut: Cut) -> None:
        try:
            made = encoded(self.settings, stream, cut)
        except Exception as error:
            text = str(error) if isinstance(error, ArchiveError) else type(error).__name__
            self._lose(stream, cut, f"cannot be encoded ({text})")
            return
        if made.lost:
            self._tally.add(lost_frames=made.lost)
            self._say(Notice("lost", f"{stream.account.name}: {made.lost} frames were overwritten too soon"))
        if made.entry is None:
            stream.lost(cut.piece)
            return
        self._uploader.put(
            Parcel(
                key=str(made.key),
                sha256=made.sha256,
                entry=made.entry,
                data=made.data,
                account=stream.account,
                born=time.monotonic(),
                heard_at=cut.heard_at,
            )
        )

    def _lose(self, stream: ArchiveStream, cut: Cut, why: str = "is too far behind") -> None:
        frames = cut.piece.stop - cut.piece.start
        self._tally.add(lost_frames=frames)
        stream.lost(cut.piece)
        self._say(Notice("lost", f"{stream.account.name}: audio from position {cut.piece.start} on {why}"))

    def _look_around(self) -> None:
        """Streams from which nothing comes, and those that are over."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.flush_idle(time.monotonic())
        for stream in streams:
            if stream.closed and not self._behind(stream) and not stream.account.objects:
                self._tally.add(untold=stream.untold, lost_frames=stream.beyond)
                with self._lock:
                    self._streams.remove(stream)
        with self._lock:
            self._followers = [follower for follower in self._followers if not follower.closed]

    def _behind(self, stream: ArchiveStream | None) -> bool:
        with self._changed.lock:
            at_work = [*self._cuts, *([self._encoding] if self._encoding else [])]
            return any(stream is None or one is stream for one, _ in at_work)

    # Telling

    def _check(self, store: Store, lenient: bool) -> str | None:
        try:
            store.check()
        except StoreError as error:
            if not (lenient or error.transient):
                raise
            return str(error)
        return None

    def _say(self, notice: Notice) -> None:
        with contextlib.suppress(Exception):
            self._tell(notice)
