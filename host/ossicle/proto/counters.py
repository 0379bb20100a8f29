"""What the receiver counts. Whatever is refused, dropped or lost has a number here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ossicle.errors import PacketError

from ._wire import StatusFields


@dataclass(slots=True)
class Counters:
    """Running counts since the receiver was made; the receiver writes, anyone reads a snapshot."""

    bytes_in: int = 0
    packets_in: int = 0
    """Packets whose check was right."""
    packets_out: int = 0
    bytes_out: int = 0
    """As they lie on the link: with the framing of a serial line, without the headers of UDP."""
    chunks: int = 0
    """Chunks of the stream that came, copies included."""
    resent: int = 0
    """Of those, flagged as re-sends."""
    duplicates: int = 0
    """Chunks that were there already."""
    late: int = 0
    """Chunks that came after their gap was told."""
    disagreements: int = 0
    """Chunks that differ from frames that were there already (W-38)."""
    wrong_session: int = 0
    malformed: int = 0
    """Right check, right layout, and yet not possible in this stream."""
    unexpected: int = 0
    """Legal packets that answer nothing that was asked."""
    ranges_refused: int = 0
    """Ranges of a GONE beyond what is kept at once; they are asked for again."""
    lost_transmissions: int = 0
    """Packets that the device sent and that never came, by their number (W-7)."""
    frames: int = 0
    """Frames told as audio."""
    frames_first: int = 0
    """Of those, by their chunk's first transmission."""
    frames_overlap: int = 0
    """By the overlap of chunks before, where their own did not come, or came as a re-send."""
    frames_resent: int = 0
    """By re-sends. Frames that the next chunk may still bring, too, are counted when that is known."""
    gaps: int = 0
    gap_frames: int = 0
    """Frames in gaps of known length."""
    requests: int = 0
    """Sequences asked for, each time counted."""
    asked_again: int = 0
    """Of those, asked for before: the question or the re-send was lost."""
    asked_early: int = 0
    """Chunks that were only late: the first transmission came after they were asked for."""
    resumes: int = 0
    resets: int = 0
    """Streams that ended without their end (W-40)."""
    silences: int = 0
    unsent: int = 0
    """Packets out that the caller did not collect in time."""


class Refusals(Mapping[str, int]):
    """Packets that could not be believed, by `PacketError.REASONS`."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(PacketError.REASONS, 0)

    def add(self, reason: str) -> None:
        """Count one."""
        self._counts[reason] += 1

    def snapshot(self) -> Mapping[str, int]:
        """A copy that no longer changes, without the reasons that never occurred."""
        return MappingProxyType({reason: count for reason, count in self._counts.items() if count})

    def __getitem__(self, reason: str) -> int:
        return self._counts[reason]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)


@dataclass(frozen=True, slots=True)
class Stats:
    """A snapshot of everything that was counted and measured."""

    state: str
    """Of the handshake, in lower case: "streaming" while all is well."""
    baud: int | None
    session: int
    position: int
    """Frames told as audio or as gaps."""
    waiting: int
    """Sequences that are not settled: some came, some are missing."""
    rtt_s: float
    true_rate: float | None
    """Frames a second of the host's clock; None before it was measured."""
    drift_ppm: float | None
    """By how many millionths the device's clock runs faster than the host's; None before it was measured."""
    clock_breaks: int
    """Times that the device's clock did not agree with what was known: one was set, or the host slept."""
    frames_undecodable: int
    """Serial frames or datagrams that could not be a packet."""
    refused: Mapping[str, int]
    """Packets that could not be believed, by reason."""
    host: Counters
    device: StatusFields | None
    """The device's own counters, as it told them last."""
