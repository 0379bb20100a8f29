# Sealing on the device, case by case: what transcripts do not reach. Prints "ok NAME" for each
# case, or a traceback; CPython counts them.
import struct
import sys

from fakes import Board, Host, Packet, cobs, uncobs
from host_seal import HostSeal
from ossicle import _wire
from ossicle.app import App

PSK = bytes(range(16))
KEY = "".join("%02x" % b for b in PSK)


class Rig:
    def __init__(self):
        self.board = Board(config={"shift": 16, "dc_blocker": False, "key": KEY})
        self.app = App(self.board)
        self.host = Host(self.app, self.board)
        self.session = 0
        self.greet()

    def greet(self):
        self.seal = HostSeal(PSK)
        self.board.clock.pass_ms(100)
        assert self.seal.take(self.host.ask(_wire.KIND_HELLO, 0, self.seal.hello())[0].payload)

    # Raw packets in, raw packets out.
    def send(self, *packets):
        for data in packets:
            self.board.port.input += b"\0" + cobs(data) + b"\0"
        self.host.steps()
        frames = self.board.port.output.split(b"\0")
        self.board.port.output = frames.pop()
        return [uncobs(frame) for frame in frames if frame]

    # What came back and opens, by kind.
    def say(self, kind, session, payload=b""):
        out = {}
        for data in self.send(self.seal.seal(kind, session, payload)):
            assert data[1] & _wire.FLAG_SEALED, data
            opened = self.seal.open(data)
            assert opened is not None, data
            out[data[0]] = (struct.unpack("<H", data[2:4])[0], opened)
        return out

    def start(self, **fields):
        out = self.say(_wire.KIND_START, 0, self.host.start_payload(**fields))
        self.session = out[_wire.KIND_STARTED][0]

    def pings(self):
        return _wire.KIND_PONG in self.say(_wire.KIND_PING, self.session, b"12345678")

    @property
    def bad(self):
        return self.app.session.bad_packets()


def case_window():
    w = Rig().app.seal
    size = _wire.REPLAY_WINDOW
    for number, fresh in (
        (5, True), (5, False), (4, True), (0, True), (0, False), (1000, True), (1000 - size, False),
        (1000 - size + 1, True), (1000 - size + 1, False), (936 + size, False), (999, True), (5, False),
        (1 << 29, True), (1000, False), ((1 << 29) - 1, True),
    ):  # fmt: skip
        assert w.fresh(number) == fresh, number
        if fresh:
            w.take(number)
    w.highest = -1
    assert w.fresh(0) and w.fresh(1000)


def case_new_keys_begin_at_0():
    rig = Rig()
    rig.start()
    for _ in range(200):
        assert rig.pings()
    rig.greet()
    assert rig.app.seal.number > 200
    rig.start(token=9)
    assert rig.app.seal.number < 10
    assert rig.pings() and rig.bad == 0


# A packet for the pending keys whose number would do under those in force is tried on both.
def case_pending_after_in_force():
    rig = Rig()
    rig.start()
    old = rig.seal
    rig.greet()
    rig.seal.number = old.number + 5
    rig.start(token=9)
    assert rig.pings() and rig.bad == 0
    rig.seal, new = old, rig.seal
    assert rig.send(old.seal(_wire.KIND_PING, rig.session, b"12345678")) == []
    assert rig.bad == 1  # the keys before are forgotten
    rig.seal = new
    assert rig.pings()


# Only a SET or a START can begin.
def case_a_session_packet_does_not_begin():
    rig = Rig()
    rig.start()
    old, session = rig.seal, rig.session
    rig.greet()
    assert rig.send(rig.seal.seal(_wire.KIND_PING, session, b"12345678")) == []
    assert rig.bad == 1
    rig.seal = old
    assert rig.pings()


def case_refused_before_it_is_opened():
    rig = Rig()
    rig.start()
    rig.greet()  # so that a second key would be tried, from a copy
    seal = rig.app.seal
    tried = []
    seal._opens = lambda key, buf, n: tried.append(n)
    good = rig.seal.seal(_wire.KIND_START, 0, rig.host.start_payload(token=9))
    head = bytearray(good[:16])
    for at, value in ((0, _wire.KIND_HELLO), (1, 0x60), (7, 0x40), (11, 0x80), (15, 0x40)):
        bad = bytearray(good)
        bad[at] = value
        rig.send(bytes(bad))
    for size in (0, 7, 77, 500, 1352):
        rig.send(bytes(head) + bytes([1]) * size)
    assert rig.bad == 10 and tried == []
    del seal._opens
    assert rig.say(_wire.KIND_SET, 0, struct.pack("<HHI", 3, _wire.KEY_GAIN, 300))
    rig.start(token=9)
    assert rig.pings()


def case_a_sealed_hello():
    rig = Rig()
    rig.start()
    rig.send(rig.seal.seal(_wire.KIND_HELLO, 0, b'{"ossicle":1}'))
    assert rig.bad == 1 and rig.pings()


# Memory that is short while somebody forges: the packet is dropped, and the loop goes on.
def case_no_memory_for_pending_keys():
    rig = Rig()
    rig.start()
    old = rig.seal
    rig.greet()
    seal = rig.app.seal

    def short(purpose):
        raise MemoryError

    seal._derive = short
    rig.send(rig.seal.seal(_wire.KIND_START, 0, rig.host.start_payload(token=9)))
    assert rig.bad == 1
    del seal._derive
    new, rig.seal = rig.seal, old
    assert rig.pings()
    rig.seal = new
    rig.start(token=9)


def case_every_challenge_is_another():
    seen = set()
    rig = Rig()
    for token in range(5, 25):
        rig.greet()
        seen.add(bytes(rig.app.seal._challenge))
        rig.start(token=token)
    assert len(seen) == 20


def case_no_key_is_told():
    rig = Rig()
    rig.start()
    for n in (31, 34, 63, 66):
        board = Board(config={"key": KEY + "ab" * 16 + "a" * n})
        hello = App(board).hello()
        assert b"key: its value is refused" in hello and KEY.encode() not in hello, hello
    assert KEY.encode() not in rig.app.hello()
    assert KEY not in repr(rig.app.seal) + repr(rig.board.config) + repr(rig.app.seal._in)


# Unsealed, and refused: the answer is not sealed, and has the token of the START.
def case_refused_in_the_clear():
    rig = Rig()
    rig.app.session.plain = False
    got = [p for p in rig.host.ask(_wire.KIND_START, 0, rig.host.start_payload(token=77)) if p.kind == 8]
    assert len(got) == 1 and isinstance(got[0], Packet)
    assert got[0].u30(0) == 77 and got[0].u16(4) == _wire.REASON_SEALED and len(got[0].payload) > 12
    assert rig.app.session.state == 0 and rig.bad == 1


def main():
    names = sorted(n for n in globals() if n.startswith("case_"))
    for name in names:
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error)


main()
