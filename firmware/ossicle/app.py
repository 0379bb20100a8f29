# The whole device: a board's parts put together, and the loop. The board gives `storage`
# (the ring's bytes), `mic`, `port`, `clock`, `config`, `name` and `device`, and a watchdog
# to be fed as `dog`, or None.
#
# The loop is plain steps, each of which ends at once: take what the host sent, see to the
# time, build at most one packet, write what the link takes. While audio flows no step
# allocates.
from micropython import const

from ossicle.capture import Capture
from ossicle.commands import Commands
from ossicle.modules import drop, kept
from ossicle.ring import Ring
from ossicle.session import Session
from ossicle.rare import passing, rare

_SETTLED_MS = const(10000)
_FAILURES_MAX = const(2000)  # a few seconds
_MASK = const(0x3FFFFFFF)


# Only the link of the configuration is imported: the others would cost memory.
@rare("start")
def make_link(board):
    kind = board.config.link
    if kind == "udp":
        from ossicle.links.udp import UdpLink as Link
    elif kind == "ws":
        from ossicle.links.websocket import WebSocketLink as Link
    else:
        from ossicle.links.serial import SerialLink as Link
    return Link(board.port, board.clock)


class App:
    @passing
    def __init__(self, board):
        self.board = board
        self.settled = False
        self._failures = 0  # turns of the loop in a row that had no memory
        self.clock = board.clock
        self.ring = Ring(board.storage)
        board.mic.ring = self.ring
        self.capture = Capture(board.mic, self.ring, board.clock, board.config)
        self.link = make_link(board)
        self.seal = self._seal(board.config.key)
        plain = board.config.plain or self.link.default_baud > 0  # W-51
        self.session = Session(
            self.link, self.ring, self.capture, board.mic, board.clock, self, self.seal, plain
        )
        self.commands = Commands(self.session, self.link, board.clock)

    # Room and machine code for sealing are taken where there is a key only.
    @rare("start")
    def _seal(self, key):
        if not key:
            return None
        from binascii import unhexlify

        from ossicle.seal import Seal

        return Seal(unhexlify(key), self.board.device)

    # From the start to its end, whatever that is.
    def live(self):
        error = None
        try:
            self.run()
        except KeyboardInterrupt:  # at the REPL's own serial port
            pass
        except Exception as raised:
            error = raised
        for _ in range(2):
            try:
                self.board.calm()
                break
            except KeyboardInterrupt:  # a second Ctrl-C came with the first
                pass
        from ossicle import boot

        drop("ossicle.boot")
        boot.end(self, error)

    # Returns when the way back to the REPL is asked for (W-33). The start has settled when a
    # host was heard, or after ten seconds in which nothing failed.
    def run(self):
        clock = self.clock
        dog = self.board.dog
        since_ms = clock.ms()
        try:
            while not self.link.interrupted:
                if not self.settled:
                    if not self.session.unheard or (clock.ms() - since_ms) & _MASK > _SETTLED_MS:
                        self.settled = True
                        self.board.settle()
                if dog is not None and not self.capture.is_stuck():
                    dog.feed()
                if not self.step():
                    clock.idle()
        finally:
            self.capture.stop()

    # Whether there was anything to do. What is seldom called may find no memory for its code, or no
    # code: then it is as if nobody had asked, and who did asks again. Only where nothing goes on
    # any more for it that is the end.
    def step(self):
        try:
            busy = self._turn()
            self._failures = 0
            return busy
        except (MemoryError, ImportError):
            self._failures += 1
            if self._failures > _FAILURES_MAX:
                raise
            return False

    def _turn(self):
        if kept:
            kept.clear()  # memory for what is seldom called, and is over
        link = self.link
        busy = False
        n = link.receive()
        if n:
            self.commands.handle(n)
            busy = True
        self.capture.watch()
        now_ms = self.clock.ms()
        self.session.tick(now_ms)
        if not link.busy():
            n = self.session.next_packet(now_ms)
            if n:
                link.send(self.session.builder.buffer, n)
        if link.pump():
            busy = True
        return busy or self.session.sender.meter.step()

    # W-18; the module's memory is free again behind it.
    @rare("start")
    def hello(self):
        from ossicle import hello

        text = hello.say(self)
        drop("ossicle.hello")
        return text
