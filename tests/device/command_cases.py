# What a host may say and what is answered, case by case, with a board of fakes. Prints "ok NAME" for each
# case, or a traceback; CPython counts them.
import struct
import sys

from fakes import Board, Host
from ossicle import _wire
from ossicle.app import App


def rig(**board):
    b = Board(**board)
    app = App(b)
    return b, app, Host(app, b)


def kinds(packets):
    return [p.kind for p in packets]


def only(packets, kind):
    return [p for p in packets if p.kind == kind]


def case_hello():
    b, app, host = rig()
    hello = host.ask(_wire.KIND_HELLO, 0, b'{"ossicle":1,"host":"t"}')[0]
    assert hello.kind == _wire.KIND_HELLO and hello.session == 0
    import json

    says = json.loads(hello.payload)
    assert says["ossicle"] == 1 and says["spec"] == _wire.SPEC_HASH and says["device"] == "fake-1"
    assert says["ring"] == 33792 and says["codecs"] == ["pcm16", "adpcm"] and 16000 in says["rates"]
    assert says["mic"] == {"kind": "i2s", "slot": "left", "shift": 16, "late": 0}
    assert says["chip"] and says["micropython"].count(".") == 2
    assert len(hello.payload) < 1344


REFUSED = (
    (dict(token=0), _wire.REASON_MALFORMED),
    (dict(mode=2), _wire.REASON_MALFORMED),
    (dict(codec=2), _wire.REASON_CODEC),
    (dict(channels=3), _wire.REASON_CHANNELS),
    (dict(rate=12345), _wire.REASON_RATE),
    (dict(gain=5000), _wire.REASON_VALUE),
    (dict(hop=63), _wire.REASON_HOP),
    (dict(hop=600, overlap=73), _wire.REASON_WINDOW),
    (dict(hop=2600, overlap=81, codec=1), _wire.REASON_WINDOW),
    (dict(hop=1300, overlap=37, codec=1, channels=2), _wire.REASON_WINDOW),
    (dict(hop=336, overlap=1, channels=2), _wire.REASON_WINDOW),
    (dict(rate=48000), _wire.REASON_MICROPHONE),
)


def case_refusals():
    b, app, host = rig()
    b.mic.fail_rates = (48000,)
    good = host.start(token=5)
    host.run(b, 4)
    for fields, reason in REFUSED:
        fields = dict(fields)
        fields.setdefault("token", 9)
        p = host.start(**fields)
        assert p.kind == _wire.KIND_REFUSED and p.session == 0, (fields, p.kind)
        assert p.u16(_wire.REFUSED_AT_REASON) == reason and p.u30(0) == fields["token"], fields
        assert len(p.payload) > 12  # a text for the user
    got = only(host.run(b, 6), _wire.KIND_AUDIO)  # the session in force goes on
    assert got and got[0].session == good.session
    b, app, host = rig(unlimited=False)
    p = host.start(token=9)
    assert p.u16(_wire.REFUSED_AT_REASON) == _wire.REASON_LINK_TOO_SLOW
    assert host.start(token=9, rate=8000, hop=64, overlap=0).kind == _wire.KIND_REFUSED
    b, app, host = rig(samples=1200)
    p = host.start(token=9, hop=600)
    assert p.u16(_wire.REFUSED_AT_REASON) == _wire.REASON_MEMORY


# W-20: no token is 0, that of a resume neither.
def case_a_resume_without_a_token():
    b, app, host = rig()
    started = host.start(token=5)
    stream = bytes(started.payload[4:12])
    p = host.start(token=0, flags=1, stream=stream)
    assert p.kind == _wire.KIND_REFUSED and p.u16(_wire.REFUSED_AT_REASON) == _wire.REASON_MALFORMED
    assert app.session.token == 5 and host.start(token=6, flags=1, stream=stream).session == started.session


