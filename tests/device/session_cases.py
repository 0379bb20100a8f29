# The session's behaviour, case by case, with a board of fakes. Prints "ok NAME" for each
# case, or a traceback; CPython counts them.
import struct
import sys

from fakes import M30, Board, Host
from ossicle import _wire
from ossicle.app import App


def rig(**board):
    b = Board(**board)
    app = App(b)
    return b, app, Host(app, b)


def only(packets, kind):
    return [p for p in packets if p.kind == kind]


def check_ramp(p, hop, n):
    s = p.samples()
    assert len(s) == n, (len(s), n)
    assert s[0] == (p.sequence * hop) & 0x7FFF and s[-1] == (p.sequence * hop + n - 1) & 0x7FFF, s[:3]


def case_stream_and_token():
    b, app, host = rig()
    first = host.start(token=7)
    assert first.u30(_wire.STARTED_AT_TOKEN) == 7 and first.session != 0
    got = only(host.run(b, 6), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == [0, 1, 2]
    for p in got:
        check_ramp(p, 512, 512)
        assert p.session == first.session and p.flags == 0
    numbers = [p.number for p in got]
    assert numbers == sorted(set(numbers)), numbers
    again = host.start(token=7)
    assert again.session == first.session and again.payload[4:12] == first.payload[4:12]
    assert again.u30(_wire.STARTED_AT_NEXT) == 3 and again.u30(_wire.STARTED_AT_OLDEST) == 0
    other = host.start(token=8)
    assert other.session != first.session and other.payload[4:12] != first.payload[4:12]
    assert other.u30(_wire.STARTED_AT_NEXT) == 0


# What Mic plays on the right is the ramp below 0. Two channels have both, whatever the slot.
def case_right_slot():
    config = {"shift": 16, "dc_blocker": False, "slot": "right"}
    b, app, host = rig(config=config)
    for channels, signs in ((1, (-1,)), (2, (1, -1)), (1, (-1,))):
        first = b.mic.next
        host.session = host.start(token=first + 5, channels=channels, hop=256).session
        assert b.mic.channels == 2
        got = [p for p in only(host.run(b, 4), _wire.KIND_AUDIO) if p.session == host.session]
        want = [sign * (first + i) for i in range(256) for sign in signs]
        assert got[0].samples() == want, (channels, got[0].samples()[:4])


def case_late():
    b, app, host = rig(config={"shift": 15, "dc_blocker": False, "late": 1})
    host.start()
    assert only(host.run(b, 6), _wire.KIND_AUDIO)[1].samples() == [4 * i for i in range(512, 1024)]


# The configuration's, times the host's.
def case_gain_of_the_microphone():
    b, app, host = rig(config={"shift": 16, "dc_blocker": False, "gain": 512})
    p = host.start(gain=384)
    assert p.u16(_wire.STARTED_AT_GAIN) == 384
    assert only(host.run(b, 3), _wire.KIND_AUDIO)[0].samples() == [3 * i for i in range(512)]
    b, app, host = rig(config={"shift": 16, "dc_blocker": False, "gain": 4096})
    host.start(gain=512)
    assert only(host.run(b, 3), _wire.KIND_AUDIO)[0].samples()[:9] == [16 * i for i in range(9)], "at most 16"


# The first stream, and one for which the I2S began anew; W starts at 0 behind it.
def case_warm_up():
    b, app, host = rig(config={"shift": 16, "dc_blocker": False, "warmup_ms": 40})
    dropped = 768  # 640 frames, in whole buffers
    for token, channels in ((5, 1), (6, 1), (7, 2)):
        first = b.mic.next
        host.session = host.start(token=token, channels=channels, hop=256).session
        got = [p for p in only(host.run(b, 6), _wire.KIND_AUDIO) if p.session == host.session]
        assert got[0].sequence == 0
        assert got[0].samples()[0] == first + (dropped if token != 6 else 0), token


def case_ticks():
    b, app, host = rig()
    host.start()
    t0 = b.clock.us
    got = only(host.run(b, 6), _wire.KIND_AUDIO)
    for p in got:
        assert abs(p.ticks_us - (t0 + p.sequence * 32000)) < 500, (p.sequence, p.ticks_us - t0)


def case_resend_and_gone():
    b, app, host = rig(samples=4096 + 512)
    host.start()
    host.run(b, 20)
    host.request((7, 8), (9, 10))
    host.steps()
    got = only(host.take(), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == [7, 9] and all(p.flags & _wire.FLAG_RESENT for p in got)
    check_ramp(got[0], 512, 512)
    host.request((0, 4), (50, 60))  # overwritten; not captured yet
    host.steps()
    got = host.take()
    gone = only(got, _wire.KIND_GONE)
    assert len(gone) == 1 and gone[0].payload[0] == 1 and gone[0].payload[1] == _wire.CAUSE_OVERWRITTEN
    assert struct.unpack("<II", gone[0].payload[4:12]) == (0, 2)
    assert [p.sequence for p in only(got, _wire.KIND_AUDIO)] == [2, 3]


def case_live_order():
    b, app, host = rig()
    host.start(mode=1)
    host.run(b, 20)
    host.request((2, 5))
    for _ in range(4):
        b.mic.deliver()
    host.steps()
    got = [p.sequence for p in only(host.take(), _wire.KIND_AUDIO)]
    assert got in ([4, 10, 3, 11, 2], [10, 4, 11, 3, 2]), got


def case_hole():
    b, app, host = rig()
    host.start()
    host.run(b, 20)
    b.clock.pass_ms(1600)  # 100 buffers; DMA holds 19, one was out: 81 lost, by the clock
    b.mic.deliver()
    for _ in range(19):
        b.mic.deliver()
    host.steps()
    lost = app.capture.lost_frames
    assert abs(lost - (100 - 1 - 19) * 256) <= 512, lost
    got = only(host.take(), _wire.KIND_AUDIO)
    assert got[0].sequence == 10 and got[0].flags & _wire.FLAG_DISCONTINUITY
    check_ramp(got[0], 512, 256)
    after = got[1].sequence
    assert after * 512 == 21 * 256 + lost
    host.request((11, after))
    host.steps()
    gone = only(host.take(), _wire.KIND_GONE)
    assert len(gone) == 1 and gone[0].payload[1] == _wire.CAUSE_CAPTURE
    assert struct.unpack("<II", gone[0].payload[4:12]) == (11, after)


def case_suspend_and_resume():
    b, app, host = rig()
    host.start()
    host.run(b, 10)
    got = host.run(b, 200, ack=False)  # 3.2 s
    assert got and app.session.suspended
    assert not host.run(b, 40, ack=False)
    w = app.ring.written
    assert w == 250 * 256
    host.ack(3)
    host.steps(400)
    got = only(host.take(), _wire.KIND_AUDIO)
    assert got[0].sequence >= (w - app.ring.capacity) // 512 and got[-1].sequence == 124
    sequences = [p.sequence for p in got]
    assert sequences == list(range(sequences[0], 125))
    check_ramp(got[0], 512, 512)


def case_start_resume():
    b, app, host = rig()
    first = host.start()
    host.run(b, 40)
    stream = bytes(first.payload[4:12])
    p = host.start(token=99, flags=1, stream=stream, sequence=5)
    assert p.session == first.session and p.payload[4:12] == stream
    assert p.u30(0) == 99 and p.u30(_wire.STARTED_AT_NEXT) == 5
    other = host.start(token=98, flags=1, stream=b"12345678", sequence=5)
    assert other.session != first.session and other.u30(_wire.STARTED_AT_NEXT) == 0
    assert bytes(other.payload[4:12]) != stream


def case_resume_sends_from_there():
    b, app, host = rig()
    first = host.start()
    host.run(b, 40)
    host.say(
        _wire.KIND_START,
        0,
        host.start_payload(token=99, flags=1, stream=bytes(first.payload[4:12]), sequence=15),
    )
    host.steps(100)
    got = only(host.take(), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == [15, 16, 17, 18, 19]
    check_ramp(got[0], 512, 512)


# Nor over a chunk whose overlap has not come: asked for, it would be too short (W-24).
def case_resume_does_not_go_ahead():
    b, app, host = rig()
    first = host.start(hop=256, overlap=64)
    host.run(b, 4)
    stream = bytes(first.payload[4:12])
    p = host.start(token=99, flags=1, stream=stream, sequence=1000, hop=256, overlap=64)
    assert p.u30(_wire.STARTED_AT_NEXT) == 3
    host.request((2, 4))
    host.steps()
    got = only(host.take(), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == [2], [p.sequence for p in got]
    check_ramp(got[0], 256, 320)


def case_stop_last():
    b, app, host = rig()
    host.start(hop=512, overlap=100)
    host.run(b, 5)
    got = host.ask(_wire.KIND_STOP)
    assert not app.capture.running and b.mic.stops
    last = only(got, _wire.KIND_AUDIO)[-1]
    assert last.flags & _wire.FLAG_LAST and last.sequence == 2
    check_ramp(last, 512, 256)
    repeats = 0
    for _ in range(400):
        b.clock.pass_ms(50)
        host.ack(1)
        host.steps(3)
        repeats += len([p for p in host.take() if p.flags & _wire.FLAG_LAST])
    assert repeats == 25, repeats
    host.ack(3)
    host.steps()
    from ossicle.session import DONE

    assert app.session.state == DONE
    host.take()
    b.clock.pass_ms(1000)
    host.steps()
    assert not host.take()


def case_source_ends():
    b, app, host = rig()
    host.start()
    host.run(b, 4)
    b.mic.deliver(100, last=True)
    host.steps()
    got = only(host.take(), _wire.KIND_AUDIO)
    assert got[-1].flags & _wire.FLAG_LAST and got[-1].sequence == 2
    check_ramp(got[-1], 512, 100)
    host.ack(3)
    host.steps()
    assert not host.take()


def case_source_ends_on_a_boundary():
    b, app, host = rig()
    host.start()
    host.run(b, 3)
    b.mic.deliver(256, last=True)
    host.steps()
    got = only(host.take(), _wire.KIND_AUDIO)
    assert got[-1].flags & _wire.FLAG_LAST and got[-1].sequence == 2 and got[-1].payload == b""


def case_renewal():
    b, app, host = rig()
    first = host.start()
    host.run(b, 4)
    app.session.builder.number = _wire.SESSION_RENEW_NUMBER - 2
    got = host.run(b, 6)
    started = only(got, _wire.KIND_STARTED)[0]
    assert started.u30(0) == 0 and started.session not in (0, first.session) and started.number == 0
    assert started.payload[4:12] == first.payload[4:12]
    audio = only(got, _wire.KIND_AUDIO)
    assert [p.sequence for p in audio] == [2, 3, 4] and audio[-1].session == started.session
    assert max(p.number for p in got) < _wire.SESSION_RENEW_NUMBER
    host.steps()
    assert only(host.ask(_wire.KIND_ACK, first.session, b"\0" * 8), _wire.KIND_STARTED)  # told once more


def case_wrap():
    b, app, host = rig(samples=4000)
    host.start(hop=500, token=3)
    app.ring.configure(1, 500, 0, start=M30 - 1999 - (M30 - 1999) % 500)
    first = app.ring.sequence
    app.capture._started = False
    got = only(host.run(b, 40), _wire.KIND_AUDIO)
    assert [p.sequence for p in got] == list(range(first, first + 20))
    assert app.ring.written < 10000
    for p in got:
        s = p.samples()
        assert len(s) == 500 and s[0] == (p.sequence - first) * 500, (p.sequence, s[0])
    host.request((first + 17, first + 18), (first + 19, first + 20))
    host.steps()
    assert [p.sequence for p in only(host.take(), _wire.KIND_AUDIO)] == [first + 17, first + 19]


def case_flow_control():
    b, app, host = rig()
    host.start()
    assert b.mic.settled == 0 and b.mic.ring is app.ring
    host.run(b, 10, ack=False)
    host.ack(3)
    host.steps(3)
    assert b.mic.settled == 3 * 512


def case_lost_callback():
    b, app, host = rig()
    host.start()
    host.run(b, 4)
    handler, b.mic.handler = b.mic.handler, lambda _: None
    b.mic.deliver()  # the callback is lost
    b.mic.handler = handler
    for _ in range(20):
        b.clock.pass_ms(16)
        host.steps(3)
    assert app.capture.rearmed == 1
    assert app.ring.written >= 5 * 256
    b.mic.out.pop()  # the buffer vanishes
    for _ in range(80):
        b.clock.pass_ms(16)
        host.ack(0)
        host.steps(3)
    assert app.capture.rearmed == 2 and len(b.mic.out) == 1
    handler(None)  # nothing was delivered
    assert app.capture.spurious == 1


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
