"""`ossicle.open` and `ossicle.connect`: from a URL to a microphone that is heard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .block import Block
from .errors import LinkError
from .links.serial import SerialLink
from .microphone import Microphone, MicrophoneStats
from .proto.receiver import Receiver
from .proto.request import Resume, StreamRequest
from .subscription import Subscription
from .urls import Target, parse

if TYPE_CHECKING:
    from .asynchronous import Connecting

__all__ = [
    "Block",
    "Microphone",
    "MicrophoneStats",
    "Subscription",
    "connect",
    "open",
]


def open(
    url: str = "auto",
    *,
    rate: int = 16000,
    channels: int = 1,
    codec: str = "pcm16",
    mode: str = "lossless",
    deadline_ms: float = 200,
    timeout: float = 10.0,
    hop: int | None = None,
    overlap: int = 0,
    gain: float = 1.0,
    resume: Resume | None = None,
) -> Microphone:
    """Open a microphone and start its stream.

    `url`: "auto" for the serial port that answers, a port (`/dev/ttyUSB0`, `COM5`), `serial://PORT?baud=N`,
    `rfc2217://...`, `socket://...`, or `emulator:FILE?speed=max` for the firmware on this machine hearing a
    recording. `rate` in Hz. `mode` "lossless" waits for what is missing until it comes or is gone, "live" for
    `deadline_ms` and then tells a gap. `hop` (frames a chunk; 512 for mono, 256 for stereo) and `overlap`
    (frames sent twice) are of the wire: blocks may have any size. `gain` is a factor from 0 to 16.
    `resume`, from `Microphone.resume`, goes on with a stream that an earlier process heard: blocks begin at
    its position. A device that no longer has that stream gives a new one, after a gap of unknown length.

    `timeout` in seconds bounds the search for the device, now and whenever it falls silent later.

    Raises UrlError, ValueError for a parameter no device can do, LinkError for the port, SourceError for a
    recording, SilentError, RefusedError or ProtocolVersionError for the device: all but ValueError are
    OssicleError.
    """
    if not timeout > 0 or not deadline_ms >= 0:
        raise ValueError(f"timeout {timeout}, deadline_ms {deadline_ms}: above 0, and not below 0, is needed")
    target = parse(url)
    request = StreamRequest(
        rate=rate,
        channels=channels,
        codec=codec,
        mode=mode,
        hop=hop,
        overlap=overlap,
        gain=gain,
        baud=target.baud,
    )
    if target.kind == "emulator":
        return _open_emulator(target, request, deadline_ms, timeout)
    if target.kind == "auto":
        from .discover import choose

        target = replace(target, port=choose(timeout))
    link = SerialLink(target.port)
    receiver = Receiver(request, deadline_ms=deadline_ms, baud=link.baud, resume=resume)
    microphone = Microphone(link, receiver, timeout=timeout)
    microphone.start()
    return microphone


def connect(url: str = "auto", **options: Any) -> Connecting:
    """The same for asyncio, with the options of `open`:

    async with ossicle.connect("auto") as mic:
        async for block in mic.blocks():
            ...
    """
    from .asynchronous import Connecting  # asyncio takes as long to import as all else here

    return Connecting(lambda: open(url, **options))


def _open_emulator(target: Target, request: StreamRequest, deadline_ms: float, timeout: float) -> Microphone:
    from .emulator import Emulator

    try:
        emulator = Emulator(target.source, rate=request.rate, channels=request.channels, **target.options)
    except ValueError as error:
        raise LinkError(f"emulator:{target.source}: {error}") from None
    try:
        emulator.start()
        link = SerialLink(emulator.port)
        microphone = Microphone(
            link,
            Receiver(request, deadline_ms=deadline_ms, baud=link.baud),
            timeout=timeout,
            notes=tuple(emulator.notes),
            diagnose=lambda: emulator.failure,
            release=emulator.stop,
            hang_up=True,
        )
        microphone.start()
    except BaseException:
        emulator.stop()
        raise
    return microphone
