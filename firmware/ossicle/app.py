# The whole device: a board's parts put together, and the loop. The board gives `storage`
# (the ring's bytes), `mic`, `port`, `clock`, `config`, `name` and `device`.
#
# The loop is plain steps, each of which ends at once: take what the host sent, see to the
# time, build at most one packet, write what the link takes. While audio flows no step
# allocates.
from micropython import const

from ossicle.capture import Capture
from ossicle.commands import Commands
from ossicle.modules import drop
from ossicle.ring import Ring
from ossicle.session import Session

_SETTLED_MS = const(10000)
_MASK = const(0x3FFFFFFF)


# Only the link of the configuration is imported: the others would cost memory.
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
    def __init__(self, board):
        self.board = board
        self.clock = board.clock
        self.ring = Ring(board.storage)
        board.mic.ring = self.ring
        self.capture = Capture(board.mic, self.ring, board.clock, board.config)
        self.link = make_link(board)
        self.seal = self._seal(board.config.key)
        plain = board.config.plain or self.link.default_baud > 0  # W-51
        self.session = Session(
            self.link, self.ring, self.capture, board.mic, board.clock, self.hello, self.seal, plain
        )
        self.commands = Commands(self.session, self.link, board.clock)

    # Room and machine code for sealing are taken where there is a key only.
    def _seal(self, key):
        if not key:
            return None
        from binascii import unhexlify

        from ossicle.seal import Seal

        return Seal(unhexlify(key), self.board.device)

    # Returns when the way back to the REPL is asked for (W-33). `settled` is called once,
    # after ten seconds in which nothing failed.
    def run(self, settled=None):
        since_ms = self.clock.ms()
        try:
            while not self.link.interrupted:
                if settled and (self.clock.ms() - since_ms) & _MASK > _SETTLED_MS:
                    settled()
                    settled = None
                if not self.step():
                    self.clock.idle()
        finally:
            self.capture.stop()

    # Whether there was anything to do.
    def step(self):
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
    def hello(self):
        from ossicle import hello

        text = hello.say(self)
        drop("ossicle.hello")
        return text
