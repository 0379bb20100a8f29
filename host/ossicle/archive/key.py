"""Names of objects: where in an archive something lies.

    audio/OWNER/DEVICE/YYYY-MM-DD/STREAM/POSITION-SHA256.flac
    deleted/YYYY-MM-DDTHHMMSSZ-ID.json

The date is that of the first frame, in UTC. The name carries the SHA-256 of the object itself, so that an
object proves itself, writing it twice is writing it once, and two that differ never take each other's place.
What is not named so is not the archive's, and is neither read nor deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ossicle.archive.entry import ArchiveError, Entry

AUDIO = "audio"
DELETED = "deleted"
NAME_MAX = 64
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")
_KEY = re.compile(
    r"audio/(?P<owner>[A-Za-z0-9][A-Za-z0-9._-]{0,63})/(?P<device>[A-Za-z0-9._-]{1,255})"
    r"/(?P<date>\d{4}-\d{2}-\d{2})/(?P<stream>[0-9a-f]{1,32})"
    r"/(?P<start>\d{15})-(?P<sha256>[0-9a-f]{64})\.(?P<codec>flac|opus)"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A name taken apart; `device` is as `escaped` makes it."""

    owner: str
    device: str
    date: str
    stream: str
    start: int
    sha256: str
    codec: str

    def __str__(self) -> str:
        place = f"{AUDIO}/{self.owner}/{self.device}/{self.date}/{self.stream}"
        return f"{place}/{self.start:015d}-{self.sha256}.{self.codec}"


def check_owner(owner: str) -> str:
    """The same. Raises ArchiveError for what could leave the archive, or is no name."""
    if not _OWNER.fullmatch(owner):
        raise ArchiveError(
            f"owner {owner!r}: letters, digits, '.', '_' and '-' make a name of at most {NAME_MAX}, "
            f"and the first is a letter or a digit"
        )
    return owner


def escaped(device: str) -> str:
    """A device's id as part of a name, whatever it is: bytes that are no plain letters become `_XX` in hex.

    A device names itself, and must not name its way out of the archive.
    """
    plain = "".join(chr(b) if chr(b) in _PLAIN else f"_{b:02x}" for b in device.encode("utf-8", "replace"))
    if not plain.strip("."):
        plain = plain.replace(".", "_2e") or "_"
    return plain[:255]


def key_of(entry: Entry, sha256: str) -> Key:
    """The name of an object with this content; `sha256` is of the object's bytes, in hex."""
    date = datetime.fromtimestamp(entry.time, UTC).date().isoformat()
    device = escaped(entry.device)
    return Key(check_owner(entry.owner), device, date, entry.stream, entry.start, sha256, entry.codec)


def parse_key(text: str) -> Key | None:
    """A name taken apart, None where it is not one of an archive's audio."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    owner, device, date, stream, start, sha256, codec = found.groups()
    key = Key(owner, device, date, stream, int(start), sha256, codec)
    return key if key.device.strip(".") else None
