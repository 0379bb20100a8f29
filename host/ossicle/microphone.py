"""A microphone: one device, one stream, any number of consumers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .block import Block
from .errors import KeyMissingError, OssicleError, ProtocolVersionError, RefusedError, SilentError
from .latency import NONE, Histogram, Latency
from .links.link import Link
from .links.peer import PeerCounts
from .locks import RLock
from .proto._wire import Reason
from .proto.counters import Stats
from .proto.events import Event, Hello, NoKey, Refused, Started, WrongVersion
from .proto.handshake import State
from .proto.receiver import Receiver
from .proto.request import Resume
from .pump import Pump, explain
from .segments import Segments
from .subscription import ConsumerStats, Subscription
from .wall import WallClock

_PRIMARY_S = 5.0
_LEFT_ALONE_S = 2.0  # that a full buffer which nobody has begun to read may hold others back
_STOP_S = 3.0
_PART_S = 1.0
_AGE_WITHIN_S = 0.05  # an age that is less sure is not counted


@dataclass(frozen=True, slots=True)
class MicrophoneStats:
    """A snapshot of everything that is counted."""

    link: Stats
    """Of the protocol, with the device's own counters in `link.device`."""
    consumers: tuple[ConsumerStats, ...]
    """The microphone's own buffer first, then the subscriptions."""
    network: PeerCounts | None = None
    """Of datagrams or messages, where the device is on a network."""
    latency: Latency = NONE
    """From capture to application, of all consumers there were."""
    wall_steps: int = 0
    """Times that the wall clock jumped; `Block.time` is by the setting of the moment at which it is told."""
    wall_moved_s: float = 0.0
    """The sum of these jumps in seconds."""


