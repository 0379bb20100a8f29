"""A receiver, a simulated device, bad lines between them, and a clock that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from simaudio import audio
from simdevice import SimDevice

from ossicle.proto import events as ev
from ossicle.proto.framing import DatagramFraming
from ossicle.proto.handshake import State
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

RATE = 16000
READ_S = 0.04  # that the pump waits for bytes


class Line:
    """A serial line that loses, corrupts, repeats and splits; for datagrams it would reorder, too."""

    def __init__(self, rng: Random, *, loss=0.0, noise=0.0, repeat=0.0, reorder=0.0, latency_s=0.0) -> None:
        self.rng = rng
        self.loss = loss
        self.noise = noise
        self.repeat = repeat
        self.reorder = reorder
        self.latency_s = latency_s
        self.cut = False
        self.flying: list[tuple[float, int, bytes]] = []
        self.count = 0

    def put(self, frame: bytes, now: float) -> None:
        rng = self.rng
        if self.cut or rng.random() < self.loss:
            return
        if rng.random() < self.noise:
            spoiled = bytearray(frame)
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
            frame = bytes(spoiled)
        for _ in range(2 if rng.random() < self.repeat else 1):
            late = rng.random() * 0.15 if rng.random() < self.reorder else 0.0
            self.count += 1
            self.flying.append((now + self.latency_s + late, self.count, frame))

    def get(self, now: float) -> list[bytes]:
        self.flying.sort()
        due = [frame for at, _, frame in self.flying if at <= now]
        self.flying = [item for item in self.flying if item[0] > now]
        return due


class World:
    """A receiver, a device, two lines and a clock that nobody has to wait for."""

    def __init__(self, receiver, device: SimDevice, down: Line | None = None, up: Line | None = None) -> None:
        self.receiver = receiver
        self.device = device
        self.down = down or Line(Random(1))
        self.up = up or Line(Random(2))
        self.now = 100.0
        self.device.now = self.device.heard_at = self.now
        self.events: list[object] = []
        self.split = Random(3)
        self.whole = device.datagrams
        self.eager = True  # else `tick` is called as rarely as the pump does
        self.ticked = self.now

    @property
    def garbled(self) -> bool:
        device = self.device
        return not device.datagrams and (
            self.receiver.baud != device.baud or device.baud in device.deaf_bauds
        )

    def due(self) -> bool:
        """Would the pump call `tick` now, though nothing has come?"""
        return self.eager or self.now - self.ticked >= min(READ_S, self.receiver.wait_s(self.ticked))

    def step(self, dt: float = 0.01) -> None:
        self.now += dt
        receiver, device = self.receiver, self.device
        if self.due():
            self.ticked = self.now
            receiver.tick(self.now)
        self.collect()
        for frame in device.step(self.now):
            self.down.put(self.split.randbytes(len(frame)) if self.garbled else frame, self.now)
        device.after_sending()
        came = self.down.get(self.now)
        if device.datagrams:
            for datagram in came:
                self.hear(datagram)
            return
        data = b"".join(came)
        while data:
            cut = len(data) if self.whole else self.split.choice((1, 3, 100, 1000, 5000))
            self.hear(data[:cut])
            data = data[cut:]

    def hear(self, data: bytes) -> None:
        self.ticked = self.now
        self.receiver.receive(data, self.now)
        self.collect()

    def collect(self) -> None:
        self.events += self.receiver.events()
        for data in self.receiver.to_send():
            self.up.put(self.split.randbytes(len(data)) if self.garbled else data, self.now)
        for data in self.up.get(self.now):
            self.device.receive(data)

    def run(self, seconds: float, until: Callable[[], bool] | None = None, *, step_s: float = 0.01) -> bool:
        stop = self.now + seconds
        while self.now < stop:
            self.step(step_s)
            if until is not None and until():
                return True
        return until is None


@dataclass
class Told:
    """What a run of events says, checked as it is read."""

    frames: int
    gaps: list[ev.Gap]
    ended: int | None


def check(told, channels=1, heard=None):
    """Every frame right and once, every other position in a gap; positions go on without a break.

    `heard(start, stop)` gives the frames there are to be, where these are not what the microphone hears.
    """
    position = 0
    frames = 0
    gaps = []
    ended = None
    for event in told:
        if isinstance(event, ev.Audio):
            assert ended is None
            assert event.start == position
            if heard is None:
                wanted = audio(event.start, event.stop, channels)
            else:
                wanted = heard(event.start, event.stop)
            assert np.array_equal(event.frames, wanted)
            assert not event.frames.flags.writeable
            position = event.stop
            frames += len(event.frames)
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = 0 if event.stop is None else event.stop
            gaps.append(event)
        elif isinstance(event, ev.Ended):
            ended = event.stop
            assert ended == position
    return Told(frames, gaps, ended)


def world(seed=1, *, request=None, deadline_ms=200, down=None, up=None, **device):
    request = request or StreamRequest()
    settings = {"framing": DatagramFraming(), "baud": None} if device.get("datagrams") else {}
    receiver = Receiver(request, deadline_ms=deadline_ms, random=Random(seed), **settings)
    return World(receiver, SimDevice(Random(seed + 1), **device), down, up)


def ended(w):
    return lambda: w.receiver.state is State.ENDED


def of(w, kind):
    return [e for e in w.events if isinstance(e, kind)]
