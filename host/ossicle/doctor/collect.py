"""Gets evidence: hears a device for some seconds, or reads a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ossicle.api import Microphone
from ossicle.api import open as open_microphone
from ossicle.errors import RefusedError, SourceError
from ossicle.paths import for_libsndfile
from ossicle.proto._wire import Reason
from ossicle.proto.events import Audio, Event, Gap, Started, Status
from ossicle.urls import parse

from .evidence import Evidence, Link, Sound

FILE_SECONDS_MAX = 600.0
OTHER_SLOT_S = 1.0
WAKE_S = 1.5  # of a microphone, beside the seconds that are judged (`measure.awake`)
_LATE_S = 5.0  # that audio may come later than it was captured
_STATUS_MAX = 3600
_STEADY_BYTES = 1024


class Listener:
    """Takes the events of one stream; `evidence` then has what was heard."""

    def __init__(self, rate: int, channels: int) -> None:
        self._parts: list[Audio] = []
        self._lost: Counter[str] = Counter()
        self._gaps: Counter[str] = Counter()
        self._ticks: list[tuple[float, int]] = []
        self._heaps: list[int] = []
        self.rate = rate
        self.channels = channels
        self.frames = 0
        self.began = time.monotonic()

    def take(self, event: Event) -> None:
        """One event."""
        if isinstance(event, Audio):
            self._parts.append(event)
            self.frames += len(event.frames)
        elif isinstance(event, Gap):
            self._gaps[event.cause] += 1
            self._lost[event.cause] += event.frames or 0
        elif isinstance(event, Status):
            if len(self._ticks) < _STATUS_MAX:
                self._ticks.append((event.fields.uptime_ms / 1000, event.fields.captured))
                self._heaps.append(event.fields.free_heap)
        elif isinstance(event, Started):
            self._ticks.clear()

    @property
    def elapsed_s(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def sound(self, exact: bool) -> Sound:
        """The longest piece without a gap."""
        best = (0, 0, 0)  # length, and its parts
        first = 0
        for number, part in enumerate(self._parts):
            if number and part.start != self._parts[number - 1].stop:
                first = number
            best = max(best, (part.stop - self._parts[first].start, first, number + 1))
        parts = self._parts[best[1] : best[2]]
        frames = [part.frames.reshape(-1, self.channels) for part in parts]
        whole = np.concatenate(frames) if frames else np.empty((0, self.channels), np.int16)
        return Sound(whole, self.rate, bool(parts) and parts[0].start == 0, exact, device=True)

    def link(self, microphone: Microphone, kind: str, codec: str) -> Link:
        """What was counted."""
        stats = microphone.stats.link
        return Link(
            kind=kind,
            elapsed_s=self.elapsed_s,
            rate=self.rate,
            channels=self.channels,
            codec=codec,
            frames=self.frames,
            hello=microphone.hello,
            baud=stats.baud,
            status=stats.device,
            lost=dict(self._lost),
            gaps=dict(self._gaps),
            ticks=tuple(self._ticks),
            free_heap=free_heap(self._heaps),
            true_rate=stats.true_rate,
            packets_in=stats.host.packets_in,
            bytes_in=stats.host.bytes_in,
            garbled=stats.frames_undecodable + sum(stats.refused.values()),
            missing=stats.host.lost_transmissions,
            resent=stats.host.resent,
        )


def free_heap(told: Sequence[int]) -> int | None:
    """What is free on the device, from what it told each second; None where that cannot be known.

    What it tells counts garbage as taken. Where the figure stays, there is none, for a START collects; where
    it rises, there has just been a collection.
    """
    if len(told) < 2:
        return None
    rises = any(after > before + _STEADY_BYTES for before, after in pairwise(told))
    steady = max(told) - min(told) <= _STEADY_BYTES
    return max(told) if rises or steady else None


def listen(
    url: str,
    seconds: float,
    *,
    rate: int = 16000,
    channels: int = 1,
    codec: str | None = None,
    timeout: float = 10.0,
    progress: Callable[[float], object] = lambda share: None,
    **options: Any,
) -> Evidence:
    """Hear a device for so many seconds of its audio, by `ossicle.open` with these options.

    Where its line is too slow for PCM and no codec was asked for, that is remembered, and ADPCM is heard.
    Raises what `ossicle.open` raises, and LinkError or SilentError when the device went away.
    """
    options |= {"rate": rate, "channels": channels, "timeout": timeout}
    refused = ""
    try:
        microphone = open_microphone(url, codec=codec or "pcm16", **options)
    except RefusedError as error:
        if error.reason != Reason.LINK_TOO_SLOW or codec is not None:
            raise
        refused, codec = error.text, "adpcm"
        microphone = open_microphone(url, codec=codec, **options)
    kind = kind_of(url)
    with microphone:
        listener = _hear(microphone, seconds, progress)
        heard = listener.link(microphone, kind, codec or "pcm16")
    sound = listener.sound(exact=(codec or "pcm16") == "pcm16")
    return Evidence(sound, replace(heard, refused=refused))


def _hear(microphone: Microphone, seconds: float, progress: Callable[[float], object]) -> Listener:
    listener = Listener(microphone.rate, microphone.channels)
    seconds += WAKE_S
    wanted = seconds * microphone.rate
    for event in microphone.events():
        listener.take(event)
        progress(min(1.0, listener.frames / wanted))
        if listener.frames >= wanted or listener.elapsed_s > seconds + _LATE_S:
            break
    return listener


def other_slot(
    url: str, slot: str, *, rate: int = 16000, timeout: float = 10.0, **options: Any
) -> Sound | None:
    """What the slot holds that the board does not listen to, None where nothing came. Raises as `listen`."""
    heard = listen(url, OTHER_SLOT_S, rate=rate, channels=2, timeout=timeout, **options)
    if heard.sound is None or not len(heard.sound.frames):
        return None
    return heard.sound.channel(1 if slot == "left" else 0)


def kind_of(url: str) -> str:
    """ "serial", "udp" or "ws"; an emulated board has the link that its URL says."""
    target = parse(url)
    if target.kind == "emulator":
        return str(target.options.get("link", "serial"))
    return "serial" if target.kind == "auto" else target.kind


def read(path: Path, seconds: float | None = None) -> Evidence:
    """A recording, its first ten minutes or so many seconds. Raises SourceError."""
    if path.exists() and not path.is_file():
        raise SourceError(f"{path}: this is no file")
    try:
        with soundfile.SoundFile(for_libsndfile(path)) as file:
            length = round(min(seconds or FILE_SECONDS_MAX, FILE_SECONDS_MAX) * file.samplerate)
            frames = _frames(file, length)
            exact = file.subtype in ("PCM_16", "PCM_24", "PCM_32", "ALAC_16")
            rate = file.samplerate
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        if not path.exists():
            raise SourceError(f"{path}: there is no such file") from None
        reason = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
        raise SourceError(f"{path}: cannot be read ({reason.rstrip('.')})") from None
    # A recording of `ossicle record` begins where its stream does; what is not one finds no constant bit.
    return Evidence(Sound(frames[:, :2], rate, from_start=True, exact=exact))


def _frames(file: soundfile.SoundFile, length: int) -> NDArray[np.int16]:
    """In int16. Of floats libsndfile would make ones and zeros: it takes them for whole numbers."""
    if file.subtype not in ("FLOAT", "DOUBLE"):
        return np.asarray(file.read(length, dtype="int16", always_2d=True))
    frames = np.nan_to_num(file.read(length, dtype="float32", always_2d=True), posinf=1.0, neginf=-1.0)
    return np.asarray(np.clip(np.rint(frames * 32768.0), -32768, 32767), np.int16)
