"""Simulated devices on real sockets: UDP and WebSocket, with a thread for all of them.

Faults are planted where a device sends and hears, by a generator of its own.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import socket
from collections.abc import Callable, Iterator
from random import Random
from threading import Thread
from time import monotonic, sleep
from zlib import crc32

import numpy as np
from simaudio import audio
from simdevice import SimDevice
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ossicle.proto import events as ev
from ossicle.proto._wire import PACKET_MAX_BYTES, STATUS_STRUCT, Kind
from ossicle.proto.framing import DatagramFraming
from ossicle.proto.packets import Packet, encode

HERE = "127.0.0.1"
LATE_S = 20.0
TURN_S = 0.002
HELLO_S = 0.1  # W-17 has a second; tests need not wait as long
BAUD = 8_000_000  # what the link carries, as the device counts it


def hello(device: str, **more) -> bytes:
    """A HELLO with this id."""
    told = json.dumps({"ossicle": 1, "device": device, **more}).encode()
    return encode(Packet(Kind.HELLO, 0, 0, 0, 0, 0, told))


def packet(kind=Kind.STATUS, *, size=STATUS_STRUCT.size, flags=0) -> bytes:
    """A packet of zeros that a hub takes for a device's."""
    data = bytes([kind, flags]) + bytes(14 + size)
    return data + crc32(data).to_bytes(4, "little")


class Faults:
    """What a network does to datagrams."""

    def __init__(self, seed: int, *, drop=0.0, repeat=0.0, reorder=0.0, corrupt=0.0) -> None:
        self.rng = Random(seed)
        self.drop, self.repeat, self.reorder, self.corrupt = drop, repeat, reorder, corrupt

    def of(self, data: bytes) -> list[tuple[float, bytes]]:
        """(late by seconds, datagram) for each that arrives."""
        rng = self.rng
        if rng.random() < self.drop:
            return []
        if rng.random() < self.corrupt:
            spoiled = bytearray(data)
            spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
            data = bytes(spoiled)
        late = rng.random() * 0.04 if rng.random() < self.reorder else 0.0
        return [(late, data)] * (2 if rng.random() < self.repeat else 1)


NO_FAULTS = Faults(0)


