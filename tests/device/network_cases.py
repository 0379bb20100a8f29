# The whole app on a link over a network: who says HELLO, and when; what happens to a session
# whose link goes away and comes back. On a board of fakes. Prints "ok NAME" for each case.
import json
import struct
import sys

from fakes import Board, crc
from network_fakes import GONE, NetPort, answer, frame, frames
from ossicle import _wire
from ossicle.app import App

IN_SESSION = (_wire.KIND_ACK, _wire.KIND_PING, _wire.KIND_REQUEST, _wire.KIND_STOP)


class Rig:
    def __init__(self, link="udp", **config):
        values = {"shift": 16, "dc_blocker": False, "link": link, "host": "host.local", "plain": True}
        values.update(config)
        self.board = Board(config=values)
        self.clock = self.board.clock
        self.port = self.board.port = NetPort(link == "ws")
        self.app = App(self.board)
        self.session = 0
        self.number = 0

    # The host answers the opening of a WebSocket; within so many ms.
    def open(self, ms=10):
        for _ in range(ms):
            self.clock.pass_ms(1)
            self.app.step()
            if self.port.sent:
                self.port.waiting.append(answer(b"".join(self.port.sent)))
                self.port.sent = []
                return
        raise AssertionError("nobody asks")

    # Packets that came in this time, as (ms, kind, session, payload).
    def run(self, ms, speak=None):
        out = []
        for _ in range(ms):
            self.clock.pass_ms(1)
            if self.clock.ms() % 16 == 0:
                self.board.mic.deliver()
            if speak:
                speak()
            for _ in range(3):
                self.app.step()
            out += [(self.clock.ms(),) + p for p in self.take()]
        return out

    def take(self):
        sent = self.port.sent
        self.port.sent = []
        if self.port.stream:
            sent = [p for k, _, p in frames(b"".join(sent))[0] if k == 0x82]
        out = []
        for data in sent:
            assert data[-4:] == crc(data[:-4])
            out.append((data[0], data[2] | data[3] << 8, data[16:-4]))
        return out

    def say(self, kind, payload=b""):
        session = self.session if kind in IN_SESSION else 0
        data = struct.pack("<BBHIII", kind, 0, session, len(payload), 0, self.number) + payload
        self.number += 1
        data += crc(data)
        self.port.waiting.append(frame(data) if self.port.stream else data)

    def start(self, token=7, flags=0, stream=bytes(8), sequence=0):
        self.say(
            _wire.KIND_START,
            struct.pack("<IBBBBIHHHH8sI", token, 0, 0, 1, flags, 16000, 512, 0, 256, 0, stream, sequence),
        )
        for _, kind, session, payload in self.run(5):
            if kind == _wire.KIND_STARTED:
                self.session = session
                return payload
            assert kind != _wire.KIND_REFUSED, payload
        raise AssertionError("no answer")

    def ack(self, sequence=0):
        self.say(_wire.KIND_ACK, struct.pack("<II", sequence, sequence))


# When each HELLO came.
def hellos(packets):
    return [ms for ms, kind, _, _ in packets if kind == _wire.KIND_HELLO]


def audio(packets):
    out = []
    for _, kind, _, payload in packets:
        if kind == _wire.KIND_AUDIO:
            out.append(payload)
    return out


def case_hello_unasked_each_second():
    rig = Rig()
    at = hellos(rig.run(3500))
    assert len(at) == 4 and [at[i + 1] - at[i] for i in range(3)] == [1000] * 3, at
    rig.say(_wire.KIND_HELLO, b"{}")
    assert len(hellos(rig.run(10))) == 1
    assert hellos(rig.run(2900)) == [], "a host has spoken"


def case_what_hello_says():
    rig = Rig()
    hello = [json.loads(p) for _, kind, _, p in rig.run(5) if kind == _wire.KIND_HELLO][0]
    assert hello["max_baud"] == 0 and hello["plain"] is True
    assert Rig(plain=False).run(5)[0][3].find(b'"plain": false') > 0
    secrets = Rig(password="secret-1", key="00" * 15, ssid="secret-2").run(5)[0][3]
    assert b"secret" not in secrets and b"0000" not in secrets and b"key: its value is refused" in secrets


# W-52: however many ask.
def case_hello_is_not_answered_without_end():
    rig = Rig()
    rig.run(5)
    rig.port.waiting = []
    at = hellos(rig.run(1000, lambda: rig.say(_wire.KIND_HELLO, b"{}")))
    assert 18 <= len(at) <= 20, len(at)
    assert min([at[i + 1] - at[i] for i in range(len(at) - 1)]) >= _wire.HELLO_ANSWER_MS


