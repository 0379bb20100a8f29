"""Objects on their way: in memory until they are in the store, or in the spool.

Decides, and does nothing itself: which object goes up next, which has to go into the spool, which is lost
when a stream's memory is full. An object may be on its way up and into the spool at once; whichever comes
first, it leaves memory when nobody works on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ossicle.archive.entry import Entry
from ossicle.archive.health import Account, Notice, Tally
from ossicle.archive.spool import Spooled
from ossicle.locks import Condition

SLOW_S = 2.0
"""What is not in the store after this goes into the spool, too: a program can be killed at any moment."""


@dataclass(slots=True, eq=False)
class Parcel:
    """One object in memory. Times are monotonic, in seconds."""

    key: str
    sha256: str
    entry: Entry
    data: bytes
    account: Account
    born: float
    heard_at: float
    """When its first frame came."""
    tries: int = 0
    not_before: float = 0.0
    flying: bool = False
    """Somebody uploads it."""
    keeping: bool = False
    """Somebody writes it into the spool."""
    kept: Spooled | None = None
    stored: bool = False
    """In the store, or rightly nowhere."""


class Outbox:
    """Parcels of all streams, oldest first. `changed` tells whoever waits that something did."""

    def __init__(self, tally: Tally, retries: int) -> None:
        self.changed = Condition()
        self._tally = tally
        self._retries = retries
        self._parcels: list[Parcel] = []
        self.hurry = False
        """Everything goes into the spool at once: uploads fail, or the end is near."""

    def put(self, parcel: Parcel) -> list[Notice]:
        """Take an object. Where its stream's memory has no room for it, that stream's oldest objects go."""
        account = parcel.account
        notices = []
        with self.changed.lock:
            while account.held + len(parcel.data) > account.limit:
                oldest = next((p for p in self._parcels if p.account is account and self._idle(p)), None)
                if oldest is None:
                    notices.append(self._drop(parcel))
                    return notices
                notices.append(self._drop(oldest))
                self._leave(oldest)
            self._parcels.append(parcel)
            notices += self._moved(account, len(parcel.data))
            self.changed.notify_all()
        return notices

    def next_upload(self, now: float) -> Parcel | None:
        """The oldest that may be tried; whoever takes it tells `landed`."""
        with self.changed.lock:
            for parcel in self._parcels:
                if not parcel.flying and not parcel.kept and not parcel.stored and parcel.not_before <= now:
                    parcel.flying = True
                    parcel.tries += 1
                    return parcel
        return None

    def next_spill(self, now: float) -> Parcel | None:
        """The oldest that has to go into the spool; whoever takes it tells `spilled`."""
        with self.changed.lock:
            for parcel in self._parcels:
                if self._due(parcel, now):
                    parcel.keeping = True
                    return parcel
        return None

    def landed(self, parcel: Parcel, stored: bool, not_before: float = 0.0) -> list[Notice]:
        """An upload is over. One that failed is tried again from memory, unless it is in the spool."""
        with self.changed.lock:
            parcel.flying = False
            parcel.stored |= stored
            parcel.not_before = not_before
            return self._settle(parcel)

    def spilled(self, parcel: Parcel, kept: Spooled | None) -> list[Notice]:
        """The spool has it, or (None) takes nothing."""
        with self.changed.lock:
            parcel.keeping = False
            parcel.kept = kept
            return self._settle(parcel)

    def give_up(self) -> list[Notice]:
        """Nobody will take what is in memory alone: it is lost."""
        with self.changed.lock:
            lost = [parcel for parcel in self._parcels if not parcel.stored and parcel.kept is None]
            notices = [self._drop(parcel) for parcel in lost]
            for parcel in lost:
                self._leave(parcel)
        return notices

    @property
    def waiting(self) -> int:
        """Objects that are in memory."""
        return len(self._parcels)

    @property
    def unsafe(self) -> int:
        """Objects that are in memory alone."""
        with self.changed.lock:
            return sum(not p.stored and p.kept is None for p in self._parcels)

    @property
    def oldest(self) -> float | None:
        """When the first frame came that is in no other place."""
        with self.changed.lock:
            return min((parcel.heard_at for parcel in self._parcels if not parcel.stored), default=None)

    def _due(self, parcel: Parcel, now: float) -> bool:
        if parcel.keeping or parcel.kept is not None or parcel.stored:
            return False
        worn = parcel.tries > self._retries and not parcel.flying
        return self.hurry or worn or now - parcel.born >= SLOW_S or parcel.account.level != "normal"

    def _idle(self, parcel: Parcel) -> bool:
        return not parcel.flying and not parcel.keeping

    def _settle(self, parcel: Parcel) -> list[Notice]:
        self.changed.notify_all()
        if self._idle(parcel) and (parcel.stored or parcel.kept is not None):
            return self._leave(parcel)
        return []

    def _leave(self, parcel: Parcel) -> list[Notice]:
        if parcel not in self._parcels:  # given up meanwhile
            return []
        self._parcels.remove(parcel)
        return self._moved(parcel.account, -len(parcel.data))

    def _drop(self, parcel: Parcel) -> Notice:
        entry = parcel.entry
        self._tally.add(dropped_objects=1, dropped_frames=entry.frames)
        parcel.account.lost(entry)
        seconds = entry.frames / entry.rate
        return Notice(
            "dropped",
            f"{parcel.account.name}: {seconds:.0f} s of audio from position {entry.start} on are lost: "
            f"neither the store nor the spool takes them, and memory is full",
        )

    def _moved(self, account: Account, size: int) -> list[Notice]:
        if not account.add(size):
            return []
        share = f"{account.share:.0%} of its {account.limit / 1e6:.0f} MB"
        return [Notice("health", f"{account.name}: {account.level}, it holds {share}")]
