# The pattern that a board makes itself, case by case. Prints "ok NAME" for each case, or a
# traceback; CPython counts them.
import sys
from struct import unpack

import micropython
from fakes import M30, Board, Host
from ossicle import _wire
from ossicle.app import App

from boards.pattern import PatternMicrophone

LOUD = {"mic": "pattern", "shift": 12, "gain": 700, "slot": "right", "late": 1, "warmup_ms": 50, "ibuf": 8192}


# Its own arithmetic, without limits.
def sample(place):
    place &= M30
    low = place & 0x7FFF
    high = place >> 15
    for number, key in enumerate((13849, 27211, 5077, 31337)):
        if number % 2:
            high ^= (low * 25717 + key) >> 8 & 0x7FFF
        else:
            low ^= (high * 25717 + key) >> 8 & 0x7FFF
    v = (low << 1 ^ high) & 0xFFFF
    return v - 65536 if v & 0x8000 else v


class Rig:
    def __init__(self, **more):
        config = dict(LOUD)
        config.update(more)
        self.board = Board(config=config)
        self.mic = self.board.mic = PatternMicrophone(self.board.clock, self.board.config)
        self.app = App(self.board)
        self.host = Host(self.app, self.board)

    # So many steps of the loop, `us` apart. Frames that came, and were right.
    def run(self, steps, us, checked=True):
        right = 0
        for turn in range(steps):
            self.board.clock.us += us
            self.board.clock.now_ms += us // 1000
            self.app.step()
            if turn % 64 == 0:
                self.host.ack(self.app.ring.sequence)
            for p in self.host.take():
                if p.kind == _wire.KIND_AUDIO and checked:
                    for i, value in enumerate(p.samples()):
                        assert value == sample(p.sequence * 512 + i), (p.sequence, i)
                        right += 1
        return right


def case_every_sample_is_the_patterns():
    for rate in (16000, 44100):
        rig = Rig()
        assert rig.host.start(token=5, rate=rate).kind == _wire.KIND_STARTED
        right = rig.run(500, 1000)
        assert rate // 2 - 1300 <= right <= rate // 2, "in time, and not ahead of it"


def case_two_channels():
    rig = Rig()
    rig.host.start(token=5, channels=2, hop=256)
    rig.run(100, 1000, checked=False)
    assert rig.app.ring.channels == 2
    store = memoryview(rig.app.ring.storage)
    for place in range(1000):
        for channel in range(2):
            at = 4 * place + 2 * channel
            value = unpack("<h", bytes(store[at : at + 2]))[0]
            assert value == sample(place + channel * 0x15555555), (place, channel)


def case_each_stream_begins_at_0():
    rig = Rig()
    for token in (5, 6):
        rig.host.start(token=token)
        assert rig.run(100, 1000) >= 1024


# The clock is right for hours: what a buffer's time leaves over is not lost.
def case_the_rate():
    rig = Rig()
    rig.host.start(token=5, rate=44100)
    before = rig.app.ring.written
    rig.run(2000, 16000, checked=False)
    assert rig.mic.dropped_frames == 0
    assert abs(rig.app.ring.written - before - 32 * 44100) <= 512


# Four buffers of `ibuf`: three wait while one is being filled, and one is out.
def case_a_stall_that_it_holds():
    rig = Rig()
    rig.host.start(token=5)
    rig.run(100, 1000)
    rig.run(1, 47000)
    assert rig.run(100, 1000) >= 1024
    assert rig.mic.dropped_frames == 0 and rig.app.ring.holes == 0


def case_a_stall_that_it_does_not_hold():
    rig = Rig()
    rig.host.start(token=5)
    rig.run(100, 1000)
    rig.run(1, 200000, checked=False)
    rig.run(200, 1000, checked=False)  # what is behind the hole is right but for its place (W-37)
    assert rig.mic.dropped_frames and rig.app.ring.holes == 1
    assert abs(rig.app.capture.lost_frames - rig.mic.dropped_frames) <= 512
    assert rig.mic._hold == 3 and rig.mic.hold_frames == 768


def case_nothing_is_allocated():
    rig = Rig()
    rig.host.start(token=5)
    rig.run(50, 1000)
    clock = rig.board.clock
    mic = rig.mic
    before = rig.app.ring.written
    us = clock.us & M30
    micropython.heap_lock()
    for _ in range(200):
        us += 1000
        clock.us = us
        mic.poll()
    micropython.heap_unlock()
    assert rig.app.ring.written - before >= 12 * 256


def case_hello_tells_what_holds():
    says = Rig().app.hello()
    assert b'"kind": "pattern"' in says and b'"shift": 16' in says and b'"slot": "left"' in says, says


def case_stopped_it_is_silent():
    rig = Rig()
    rig.host.start(token=5)
    rig.run(50, 1000)
    rig.host.say(_wire.KIND_STOP)
    rig.run(20, 1000)
    before = rig.app.ring.written
    rig.run(50, 1000)
    assert rig.app.ring.written == before and rig.app.session.state >= 2


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
