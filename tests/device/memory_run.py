# The firmware of an ESP32, with its own board file, on a `machine` that is hardly there: how
# much of the heap is left while it streams?
#
#   memory_run.py PACKETS CONFIG HELLO+SET START START
#
# What the host says is in hex. On a serial line it is serial frames: SET asks for a speed at
# which the link is fast enough, then come streams of so many packets of audio. On a network
# it is a packet each. Prints "= name value": what the heap held before the firmware was
# imported, the length of each stream's packets on the link and what was free after a
# collection in the middle of it, and the ring's bytes.
import gc
import json
import sys
from binascii import unhexlify

PACKETS = int(sys.argv[1])


class I2S:
    RX = MONO = STEREO = 0
    made = None  # the one there is
    out = None  # the buffer that waits for audio

    def __init__(self, i2s_id, **settings):
        I2S.made = self

    def irq(self, handler):
        self.handler = handler

    def readinto(self, buf):
        self.out = buf

    def deinit(self):
        pass

    def deliver(self):
        if self.out:
            self.out[-1] = 0  # over the sentinel
            self.handler(self)


# Says what the host says. A buffer of audio comes whenever the firmware listens.
class UART:
    def __init__(self, uart_id, **settings):
        self.said = 2
        self.looks = 0  # at what the host says, in the stream
        self.packets = 0  # of audio
        self.length = 0  # of the last one
        self.say()

    def say(self):
        self.said += 1
        self.waiting = unhexlify(sys.argv[self.said]) if self.said < len(sys.argv) else b"\x00\x0d\x03"

    def init(self, baudrate, timeout_char):
        if baudrate > 115200:
            self.say()

    def any(self):
        I2S.made.deliver()
        self.looks += 1
        if self.looks > 100 * PACKETS:
            sys.exit("no stream comes")
        if self.packets == PACKETS:
            self.packets = self.looks = 0
            gc.collect()
            print("= stream", self.length, gc.mem_free())
            self.say()
        return len(self.waiting)

    def readinto(self, buf, n):
        buf[:n] = self.waiting
        self.waiting = b""
        return n

    def write(self, buf, off, n):
        if n > 1000:
            self.packets += 1
            self.length = n
        return n

    def txdone(self):
        return True

    def deinit(self):
        pass


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Machine:
    I2S = I2S
    WDT = WDT
    PWRON_RESET = HARD_RESET = WDT_RESET = DEEPSLEEP_RESET = SOFT_RESET = 1
    UART = UART
    Pin = int
    mem32 = {0x3FF49088: 0, 0x3FF49084: 0}
    reset = None

    def reset_cause():
        return 1

    def unique_id():
        return b"\x01\x02\x03\x04\x05\x06"


class Wlan:
    PM_NONE = 0

    def __init__(self, interface):
        pass

    def active(self, on):
        pass

    def config(self, **settings):
        pass

    def connect(self, ssid, password):
        pass

    def isconnected(self):
        return True

    def status(self, what=None):
        return -60

    def disconnect(self):
        pass


class Network:
    STA_IF = 0
    WLAN = Wlan


config = json.loads(sys.argv[2])
sys.modules["machine"] = Machine
sys.modules["network"] = Network
if config.get("link"):
    import memory_socket

    memory_socket.start(I2S, PACKETS, sys.argv[3:])
gc.collect()
print("= before", gc.mem_alloc())

import ossicle.config  # noqa: E402

ossicle.config.load = lambda: ossicle.config.read(config)

from boards.esp32 import Board  # noqa: E402
from ossicle import boot  # noqa: E402


class Seen(Board):
    counted = False  # a failure is the test's, not counted in a file

    def leave(self, link):
        super().leave(link)
        print("= ring", len(self.storage))


boot.start(None, Seen).live()
