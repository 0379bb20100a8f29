"""A device whose microphone is the pattern, over whatever link it has: every sample is known.

What came is compared with the pattern, frame by frame. What did not come is counted by what the device and
the receiver said of it; and where audio was lost before the ring, and nobody could count it, by how far the
pattern has gone on meanwhile.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ossicle.api import Microphone
from ossicle.api import open as open_microphone
from ossicle.errors import OssicleError
from ossicle.pattern import KEYS, Pattern
from ossicle.proto._wire import StatusFields
from ossicle.proto.events import Audio, Ended, Event, Gap, Hello, Started

from .judge import Judge
from .plan import SECONDS_MAX
from .run import SoakError

_PATIENCE = 3  # times as long as its audio a run may take,
_PATIENCE_S = 60.0  # and so much more
_SAY_EVERY_S = 1.0
_EVERYWHERE = [(0, 1 << 62)]  # the device is believed where it says that it lost audio before the ring
KIND = "pattern"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run: `seconds` of audio from the device at `url`. Raises ValueError."""

    url: str
    seconds: float = 60.0
    rate: int = 16000
    channels: int = 1
    mode: str = "lossless"
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= SECONDS_MAX:
            raise ValueError(f"{self.seconds:g} seconds: more than 0 and at most {SECONDS_MAX}")


