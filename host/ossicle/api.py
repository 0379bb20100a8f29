"""`ossicle.open`, `ossicle.connect` and `ossicle.serve`: from a URL to microphones that are heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .block import Block
from .errors import UrlError
from .links.serial import SerialLink
from .microphone import Microphone, MicrophoneStats
from .opening import Wish, begin, key_of
from .proto.request import Resume, StreamRequest
from .subscription import Subscription
from .urls import NETWORK, Target, parse

if TYPE_CHECKING:
    from .asynchronous import Connecting
    from .server import Server

__all__ = [
    "Block",
    "Microphone",
    "MicrophoneStats",
    "Subscription",
    "connect",
    "open",
    "serve",
]

Keys = str | Path | Mapping[str, bytes]
"""A file of keys, or the keys by the ids of their devices."""


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
    keys: Keys | None = None,
    plain: bool = False,
    resume: Resume | None = None,
) -> Microphone:
    """Open a microphone and start its stream.

    `url`: "auto" for the serial port that answers, a port (`/dev/ttyUSB0`, `COM5`), `serial://PORT?baud=N`,
    `rfc2217://...`, `socket://...`, `udp://HOST:PORT` or `ws://HOST:PORT` for the first device on Wi-Fi that
    sends to this address of ours (`?device=ID` for one of them), or `emulator:FILE?speed=max` for the
    firmware on this machine hearing a recording. `rate` in Hz. `mode` "lossless" waits for what is missing
    until it comes or is gone, "live" for `deadline_ms` and then tells a gap. `hop` (frames a chunk; 512 for
    mono, 256 for stereo) and `overlap` (frames sent twice) are of the wire: blocks may have any size. `gain`
    is a factor from 0 to 16. `resume`, from `Microphone.resume`, goes on with a stream that an earlier
    process heard: blocks begin at its position. A device that no longer has that stream gives a new one,
    after a gap of unknown length.

    Over UDP and WebSocket everything is sealed with the key that is shared with the device: `keys` is the
    file in place of the usual one, or the keys themselves (16 to 32 bytes) by device id. `plain` (`?plain=1`)
    seals nothing there; the device must say so, too.

    `timeout` in seconds bounds the search for the device, now and whenever it falls silent later.

    Raises UrlError, ValueError for a parameter no device can do, LinkError for the port, SourceError for a
    recording, SilentError, RefusedError, KeyMissingError or ProtocolVersionError for the device: all but
    ValueError are OssicleError.
    """
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
    wish = _wish(target, request, deadline_ms, timeout, keys, plain, resume)
    if target.kind == "emulator":
        from .emulated import open_emulator

        return open_emulator(target, wish, plain or target.plain)
    if target.kind in NETWORK:
        from .network import open_network

        return open_network(target.kind, target.port, target.number, target.device, wish)
    if target.kind == "auto":
        from .discover import choose

        target = replace(target, port=choose(timeout))
    link = SerialLink(target.port, **target.options)
    return begin(Microphone(link, wish.receiver(link.baud), timeout=timeout))


def connect(url: str = "auto", **options: Any) -> Connecting:
    """The same for asyncio, with the options of `open`:

    async with ossicle.connect("auto") as mic:
        async for block in mic.blocks():
            ...
    """
    from .asynchronous import Connecting  # asyncio takes as long to import as all else here

    return Connecting(lambda: open(url, **options))


def serve(
    url: str,
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
    keys: Keys | None = None,
    plain: bool = False,
    backlog: int = 32,
) -> Server:
    """Hear every device that appears on `udp://HOST:PORT` or `ws://HOST:PORT`; port 0 is any that is free.

    with ossicle.serve("udp://0.0.0.0:4747") as server:
        for mic in server:          # or server.accept(timeout)
            ...                     # each has its own stream; give it to a thread or a task

    The options are those of `open`, for each of the devices. Devices without a key in `keys` are passed over
    unless all is `plain`. At most `backlog` devices are started before they are accepted.

    Raises UrlError, ValueError for a parameter, LinkError for the port.
    """
    target = parse(url)
    if target.kind not in NETWORK:
        raise UrlError(f"{url}: devices appear on udp://HOST:PORT or ws://HOST:PORT", url)
    request = StreamRequest(
        rate=rate, channels=channels, codec=codec, mode=mode, hop=hop, overlap=overlap, gain=gain
    )
    wish = _wish(target, request, deadline_ms, timeout, keys, plain, None)
    from .server import Server

    return Server(target.kind, target.port, target.number, target.device, wish, backlog)


def _wish(
    target: Target,
    request: StreamRequest,
    deadline_ms: float,
    timeout: float,
    keys: Keys | None,
    plain: bool,
    resume: Resume | None,
) -> Wish:
    """On networks all is sealed unless it is to be plain, elsewhere nothing is unless the URL says so."""
    if not timeout > 0 or not deadline_ms >= 0:
        raise ValueError(f"timeout {timeout}, deadline_ms {deadline_ms}: above 0, and not below 0, is needed")
    plain = plain or target.plain
    if plain and target.sealed:
        raise ValueError("plain and sealed exclude each other")
    wish = Wish(request, deadline_ms, timeout, resume=resume)
    if target.kind == "emulator" or plain or not (target.sealed or target.kind in NETWORK):
        return wish
    return replace(wish, keys=key_of(keys if target.keys is None else target.keys))
