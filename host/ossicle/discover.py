"""Which serial ports there are, which of them look like boards and which answer; who calls on a network."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import quote

from serial.tools import list_ports

from .errors import LinkError, SilentError, UrlError
from .links.serial import SerialLink
from .proto.events import Hello
from .proto.receiver import Receiver
from .urls import NETWORK, parse

_PROBES_MAX = 16  # at once
_CALLERS_MAX = 1000
_PROBE_S = 4.0  # longer than a device needs to fall back to the default speed after its last host

BRIDGES: dict[tuple[int, int | None], str] = {
    (0x10C4, 0xEA60): "CP210x",
    (0x1A86, None): "CH340",
    (0x0403, None): "FTDI",
    (0x303A, None): "Espressif",
    (0x2E8A, 0x0005): "MicroPython",
}
"""USB vendor and product (None: any) of what ESP32 boards have; the device itself for Espressif."""


@dataclass(frozen=True, slots=True)
class Device:
    """A serial port, or a device on a network with the URL to open it.

    `bridge` names a USB chip that ESP32 boards have; `hello` is what answered, if asked.
    """

    port: str
    description: str = ""
    bridge: str = ""
    hello: Hello | None = None
    error: str = ""
    """Why the port could not be asked."""

    @property
    def likely(self) -> bool:
        """Answers, or looks like a board."""
        return self.hello is not None or bool(self.bridge)


def devices(probe: bool = True, timeout: float = _PROBE_S) -> list[Device]:
    """All serial ports: those that answer first, then those that look like boards.

    With `probe` each is opened and asked for at most `timeout` seconds, all at the same time. A port that is
    open elsewhere is not disturbed.
    """
    found = ports()
    if probe and found:
        with ThreadPoolExecutor(min(len(found), _PROBES_MAX)) as pool:
            found = list(pool.map(lambda device: ask(device, timeout), found))
    return sorted(found, key=lambda device: (device.hello is None, not device.bridge, device.port))


def callers(url: str, timeout: float = _PROBE_S) -> list[Device]:
    """The devices that say HELLO on `udp://HOST:PORT` or `ws://HOST:PORT` within `timeout` seconds.

    A device that a host listens to says nothing, and one that lost its host only some seconds later. Raises
    UrlError, and LinkError for the port.
    """
    target = parse(url)
    if target.kind not in NETWORK:
        raise UrlError(f"{url}: devices call on udp://HOST:PORT or ws://HOST:PORT", url)
    from .links.ports import listen
    from .network import HOST_NAME

    heard: dict[str, Device] = {}

    def tell(hello: Hello, address: str) -> None:
        if hello.device and (hello.device in heard or len(heard) < _CALLERS_MAX):
            heard[hello.device] = Device(f"{hub.url}?device={quote(hello.device)}", address, hello=hello)

    hub = listen(target.kind, target.port, target.number, HOST_NAME)
    try:
        forget = hub.watch(tell)
        time.sleep(timeout)
        forget()
    finally:
        hub.release()
    return sorted(heard.values(), key=lambda device: device.port)


def ports() -> list[Device]:
    """All serial ports of the system, unasked."""
    return [
        Device(info.device, info.description or "", _bridge(info.vid, info.pid))
        for info in list_ports.comports()
    ]


def ask(device: Device, timeout: float) -> Device:
    """The device with its HELLO, or with the reason why there is none."""
    try:
        hello = probe(device.port, timeout)
    except LinkError as error:
        return replace(device, error=str(error))
    return replace(device, hello=hello)


def probe(port: str, timeout: float) -> Hello | None:
    """Say HELLO on a port until it is answered, without starting anything. Raises LinkError."""
    link = SerialLink(port)
    try:
        receiver = Receiver(greet_only=True)
        stop = time.monotonic() + timeout
        while receiver.hello is None and time.monotonic() < stop:
            for data in receiver.to_send():
                link.write(data)
            came = link.read(0.02)
            for data in came:
                receiver.receive(data, time.monotonic())
            if not came:
                receiver.tick(time.monotonic())
            receiver.events()
        return receiver.hello
    finally:
        link.close()


def choose(timeout: float) -> str:
    """The port for "auto": the first that answers. Raises SilentError or LinkError, with other ways."""
    found = devices(timeout=min(timeout, _PROBE_S))
    answering = [device for device in found if device.hello is not None]
    if answering:
        return answering[0].port
    instead = "name the port, or try without a board: emulator:FILE"
    if not found:
        raise LinkError(f"no serial port was found; connect a board, or {instead}", "auto")
    likely = [device for device in found if device.bridge] or found
    broken = next((device.error for device in likely if device.error), "")
    if broken:
        raise LinkError(f"no device answers; {broken}", "auto")
    names = ", ".join(device.port for device in likely[:4])
    raise SilentError(
        f"no device answers on {names}: ossicle install puts the firmware on a board, or {instead}", timeout
    )


def _bridge(vid: int | None, pid: int | None) -> str:
    if vid is None:
        return ""
    return BRIDGES.get((vid, pid)) or BRIDGES.get((vid, None)) or ""
