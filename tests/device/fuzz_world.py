# The whole device on a link of fuzz_ways, with a microphone that goes on, and its right host.
# Whatever the device looks at is judged beside it; whatever it sends is looked at.
from random import getrandbits, randrange

from fuzz_host import HEARD, PERIOD, Host
from fuzz_judge import Fault, Judge
from fuzz_mutate import noise, shown
from fuzz_network import UdpWay, WebSocketWay
from fuzz_ways import DirectWay, SerialWay
from host_seal import HostSeal
from ossicle import _wire, app as app_module, seal as seal_module, session as session_module
from ossicle import config as configuration
from ossicle.session import IDLE, STREAMING

WAYS = {"direct": DirectWay, "serial": SerialWay, "udp": UdpWay, "ws": WebSocketWay}
PSK = bytes(range(50, 82))
_MASK = (1 << 30) - 1
_STEPS_MAX = 20000
_TRIES = 24
_OUT_MAX = 100  # packets of the device that are not looked at yet
_BUFFER = 256
_RING_SAMPLES = 6000
_CONNECT_MS = 30000


# Random numbers of the device come out of the seed, too.
class Os:
    urandom = staticmethod(noise)


class Clock:
    # Both soon wrap.
    def __init__(self):
        self.now_ms = _MASK - getrandbits(16)
        self.now_us = _MASK - getrandbits(24)

    def ms(self):
        return self.now_ms

    def capture_us(self):
        return self.now_us

    def pass_ms(self, ms):
        self.now_ms = self.now_ms + ms & _MASK

    def pass_us(self, us):
        self.now_us = self.now_us + us & _MASK


# What it hears at a position of the stream is always the same.
class Mic:
    buffer_frames = _BUFFER
    hold_frames = 19 * _BUFFER
    stale_frames = 0

    def __init__(self):
        self.ended = False
        self.fails = False
        self.rate = 16000
        self.channels = 1
        self.frames = _BUFFER
        self.buffer = None
        self.ring = None
        self.delivered = 0  # frames since it was started
        self._slots = {}
        for n in HEARD:
            self._slots[n] = slots(HEARD[n][: 2 * n * (PERIOD + _BUFFER)])

    def start(self, rate, channels, handler):
        if self.fails:
            self.fails = False
            raise OSError(12)
        self.rate, self.channels, self.handler = rate, channels, handler
        self.buffer = None
        self.ended = False
        return True

    def arm(self, buf):
        self.buffer = buf

    def filled(self):
        return self.frames

    def acknowledged(self, position):
        pass

    def stop(self):
        self.buffer = None

    def deliver(self, frames=_BUFFER, last=False):
        if self.buffer is None:
            return
        buf = self.buffer
        at = self.ring.written % PERIOD * 4 * self.channels
        n = 4 * self.channels * frames
        buf[:n] = memoryview(self._slots[self.channels])[at : at + n]
        self.frames = frames
        self.ended = last
        self.handler(None)


# Samples in the upper half of a slot each.
def slots(samples):
    return b"".join([b"\0\0" + samples[at : at + 2] for at in range(0, len(samples), 2)])


class Board:
    name = "fuzz"
    device = "fuzz-1"
    counted = False

    def __init__(self, way, config):
        self.storage = bytearray(2 * _RING_SAMPLES)
        self.config = configuration.read(config)
        self.clock = Clock()
        self.mic = Mic()
        self.port = way