def case_hello_again_while_suspended():
    rig = Rig()
    rig.run(5)
    rig.start()
    assert hellos(rig.run(2000, rig.ack)) == []
    got = rig.run(6000)
    at = hellos(got)
    assert 3 <= len(at) <= 4, at
    assert audio([p for p in got if p[0] > at[0]]) == []
    rig.ack()
    got = rig.run(50)
    assert hellos(got) == [] and audio(got), "it goes on"


# What cannot be sent stays in the ring, and comes when the network is back, HELLO first.
def case_no_network_for_a_while():
    rig = Rig()
    rig.run(5)
    rig.start()
    before = len(audio(rig.run(992, rig.ack)))
    rig.port.is_up = False
    assert rig.run(1500) == []
    rig.port.is_up = True
    got = rig.run(992, rig.ack)
    assert got[0][1] == _wire.KIND_HELLO
    logs = [p for _, kind, _, p in got if kind == _wire.KIND_LOG]
    assert logs == [], "the port has nothing to tell here"
    samples = [struct.unpack("<h", p[:2])[0] for p in audio(got)]
    assert samples[0] == before * 512 and len(samples) > 70, (samples[0], before, len(samples))
    assert all([(samples[i + 1] - samples[i]) & 0x7FFF == 512 for i in range(len(samples) - 1)])


def case_a_websocket_is_cut_for_a_while():
    rig = Rig("ws")
    rig.open()
    assert len(hellos(rig.run(20))) == 1
    started = rig.start()
    before = len(audio(rig.run(992, rig.ack)))
    rig.port.waiting.append(GONE)
    rig.port.connects = GONE
    assert rig.run(1500) == []
    rig.port.connects = 1
    rig.open(200)
    got = rig.run(500, rig.ack)
    assert got[0][1] == _wire.KIND_HELLO
    logs = [bytes(p[4:]) for _, kind, _, p in got if kind == _wire.KIND_LOG]
    assert len(logs) == 1 and logs[0].startswith(b"the link was away for 1"), logs
    samples = [struct.unpack("<h", p[:2])[0] for p in audio(got)]
    assert samples[0] == before * 512 and len(samples) > 40
    again = rig.start(token=9, flags=1, stream=bytes(started[4:12]), sequence=70)
    assert again[4:12] == started[4:12] and struct.unpack("<I", again[36:40])[0] == 70


# A link that is dead by silence is opened anew, and the session is still there.
def case_half_open():
    rig = Rig("ws")
    rig.open()
    rig.run(20)
    rig.start()
    rig.run(500, rig.ack)
    opens = rig.port.opens
    rig.run(2990)
    assert rig.port.opens == opens
    rig.open(40)
    assert rig.port.opens == opens + 1
    assert rig.app.session.builder.session == rig.session


def case_no_speed_is_taken():
    rig = Rig()
    rig.run(5)
    rig.say(_wire.KIND_SET, struct.pack("<HHI", 3, _wire.KEY_BAUD, 921600))
    reply = [p for _, kind, _, p in rig.run(10) if kind == _wire.KIND_SET_REPLY][0]
    assert struct.unpack("<HHIH", reply[:10]) == (3, _wire.KEY_BAUD, 0, _wire.REASON_VALUE)


def case_status_tells_the_signal():
    rig = Rig()
    rig.run(5)
    rig.start()
    status = [p for _, kind, _, p in rig.run(1200, rig.ack) if kind == _wire.KIND_STATUS][0]
    assert struct.unpack_from("<i", status, _wire.STATUS_AT_RSSI)[0] == -50
    assert struct.unpack("<I", status[28:32])[0] == 0, "no bad packet"


def case_configuration_of_a_network():
    def config(**values):
        return Board(config=values).config

    c = config(link="udp", host="10.0.0.1")
    assert (c.link, c.port, c.plain, c.ibuf, c.notes) == ("udp", _wire.DEFAULT_PORT, False, 20480, [])
    assert config(link="ws", host="h", ibuf=8192).ibuf == 8192 and config().ibuf == 40960
    for bad in ({"link": "udp"}, {"link": "tcp", "host": "h"}, {"link": 5, "host": "h"}):
        c = config(**bad)
        assert c.link == "serial" and len(c.notes) == 1, c.notes
    for key in ("ab" * 15, "ab" * 33, "abc" * 11, "xy" * 16, "ab" * 16 + " "):
        c = config(key=key)
        assert c.key == "" and key not in c.notes[0], c.notes
    assert config(key="aB" * 16).key == "aB" * 16 and config(key="0" * 64).notes == []
    assert "hunter" not in repr(config(password=["hunter"], key=["hunter"]).notes)
    assert config(uart_rts=49).uart_rts == -1 and config(uart_rts=22, uart_cts=19).uart_cts == 19


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
