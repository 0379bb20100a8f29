"""Objects of an archive for tests, small and true."""

from __future__ import annotations

import hashlib

import numpy as np

from ossicle.archive.coding import Encoder
from ossicle.archive.entry import Entry
from ossicle.archive.health import Account
from ossicle.archive.key import key_of
from ossicle.archive.outbox import Parcel

RATE = 8000


def entry_at(start: int, frames: int = 800, time: float = 1.7e9, device: str = "mic") -> Entry:
    return Entry(
        owner="anna",
        device=device,
        stream="ab12",
        start=start,
        stop=start + frames,
        rate=RATE,
        channels=1,
        codec="flac",
        time=time + start / RATE,
        uncertainty=0.001,
        true_rate=None,
        gaps=(),
        segments=(),
        pcm_sha256="0" * 64,
    )


def object_at(start: int, time: float = 1.7e9, device: str = "mic") -> tuple[Entry, bytes]:
    entry = entry_at(start, time=time, device=device)
    encoder = Encoder("flac", RATE)
    encoder.write(np.arange(start, start + 800, dtype=np.int64).astype(np.int16))
    return entry, encoder.finish(lambda pcm: entry)


def account(limit: int = 1_000_000, ring: int = 0) -> tuple[Account, list[tuple[int, int]]]:
    lost: list[tuple[int, int]] = []
    return Account("mic ab12", limit, ring, lambda entry: lost.append((entry.start, entry.stop))), lost


def parcel_at(start: int, owner: Account, *, born: float = 0.0, size: int | None = None) -> Parcel:
    """`size`: of data that is no object, for tests that never look into it."""
    entry, data = (entry_at(start), bytes(size)) if size is not None else object_at(start)
    sha256 = hashlib.sha256(data + str(start).encode() if size is not None else data).hexdigest()
    return Parcel(str(key_of(entry, sha256)), sha256, entry, data, owner, born, born)
