"""Uploads in the background: from memory and from the spool, tried again until they are through.

Each of a few threads takes the next object: what is in memory first, then the spool, by age. A failure makes
its thread wait, longer each time and never for a fixed time, so a server that is down sees a request of each
thread now and then, however many streams there are, and however many objects wait. Another thread writes
into the spool, so a server that hangs keeps nobody from that.

An object is in the store, then in the index, then out of the spool: a kill at any moment leaves at most work
that is done twice, to the same effect.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator

from ossicle.archive.entry import ArchiveError, Entry
from ossicle.archive.extra import extra
from ossicle.archive.health import Notice, Tally, Tell
from ossicle.archive.index import Index
from ossicle.archive.listing import Listing
from ossicle.archive.outbox import Outbox, Parcel
from ossicle.archive.settings import Settings
from ossicle.archive.spool import Spool, Spooled, SpoolError
from ossicle.archive.store import Store
from ossicle.locks import RLock

with extra():
    import tenacity

_LOOK_S = 0.5  # for work that becomes due with time
_LIST_EACH_S = 5.0  # the spool, in which other programs write, too
_SPOOL_AGAIN_S = 3.0  # after it took nothing
_STUCK_S = 60.0
_LAST_PAUSE_S = 0.25
_LAST_SPILL_S = 10.0
_JOIN_S = 0.5
_AWAY_S = 0.02


class Uploader:
    """Threads between an outbox, a spool and a store. `start` it, and `stop` it."""

    def __init__(
        self, settings: Settings, store: Store, index: Index, spool: Spool, tally: Tally, tell: Tell
    ) -> None:
        self.outbox = Outbox(tally, settings.retries)
        self._settings = settings
        self._store = store
        self._index = index
        self._listing = Listing(index, tally)
        self._spool = spool
        self._tally = tally
        self._tell = tell
        self._lock = RLock()  # of what follows
        self._backlog: deque[Spooled] = deque()
        self._listed_at = float("-inf")
        self._held: Counter[str] = Counter()  # objects at which threads are, so no other takes their file
        self._stuck: dict[str, float] = {}  # files that cannot be read or removed, and when to try again
        self._failures = 0  # since the last success
        self.failing: str | None = None
        """Why uploads fail, None while they do not."""
        self._spool_fails = False
        self._spool_after = 0.0
        self._ending = threading.Event()
        self._stopped = threading.Event()
        names = ["archive-spool", *(f"archive-upload-{n}" for n in range(settings.uploads))]
        loops = [self._spill_on, *[self._upload_on] * settings.uploads]
        self._threads = [
            threading.Thread(target=loop, name=name, daemon=True)
            for name, loop in zip(names, loops, strict=True)
        ]

    def start(self, trouble: str | None = None) -> None:
        """Begin; also with what an earlier program left in the spool. `trouble`: why the store fails."""
        if trouble is not None:
            self._fail(trouble)
        for thread in self._threads:
            thread.start()

    def put(self, parcel: Parcel) -> None:
        """Take an object. Never waits for a disk or a network."""
        self._say(self.outbox.put(parcel))

    def wait_done(self, seconds: float) -> bool:
        """Wait until everything is in the store, at most so long. Whether it is.

        Also returns once uploads have failed as often as they are tried again, and nothing is in memory
        alone, or only files are left that cannot be read or removed: then waiting helps nobody.
        """
        end = time.monotonic() + seconds
        while not self._done():
            left = end - time.monotonic()
            if left <= 0 or self._hopeless():
                return False
            with self.outbox.changed.lock:
                self.outbox.changed.wait(min(left, _AWAY_S * 5))
        return True

    def stop(self, seconds: float) -> None:
        """Give the uploads so long; what is not through then lies in the spool, or is lost where that takes
        nothing, and is counted. Twice is legal."""
        with self._lock:
            self._failures = 0  # the last tries begin
        self._ending.set()
        self._wake()
        self.wait_done(seconds)
        self._spool_after, self._spool_fails = 0.0, False
        self.outbox.hurry = True
        self._wake()
        end = time.monotonic() + _LAST_SPILL_S
        while self.outbox.unsafe and time.monotonic() < end and not self._spool_fails:
            time.sleep(_AWAY_S)
        self._stopped.set()
        self._wake()
        for thread in self._threads:
            thread.join(_JOIN_S)  # a request that hangs is left alone: its object is in the spool
        self._say(self.outbox.give_up())
        self._flush_counts()
        with contextlib.suppress(OSError):
            self._spool.items()  # counted a last time
        self._spool.close()

    # Uploading

    def _upload_on(self) -> None:
        """A thread: one object after another, until the end."""
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Exception),
            wait=tenacity.wait_random_exponential(
                multiplier=self._settings.retry_first_s, max=self._settings.retry_max_s
            ),
            stop=tenacity.stop_when_event_set(self._stopped),
            sleep=self._pause,
            retry_error_callback=lambda state: None,
        )
        while not self._stopped.is_set():
            again(self._upload_one)

    def _upload_one(self) -> None:
        """Upload what is next, or wait a moment for something. Raises what made it fail."""
        parcel = self.outbox.next_upload(self._now())
        if parcel is not None:
            self._upload_parcel(parcel)
            return
        item = self._next_spooled()
        if item is not None:
            try:
                self._upload_spooled(item)
            finally:
                self._let_go(item.sha256)
            return
        with self.outbox.changed.lock:
            if not self._stopped.is_set():
                self.outbox.changed.wait(_LOOK_S)

    def _upload_parcel(self, parcel: Parcel) -> None:
        with self._holding(parcel.sha256):
            try:
                self._send(parcel.key, parcel.entry, lambda: parcel.data)
            except BaseException:
                self._say(self.outbox.landed(parcel, False, time.monotonic() + self._delay(parcel.tries)))
                raise
            self._say(self.outbox.landed(parcel, True))
            if parcel.kept is not None:
                self._remove(parcel.kept)

    def _upload_spooled(self, item: Spooled) -> None:
        try:
            try:
                key, entry = self._spool.entry(item)
                self._send(str(key), entry, lambda: self._spool.read(item))
            except SpoolError as error:
                self._set_aside(item, error)
                return
        except FileNotFoundError:
            return  # another program has seen to it
        except OSError as error:
            self._leave(item, error)
            return
        self._remove(item)

    def _send(self, key: str, entry: Entry, data: Callable[[], bytes]) -> None:
        """Into the store and the index; or nowhere, where a deletion covers it. Raises what went wrong."""
        try:
            if self._listing.covered(entry):
                self._tally.add(deleted=1)
                return
            content = data()
            self._tally.add(attempts=1)
            self._listing.expect(key)
            self._store.put(key, content)
            if self._listing.put(key, entry, len(content)):
                self._tally.add(uploaded=1, raw_bytes=entry.raw_bytes, stored_bytes=len(content))
            else:
                self._store.delete([key])
                self._listing.forget(key)
                self._tally.add(deleted=1)
        except (OSError, SpoolError):  # of the spool: the store is not asked yet, and has errors of its own
            raise
        except Exception as error:
            self._tally.add(failed=1)
            self._failed(error)
            raise
        self._succeeded()

    def _failed(self, error: Exception) -> None:
        text = str(error) if isinstance(error, ArchiveError) else f"{type(error).__name__} in an upload"
        with self._lock:
            self._failures += 1
            often = self._failures > self._settings.retries
        if often and self.failing is None:
            self._fail(text)

    def _fail(self, text: str) -> None:
        with self._lock:
            tell, self.failing = self.failing is None, text
            self.outbox.hurry = True
        if tell:
            self._say([Notice("failing", f"uploads fail, audio waits on this disk: {text}")])
            self._wake()

    def _succeeded(self) -> None:
        with self._lock:
            self._failures = 0
            recovered = self.failing is not None
            self.failing = None
            if recovered and not self._ending.is_set():
                self.outbox.hurry = False
        self._flush_counts()
        if recovered:
            self._say([Notice("recovered", "uploads succeed again")])

    def _delay(self, tries: int) -> float:
        """Of one object, so that a single one that fails each time holds up no other."""
        return min(self._settings.retry_max_s, self._settings.retry_first_s * 2.0 ** min(tries, 32))

    def _pause(self, seconds: float) -> None:
        """What tenacity sleeps; the end wakes it, and then it is short."""
        if self._ending.is_set():
            self._stopped.wait(min(seconds, _LAST_PAUSE_S))
        else:
            self._ending.wait(seconds)

    def _now(self) -> float:
        """Against which it is seen what may be tried again: near the end everything."""
        return math.inf if self._ending.is_set() else time.monotonic()

    # The spool

    def _next_spooled(self) -> Spooled | None:
        """The oldest of the spool that nobody has in hand, if this program is the one that uploads it."""
        if not self._spool.size()[0] or not self._spool.take_drain():
            return None
        now = time.monotonic()
        with self._lock:
            if now - self._listed_at > (_LIST_EACH_S if self._backlog else _AWAY_S):
                self._listed_at = now
                self._backlog = deque(self._spool.items())
            while self._backlog:
                item = self._backlog.popleft()
                if not self._held[item.sha256] and self._stuck.get(item.sha256, now) <= now:
                    self._held[item.sha256] += 1
                    return item
        return None

    def _set_aside(self, item: Spooled, error: SpoolError) -> None:
        self._spool.set_aside(item)
        self._tally.add(damaged=1)
        self._say([Notice("dropped", str(error))])

    def _remove(self, item: Spooled) -> None:
        try:
            self._spool.remove(item)
        except OSError as error:
            self._leave(item, error)

    def _leave(self, item: Spooled, error: OSError) -> None:
        """A file that cannot be read or removed holds up no other, and is tried again later."""
        with self._lock:
            tell = item.sha256 not in self._stuck
            self._stuck[item.sha256] = time.monotonic() + _STUCK_S
        if tell:
            self._tally.add(spool_failed=1)
            self._say([Notice("spool", f"{item.path}: stays in the spool: {error.strerror or error}")])

    def _spill_on(self) -> None:
        """A thread: what has to, goes into the spool."""
        while not self._stopped.is_set():
            now = time.monotonic()
            parcel = self.outbox.next_spill(now) if now >= self._spool_after else None
            if parcel is not None:
                self._spill(parcel)
                continue
            with self.outbox.changed.lock:
                if not self._stopped.is_set():
                    self.outbox.changed.wait(_LOOK_S)

    def _spill(self, parcel: Parcel) -> None:
        with self._holding(parcel.sha256):
            kept = self._kept(parcel)
            self._say(self.outbox.spilled(parcel, kept))
            if kept is not None and parcel.stored:
                self._remove(kept)

    def _kept(self, parcel: Parcel) -> Spooled | None:
        try:
            kept = self._spool.put(parcel.entry, parcel.sha256, parcel.data)
            self._tally.add(spooled=1)
            self._spool_fails = False
            return kept
        except Exception as error:
            self._tally.add(spool_failed=1)
            self._spool_after = time.monotonic() + _SPOOL_AGAIN_S
            tell, self._spool_fails = not self._spool_fails, True
            text = str(error) if isinstance(error, ArchiveError) else f"{type(error).__name__} in the spool"
            if tell:
                self._say([Notice("spool", f"audio waits in memory alone: {text}")])
        return None

    # Both

    @contextlib.contextmanager
    def _holding(self, sha256: str) -> Iterator[None]:
        with self._lock:
            self._held[sha256] += 1
        try:
            yield
        finally:
            self._let_go(sha256)

    def _let_go(self, sha256: str) -> None:
        with self._lock:
            self._held[sha256] -= 1
            if not self._held[sha256]:
                del self._held[sha256]

    def _done(self) -> bool:
        if self.outbox.waiting or self._held.total():
            return False
        return not (self._spool.size()[0] and self._spool.take_drain() and self._spool.items())

    def _hopeless(self) -> bool:
        if self.outbox.unsafe:
            return False
        if self._failures > self._settings.retries:
            return True
        if self.outbox.waiting or self._held.total() or not self._stuck:
            return False
        return all(item.sha256 in self._stuck for item in self._spool.items())

    def _wake(self) -> None:
        with self.outbox.changed.lock:
            self.outbox.changed.notify_all()

    def _say(self, notices: list[Notice]) -> None:
        for notice in notices:
            with contextlib.suppress(Exception):
                self._tell(notice)

    def _flush_counts(self) -> None:
        with self._lock:
            news = self._tally.news()
            try:
                self._index.count_all(news)
            except ArchiveError:
                self._tally.keep(news)