class Microphone:
    """An open microphone, as `ossicle.open` gives it. A context manager.

    `blocks`, `read`, `segments` and `events` all take from the same buffer, which holds five seconds or
    three times the device's ring; so use one of them, from one thread. For more consumers `subscribe`.

    A source that can wait (an emulator that runs flat out) waits for that buffer, so nothing is lost however
    slow the reader is; only where subscriptions are read and this buffer is not, it is given up after two
    seconds. A real microphone cannot wait: what does not fit is a gap with the cause "overflow".
    """

    def __init__(
        self,
        link: Link,
        receiver: Receiver,
        *,
        timeout: float,
        notes: tuple[str, ...] = (),
        diagnose: Callable[[], str | None] = lambda: None,
        release: Callable[[], object] = lambda: None,
        hang_up: bool = False,
        counts: Callable[[], PeerCounts | None] = lambda: None,
    ) -> None:
        self._link = link
        self._receiver = receiver
        self._timeout = timeout
        self._notes = notes
        self._release = release
        self._hang_up = hang_up
        self._counts = counts
        self._lock = RLock()  # of the list of consumers
        self._primary = Subscription(
            _PRIMARY_S,
            waits=True,
            time_of=self.time_of,
            leave=self._leave,
            position=receiver.position,
            age_of=self._age_of,
        )
        self._ages = Histogram()  # of consumers that left
        self._consumers = [self._primary]
        self._started: Started | None = None
        self._position = receiver.position  # of what consumers get next
        self._failure: OssicleError | None = None
        self._finished = False
        self._end: Exception | None = None
        self._closed = False
        self._full_since: float | None = None
        self._wall = WallClock()
        self._pump = Pump(
            link,
            receiver,
            deliver=self._deliver,
            finish=self._finish,
            hold=self._hold,
            diagnose=diagnose,
            patience_s=timeout,
        )

    def start(self) -> None:
        """Find the device and start the stream; raises what `ossicle.open` documents."""
        self._pump.start()
        started = self._pump.wait_for(
            lambda: self._started is not None or self._failure is not None, self._timeout
        )
        error = self._failure or self._end
        if error is None and not started:
            error = SilentError(explain(self._receiver, self._link, self._timeout), self._timeout)
        if error is not None:
            self.close()
            raise error

    # What it is

    @property
    def rate(self) -> int:
        """Frames a second, as the device calls it; `stats.link.true_rate` is what was measured."""
        return self._in_force.rate

    @property
    def channels(self) -> int:
        """Channels."""
        return self._in_force.channels

    @property
    def device(self) -> str:
        """The device's id."""
        return self.hello.device

    @property
    def hello(self) -> Hello:
        """All that the device said of itself."""
        return self._receiver.hello or Hello(0)

    @property
    def started(self) -> Started:
        """The parameters in force."""
        return self._in_force

    def resume(self, position: int | None = None) -> Resume:
        """What `ossicle.open(resume=...)` of a later process needs to go on with this stream.

        `position` is the first frame that is still wanted, None for the next one that the microphone's own
        buffer gives. The device has it as long as its ring holds it, and no longer than until it restarts
        or this stream is stopped; so whoever wants to come back must not `close`.
        """
        started = self._in_force
        position = self._primary.position if position is None else position
        return Resume(started.stream_id, position, started.hop, self._receiver.baud)

    @property
    def notes(self) -> list[str]:
        """What the user should know: conversions of a recording, configuration values that were refused."""
        return [*self._notes, *self.hello.notes]

    @property
    def primary(self) -> Subscription:
        """The buffer that `blocks`, `read`, `segments` and `events` take from."""
        return self._primary

    @property
    def stats(self) -> MicrophoneStats:
        """A snapshot of every counter."""
        with self._pump.lock:
            link = self._receiver.stats()
        with self._lock:
            consumers = tuple(consumer.stats() for consumer in self._consumers)
            ages = Histogram()
            for counted in (self._ages, *(consumer.ages for consumer in self._consumers)):
                ages.merge(counted)
        wall = self._wall
        return MicrophoneStats(link, consumers, self._counts(), ages.snapshot(), wall.steps, wall.moved_s)

    @property
    def _in_force(self) -> Started:
        if self._started is None:
            raise RuntimeError("the microphone is not started")
        return self._started

    # Hearing

    def blocks(
        self, blocksize: int = 512, overlap: int = 0, *, dtype: str = "int16", always_2d: bool = False
    ) -> Iterator[Block]:
        """Blocks of `blocksize` frames, the next one `blocksize - overlap` frames later; see `Block`.

        A block ends early at a gap and at the end of the stream; `Block.gaps` names the gaps before it.
        `dtype` is "int16", or "float32" in [-1, 1). Ends with the stream; raises LinkError or DeviceError
        when it broke.
        """
        return self._primary.blocks(blocksize, overlap, dtype=dtype, always_2d=always_2d)

    def read(self, frames: int, timeout: float | None = None, *, dtype: str = "int16") -> Block:
        """The next `frames` frames; fewer at a gap, none at the end. TimeoutError takes nothing."""
        return self._primary.read(frames, timeout, dtype=dtype)

    def segments(self, vad: str = "auto", **options: Any) -> Segments:
        """Stretches of speech, each as soon as it is over; `options` are those of `ossicle.Segmenter`,
        `preset` among them. `configure` of what is returned changes them meanwhile, for this stream alone.
        """
        return self._primary.segments(vad, **options)

    def events(self) -> Iterator[Event]:
        """Everything, in order: Audio, Gap, and what device and link have to say between them."""
        return self._primary.events()

    def subscribe(self, maxsize_s: float = 5.0, overflow: str = "overwrite") -> Subscription:
        """A consumer of its own, with a buffer of `maxsize_s` seconds; any number, none holds another back.

        It begins with what the microphone's own buffer holds, if nobody has read from that, else with what
        comes next. When it is not read in time, "overwrite" drops its oldest frames and tells a gap; "wait"
        lets a source that can wait do so, and else does the same; close it when it is no longer read. Raises
        ValueError for anything else.
        """
        if overflow not in ("overwrite", "wait"):
            raise ValueError(f"overflow {overflow!r}: overwrite or wait")
        consumer = Subscription(
            maxsize_s,
            waits=overflow == "wait",
            time_of=self.time_of,
            leave=self._leave,
            age_of=self._age_of,
        )
        with self._lock:
            if self._primary.begun:
                consumer.begin_at(self._in_force, self._position)
            else:
                consumer.begin_like(self._primary)
            if self._finished:
                consumer.finish(self._end)
            self._consumers.append(consumer)
        return consumer

    def time_of(self, position: int) -> tuple[float, float] | None:
        """When the frame of a position was captured, as Unix time, and how sure that is; both in seconds.
        None while nothing is known. The wall clock counts as it is set now: see `stats.wall_steps`."""
        with self._pump.lock:
            found = self._receiver.time_of(position)
        return None if found is None else (found[0] + self._wall.offset, found[1])

    def _age_of(self, position: int) -> float | None:
        with self._pump.lock:
            found = self._receiver.time_of(position)
        if found is None or found[1] > _AGE_WITHIN_S:
            return None
        age = time.monotonic() - found[0]
        return age if age >= -found[1] else None

    # Ending

    def stop(self) -> None:
        """Ask the device to end the stream. What it captured still comes, then the iterations end."""
        self._pump.do(self._receiver.stop)

    def close(self) -> None:
        """End the stream, give the port back. Iterations end; what nobody read is dropped."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._pump.alive and not self._hang_up:
                self._take_leave()
        finally:
            self._pump.close()
            self._finish(None)
            self._release()

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _take_leave(self) -> None:
        """So that the next host finds the device as this one did."""
        receiver = self._receiver
        if receiver.state in (State.STREAMING, State.STOPPING):
            self._pump.do(receiver.stop)
            self._pump.wait_for(lambda: receiver.state is State.ENDED, _STOP_S)
        if receiver.state in (State.ENDED, State.FAILED):
            self._pump.do(receiver.part)
            self._pump.wait_for(lambda: receiver.state is State.OVER, _PART_S)

    # The pump's side

    def _deliver(self, events: list[Event]) -> None:
        with self._lock:
            for consumer in self._consumers:
                consumer.put(events)
            self._position = self._receiver.position
        for event in events:
            self._note(event)
        ended = self._receiver.state in (State.ENDED, State.PARTING, State.OVER)
        if ended or self._failure is not None:
            self._finish(self._failure)

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._started = event
        elif isinstance(event, WrongVersion):
            self._failure = ProtocolVersionError(event.device, event.host)
        elif isinstance(event, NoKey):
            self._failure = KeyMissingError(event.device, event.why)
        elif isinstance(event, Refused):
            text = event.text
            failed = sorted(self._receiver.failed_speeds)
            if event.reason == Reason.LINK_TOO_SLOW and failed:
                text += f" (nothing was heard at {' and '.join(map(str, failed))} baud)"
            elif event.reason == Reason.LINK_TOO_SLOW and self._link.url.startswith("socket://"):
                text += "; socket:// cannot change the far end's speed: rfc2217:// can, or take codec adpcm"
            self._failure = RefusedError(event.reason, text)

    def _finish(self, error: Exception | None) -> None:
        with self._lock:
            if not self._finished:
                self._finished = True
                self._end = error
            for consumer in self._consumers:
                consumer.finish(error)

    def _hold(self) -> int | None:
        """Acknowledge no more than those who wait can hold."""
        if self._closed:
            return None
        if len(self._consumers) == 1:
            self._full_since = None
            return self._primary.hold
        waiting = [consumer for consumer in self._consumers if consumer.waits]
        if self._is_left_alone(waiting):
            waiting.remove(self._primary)
        return min((consumer.hold for consumer in waiting), default=None)

    def _is_left_alone(self, waiting: list[Subscription]) -> bool:
        """Others are read, the own buffer is full, and nobody has begun to read it for a while."""
        primary = self._primary
        if primary.begun or self._position < primary.hold or not any(consumer.begun for consumer in waiting):
            self._full_since = None
            return False
        if self._full_since is None:
            self._full_since = time.monotonic()
        return time.monotonic() - self._full_since >= _LEFT_ALONE_S

    def _leave(self, consumer: Subscription) -> None:
        with self._lock:
            if consumer in self._consumers and consumer is not self._primary:
                self._consumers.remove(consumer)
                self._ages.merge(consumer.ages)
