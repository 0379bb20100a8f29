# boards/uart.py and boards/microphone.py over a `machine` of fakes, and the serial link's
# parser byte by byte. Prints "ok NAME" for each.
import sys


class I2S:
    RX, MONO, STEREO = 0, 1, 2
    made = []
    fail = None

    def __init__(self, i2s_id, **settings):
        if I2S.fail:
            raise I2S.fail
        self.settings = settings
        self.irqs = 0
        self.on = True
        I2S.made.append(self)

    def irq(self, handler):
        self.irqs += 1

    def readinto(self, buf):
        return len(buf)

    def deinit(self):
        self.on = False


class Machine:
    I2S = I2S
    Pin = int


sys.modules["machine"] = Machine()

import time  # noqa: E402

from boards.microphone import I2SMicrophone  # noqa: E402
from boards.uart import UartPort, flow  # noqa: E402
from fakes import Clock, Port, cobs  # noqa: E402
from ossicle.links.serial import SerialLink  # noqa: E402


class Uart:
    def __init__(self):
        self.waiting = b""
        self.done = False
        self.bauds = []

    def any(self):
        return len(self.waiting)

    def readinto(self, buf, n):
        buf[:n] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n or None

    def write(self, buf, off, n):
        return n

    def txdone(self):
        return self.done

    def init(self, **settings):
        self.bauds.append(settings["baudrate"])
        self.settings = settings


def case_room_is_what_has_left():
    uart = Uart()
    port = UartPort(uart, 115200, 921600)
    assert port.room() == 3072 and port.drained()
    buf = bytearray(1375)
    assert port.write(buf, 0, 1375) == 1375 and port.write(buf, 0, 1000) == 1000
    assert port.room() <= 3072 - 2375 + 60 and not port.drained()
    start = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), start) < 50000:
        port.room()  # asked often: no fraction may be lost for good, none won
    gone_us = time.ticks_diff(time.ticks_us(), start)
    left = port.room() - (3072 - 2375)
    assert left <= gone_us * 11520 // 1000000 + 12, (left, gone_us)
    assert left >= gone_us * 11520 // 1000000 * 9 // 10, (left, gone_us)
    uart.done = True
    assert port.room() == 3072 and port.drained()


class Wired:
    RTS, CTS = 1, 2


# A host that holds the line up: time says nothing, and what is in the buffer stays there.
def case_room_behind_cts():
    assert flow(Wired, -1, -1) == {}
    assert flow(Wired, 22, -1) == {"rts": 22, "flow": 1}
    wires = flow(Wired, 22, 19)
    assert wires == {"rts": 22, "cts": 19, "flow": 3}
    uart = Uart()
    port = UartPort(uart, 4000000, 4000000, flow=wires)
    buf = bytearray(1375)
    assert port.room() == 3072
    for left in (1697, 322):
        port.write(buf, 0, 1375)
        assert port.room() == left
    start = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), start) < 20000:  # ten times as long as that takes to leave
        assert port.room() == 322 and not port.drained()
    port.speed(115200)
    assert uart.settings["cts"] == 19 and uart.settings["flow"] == 3
    uart.done = True
    assert port.room() == 3072 and port.drained()


def case_speed_and_reading():
    uart = Uart()
    port = UartPort(uart, 115200, 921600)
    assert port.bytes_per_s == 11520
    port.speed(921600)
    assert uart.bauds == [921600] and port.bytes_per_s == 92160 and port.baud == 921600
    buf = bytearray(4)
    assert port.read_into(buf) == 0
    uart.waiting = b"abcdef"
    assert port.read_into(buf) == 4 and buf == b"abcd"
    assert port.read_into(buf) == 2 and buf[:2] == b"ef"
    assert UartPort(uart, 115200, 921600, paced=False).bytes_per_s == 0


def case_i2s_is_kept():
    I2S.made.clear()
    mic = I2SMicrophone(0, 1, 2, 3, 40960)
    assert mic.hold_frames == 17 * 256 and mic.stale_frames == 21 * 256 and mic.spoilt_frames == 256
    assert mic.open(16000, 1) is True
    handler = len
    assert mic.start(16000, 1, handler) is False and mic.start(16000, 1, handler) is False
    assert len(I2S.made) == 1 and I2S.made[0].irqs == 1  # a second irq() would start a second task
    assert mic.start(16000, 2, handler) is True
    assert [i.on for i in I2S.made] == [False, True] and I2S.made[1].settings["format"] == I2S.STEREO
    mic.stop()
    assert I2S.made[1].on
    I2S.fail = ValueError("invalid rate")
    try:
        mic.start(48000, 2, handler)
    except OSError:
        return
    finally:
        I2S.fail = None
    raise AssertionError("no OSError")


def feed(link, port, data, step):
    got = []
    for i in range(0, len(data), step):
        port.input = data[i : i + step]
        while True:
            n = link.receive()
            if not n:
                break
            got.append(bytes(link.packet[:n]))
    return got


def case_whole_or_byte_by_byte():
    packets = [b"x", b"\0\0abc", bytes(range(1, 256)) * 5, b"", b"\xff" * 1368, b"y" * 254]
    line = b"noise" + b"".join(b"\0" + cobs(p) + b"\0" for p in packets if p)
    line += b"\x09abc\0" + b"z" * 3000 + b"\0" + b"\0\0" + cobs(b"end") + b"\0"
    for step in (1, 2, 7, 256, len(line)):
        port = Port()
        link = SerialLink(port, Clock())
        assert feed(link, port, line, step) == [p for p in packets if p] + [b"end"], step
        assert link.dropped == 3, link.dropped  # noise, the broken one, the one too long
        assert not link.interrupted


def case_way_out():
    for before in (b"", b"\0", b"\x02a\0"):
        for step in (1, 2, 50):
            port = Port()
            link = SerialLink(port, Clock())
            feed(link, port, before + b"\x0d\x03", step)
            assert link.interrupted, (before, step)
    for line in (b"a\x0d\x03", b"\x0d\x04\x03\0", b"\x0d\0\x03"):
        for step in (1, 50):
            port = Port()
            link = SerialLink(port, Clock())
            feed(link, port, line, step)
            assert not link.interrupted, (line, step)


def case_pause():
    port, clock = Port(), Clock()
    link = SerialLink(port, clock)
    assert feed(link, port, cobs(b"hello")[:3], 9) == [] and link.dropped == 0
    clock.pass_ms(249)
    assert feed(link, port, cobs(b"hello")[3:] + b"\0", 9) == [b"hello"]
    feed(link, port, cobs(b"hello")[:3], 9)
    clock.pass_ms(250)
    assert feed(link, port, cobs(b"other") + b"\0", 9) == [b"other"] and link.dropped == 1


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
