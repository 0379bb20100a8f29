# An interrupt at every place of the loop: the firmware that runs here has a call of
# hooks.hit() before each statement of the reader's side (written in by test_torn.py). At the
# k-th statement the microphone delivers, for every k. Whatever packet gets out must hold
# exactly the frames that it names; what cannot be had must be told as gone.
import struct
import sys

import hooks
import ima
from fakes import Board, Host
from ossicle import _wire
from ossicle.app import App

HOP = 64
SAMPLES = 700
ONLY = sys.argv[1].split(",")  # the names of interrupts, or "all"
CODEC = _wire.CODEC_ADPCM if sys.argv[2] == "adpcm" else _wire.CODEC_PCM16


# A new stream of a board that stays the same: it is the interrupt that differs.
def rig(overlap=0, made=[]):
    if not made:
        b = Board(samples=SAMPLES)
        b.mic.hold_frames = 256
        app = App(b)
        host = Host(app, b)
        host.token = 0
        made.append((b, app, host))
    b, app, host = made[0]
    host.token += 1
    host.take()
    b.mic.next = 0
    host.say(_wire.KIND_START, 0, host.start_payload(host.token, hop=HOP, overlap=overlap, codec=CODEC))
    host.steps(3)
    (started,) = [p for p in host.take() if p.kind == _wire.KIND_STARTED]
    host.session = started.session
    host.values = {}
    return b, app, host


# What the microphone says of itself: the value of each position, noted when it is delivered.
def deliver(b, app, host, buffers=1, stall_ms=0):
    for _ in range(buffers):
        b.clock.pass_ms(16 + stall_ms)
        first = b.mic.next
        written = app.ring.written
        b.mic.deliver()
        host.values[written] = first


def value(host, position):
    start = max(w for w in host.values if w <= position)
    assert position < start + 256, "in a hole: %d" % position
    return (host.values[start] + position - start) & 0x7FFF


# What the coder makes of frames of the microphone, the same in all runs.
def payload(first, n, coder=ima.Ima(1), known={}):
    if (first, n) not in known:
        at = len(coder.before)
        coder.take([(i & 0x7FFF,) for i in range(at, first + n)])
        known[first, n] = coder.payload(first, n)
    return known[first, n]


def check(host, packets, told):
    for p in packets:
        if p.kind == _wire.KIND_AUDIO:
            start = p.sequence * HOP
            if CODEC == _wire.CODEC_ADPCM:
                n = 2 * (len(p.payload) - 4) - p.payload[3]
                assert p.payload == payload(value(host, start), n), (p.sequence, n)
                value(host, start + n - 1)
                told.add(p.sequence)
                continue
            # The microphone counts on, also beyond a hole: where both ends are right, no hole is between.
            n = len(p.payload) // 2
            samples = struct.unpack("<%dh" % n, p.payload)
            first = value(host, start)
            for i in range(n):
                assert samples[i] == (first + i) & 0x7FFF, (p.sequence, i, samples[i])
            assert samples[-1] == value(host, start + n - 1), p.sequence
            told.add(p.sequence)
        elif p.kind == _wire.KIND_GONE:
            at, stop = struct.unpack("<II", p.payload[4:12])
            told.update(range(at, stop))


def interrupts():
    yield "one buffer", lambda b, a, h: deliver(b, a, h)
    yield "more than the ring", lambda b, a, h: deliver(b, a, h, 4)
    yield "a hole", lambda b, a, h: deliver(b, a, h, 1, 50)
    yield "nine holes", lambda b, a, h: deliver(b, a, h, 9, 50)


# Re-sends of what is about to be overwritten, and of what stays when one buffer comes.
def asked(overlap):
    return again(overlap, 0)


def stays(overlap):
    return again(overlap, 4)


def again(overlap, first):
    b, app, host = rig(overlap)
    deliver(b, app, host, 2)
    host.steps(30)
    check(host, host.take(), set())
    host.request((first, 7))
    n = 0
    while not n:
        n = app.link.receive()
    app.commands.handle(n)
    return b, app, host, set(), range(first, 7)


# New chunks, of which the oldest are about to be overwritten.
def new(overlap):
    b, app, host = rig(overlap)
    deliver(b, app, host, 2)
    return b, app, host, set(), range(6)


def run(make, overlap, interrupt):
    k = 0
    while True:
        b, app, host, told, wanted = make(overlap)
        hooks.arm(k, lambda: interrupt(b, app, host))
        for _ in range(2):
            n = app.session.next_packet(b.clock.ms())
            if n:
                app.link.send(app.session.builder.buffer, n)
                app.link.pump()
        reached = hooks.disarm()
        for _ in range(60):
            if not app.session.resends.count and app.ring.available() < HOP:
                break
            host.steps(1)
        host.steps(2)
        check(host, host.take(), told)
        missing = [q for q in wanted if q not in told]
        assert not missing, ("k", k, "neither sent nor gone", missing)
        ring = app.ring
        assert (ring.sequence * HOP + ring.phase) & 0x3FFFFFFF == ring.read_position
        if not reached:
            return k
        k += 1


def main():
    for name, interrupt in interrupts():
        for make, overlap in ((asked, 0), (stays, 0), (new, 30)):
            if name not in ONLY and ONLY != ["all"]:
                continue
            try:
                print("ok", make.__name__, overlap, name, run(make, overlap, interrupt))
            except Exception as error:
                print("FAILED", make.__name__, overlap, name, "at", hooks.where())
                sys.print_exception(error, sys.stdout)


main()
