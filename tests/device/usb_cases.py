# boards/usb.py on this machine's own stdin and stdout, and on fakes of them. Prints "ok NAME" for
# each, behind what it echoes; the first argument says how many bytes come.
import micropython
import sys
import time

from boards import usb

BYTES = int(sys.argv[1])


# 32 bits: under the lock an allocation is an error. The link reads and writes like this.
def case_echo_without_an_allocation():
    port = usb.UsbPort()
    buf = bytearray(256)
    got = 0
    turns = 0
    micropython.heap_lock()
    try:
        while got < BYTES:
            n = port.read_into(buf)
            at = 0
            while at < n:
                room = port.room()
                at += port.write(buf, at, room if room < n - at else n - at)
            got += n
            turns += 1
    finally:
        micropython.heap_unlock()
    assert got == BYTES and turns >= BYTES // 256
    assert port.read_into(buf) == 0 and port.drained()


class Out:
    def __init__(self, times_us):
        self.times_us = times_us
        self.now_us = 2**30 - 5000
        self.said = []

    def write(self, data, off=0, n=None):
        self.now_us += self.times_us[min(len(self.said), len(self.times_us) - 1)]
        self.said.append(bytes(data))
        return n

    def ticks_us(self):
        return self.now_us & (2**30 - 1)

    def ticks_diff(self, a, b):
        return time.ticks_diff(a, b)


class Face:
    def __init__(self, buffer):
        self.buffer = buffer


class Sys:
    pass


def port(*times_us):
    out = Out(times_us)
    usb.time = out
    usb.sys = Sys()
    usb.sys.stdin = sys.stdin
    usb.sys.stdout = Face(out)
    return usb.UsbPort(), out


# What UART0 says too takes its time, the first time less than the second: its FIFO was empty.
def case_a_mirror_is_found():
    assert port(11000, 22000)[0].bytes_per_s == 10000
    assert port(222000, 22000)[0].bytes_per_s == 10000  # USB waited 200 ms for nobody, once
    assert port(22000, 11000)[0].bytes_per_s == 10000


def case_without_a_mirror_there_is_no_speed():
    made, out = port(300, 400)
    assert (made.bytes_per_s, made.max_baud, made.baud) == (0, 0, 115200)
    assert out.said == [bytes(256)] * 2  # nothing but zeros: no frame, and no text
    assert port(200000, 100)[0].bytes_per_s == 0
    assert port(500000, 500000)[0].bytes_per_s == 0  # USB-OTG, whose host takes nothing: not known


# A driver that takes nothing says None, or less than all.
def case_what_is_not_taken_is_not_counted():
    made, out = port(0)
    for told in (0, 5, None):
        out.write = lambda data, off, n: told
        assert made.write(b"0123456789", 0, 10) == (told or 0)


class Config:
    def __init__(self):
        self.notes = []
        self.note = self.notes.append


class Micropython:
    def __init__(self, told):
        self.kbd_intr = told.append


# Before the first byte a 03 is one like any other; a slow line is told.
def case_taking_the_port():
    told = []
    before, usb.micropython = usb.micropython, Micropython(told)
    for time_us, notes in ((300, 0), (20000, 1)):
        port(time_us)
        config = Config()
        usb.take(config)
        assert len(config.notes) == notes and all("adpcm only" in note for note in config.notes)
    assert told == [-1, -1]
    usb.micropython = before


def main():
    names = [name for name in globals() if name.startswith("case_")]
    for name in sorted(names, key=lambda name: "allocation" not in name):  # fakes come behind it
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
