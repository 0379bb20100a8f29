# The meter of STATUS. "figures CHANNELS FILE..." measures int16 samples, little-endian, each file a
# stream, and prints peak, rms, the eight bands, and microseconds; "ulab" in its place the same with
# what ulab is there. Without either, cases as elsewhere.
import struct
import sys
import time
from array import array

import micropython
from fakes import Board, Host
from ossicle import _wire
from ossicle.app import App
from ossicle.frames import FrameRing
from ossicle.meter import Meter

PART = 256  # frames that come at once


def figures(meter):
    buf = bytearray(16)
    meter.tell(buf, 3)
    assert buf[:3] == bytes(3) and buf[15] == 0
    return struct.unpack("<HH8B", buf[3:15])


def measured(path, channels, meter_of, capacity=20000):
    ring = FrameRing((capacity + 300) * channels)
    ring.configure(channels, 256, 0, capacity, capacity - 100)  # over the end soon
    meter = meter_of(ring)
    meter.begin()
    spent = 0
    with open(path, "rb") as file:
        while True:
            data = file.read(2 * PART * channels)
            if len(data) < 2 * channels:
                break
            ring.write(array("h", data), len(data) // 2 // channels)
            ring.skip(ring.available())
            began = time.ticks_us()
            while meter.step():
                pass
            spent += time.ticks_diff(time.ticks_us(), began)
    return figures(meter) + (spent,)


def rig(**board):
    b = Board(**board)
    app = App(b)
    host = Host(app, b)
    host.start()
    return b, app, host


def statuses(packets):
    return [p for p in packets if p.kind == _wire.KIND_STATUS]


def told(p):
    at = _wire.STATUS_AT_PEAK
    return struct.unpack("<HH8B", bytes(p.payload[at : at + 12]))


def case_a_status_tells_the_second_before_it():
    b, app, host = rig()
    first, second = [told(p) for p in statuses(host.run(b, 130))]
    assert 15000 < first[0] < 16384 and 7000 < first[1] < 9500, first
    assert 31000 < second[0] < 32768 and second[1] > 23000, "the ramp's second half is loud"
    assert second[2:4] == (255, 255) and second[9] < 200, "and slow"


def case_nothing_was_measured():
    b, app, host = rig()
    app.session.sender.meter.step = lambda: False
    p = statuses(host.run(b, 70))[0]
    assert told(p) == (0, 0) + (255,) * 8


# The next STATUS has nothing of what was told, nor of the stream before.
def case_sums_begin_again():
    ring = FrameRing(4096)
    ring.configure(1, 256, 0)
    meter = Meter(ring)
    meter.begin()
    ring.write(array("h", [20000, -20000] * 128), 256)
    while meter.step():
        pass
    assert figures(meter)[:3] == (20000, 20000, 9)
    assert figures(meter) == (0, 0) + (255,) * 8
    meter.begin()
    ring.write(array("h", [0] * 256), 256)
    while meter.step():
        pass
    assert figures(meter) == (0, 0) + (255,) * 8, "the filters' memory is empty too"


# What would not be there any more when its turn comes, and what was never there.
def case_it_does_not_fall_behind():
    ring = FrameRing(4096)
    ring.configure(1, 256, 0)
    meter = Meter(ring)
    meter.begin()
    for value in (9000, 9000, 9000, 9000, 9000, 9000, 9000, 9000):
        ring.write(array("h", [value] * 256), 256)
        ring.skip(256)
    assert meter.step() and not meter.step()
    assert figures(meter)[0] == 0, "more than half a ring is left out"
    ring.write(array("h", [-300] * 256), 256)
    ring.hole(512)
    ring.write(array("h", [200] * 256), 256)
    assert meter.step() and not meter.step()
    ring.write(array("h", [100] * 256), 256)
    while meter.step():
        pass
    assert figures(meter)[0] == 100, "what lies around a hole is left out"


def case_the_sums_have_an_end():
    ring = FrameRing(4096)
    ring.configure(2, 256, 0)
    meter = Meter(ring)
    meter.begin()
    loud = array("h", [-32768] * 512)
    for _ in range(400):
        ring.write(loud, 256)
        ring.skip(256)
        while meter.step():
            pass
    assert figures(meter)[:2] == (32768, 32768)


def case_a_step_is_short_and_allocates_nothing():
    b, app, host = rig()
    for _ in range(8):
        b.mic.deliver()
    sender = app.session.sender
    slices = 0
    buf = bytearray(16)
    micropython.heap_lock()
    while sender.meter.step():
        slices += 1
    sender.meter.tell(buf, 2)
    micropython.heap_unlock()
    assert slices == 16, slices


def case_only_what_is_not_busy_measures():
    b, app, host = rig()
    b.port.limit = 0
    host.run(b, 4)
    meter = app.session.sender.meter
    assert not meter.step(), "all that came was measured"
    b.port.limit = 1
    b.mic.deliver()
    b.port.output = b""
    app.step()
    assert meter.step(), "the link took a byte, so the step was spent"


def main():
    if len(sys.argv) > 1:
        meter_of = Meter
        if sys.argv[1] == "ulab":
            from ossicle.spectrum import Meter as meter_of

        for path in sys.argv[3:]:
            print(" ".join(str(n) for n in measured(path, int(sys.argv[2]), meter_of)))
        return
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