# W-7: its number would be the new session's.
def case_no_answer_of_a_session_that_is_over():
    b, app, host = rig()
    started = host.start(token=5)
    host.say(_wire.KIND_PING, payload=b"12345678")
    host.say(_wire.KIND_SET, payload=struct.pack("<HHI", 1, _wire.KEY_BAUD, 230400))
    host.say(_wire.KIND_START, 0, host.start_payload(token=6))
    app.session.answer = lambda: 0  # the link is busy
    host.steps()
    del app.session.answer
    host.steps()
    got = host.take()
    assert kinds(got) == [_wire.KIND_STARTED] and got[0].session != started.session, kinds(got)
    assert b.port.speeds == [], "what was not answered is not done"
    host.session = got[0].session
    reply = only(host.ask(_wire.KIND_SET, None, struct.pack("<HHI", 1, _wire.KEY_BAUD, 230400)), 9)[0]
    assert reply.u30(4) == 230400 and b.port.speeds == [230400]


def case_channels_change():
    b, app, host = rig()
    for token, channels in ((5, 1), (6, 2), (7, 1)):
        first = b.mic.next
        started = host.start(token=token, channels=channels, hop=256)
        assert started.kind == _wire.KIND_STARTED
        got = [p for p in only(host.run(b, 4), _wire.KIND_AUDIO) if p.session == started.session]
        signs = (1, -1)[:channels]
        assert got[0].samples() == [sign * i for i in range(first, first + 256) for sign in signs], channels
    start = b.mic.start

    def no_room(*args):
        b.mic.start = start
        raise MemoryError("no room")

    b.mic.start = no_room
    p = host.start(token=8, channels=2, hop=256)
    assert p.u16(_wire.REFUSED_AT_REASON) == _wire.REASON_MICROPHONE and b"no room" in p.payload
    got = only(host.run(b, 4), _wire.KIND_AUDIO)
    assert got and got[0].session == started.session


def case_interrupt():
    b, app, host = rig()
    host.start()
    host.run(b, 4)
    b.port.input = b"\x00\x0d\x03\x0d\x01"
    app.run()  # returns
    assert app.link.interrupted and not app.capture.running
    assert bytes(app.link.rest_bytes[: app.link.rest]) == b"\x0d\x01"
    b, app, host = rig()
    b.port.input = b"\x05abc"  # something unfinished, then a pause, then the two bytes apart
    host.steps(2)
    b.clock.pass_ms(300)
    b.port.input = b"\x0d"
    host.steps(2)
    b.port.input = b"\x03"
    app.run()
    b, app, host = rig()
    b.port.input = b"\x05ab\x0d\x03"
    host.steps(3)
    assert not app.link.interrupted  # in the middle of a frame it is no way out


def case_baud():
    b, app, host = rig(unlimited=False)
    b.port.pending = True
    got = host.ask(_wire.KIND_SET, 0, struct.pack("<HHI", 77, _wire.KEY_BAUD, 921600))
    assert kinds(got) == [_wire.KIND_SET_REPLY] and got[0].u16(0) == 77 and got[0].u30(4) == 921600
    assert got[0].u16(8) == _wire.REASON_OK and got[0].session == 0
    assert b.port.speeds == []  # the answer has not left
    b.port.pending = False
    host.steps()
    assert b.port.speeds == [921600]
    b.clock.pass_ms(2100)
    host.steps()
    assert b.port.speeds == [921600, 115200], b.port.speeds  # nothing was heard
    host.ask(_wire.KIND_SET, 0, struct.pack("<HHI", 78, _wire.KEY_BAUD, 921600))
    assert host.start().kind == _wire.KIND_STARTED  # heard: the speed is confirmed
    b.clock.pass_ms(2100)
    host.steps()
    assert b.port.baud == 921600
    b.clock.pass_ms(1000)
    host.steps()
    assert b.port.baud == 115200 and app.session.suspended
    reply = host.ask(_wire.KIND_SET, 0, struct.pack("<HHI", 79, _wire.KEY_BAUD, 5000000))
    reply = only(reply, _wire.KIND_SET_REPLY)[0]
    assert reply.u16(8) == _wire.REASON_VALUE and reply.u30(4) == 115200