class World:
    # `link` of WAYS; `sealed`: the device has a key, its host seals.
    def __init__(self, link, sealed):
        session_module.os = seal_module.os = Os
        self.way = way = WAYS[link]()
        config = {"shift": 16, "dc_blocker": False, "plain": link == "direct" or not sealed}
        config.update(way.config)
        if sealed:
            config["key"] = "".join(["%02x" % b for b in PSK])
        self.board = Board(way, config)
        assert not self.board.config.notes, self.board.config.notes
        self.clock = self.board.clock
        app_module.make_link = way.make_link
        self.app = app_module.App(self.board)
        self.session = self.app.session
        self.judge = Judge(self.session, sealed)
        self.host = Host(way, self.judge, HostSeal(PSK) if sealed else None)
        self.bad = 0  # packets that the device had to drop
        self.good = 0
        self.streams = 0  # that were started
        self._token = 1
        self._handle = self.app.commands.handle
        self.app.commands.handle = self._handled

    # -- beside the device ----------------------------------------------------------------------

    # In place of Commands.handle.
    def _handled(self, n):
        way, host, judge = self.way, self.host, self.judge
        data = bytes(memoryview(self.app.link.packet)[:n])
        way.follow()
        if not way.expected or way.expected[0] != data:
            there = [shown(each) for each in way.expected[:2]]
            raise Fault("the link finds %s, and there is %s" % (shown(data), there))
        way.expected.pop(0)
        expects = judge.coming is not None
        believed = judge.believes(data)
        if expects and judge.coming is None:
            host.take()
            host.rekeyed()
        before = self.session.bad
        sender = self.session.sender
        if believed and judge.kind == _wire.KIND_ACK and sender._untold != sender._next:
            host.was_cut = True  # what is left out need not be told any more
        self._handle(n)
        if (self.session.bad - before) & _MASK != (0 if believed else 1):
            raise Fault("believed: %s, and it should be %s: %s" % (not believed, believed, shown(data)))
        if host.sealing and not judge.active:
            host.take()
            host.unsealed()
        if self.session.gain != 256:
            host.is_loud(bytes(self.session.stream_id))
        self.bad += not believed
        self.good += believed

    # -- time -----------------------------------------------------------------------------------

    # Everything that is due at this moment, on both sides. What the link does not take is tried
    # again for some ms.
    def settle(self):
        app, way, link = self.app, self.way, self.app.link
        quiet = tries = 0
        steps = 0
        while quiet < 2 or not way.is_empty():
            steps += 1
            if steps > _STEPS_MAX:
                raise Fault("it does not come to rest")
            if len(way.out) > _OUT_MAX:
                self.host.take()
            sent = len(way.out)
            if app.step() or len(way.out) != sent:
                quiet = tries = 0
            elif link.busy() and not way.blocked and tries < _TRIES:
                tries += 1
                self.clock.pass_ms(1)
            else:
                quiet += 1
        self.host.take()
        way.follow()
        way.check()
        if link.interrupted:
            raise Fault("it leaves for the REPL")
        if way.expected or link.dropped != way.dropped & _MASK:
            text = "%d dropped, not %d; not found: %s"
            raise Fault(text % (link.dropped, way.dropped, [shown(each) for each in way.expected]))

    # A buffer of the microphone, and the time that it takes.
    def hear(self, frames=_BUFFER, last=False):
        us = frames * 1000000 // self.board.mic.rate
        self.clock.pass_us(us)
        self.clock.pass_ms((us + 500) // 1000)
        self.board.mic.deliver(frames, last)

    # So many ms, with audio and without a word.
    def pass_ms(self, ms):
        while ms > 0:
            before = self.clock.ms()
            self.hear()
            self.settle()
            ms -= (self.clock.ms() - before) & _MASK

    # -- the right host's --------------------------------------------------------------------------

    def say(self, data):
        self.way.say(data)
        self.settle()

    # Until the link is open, and nothing wrong is on its way to the device.
    def connect(self):
        way = self.way
        way.blocked = False
        since_ms = self.clock.ms()
        self.settle()
        while not way.connects():
            self.hear()
            self.settle()
            if (self.clock.ms() - since_ms) & _MASK > _CONNECT_MS:
                raise Fault("it does not open its link")

    # A stream that runs, whatever it was before.
    def start(self, **fields):
        self.connect()
        self.board.mic.fails = False
        for _ in range(40):
            if self.host.seal is not None and not self.host.sealing:
                self._start_sealed()
            self._token = self._token % 1000 + 1
            payload = self.host.start(self._token, **fields)
            self.host.answer(_wire.KIND_STARTED)
            self.say(self.host.packet(_wire.KIND_START, payload, 0))
            answer = self.host.answer(_wire.KIND_STARTED)
            if answer is not None and answer[:4] == payload[:4]:
                self.streams += 1
                return
            self.hear()
            self.connect()
        raise Fault("a right START is not answered")

    # With new keys.
    def _start_sealed(self):
        for _ in range(40):
            self.host.answer(_wire.KIND_HELLO)
            self.say(self.host.greet())
            self.pass_ms(_wire.HELLO_ANSWER_MS)
            hello = self.host.answer(_wire.KIND_HELLO)
            if hello is not None:
                self.judge.coming = self.host.started_anew(hello, getrandbits(29) + 1)
                self.say(self.judge.coming[0])
                if self.judge.coming is None:
                    return
            self.connect()
        raise Fault("a right handshake does not come to its end")

    # A PING of the session is answered at once; so is the host's own audio there.
    def check_answer(self):
        data, said = self.host.ping()
        self.host.answer(_wire.KIND_PONG)
        self.say(data)
        answer = self.host.answer(_wire.KIND_PONG)
        if answer is None or answer[:8] != said:
            raise Fault("a right PING is not answered: %s" % answer)

    # Whether the session that the host knows is in force, and can hear it.
    def is_in_session(self):
        session, host = self.session, self.host
        if session.state == IDLE or session.builder.session != host.session or not self.way.is_clean():
            return False
        return host.seal is None or (host.sealing and self.app.seal._in is not None)

    # Everything that was captured has come, but for a window that is not whole yet.
    def check_progress(self):
        session, ring = self.session, self.app.ring
        if session.state != STREAMING or not session.sending():
            return
        ring.settle()
        behind = ring.available() + ring.phase
        if behind >= ring.guard or (ring.sequence > self.host.next and not self.host.was_cut):
            raise Fault("%d frames wait for nothing, at chunk %d" % (behind, ring.sequence))

    # -- once in a while --------------------------------------------------------------------------

    def happen(self):
        how = randrange(12)
        session = self.session
        if how == 0:
            self.pass_ms(_wire.SERIAL_IDLE_MS + getrandbits(6))
        elif how == 1 and not getrandbits(3):
            self.pass_ms(_wire.SILENCE_MS + 100)
        elif how == 2:  # a stall: frames are lost before the ring
            self.clock.pass_us(getrandbits(20))
            self.clock.pass_ms(getrandbits(10))
        elif how == 3:  # the link takes nothing for a while
            self.way.blocked = True
            for _ in range(getrandbits(5)):
                self.hear()
                self.settle()
            self.way.blocked = False
        elif how == 4:
            self.settle()
            self.way.trouble()
        elif how == 5:
            self.board.mic.fails = True
        elif how == 6:
            self.hear(getrandbits(8), True)
        elif how == 7 and not session.builder.seal:
            builder = session.builder
            builder.number = max(builder.number, _wire.SESSION_RENEW_NUMBER - getrandbits(3))
        elif how == 8 and self.judge.active and self.app.seal._in is not None:
            self.settle()
            self.app.seal.number = _wire.SESSION_RENEW_NUMBER
            self.settle()
            self.judge.forget(True)
            self.host.unsealed()
        elif how == 9:
            self.start(channels=1 + getrandbits(1), codec=getrandbits(1), hop=(64, 100, 256)[randrange(3)],
                       mode=getrandbits(1))  # fmt: skip

    # Every loose end is in a known state: whatever the heap holds more than before is a leak.
    def rest(self):
        self.connect()
        for codec, channels in ((1, 1), (1, 2), (0, 1)):
            self.start(codec=codec, channels=channels, hop=64)
        if self.app.seal is not None:
            self._start_sealed()
        self.way.refresh()
        self.host.refresh()
        self.session._log = b""
        self.session.refusal = 0, 0, b"", False
