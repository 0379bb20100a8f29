"""From silence to a stream and back: HELLO, the speed of the link, START, STOP (W-17 to W-23, W-31, W-34).

The states are in `TRANSITIONS`: what is not in that table does not happen. Each state that waits repeats
one packet each `host_repeat_ms` (`_REPEATS`) and has a time after which it is left (`_PATIENCE_S`), so no
state waits for ever but GREETING, which tries the last speed and the default one in turn until the caller
loses patience.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from random import Random

from . import hello
from ._wire import (
    BAUD_FALLBACK_MS,
    DEFAULT_BAUD,
    HOST_REPEAT_MS,
    NUMBER_LIMIT,
    PROTOCOL_VERSION,
    Key,
    Kind,
    Reason,
    SetFields,
    SetReplyFields,
)
from .events import Event, Hello, NoKey, SpeedChanged, WrongVersion
from .greeting import Greeting
from .request import StreamRequest
from .seal import WAIT, Seal


class State(Enum):
    """Where host and device are with each other."""

    GREETING = auto()
    """HELLO until it is answered."""
    SPEEDING = auto()
    """SET baud until it is answered."""
    SWITCHING = auto()
    """At the new speed: HELLO until anything valid is heard."""
    STARTING = auto()
    """START until STARTED or REFUSED."""
    STREAMING = auto()
    STOPPING = auto()
    """STOP until the last chunk is there."""
    ENDED = auto()
    """The stream is over; its last chunk is acknowledged as often as it comes."""
    PARTING = auto()
    """SET baud to the default, so that the next host need not wait for the device to go back by itself."""
    OVER = auto()
    FAILED = auto()
    """The device refused, or speaks another version."""


class Trigger(Enum):
    """What moves it."""

    SLOW = auto()
    """HELLO heard, and the link is too slow for what is asked."""
    READY = auto()
    """HELLO heard, and the link is fast enough or cannot be made faster."""
    AGREED = auto()
    DECLINED = auto()
    HEARD = auto()
    """Anything valid."""
    SESSION_HEARD = auto()
    """Anything valid of the session in force."""
    STARTED = auto()
    REFUSED = auto()
    TIMEOUT = auto()
    LOST = auto()
    """The link was opened anew, or the device fell silent."""
    STOP = auto()
    END = auto()
    PART = auto()
    VERSION = auto()
    NO_KEY = auto()
    """What has to be sealed cannot be."""


_BEFORE = (State.GREETING, State.SPEEDING, State.SWITCHING, State.STARTING)

TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.GREETING, Trigger.SLOW): State.SPEEDING,
    (State.GREETING, Trigger.READY): State.STARTING,
    (State.GREETING, Trigger.SESSION_HEARD): State.STREAMING,
    (State.SPEEDING, Trigger.AGREED): State.SWITCHING,
    (State.SPEEDING, Trigger.DECLINED): State.STARTING,
    (State.SPEEDING, Trigger.TIMEOUT): State.GREETING,
    (State.SWITCHING, Trigger.HEARD): State.STARTING,
    (State.SWITCHING, Trigger.TIMEOUT): State.GREETING,
    (State.STARTING, Trigger.STARTED): State.STREAMING,
    (State.STARTING, Trigger.REFUSED): State.FAILED,
    (State.STARTING, Trigger.TIMEOUT): State.GREETING,
    (State.STREAMING, Trigger.STOP): State.STOPPING,
    (State.STREAMING, Trigger.END): State.ENDED,
    (State.STREAMING, Trigger.LOST): State.GREETING,
    (State.STOPPING, Trigger.END): State.ENDED,
    (State.STOPPING, Trigger.TIMEOUT): State.ENDED,
    (State.STOPPING, Trigger.LOST): State.ENDED,
    (State.ENDED, Trigger.PART): State.PARTING,
    (State.FAILED, Trigger.PART): State.PARTING,
    (State.PARTING, Trigger.AGREED): State.OVER,
    (State.PARTING, Trigger.DECLINED): State.OVER,
    (State.PARTING, Trigger.TIMEOUT): State.OVER,
    **{(state, Trigger.LOST): State.GREETING for state in _BEFORE},
    **{(state, Trigger.STOP): State.ENDED for state in _BEFORE},
    **{(state, Trigger.VERSION): State.FAILED for state in _BEFORE},
    (State.GREETING, Trigger.NO_KEY): State.FAILED,
}

_REPEAT_S = HOST_REPEAT_MS / 1000
_KILLED_S = 1.0  # since the last word of an earlier process, as far as this one can guess
_PATIENCE_S = {
    State.SPEEDING: 0.25,  # one SET of three was heard by now, so its answer was lost
    State.SWITCHING: BAUD_FALLBACK_MS / 1000,
    State.STARTING: 3.0,
    State.STOPPING: 5.0,
    State.PARTING: 0.75,
}

Send = Callable[[Kind, bytes], None]


class Handshake:
    """The exchange that is not audio. `baud` None: the link has no speed that could be set.

    `send` takes a packet's kind and payload; `start` composes the payload of a START for a token. `fast` is
    a speed that an earlier process agreed with the device.
    """

    def __init__(
        self,
        request: StreamRequest,
        *,
        baud: int | None,
        name: str,
        rng: Random,
        send: Send,
        start: Callable[[int], bytes],
        tell: Callable[[Event], None],
        greet_only: bool = False,
        seal: Seal | None = None,
        fast: int | None = None,
    ) -> None:
        self.state = State.GREETING
        self.baud = baud
        self.hello: Hello | None = None
        self.failed_speeds: set[int] = set()
        self.token = 0
        """Of the START that is waiting for its answer."""
        self._request = request
        self._name = name
        self._greet_only = greet_only
        self._rng = rng
        self._send = send
        self._start = start
        self._tell = tell
        self._entered = float("-inf")
        self._repeated = float("-inf")
        self._greeting = Greeting(baud, fast)
        self._word = float("-inf")  # when the device was last heard, as far as is known here
        self._speed_told = baud
        self._set: SetFields | None = None  # the SET that is waiting for its answer
        self._seal = seal
        self._held = False  # a stream has started
        if seal is not None:
            seal.begin()

    def move(self, trigger: Trigger, now: float) -> bool:
        """Follow the table; false when the trigger means nothing in this state."""
        state = TRANSITIONS.get((self.state, trigger))
        if state is None:
            return False
        self.state = state
        self._entered = now
        self._repeated = float("-inf")
        self._greeting.restart()
        if state is State.STARTING:
            self.token = self._rng.randrange(1, NUMBER_LIMIT)
        elif state is State.GREETING and self._seal is not None:
            self._seal.begin()
        self._held |= trigger is Trigger.STARTED
        return True

    # What was heard

    def heard(self, now: float, in_session: bool) -> None:
        """A valid packet came."""
        self._word = now
        if self.state is State.SWITCHING:
            self._greeting.agreed = self.baud
            self._tell_speed()
            self.move(Trigger.HEARD, now)
        elif in_session and self.state is State.GREETING:
            self.move(Trigger.SESSION_HEARD, now)

    def on_hello(self, answer: Hello, now: float) -> None:
        """The device presents itself."""
        if self._seal is not None and not self._proved(self._seal, answer, now):
            return
        if self.hello != answer:
            self._tell(answer)
        self.hello = answer
        if answer.version != PROTOCOL_VERSION:
            if self.move(Trigger.VERSION, now):
                self._tell(WrongVersion(answer.version, PROTOCOL_VERSION))
            return
        if self.state is not State.GREETING or self._greet_only:
            return
        speed = self._wanted_speed(answer)
        self._tell_speed()
        if speed is None:
            self.move(Trigger.READY, now)
        else:
            self._set = SetFields(self._rng.randrange(1, 1 << 16), Key.BAUD, speed)
            self.move(Trigger.SLOW, now)

    def _proved(self, seal: Seal, answer: Hello, now: float) -> bool:
        """Whether a host that seals may believe a HELLO; from then on there are keys (W-49, W-51)."""
        if self.state is not State.GREETING or (self._held and answer.version != PROTOCOL_VERSION):
            return False
        why = seal.answer(answer.fields, now)
        if why and why != WAIT and not self._held and self.move(Trigger.NO_KEY, now):
            self._tell(NoKey(answer.device, why))
        return not why

    def on_set_reply(self, reply: SetReplyFields, now: float) -> bool:
        """The answer to SET baud: now is the moment to switch. False when nothing of the kind was asked."""
        if self._set is None or (reply.token, reply.key) != self._set[:2]:
            return False
        wanted, self._set = self._set.value, None
        if reply.reason == Reason.OK and reply.value == wanted:
            self.baud = wanted
            return self.move(Trigger.AGREED, now)
        self.failed_speeds.add(wanted)
        return self.move(Trigger.DECLINED, now)

    def lost(self, now: float, heard: float) -> None:
        """The device, `heard` last then, fell silent, or the link was opened anew: begin again."""
        self._word = max(self._word, heard)
        if self.move(Trigger.LOST, now) and self.state is State.GREETING:
            self.failed_speeds.clear()

    def too_slow(self, now: float) -> None:
        """The stream went, and is refused for the speed: only for now. A device that began anew is at the
        default speed, and where the line is USB all through it hears us at any. Else START is given up after
        a while, and then the speeds are tried again."""
        self.failed_speeds.clear()
        if self.baud != self._greeting.default:
            self._greeting.agreed = None
            self.move(Trigger.TIMEOUT, now)

    def part(self, now: float) -> None:
        """Take leave. At the default speed there is nothing to do."""
        if self.baud == self._greeting.default:
            self.state = State.OVER
        elif self.move(Trigger.PART, now):
            self._set = SetFields(
                self._rng.randrange(1, 1 << 16), Key.BAUD, self._greeting.default or DEFAULT_BAUD
            )
        else:
            self.state = State.OVER

    def tick(self, now: float) -> None:
        """Repeat what is due, and leave a state whose time is over."""
        if self._entered == float("-inf"):
            self._entered = now
            self._word = max(self._word, now - _KILLED_S)
        patience = _PATIENCE_S.get(self.state)
        if patience is not None and now - self._entered >= patience:
            self._give_up(now)
        if self.state is State.GREETING:
            self._choose_greeting_speed(now)
        if now - self._repeated >= _REPEAT_S:
            self._repeat(now)

    # Inside

    def _wanted_speed(self, answer: Hello) -> int | None:
        if self.baud is None or not answer.max_baud:  # W-34: USB has no speed, whatever the port says
            return None
        wanted = self._request.speeds(self.baud, answer.max_baud)
        return next((speed for speed in wanted if speed not in self.failed_speeds), None)

    def _give_up(self, now: float) -> None:
        if self.state is State.SWITCHING and self.baud is not None:
            self.failed_speeds.add(self.baud)
        elif self.state is State.SPEEDING and self._set is not None:
            # Perhaps the device has switched, and its answer was lost: look there first.
            self._greeting.agreed = self._set.value
            self._word = now
        self._set = None
        self.move(Trigger.TIMEOUT, now)

    def _tell_speed(self) -> None:
        if self.baud is not None and self.baud != self._speed_told:
            self._speed_told = self.baud
            self._tell(SpeedChanged(self.baud))

    def _choose_greeting_speed(self, now: float) -> None:
        """Each turn begins with a HELLO of its own."""
        waited_s = now - self._entered
        self.baud, begins = self._greeting.speed(waited_s, now - self._word, self.failed_speeds)
        if begins:
            self._repeated = float("-inf")

    def _repeat(self, now: float) -> None:
        repeat = _REPEATS.get(self.state)
        if repeat is not None:
            repeat(self)
            self._repeated = now

    def _send_hello(self) -> None:
        challenge = self._seal.challenge if self._seal is not None else None
        self._send(Kind.HELLO, hello.compose(self._name, challenge))

    def _send_set(self) -> None:
        if self._set is not None:
            self._send(Kind.SET, self._set.pack())

    def _send_start(self) -> None:
        if self._seal is not None:
            self._send_hello()  # the device knows the last HELLO only, and it may be another's
        self._send(Kind.START, self._start(self.token))

    def _send_stop(self) -> None:
        self._send(Kind.STOP, b"")


_REPEATS: dict[State, Callable[[Handshake], None]] = {
    State.GREETING: Handshake._send_hello,
    State.SPEEDING: Handshake._send_set,
    State.SWITCHING: Handshake._send_hello,
    State.STARTING: Handshake._send_start,
    State.STOPPING: Handshake._send_stop,
    State.PARTING: Handshake._send_set,
}