def case_gain_and_unknown_key():
    b, app, host = rig()
    host.start()
    reply = host.ask(_wire.KIND_SET, None, struct.pack("<HHI", 1, _wire.KEY_GAIN, 512))[0]
    assert reply.u16(8) == 0 and reply.u30(4) == 512 and reply.session == host.session
    got = only(host.run(b, 4), _wire.KIND_AUDIO)
    assert got[0].samples()[100] == 200
    reply = host.ask(_wire.KIND_SET, None, struct.pack("<HHI", 2, _wire.KEY_GAIN, 4097))[0]
    assert reply.u16(8) == _wire.REASON_VALUE and reply.u30(4) == 512
    reply = host.ask(_wire.KIND_SET, None, struct.pack("<HHI", 3, 99, 1))[0]
    assert reply.u16(8) == _wire.REASON_UNKNOWN_KEY


def case_bad_packets():
    b, app, host = rig()
    host.start()
    host.run(b, 2)
    before = app.session.bad_packets()
    good = Host.start_payload(host)
    bad = [
        (_wire.KIND_ACK, (host.session + 1) & 0xFFFF, b"\0" * 8, 0),  # another session
        (_wire.KIND_ACK, host.session, b"\0" * 7, 0),
        (_wire.KIND_ACK, host.session, b"\0\0\0\x40\0\0\0\0", 0),  # 2**30
        (_wire.KIND_ACK, host.session, b"\0" * 8, 0x40),  # reserved flag
        (_wire.KIND_ACK, host.session, b"\0" * 8, _wire.FLAG_SEALED),
        (0x55, host.session, b"", 0),
        (_wire.KIND_AUDIO, host.session, b"\0\0", 0),  # the wrong side's
        (_wire.KIND_STOP, host.session, b"x", 0),
        (_wire.KIND_PING, host.session, b"1234567", 0),
        (_wire.KIND_REQUEST, host.session, struct.pack("<BBHII", 1, 0, 0, 5, 5), 0),
        (_wire.KIND_REQUEST, host.session, struct.pack("<BBHIIII", 2, 0, 0, 5, 6, 6, 7), 0),
        (_wire.KIND_REQUEST, host.session, struct.pack("<BBHII", 2, 0, 0, 5, 6), 0),
        (_wire.KIND_REQUEST, host.session, struct.pack("<BBH", 0, 0, 0), 0),
        (_wire.KIND_START, host.session, good, 0),
        (_wire.KIND_START, 0, good[:-1], 0),
        (_wire.KIND_HELLO, 0, b"[]", 0),
        (_wire.KIND_SET, 0, b"\0" * 7, 0),
    ]
    for kind, session, payload, flags in bad:
        host.say(kind, session, payload, flags=flags)
        host.steps(4)
    assert app.session.bad_packets() - before == len(bad), app.session.bad_packets() - before
    b.port.input += b"\x00\x05ab\x00" + b"x" * 2000 + b"\x00" + b"\x00\x00"
    host.steps(30)
    assert app.session.bad_packets() - before == len(bad) + 2
    assert app.session.state == 1
    assert only(host.run(b, 4), _wire.KIND_AUDIO)


def case_ping_status():
    b, app, host = rig()
    host.start()
    pong = only(host.ask(_wire.KIND_PING, None, b"abcdefgh"), _wire.KIND_PONG)[0]
    assert bytes(pong.payload[:8]) == b"abcdefgh" and pong.u30(8) == b.clock.us
    got = host.run(b, 130)
    status = only(got, _wire.KIND_STATUS)
    assert len(status) == 2 and len(status[0].payload) == _wire.STATUS_SIZE
    assert status[1].u30(_wire.STATUS_AT_CAPTURED) in range(124 * 256, 127 * 256)
    assert status[1].u30(_wire.STATUS_AT_LOST_FRAMES) == 0 and status[1].u30(_wire.STATUS_AT_FREE_HEAP) > 0
    assert status[1].u30(_wire.STATUS_AT_RING_FRAMES) == app.ring.capacity


def case_partial_writes():
    b, app, host = rig()
    b.port.limit = 100
    host.start()
    got = only(host.run(b, 12), _wire.KIND_AUDIO)
    host.steps(100)
    got += only(host.take(), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == [0, 1, 2, 3, 4, 5]


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
