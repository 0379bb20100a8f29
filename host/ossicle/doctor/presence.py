"""What there is on a port on which no firmware answers: a REPL, a chip without MicroPython, nothing."""

from __future__ import annotations

import re
import time

from ossicle.discover import devices
from ossicle.errors import (
    DeviceError,
    KeyMissingError,
    LinkError,
    OssicleError,
    ProtocolVersionError,
    RefusedError,
    SilentError,
)
from ossicle.links.serial import SerialLink
from ossicle.proto._wire import Reason
from ossicle.urls import parse

from .finding import Finding, fault

PORTS_MAX = 4  # that are asked, of those that look like boards
HEARD_MAX_BYTES = 8192
_LISTEN_S = 0.5
_ANSWER_S = 1.5
_FRIENDLY = b"\r\x02"  # an empty line; then Ctrl-B, which leaves a raw REPL and prints MicroPython's banner
_BANNER = re.compile(rb"MicroPython (v?[\w.+-]+)[^\r\n]*?; ?([^\r\n]+)")

# What the ROM of an ESP32 prints (esp-idf, esptool's boot log advisory), and what it means.
_ROM = (
    (
        b"invalid header",
        "empty",
        "the chip has no program in its flash",
        "write MicroPython on it: ossicle install --image FILE.bin",
    ),
    (
        b"waiting for download",
        "download",
        "the chip waits to be flashed",
        "let go of BOOT and press RESET (EN); or write MicroPython on it: ossicle install --image FILE.bin",
    ),
    (
        b"Brownout detector",
        "brownout",
        "the chip's supply breaks down when it starts",
        "use another USB cable or port, without a hub, and take what else it feeds away",
    ),
)


def listen(port: str) -> bytes:
    """What a port says by itself and to an empty line. Raises LinkError."""
    link = SerialLink(port)
    heard = b""
    try:
        for question, seconds in ((b"", _LISTEN_S), (_FRIENDLY, _ANSWER_S)):
            if question:
                link.write(question)
            stop = time.monotonic() + seconds
            while time.monotonic() < stop and len(heard) < HEARD_MAX_BYTES:
                heard += b"".join(link.read(0.05))
                if b"MicroPython" in heard and heard.endswith(b">>> "):
                    return heard
        return heard
    finally:
        link.close()


def explain(port: str, heard: bytes) -> Finding:
    """What the bytes of `listen` mean."""
    for words, name, text, cure in _ROM:
        if words in heard:
            return fault(name, f"{port}: {text}", cure, port=port)
    if b">>> " in heard:
        banner = _BANNER.search(heard)
        of = f" of {_shown(banner[1])} on {_shown(banner[2])}" if banner else ""
        return fault(
            "repl",
            f"{port}: the board is at MicroPython's REPL{of}, and no firmware runs",
            f"install it: ossicle install {port}; if it is installed, ossicle logs {port} tells why it ended",
            port=port,
        )
    if heard:
        return fault(
            "stranger",
            f"{port}: what comes from there ({len(heard)} bytes) is neither the firmware nor a REPL",
            "see whether it is the right port, and whether another program runs on the board",
            port=port,
            bytes=len(heard),
        )
    return fault(
        "no_answer",
        f"{port}: nothing answers there, neither the firmware nor a REPL",
        "use a USB cable that carries data, press RESET (EN), and close other programs that have the port",
        port=port,
    )


def _shown(text: bytes) -> str:
    return "".join(c if c.isprintable() else "?" for c in text.decode(errors="replace"))[:80]


def of_port(port: str) -> Finding:
    """The finding for a port on which no firmware answers."""
    try:
        return explain(port, listen(port))
    except LinkError as error:
        return of_error(error)


def of_error(error: OssicleError, url: str = "") -> Finding:
    """The finding for what `ossicle.open` raised."""
    if isinstance(error, SilentError):
        target = parse(url) if url else None
        if target is not None and target.kind == "serial":
            return of_port(target.port)
        return fault(
            "no_answer",
            str(error),
            "see that the board is on, and that its ssid, host and port are right (ossicle config); its "
            "serial port tells more: ossicle doctor PORT",
        )
    if isinstance(error, RefusedError) and error.reason == Reason.MICROPHONE:
        return fault(
            "microphone",
            str(error),
            "check i2s, sck, ws and sd (ossicle config PORT); for memory lower ibuf or ring_samples",
        )
    if isinstance(error, RefusedError):
        return fault("refused", str(error), "give another --rate, --channels or --codec")
    if isinstance(error, KeyMissingError):
        return fault("key", str(error), "make one and put it on the board: ossicle key new")
    if isinstance(error, ProtocolVersionError):
        return fault("version", str(error), "ossicle install puts the firmware of this package on the board")
    if isinstance(error, DeviceError):
        return fault("device", str(error), "press RESET (EN), and try again")
    return fault("port", str(error), "see that the board is connected and that no other program has the port")


def find(timeout: float) -> tuple[str | None, list[Finding]]:
    """The port that answers, or what is found on those that look like boards."""
    found = devices(timeout=min(timeout, 4.0))
    answering = [device.port for device in found if device.hello is not None]
    if answering:
        return answering[0], []
    if not found:
        return None, [
            fault(
                "no_port",
                "there is no serial port on this computer",
                "connect the board by a USB cable that carries data; a CP210x or CH340 may need a driver",
            )
        ]
    likely = [device for device in found if device.bridge] or found
    told = [
        fault("port", device.error, "close other programs that have the port")
        if device.error
        else of_port(device.port)
        for device in likely[:PORTS_MAX]
    ]
    return None, told