@dataclass(slots=True)
class Tally:
    """What came of all streams of a run. `key` is the pattern's."""

    key: int = 0
    judges: list[Judge] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    """Frames in gaps, by cause."""
    unknown: int = 0
    """Gaps of unknown length: the device began anew."""
    ended: bool = False
    """The last stream came to its end."""

    def take(self, event: Event) -> None:
        """One event of the microphone, in order."""
        if isinstance(event, Started):
            if not event.resumed:
                self._begin(event)
        elif isinstance(event, Audio) and self.judges:
            self.judges[-1].audio(event.start, event.frames, 0.0)
        elif isinstance(event, Gap) and self.judges:
            self.judges[-1].gap(event.start, event.stop, event.cause)
            self.causes[event.cause] += event.frames or 0
            self.unknown += event.stop is None
        elif isinstance(event, Ended):
            self.ended = True

    def _begin(self, started: Started) -> None:
        pattern = Pattern(1, self.key, started.rate, started.channels)
        self.judges.append(
            Judge(
                pattern,
                started.ring_frames,
                started.hop,
                overlap=started.overlap,
                drops=lambda: _EVERYWHERE,
                timed=False,
            )
        )

    @property
    def position(self) -> int:
        """Of the stream in force: frames that came, or are gone."""
        return self.judges[-1].next if self.judges else 0

    @property
    def delivered(self) -> int:
        """Frames that came, and were right."""
        return sum(judge.delivered for judge in self.judges)

    @property
    def wrong(self) -> int:
        """Frames that are not the pattern's at their position, came twice, or were left out untold."""
        return sum(judge.wrong for judge in self.judges)

    @property
    def lost(self) -> int:
        """Frames that never came. What a device that began anew took with it is not known."""
        return sum(judge.missing for judge in self.judges)

    @property
    def gaps(self) -> int:
        """Gaps that were told."""
        return sum(judge.gaps for judge in self.judges)

    @property
    def restarts(self) -> int:
        """Streams after the first."""
        return max(0, len(self.judges) - 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has found."""

    wanted: Wanted
    hello: Hello
    tally: Tally
    stats: Any
    """MicrophoneStats at the end."""
    seconds: float
    interrupted: bool = False
    failure: str = ""

    @property
    def holds(self) -> bool:
        """Every sample came, and was right."""
        tally = self.tally
        return not (self.failure or tally.wrong or tally.lost or tally.gaps or tally.restarts)

    def figures(self) -> dict[str, Any]:
        """The JSON object: first what was found, then what it was found on."""
        tally, link, told = self.tally, self.stats.link, self.hello.fields
        mic = told.get("mic")
        return {
            "frames_delivered": tally.delivered,
            "wrong": tally.wrong,
            "lost": tally.lost,
            "gaps": tally.gaps,
            "lost_by_cause": dict(tally.causes),
            "restarts": tally.restarts,
            "interrupted": self.interrupted,
            "failure": self.failure or None,
            "url": self.wanted.url,
            "seconds": round(self.seconds, 1),
            "rate": self.wanted.rate,
            "channels": self.wanted.channels,
            "mode": self.wanted.mode,
            "device": self.hello.device,
            "board": self.hello.board,
            "chip": told.get("chip"),
            "micropython": told.get("micropython"),
            "firmware": self.hello.firmware,
            "mic": mic.get("kind") if isinstance(mic, dict) else None,
            "baud": link.baud,
            "ring_frames": self.hello.ring_frames,
            "resent_share": round(link.host.resent / link.host.chunks, 4) if link.host.chunks else 0.0,
            "rtt_ms": round(link.rtt_s * 1e3, 2),
            "true_rate": link.true_rate,
            "drift_ppm": link.drift_ppm,
            "latency_ms": self.stats.latency.told(),
            "host": asdict(link.host),
            "status": plain_status(link.device),
        }


def run(wanted: Wanted, say: Callable[[str], object] = lambda text: None) -> Outcome:
    """Hear the device and compare. Ctrl-C ends the run early, with what was found.

    Raises what `ossicle.open` raises, and SoakError for a device that hears something else than the pattern.
    """
    began = time.monotonic()
    with open_microphone(
        wanted.url,
        rate=wanted.rate,
        channels=wanted.channels,
        mode=wanted.mode,
        timeout=wanted.timeout,
    ) as mic:
        tally = Tally(pattern_key(mic.hello))
        failure, interrupted = "", False
        try:
            failure = _hear(mic, wanted, tally, say)
        except KeyboardInterrupt:
            interrupted = True
        except SoakError:
            raise
        except OssicleError as error:
            failure = str(error)
        return Outcome(wanted, mic.hello, tally, mic.stats, time.monotonic() - began, interrupted, failure)


def _hear(mic: Microphone, wanted: Wanted, tally: Tally, say: Callable[[str], object]) -> str:
    """The whole stream; why it did not come to its end, or nothing."""
    frames = round(wanted.seconds * wanted.rate)
    began = next_word = time.monotonic()
    stopped = False
    for event in mic.events():
        tally.take(event)
        _check(mic.hello, tally)
        now = time.monotonic()
        if not stopped and tally.position >= frames:
            stopped = True
            mic.stop()
        if now - began > _PATIENCE * wanted.seconds + _PATIENCE_S:
            return f"{tally.position} of {frames} frames came in {now - began:.0f} s"
        if now >= next_word:
            next_word = now + _SAY_EVERY_S
            heard = tally.position / wanted.rate
            say(f"{heard:.1f} of {wanted.seconds:g} s, {tally.wrong} frames wrong, {tally.lost} lost")
    return "" if stopped and tally.ended else "the stream ended before its time"


def pattern_key(hello: Hello) -> int:
    """Of the pattern that the device plays."""
    mic = hello.fields.get("mic")
    key = mic.get("key", 0) if isinstance(mic, dict) else 0
    return key if isinstance(key, int) and 0 <= key < KEYS else 0


def plain_status(status: StatusFields | None) -> dict[str, Any] | None:
    """The device's counters as JSON has them: fields of bytes are lists of numbers."""
    if status is None:
        return None
    return {
        key: list(value) if isinstance(value, bytes) else value for key, value in status._asdict().items()
    }


def _check(hello: Hello, tally: Tally) -> None:
    """A device that does not say that it plays the pattern is heard; what is something else from its first
    frames on is no fault of a link."""
    mic = hello.fields.get("mic")
    said = mic.get("kind") if isinstance(mic, dict) else None
    if said != KIND and tally.wrong and not tally.delivered:
        raise SoakError(
            f"{hello.device or 'the device'} does not play the pattern, so nothing can be compared: "
            f"ossicle config PORT set mic={KIND} (and mic= for the microphone again)"
        )