class UdpEnd:
    """A device's socket, to one address."""

    def __init__(self, address, *, local="127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("::1" if family == socket.AF_INET6 else local, 0))
        self.socket.connect(address)
        self.socket.setblocking(False)

    def get(self) -> list[bytes]:
        came = []
        with contextlib.suppress(OSError):
            while len(came) < 64:
                came.append(self.socket.recv(2048))
        return came

    def put(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def close(self) -> None:
        self.socket.close()


class WebSocketEnd:
    """A device's connection; opens another when it ends."""

    def __init__(self, address) -> None:
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"ws://{host}:{address[1]}/ossicle"
        self.connection: ClientConnection | None = None
        self.opened = 0
        self.tried_at = float("-inf")
        self._held = contextlib.ExitStack()

    def get(self) -> list[bytes]:
        if self.connection is None and monotonic() - self.tried_at >= 0.1:
            self.tried_at = monotonic()
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                self.connection = self._held.enter_context(
                    connect(
                        self.url, subprotocols=["ossicle"], compression=None, max_size=PACKET_MAX_BYTES,
                        open_timeout=2, close_timeout=0.2, ping_interval=None,
                    )
                )  # fmt: skip
                self.opened += 1
        came: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            while self.connection is not None and len(came) < 64:
                try:
                    came.append(self.connection.recv(timeout=0))
                except ConnectionClosed:
                    self.connection = None
        return came

    def put(self, data: bytes) -> None:
        if self.connection is not None:
            with contextlib.suppress(ConnectionClosed, OSError):
                self.connection.send(data)

    def cut(self) -> None:
        """The network resets the connection."""
        self.connection.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.connection = None
        self._held.close()


ENDS = {"udp": UdpEnd, "ws": WebSocketEnd}


class NetDevice(SimDevice):
    """A device with its end of a link, and what happens on the way."""

    def __init__(self, name: str, end, *, seed=1, shift=0, faults: Faults = NO_FAULTS, **more) -> None:
        super().__init__(Random(seed), max_baud=0, **more)
        self.name = name
        self.shift = shift
        self.framing = DatagramFraming()
        self.hello_at = float("-inf")
        self.baud = BAUD
        self.end = end
        self.faults = faults
        self.late: list[tuple[float, int, bool, bytes]] = []
        self.count = 0
        self.mute = False
        """Nothing comes through, either way."""
        self.opened = 0

    def turn(self, now: float) -> None:
        for data in self.end.get():
            self._pass(now, False, data)
        if getattr(self.end, "opened", 0) != self.opened:
            self.opened = self.end.opened
            self.on_hello(None)
        alone = self.suspended or now - self.heard_at >= 3.0 or not self.heard
        if alone and now - self.hello_at >= HELLO_S:
            self.hello_at = now
            self.on_hello(None)
        for data in self.step(now):
            self._pass(now, True, data)
        self.after_sending()
        self.baud = BAUD
        while self.late and self.late[0][0] <= now:
            _, _, out, data = heapq.heappop(self.late)
            if out:
                self.end.put(data)
            else:
                self.receive(data)

    def _pass(self, now: float, out: bool, data: bytes) -> None:
        for late, what in [] if self.mute else self.faults.of(data):
            self.count += 1
            heapq.heappush(self.late, (now + late, self.count, out, what))


class Fleet:
    """Runs devices until `stop`."""

    def __init__(self, *devices: NetDevice) -> None:
        self.devices = list(devices)
        self.failure: Exception | None = None
        self._stopping = False
        self._todo: list = []
        for device in devices:
            device.now = device.heard_at = monotonic()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping:
                while self._todo:
                    self._todo.pop()()
                for device in list(self.devices):
                    device.turn(monotonic())
                sleep(TURN_S)
        except Exception as error:
            self.failure = error

    def between(self, action) -> None:
        """Have it done between two turns."""
        self._todo.append(action)

    def add(self, device: NetDevice) -> None:
        device.now = device.heard_at = monotonic()
        self.devices.append(device)

    def stop(self) -> None:
        self._stopping = True
        self._thread.join(5)
        for device in self.devices:
            device.end.close()
        assert self.failure is None, self.failure


@contextlib.contextmanager
def fleet(*devices: NetDevice) -> Iterator[Fleet]:
    running = Fleet(*devices)
    try:
        yield running
    finally:
        running.stop()


def exact(events, shift: int = 0) -> tuple[int, list[ev.Gap]]:
    """Frames and gaps of a stream from 0 on; every frame is where it belongs, and this device's."""
    position, frames, gaps = 0, 0, []
    for event in events:
        if isinstance(event, ev.Audio):
            assert event.start == position
            assert np.array_equal(event.frames, audio(event.start + shift, event.stop + shift))
            position = event.stop
            frames += len(event.frames)
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = event.stop or 0
            gaps.append(event)
    return frames, gaps


def free_port() -> int:
    """A port of this machine that nobody has, for UDP and TCP."""
    while True:
        with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            one.bind((HERE, 0))
            number = one.getsockname()[1]
            with contextlib.suppress(OSError):
                other.bind((HERE, number))
                return number


def device(kind: str, number: int, name: str = "one", **more) -> NetDevice:
    """A device that calls at a port of this machine."""
    return NetDevice(name, ENDS[kind]((HERE, number)), **more)


def url(kind: str, number: int, more: str = "") -> str:
    """Where it calls, unsealed."""
    return f"{kind}://{HERE}:{number}?plain=1{more}"


def until(predicate) -> None:
    """Wait, but not for ever."""
    stop = monotonic() + LATE_S
    while not predicate():
        assert monotonic() < stop
        sleep(0.005)


def collect(mic) -> Callable[[], list]:
    """Take all events in a thread; what is returned waits for them."""
    events = []
    thread = Thread(target=lambda: events.extend(mic.events()))
    thread.start()

    def wait():
        thread.join(90)
        assert not thread.is_alive()
        return events

    return wait
