"""The host's side of the wire, without a wire.

    receiver.receive(data, now)     what came from the link
    receiver.tick(now)              time passed; call it at least every 50 ms
    receiver.events()               what became true meanwhile: frozen values of `events`, in order
    receiver.to_send()              what to write now: a list, each item one write or one datagram
    receiver.baud                   the speed the link should have: set it before writing

After each `receive` and each `tick` collect the events, set the speed, and write, in this order.

The rules of the room:

1. *No clock, no thread, no socket, no randomness of its own.* `now` is a monotonic time in seconds that the
   caller passes in, and random numbers come from the generator that it gave. So each test is exact, and a
   run can be replayed.
2. *The device's ring is a remote ring that this reads.* There is one way to get audio that is not there,
   whatever took it: ask by sequence. Nothing here tells a lost packet from a broken cable.
3. *What was told is never taken back*: each frame comes once, in order, or lies in one gap. `Reassembly`
   alone decides that; nobody else emits Audio or Gap.
4. *Nothing that comes in raises.* What cannot be believed is counted, by its reason, and costs no other
   packet. What does raise is a mistake of the caller.
5. *Everything has a bound*: the chunks kept ahead by the device's ring, all else by a constant beside it.
   What a bound refuses is counted.

Who does what: `handshake` gets from silence to a stream and back, `reassembly` puts chunks in order,
`requests` decides what to ask for again and when to stop waiting, `acks` when to acknowledge, `clock` knows
times and rates. They know nothing of each other but what their arguments say. This file only carries
packets between them, and owns the session.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from random import Random, SystemRandom

from ossicle.errors import PacketError

from . import _wire as wire
from . import hello
from ._wire import DEVICE_KINDS, Kind, Reason
from .counters import Counters, Refusals, Stats
from .events import Event, Hello, Log, Pong, Refused, Silent, Status, cause_name
from .framing import Framing, SerialFraming
from .handshake import Handshake, State, Trigger
from .packets import Packet, decode, encode, ranges, text
from .request import Resume, StreamRequest
from .seal import KeyOf, Seal
from .stream import Stream
from .succession import Succession

_SILENT_S = 2.0  # without a valid packet, though STATUS comes each second: look for the device again
_EVENTS_MAX = 20_000
_CTRL_C = 0x03
_NUMBERS_MAX = 64  # that are tried; nine in ten frames have none
_OUT_MAX = 64
_IN_SESSION = frozenset({State.STREAMING, State.STOPPING, State.ENDED})
_SESSIONLESS_OUT = frozenset({Kind.HELLO, Kind.START, Kind.SET})
_SESSIONLESS_IN = frozenset({Kind.HELLO, Kind.STARTED, Kind.REFUSED, Kind.SET_REPLY, Kind.LOG})


class Receiver:
    """Reads one device's ring. See the head of this file for the order of calls.

    `deadline_ms` counts in mode "live" only. `baud` is the speed of the link as it was opened, None for one
    without a speed. `name` is what the device is told of this host. `greet_only` asks who is there and
    starts nothing. `resume` goes on with a stream that an earlier process heard, if the device still has it:
    what is told begins at that position. If not, a gap of unknown length and cause "reset" comes first, then
    a new stream. `keys` gives the pre-shared key of a device by its id: then nothing goes unsealed but HELLO.
    """

    def __init__(
        self,
        request: StreamRequest | None = None,
        *,
        framing: Framing | None = None,
        deadline_ms: float = 200,
        baud: int | None = wire.DEFAULT_BAUD,
        name: str = "ossicle",
        random: Random | None = None,
        greet_only: bool = False,
        resume: Resume | None = None,
        keys: KeyOf | None = None,
    ) -> None:
        self.request = request or StreamRequest()
        self.counters = Counters()
        self.refused = Refusals()
        self.status: wire.StatusFields | None = None
        self._framing = framing or SerialFraming()
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._number = 0  # of the next packet out
        self._heard = float("-inf")
        self._hold: int | None = None
        self._speed = baud  # at which the framing's unfinished frame came
        deadline_s = deadline_ms / 1000 if self.request.mode == "live" else None
        self._succession = Succession(self.request, deadline_s, self.counters, self._tell, resume)
        rng = random or SystemRandom()
        self._seal = Seal(keys, name, rng) if keys is not None else None
        self._handshake = Handshake(
            self.request,
            baud=baud,
            name=name,
            rng=rng,
            send=self._send,
            start=self._succession.start,
            tell=self._tell,
            greet_only=greet_only,
            seal=self._seal,
            fast=resume.baud if resume is not None else None,
        )
        self._handlers: dict[int, Callable[[Packet, float], None]] = {
            Kind.HELLO: self._on_hello,
            Kind.STARTED: self._on_started,
            Kind.AUDIO: self._on_audio,
            Kind.GONE: self._on_gone,
            Kind.PONG: self._on_pong,
            Kind.STATUS: self._on_status,
            Kind.LOG: self._on_log,
            Kind.REFUSED: self._on_refused,
            Kind.SET_REPLY: self._on_set_reply,
        }

    # The five calls of the room

    def receive(self, data: bytes, now: float) -> bool:
        """Take what came from the link: any number of bytes, or exactly one datagram.

        True when something in it can only be from the device: a valid packet of the session in force, or a
        HELLO while none is; with keys, a packet that opens.
        """
        self.counters.bytes_in += len(data)
        believed = False
        for raw in self._framing.feed(data):
            try:
                packet = decode(raw, DEVICE_KINDS) if self._seal is None else self._seal.open(raw)
                believed |= self._take(packet, now)
            except PacketError as error:
                self.refused.add(error.reason)
        self.tick(now)
        return believed

    def tick(self, now: float) -> None:
        """Do what is due by now."""
        state = self._handshake.state
        if state in _IN_SESSION and self.stream is not None:
            self.stream.work(now, self._heard, self._hold, self._send)
            if self.stream.audio.ended:  # also by what was given up, or is gone: no packet says so then
                self._handshake.move(Trigger.END, now)
            if state is State.STREAMING and now - self._heard >= _SILENT_S:
                self.counters.silences += 1
                self._tell(Silent(now - self._heard))
                self._handshake.lost(now, self._heard)
            elif state is State.STREAMING and self._seal is not None and self._seal.spent:
                self._handshake.lost(now, self._heard)
        if state is not State.STREAMING:
            self._handshake.tick(now)
            if state is State.STOPPING and self._handshake.state is State.ENDED and self.stream is not None:
                self.stream.audio.close()
        if self._handshake.baud != self._speed:
            self._speed = self._handshake.baud
            self._framing.reset()

    def events(self) -> list[Event]:
        """What became true since the last call."""
        told, self._events = self._events, []
        return told

    def to_send(self) -> list[bytes]:
        """What to write, each item by itself. Dropping it loses nothing: all that matters is repeated."""
        out, self._out = self._out, []
        if not out:
            return out
        if self._framing.joins:
            return [self._framing.lead + b"".join(out)]
        return out

    def wait_s(self, now: float) -> float:
        """After so many seconds `tick` has something to do that should not be late; 0 for at once."""
        if self.stream is None or self._handshake.state is not State.STREAMING:
            return float("inf")
        return max(0.0, self.stream.due_at - now)

    @property
    def baud(self) -> int | None:
        """The speed that the link should have now."""
        return self._handshake.baud

    # What the caller may want

    @property
    def state(self) -> State:
        """Where host and device are with each other."""
        return self._handshake.state

    @property
    def stream(self) -> Stream | None:
        """The stream in force, or the last one."""
        return self._succession.stream

    @property
    def misfit(self) -> str:
        """Why the device's answers to START are not believed, "" where nothing is wrong with them."""
        return self._succession.misfit

    @property
    def hello(self) -> Hello | None:
        """What the device said of itself last."""
        return self._handshake.hello

    @property
    def position(self) -> int:
        """The position after all that was told as audio or as a gap."""
        return self._succession.position

    @property
    def failed_speeds(self) -> frozenset[int]:
        """Speeds at which nothing was heard, or that the device declined."""
        return frozenset(self._handshake.failed_speeds)

    def stop(self, now: float) -> None:
        """Ask the device to end the stream: what it captured still comes, then Ended."""
        self._hold = None
        self._handshake.move(Trigger.STOP, now)
        self.tick(now)

    def part(self, now: float) -> None:
        """Take leave after Ended: leave the link as it was found. Done when `state` is OVER."""
        self._handshake.part(now)
        self.tick(now)

    def lost(self, now: float) -> None:
        """The link was closed and opened anew: say HELLO again, then resume."""
        self._framing.reset()
        self._handshake.lost(now, self._heard)
        self._heard = now

    def hold(self, position: int | None) -> None:
        """Acknowledge nothing from `position` on, so that a source that can wait does. None: no limit."""
        self._hold = position

    def time_of(self, position: int) -> tuple[float, float] | None:
        """When `position` was captured by the clock of `now`, and how sure that is; both in seconds. None
        where it is not known, and for positions that were not told: those of a stream before this one."""
        stream = self.stream
        if stream is None or position > stream.audio.told:
            return None
        return stream.clock.time_of(position)

    def stats(self) -> Stats:
        """A snapshot of every counter and measurement."""
        stream = self.stream
        return Stats(
            state=self.state.name.lower(),
            baud=self.baud,
            session=stream.started.session if stream else 0,
            position=stream.audio.position if stream else 0,
            waiting=stream.audio.highest - stream.audio.next if stream else 0,
            rtt_s=stream.round_trip.smoothed_s if stream else 0.0,
            true_rate=stream.clock.true_rate() if stream else None,
            drift_ppm=stream.clock.drift_ppm if stream else None,
            clock_breaks=stream.clock.breaks if stream else 0,
            frames_undecodable=self._framing.dropped,
            refused=self.refused.snapshot(),
            host=copy(self.counters),
            device=self.status,
        )

    # Packets in

    def _take(self, packet: Packet, now: float) -> bool:
        """A packet whose check is right. True when only the device can have sent it."""
        self.counters.packets_in += 1
        stream = self.stream
        sealed = self._seal is not None and packet.kind != Kind.HELLO
        mine = stream is not None and packet.session == stream.started.session and packet.kind != Kind.HELLO
        if self._handshake.state is not State.STREAMING:
            self._handshake.heard(now, mine)
        if stream is not None and (mine or sealed):
            stream.count(packet.number)
        foreign = packet.kind not in _SESSIONLESS_IN or (packet.session and packet.kind != Kind.STARTED)
        if foreign and not mine:
            self.counters.wrong_session += 1
            return sealed
        greets = packet.kind == Kind.HELLO and self._handshake.state is not State.STREAMING
        self._heard = now if sealed or self._seal is None else self._heard
        self._handlers[packet.kind](packet, now)
        return mine or greets or sealed

    def _on_audio(self, packet: Packet, now: float) -> None:
        stream = self.stream
        if stream is None or not stream.take(packet, now):
            self.counters.malformed += 1
        elif stream.audio.ended:
            stream.acks.hurry()
            self._handshake.move(Trigger.END, now)

    def _on_gone(self, packet: Packet, now: float) -> None:
        stream = self.stream
        if stream is not None and not stream.gone(ranges(packet), cause_name(packet.payload[1]), now):
            self.counters.malformed += 1

    def _on_hello(self, packet: Packet, now: float) -> None:
        before = self._seal.keys if self._seal is not None else None
        self._handshake.on_hello(hello.parse(packet.payload), now)
        if self._seal is not None and self._seal.keys is not before and self.stream is not None:
            self.stream.renumbered()

    def _on_started(self, packet: Packet, now: float) -> None:
        fields = wire.StartedFields.unpack(packet.payload)
        answer = self._handshake.state is State.STARTING and fields.token == self._handshake.token
        session = self._succession.session
        if self._succession.take(fields, packet.session, now, answer=answer):
            self._handshake.move(Trigger.STARTED, now)
        if self._succession.session != session:
            self._number = 0

    def _on_pong(self, packet: Packet, now: float) -> None:
        stream = self.stream
        rtt = stream.clock.pong(wire.PongFields.unpack(packet.payload), now) if stream else None
        if stream is None or rtt is None:
            self.counters.unexpected += 1
        else:
            stream.round_trip.add(rtt)
            self._tell(Pong(rtt))

    def _on_status(self, packet: Packet, now: float) -> None:
        self.status = wire.StatusFields.unpack(packet.payload)
        self._tell(Status(self.status))

    def _on_log(self, packet: Packet, now: float) -> None:
        fields = wire.LogFields.unpack(packet.payload)
        self._tell(Log(fields.level, text(packet, wire.LOG_STRUCT.size)))

    def _on_refused(self, packet: Packet, now: float) -> None:
        fields = wire.RefusedFields.unpack(packet.payload)
        if self._handshake.state is not State.STARTING or fields.token != self._handshake.token:
            self.counters.unexpected += 1
        elif self.stream is not None and fields.reason == Reason.LINK_TOO_SLOW:
            self._handshake.too_slow(now)
        else:
            self._tell(Refused(fields.reason, text(packet, wire.REFUSED_STRUCT.size)))
            self._handshake.move(Trigger.REFUSED, now)

    def _on_set_reply(self, packet: Packet, now: float) -> None:
        if not self._handshake.on_set_reply(wire.SetReplyFields.unpack(packet.payload), now):
            self.counters.unexpected += 1

    # Packets out

    def _send(self, kind: Kind, payload: bytes) -> None:
        session = 0
        if kind not in _SESSIONLESS_OUT and self.stream is not None:
            session = self.stream.started.session
        packet = Packet(kind, 0, session, len(payload), 0, self._number, payload)  # W-5
        self._number = (self._number + 1) % wire.NUMBER_LIMIT
        seal = None if kind is Kind.HELLO else self._seal
        data = encode(packet) if seal is None else seal.seal(packet)
        if data is None:
            self.counters.unsent += 1
            return
        if kind is Kind.HELLO:
            data = self._harmless(packet, data)
        if len(self._out) >= _OUT_MAX:
            del self._out[0]
            self.counters.unsent += 1
        data = self._framing.wrap(data)
        self.counters.packets_out += 1
        self.counters.bytes_out += len(data)
        self._out.append(data)

    def _harmless(self, packet: Packet, data: bytes) -> bytes:
        """A HELLO without Ctrl-C in it: a device that starts has its REPL on the line, and would end there.

        Nobody looks at the number of a HELLO (W-7).
        """
        for number in range(_NUMBERS_MAX):
            if _CTRL_C not in self._framing.wrap(data):
                break
            data = encode(packet._replace(number=number))
        return data

    def _tell(self, event: Event) -> None:
        if len(self._events) >= _EVENTS_MAX:
            raise RuntimeError(f"{_EVENTS_MAX} events wait: call events() after each receive() and tick()")
        self._events.append(event)
